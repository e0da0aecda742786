"""What a pull proposes, and how it compares with the policy in force."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.model import PolicyKey, Problem, Repository
from ghapp.core.policy.strictness import STRICTER, WEAKER
from ghapp.core.records import PolicySource
from ghapp.core.review import preview
from ghapp.core.review.preview import Proposed, Replay, Replayed
from tests.core.build import SHOP
from tests.core.pulls import file
from tests.core.review.edits import (
    BASE,
    EDITS,
    NAMES_PACKS,
    ORGANISATION,
    PULL,
    Edit,
    pack,
    previewed,
    replay,
    rules,
    sample,
    source,
)

ORG = Repository(SHOP.installation_id, 1, "acme/.github")
NAMED = source(BASE + NAMES_PACKS, (pack(),))


def of_organisation(text: str | None, known: PolicySource | None) -> preview.Preview:
    """A change of the organisation's file in its `.github` repository."""
    pull = replace(PULL, key=replace(PULL.key, repository=ORG))
    before = PolicySource(organisation=known)
    layer = replace(known or PolicySource(), text=text, packs=())
    after = replace(before, organisation=layer)
    return preview.preview(Proposed(pull, (".github/nfr.yml",), after), before, rules())


@pytest.mark.parametrize(
    ("paths", "proposes"),
    [
        ((".github/nfr.yml",), True),
        ((".github/nfr/search.yml",), True),
        ((".github/nfr/references.yml",), True),
        ((".github/releases.ics",), True),
        ((".GITHUB/nfr.yml", ".github/NFR.yml", "nfr.yml", "docs/.github/nfr.yml"), False),
        ((".github/team/releases.ics", "releases.ics", ".github/workflows/ci.yml"), False),
    ],
)
def test_only_what_decides_is_previewed(paths: tuple[str, ...], *, proposes: bool) -> None:
    changed = replace(PULL, files=tuple(file(path, "x: 1") for path in paths))
    assert preview.proposes(changed, NAMED) is proposes
    assert not preview.proposes(replace(changed, is_open=False), NAMED)


def test_a_file_that_is_moved_away_is_previewed() -> None:
    moved = file("docs/old.yml", status="renamed", previous=".github/nfr.yml")
    assert preview.proposes(replace(PULL, files=(moved,)), source(BASE))


def test_in_the_organisations_repository_its_own_packs_count() -> None:
    layer = PolicySource(NAMES_PACKS, packs=(pack(),))
    changed = replace(PULL, files=(file(".github/nfr/search.yml", "x: 1"),))
    elsewhere = replace(changed, key=replace(PULL.key, repository=ORG))
    known = PolicySource(organisation=layer)
    assert preview.proposes(elsewhere, known)
    assert not preview.proposes(changed, known)
    assert not preview.proposes(elsewhere, PolicySource())


def test_the_policy_in_force_stays_while_a_file_cannot_be_read() -> None:
    unread = Problem(".github/nfr.yml", 0, 0, "is a symbolic link: put the file itself here")
    found = preview.preview(Proposed(PULL, (), None, (unread,)), source(BASE), rules())
    assert (found.problems, found.after, found.changes) == ((unread,), found.before, ())


def test_a_removed_policy_is_compared_with_what_is_below_it() -> None:
    before = source(BASE)
    after = replace(before, text=None)
    found = preview.preview(Proposed(PULL, (".github/nfr.yml",), after), before, rules())
    assert not found.problems
    assert "areas.ranking" in {one.key for one in found.changes if one.direction == WEAKER}


def test_the_organisations_file_may_lock_and_is_compared() -> None:
    found = of_organisation(ORGANISATION, source("mode: advise\n"))
    assert not found.problems
    directions = {one.key: one.direction for one in found.changes}
    assert directions["mode"] == directions["locked"] == STRICTER


def test_the_first_organisations_file_is_compared_with_none() -> None:
    assert {one.key for one in of_organisation("mode: enforce\n", None).changes} == {"mode"}


@pytest.mark.parametrize(
    "known", [source(ORGANISATION), PolicySource("mode: [", good=None), source("mode: advise")]
)
def test_an_organisations_file_cannot_be_deleted(known: PolicySource) -> None:
    (problem,) = of_organisation(None, known).problems
    assert "commit an empty file" in problem.text
    assert not of_organisation("", known).problems


def test_a_repository_may_not_lock_nor_weaken_what_is_locked() -> None:
    seen = previewed(EDITS["locked"])
    (problem,) = seen.refused
    area = next(one for one in seen.after.areas if one.id == "database-migration")
    assert area.mode == "enforce"
    assert (problem.line, "areas.database-migration" in problem.text) == (2, True)
    before = source("", organisation=ORGANISATION)
    after = replace(before, text="locked: [mode]\n")
    found = preview.preview(Proposed(PULL, (), after), before, rules())
    assert [one.line for one in found.problems] == [1]


def test_a_broken_policy_that_is_fixed_is_compared_with_what_holds_meanwhile() -> None:
    before = PolicySource("mode: enforc\n", good="mode: advise\n")
    after = replace(before, text="mode: enforce\n")
    found = preview.preview(Proposed(PULL, (), after), before, rules())
    assert [(one.key, one.direction) for one in found.changes] == [("mode", STRICTER)]


def test_the_basis_depends_on_the_head_the_base_and_what_is_in_force() -> None:
    known = [
        preview.basis("a" * 40, "main", source(BASE)),
        preview.basis("b" * 40, "main", source(BASE)),
        preview.basis("a" * 40, "next", source(BASE)),
        preview.basis("a" * 40, "main", source(BASE, organisation=ORGANISATION)),
    ]
    assert len({*known}) == len(known)
    read_again = replace(source(BASE), etag="other", read_at=None)
    assert preview.basis("a" * 40, "main", read_again) == known[0]


def test_a_replay_shows_what_each_policy_flags_blocks_and_asks() -> None:
    found = replay(previewed(EDITS["area_off"]))
    by_number = {one.number: one for one in found.pulls}
    assert (by_number[1].before, by_number[1].after) == (("database-migration",), ())
    assert (by_number[1].blocks, by_number[1].blocks_after) == (True, False)
    assert by_number[4].before == by_number[4].after == ("ranking",)
    assert ("dbm-rollback", 4, 0) in preview.questions(found)


def test_a_replay_does_not_show_what_is_only_recorded() -> None:
    found = replay(previewed(EDITS["observe_first"]))
    assert not any(one.after or one.asked_after for one in found.pulls)


def test_new_rules_are_counted() -> None:
    policy = previewed(EDITS["new_area"])
    area = next(one for one in policy.after.areas if one.id == "billing")
    detect = replace(area.detect, paths=("db/**",), diff=("(?i)points",), removed=("never",))
    after = replace(policy.after, areas=(replace(area, detect=detect),))
    new = preview.added_rules(policy.before, after)
    assert new == (
        ("billing", "path", "db/**"),
        ("billing", "+", "(?i)points"),
        ("billing", "-", "never"),
    )
    first = sample()[0]
    assert list(preview.matching(first, new)) == [*new[:2]]
    assert [one.count for one in preview.counted(new, {new[0]: 3})] == [3, 0, 0]


def test_a_replay_that_takes_too_long_ends() -> None:
    seen = previewed(EDITS["area_off"])
    one = preview.replayed(sample()[0], seen.before, seen.after, lambda: True, "acme/shop")
    assert isinstance(one, Replayed)
    assert one.repository == "acme/shop"


def test_questions_that_are_asked_as_often_are_left_out() -> None:
    pull = Replayed(1, True, ("a",), ("a",), asked=("x", "y"), asked_after=("y", "z"))
    assert preview.questions(Replay((pull,))) == (("x", 1, 0), ("z", 0, 1))


def test_a_policy_check_has_a_key_of_its_own_beside_its_pull() -> None:
    key = PolicyKey(SHOP, 90)
    assert (str(key), key.pull) == ("policy:42:90", PULL.key)


def test_rules_for_single_pulls_are_replayed_and_the_unknown_is_strict() -> None:
    ruled = BASE + "mode_when:\n  - {base: 'release/**', mode: advise}\n"
    seen = previewed(Edit(ruled))
    assert not seen.problems
    main, release = sample()[3], replace(sample()[3], base_ref="release/1")
    assert preview.replayed(main, seen.before, seen.after).blocks_after
    assert not preview.replayed(release, seen.before, seen.after).blocks_after
    teams = previewed(Edit(BASE + "mode_when:\n  - {team: contractors, mode: advise}\n"))
    assert not teams.problems
    unknown = replace(main, unknown=frozenset({"team"}))
    assert preview.replayed(unknown, teams.before, teams.after).blocks_after
