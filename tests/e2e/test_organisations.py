"""The policy of an organisation, from its `.github` repository to the pulls of all others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ghapp.core.model import PullKey, Repository
from ghapp.core.records import PolicySource
from ghapp.emulator.repository import Pull
from ghapp.emulator.repository import Repository as Place
from ghapp.store import Store
from ghapp.store.history import recall
from tests.e2e.marks import conclusion, title
from tests.e2e.test_policies import RANKING
from tests.e2e.world import ENFORCE, World, in_store, opened, quiet, running

CONTENTS = "GET /repos/{owner}/{repo}/contents/{path}"
FILES = "GET /repos/{owner}/{repo}/pulls/{number}/files"
FILE, PACK = ".github/nfr.yml", ".github/nfr/ranking.yml"
PACKS = ENFORCE + "packs: ['.github/nfr/*.yml']\n"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """acme/shop without a policy of its own, and acme/.github with one."""
    with running(tmp_path, policy=None, GHAPP_GITHUB_LIMITS="off") as made:
        quiet(made)
        made.github.repository("acme/.github", {FILE: PACKS, PACK: RANKING})
        yield made


def organisation(world: World) -> Place:
    return world.github.repositories["acme/.github"]


def known(world: World, pull: Pull) -> PolicySource:
    """The policy that the next run of the pull finds recorded."""
    place, found = pull.repository, list[PolicySource]()
    installation = place.installation
    assert installation
    key = PullKey(Repository(installation.id, place.id, place.full_name), pull.number)

    async def ask(store: Store) -> None:
        policy = (await store.records.read(recall, key)).policy
        assert policy
        found.append(policy)

    in_store(world, ask)
    return found[0]


def below(world: World, pull: Pull) -> PolicySource:
    layer = known(world, pull).organisation
    assert layer
    return layer


def two_shops(world: World) -> list[Pull]:
    """Two pulls in each of two repositories, all checked."""
    cart = world.shop("cart", None)
    pulls = [
        opened(place, branch=f"feat/{number}")
        for place in (world.repository, cart)
        for number in range(2)
    ]
    world.settle()
    assert all(pull.check_runs() for pull in pulls)
    world.github.calls.clear()
    return pulls


def reads(world: World) -> tuple[int, int]:
    """So far: of policies and their folders, and of pulls."""
    return world.github.calls[CONTENTS], world.github.calls[FILES]


def test_the_policy_of_an_organisation_is_read_once_for_all_of_its_pulls(world: World) -> None:
    first = world.open()
    world.settle()
    layer = below(world, first)
    assert (layer.text, layer.good) == (PACKS, PACKS)
    assert [(one.path, one.text) for one in layer.packs] == [(PACK, RANKING)]
    assert known(world, first).text is None
    world.github.calls.clear()
    opened(world.repository, branch="feat/second")
    world.settle()
    assert reads(world) == (0, 1)
    other = opened(world.shop("cart", "language: ja\n"), branch="feat/third")
    world.settle()
    assert reads(world) == (1, 2)  # of its own file
    assert known(world, other) == replace(known(world, other), organisation=layer)


def test_a_push_to_it_checks_the_open_pulls_of_all_repositories_once(world: World) -> None:
    pulls = two_shops(world)
    pulls[0].close()
    world.settle()
    world.github.calls.clear()
    organisation(world).push("main", {FILE: "mode: observe\n"}, "sue")
    world.settle()
    assert below(world, pulls[0]).text == "mode: observe\n"
    assert reads(world) == (1, 3)


def test_a_push_that_changes_nothing_of_it_checks_no_pull(world: World) -> None:
    two_shops(world)
    organisation(world).push("main", {".github/dependabot.yml": "version: 2\n"}, "sue")
    world.settle()
    assert reads(world) == (2, 0)  # its file, which is the same, and the folder of its packs


def test_a_push_to_one_of_its_packs_checks_the_pulls(world: World) -> None:
    pulls = two_shops(world)
    organisation(world).push("main", {PACK: RANKING.replace("80 ms", "70 ms")}, "sue")
    world.settle()
    assert reads(world) == (2, 4)
    assert [one.text for one in below(world, pulls[0]).packs] == [RANKING.replace("80", "70")]


def test_a_push_that_was_lost_is_found_by_who_asks_for_a_refresh(world: World) -> None:
    pulls = two_shops(world)
    with world.github.lock:
        world.github.lose_next(1, "push")
        organisation(world).push("main", {FILE: "mode: observe\n"}, "sue")
    world.settle()
    assert reads(world) == (0, 0)
    world.say(pulls[0], "/nfr refresh", "ann")
    world.settle()
    assert reads(world)[1] >= 4
    assert below(world, pulls[3]).text == "mode: observe\n"


def test_the_policy_stays_in_force_when_its_repository_is_deleted(world: World) -> None:
    pull = world.open()
    world.settle()
    before = below(world, pull)
    organisation(world).delete("sue")
    world.settle()
    gone = below(world, pull)
    assert (gone.text, gone.good, gone.good_packs) == (None, PACKS, before.packs)
    world.stop()
    world.start()
    world.github.calls.clear()
    opened(world.repository, branch="feat/after")
    world.settle()
    assert (below(world, pull), reads(world)[0]) == (gone, 0)


@pytest.mark.parametrize("to", ["acme/dot", "beta/.github"])
def test_the_policy_stays_in_force_when_its_repository_moves(world: World, to: str) -> None:
    pull = world.open()
    world.settle()
    place, (owner, _, name) = organisation(world), to.partition("/")
    if owner == "acme":
        place.rename(name, "sue")
    else:
        place.transfer(owner, "sue")
    world.settle()
    place.push("main", {FILE: "mode: observe\n"}, "bob")
    world.settle()
    assert (below(world, pull).text, below(world, pull).good) == (None, PACKS)


def test_a_transferred_repository_has_the_policy_of_its_new_owner_at_once(world: World) -> None:
    world.github.repository("beta/.github", {FILE: "language: ja\n"}, installation_id=2)
    pull = world.open()
    world.settle()
    assert below(world, pull).text == PACKS
    world.repository.transfer("beta", "sue")
    world.settle()
    assert (below(world, pull).text, below(world, pull).good) == ("language: ja\n",) * 2


def test_a_pull_request_to_it_is_reviewed_under_it_alone(world: World) -> None:
    weaker = organisation(world).open_pull(
        author="ann", branch="weaker", title="weaker", files={FILE: "mode: observe\n"}
    )
    world.settle()
    assert conclusion(weaker) != "success"
    source = known(world, weaker)
    assert (source.text, below(world, weaker).text) == (None, PACKS)
    assert reads(world)[0] == 2


# --- what it puts in force ------------------------------------------------------------------------


def test_a_lock_of_the_organisation_outlives_its_repository(world: World) -> None:
    organisation(world).push("main", {FILE: ENFORCE + "locked: [mode]\n", PACK: None}, "sue")
    world.settle()
    world.repository.push("main", {FILE: "mode: observe\n"}, "ann")
    pull = world.open()
    world.settle()
    assert conclusion(pull) == "in progress"
    organisation(world).delete("sue")
    world.settle()
    other = opened(world.repository, branch="feat/after")
    world.settle()
    assert (conclusion(pull), conclusion(other)) == ("in progress", "in progress")


def test_a_push_to_it_changes_the_marks_of_the_pulls_of_all_repositories(world: World) -> None:
    pulls = two_shops(world)
    assert {conclusion(pull) for pull in pulls} == {"in progress"}
    organisation(world).push("main", {FILE: "mode: advise\n"}, "sue")
    world.settle()
    assert {conclusion(pull) for pull in pulls} == {"neutral"}


def test_a_transferred_repository_leaves_the_rules_of_its_old_owner(world: World) -> None:
    world.github.repository("beta/.github", {FILE: "mode: advise\n"}, installation_id=2)
    pull = world.open()
    world.settle()
    assert conclusion(pull) == "in progress"
    world.repository.transfer("beta", "sue")
    world.settle()
    assert conclusion(pull) == "neutral"


def test_an_area_of_a_pack_of_the_organisation_flags_pulls_of_its_repositories(
    world: World,
) -> None:
    pull = opened(world.repository, {"app/ranking/score.py": "score = 1\n"})
    world.settle()
    assert "Ranking" in title(pull)


def test_a_change_while_the_app_was_suspended_is_in_force_after_that(world: World) -> None:
    pulls = two_shops(world)
    world.github.suspend(1, "ann")
    organisation(world).push("main", {FILE: "mode: advise\n"}, "sue")
    world.github.unsuspend(1, "ann")
    world.settle()
    assert {conclusion(pull) for pull in pulls} == {"neutral"}
