"""Which values of a policy are stricter: every key has a row, and every order is pinned here."""

from dataclasses import fields, replace

import pytest
from pydantic import BaseModel

from ghapp.core.areas import (
    Area,
    Clause,
    Combined,
    Detect,
    Hazard,
    Item,
    Mode,
    ModeRule,
    Reviewers,
    SameAs,
    Size,
    Text,
)
from ghapp.core.policy.fields import inside
from ghapp.core.policy.policy import DEFAULT_LABELS, Defer, Features, Policy
from ghapp.core.policy.policy_schema import AreaPart, OwnItemPart, PolicyFile
from ghapp.core.policy.strictness import (
    AREA_KEYS,
    ITEM_KEYS,
    KEYS,
    WRITTEN_FOR,
    as_written,
    changes,
    said_by,
)
from ghapp.core.releases import Freeze

# Mappings whose keys are ids or languages, or that are one value of a condition or threshold.
WHOLE = {"reviewers", "waivers", "areas", "items", "hazards", "title", "size", "when", "must_when"}
WHOLE |= {"users", "service", "tenants", "mode_when", "pull", "periods", "digest.teams"}


def keys_of(model, prefix=""):
    """The names of all values that a mapping of the syntax can have."""
    for name, field in model.model_fields.items():
        parts = [
            one
            for one in inside(field.annotation)
            if isinstance(one, type) and issubclass(one, BaseModel)
        ]
        if parts and not {name, prefix + name} & WHOLE:
            yield from keys_of(parts[0], f"{prefix}{field.alias or name}.")
        else:
            yield prefix + (field.alias or name)


def test_every_key_of_the_syntax_has_its_place_in_the_table():
    general, of_areas = set(keys_of(PolicyFile)), set(keys_of(AreaPart, "areas.ID."))
    rows = {*KEYS, *(f"areas.ID.{key}" for key in AREA_KEYS)}
    assert general | of_areas == rows | WRITTEN_FOR.keys()
    assert not rows & WRITTEN_FOR.keys()
    assert set(keys_of(OwnItemPart)) == ITEM_KEYS.keys() - {"same_as"} | {"id"}
    assert {row for rows in WRITTEN_FOR.values() for row in rows} <= {*KEYS, *AREA_KEYS}


def test_every_value_in_force_is_compared():
    """A field of the policy that no row reads could be weakened unseen."""
    read = {row.path[0] for row in KEYS.values()} | {"enforce_from"}  # beside the mode
    assert {one.name for one in fields(Policy)} - read == {
        "areas",
        "observed",
        "standing",
        "problems",
        "refused",
        "origins",
        "kept",
        # What follows from the others: of one pull request, and of all conditions.
        "mode_why",
        "general",
        "asks",
        "teams",
    }
    nested = {row.path[:2] for row in KEYS.values() if len(row.path) > 1}
    assert {("features", one.name) for one in fields(Features)} <= nested
    assert {("defer", one.name) for one in fields(Defer)} <= nested
    assert {("labels", name) for name in DEFAULT_LABELS} <= nested
    read = {row.path for row in AREA_KEYS.values()}
    others = {"id", "items", "hazards", "enabled", "retired", "enforce_from", "mode_why"}
    others |= {"configuration"}  # a pack has it, and no policy changes it
    assert {path[0] for path in read} | others == {one.name for one in fields(Area)}
    assert {("detect", one.name) for one in fields(Detect)} <= read
    read = {row.path[0] for row in ITEM_KEYS.values()}
    # The links are those of the references; what is never deferred is in `defer.never`.
    assert {one.name for one in fields(Item)} - read == {"id", "links", "memo", "never_defer"}


def put(path, value):
    whole = Policy()
    for key, row in KEYS.items():
        if key == path:
            return row.put(whole, value)
    raise AssertionError(path)


def directions(before, after):
    return [(one.key, one.direction) for one in changes(before, after)]


W, D, S = "weaker", "different", "stricter"
BASE = Clause("base", ("main",))
MAIN, ASK = ModeRule(BASE, "enforce"), ModeRule(BASE, "advise")
DEV = ModeRule(Clause("base", ("dev",)), "enforce")
NEW_YEAR = Freeze("2026-12-29", "2027-01-03", "New Year")
SRE, BOTH = Reviewers(("sre",)), Reviewers(("sre",), ("ann",))


@pytest.mark.parametrize(
    ("key", "before", "after", "forth", "back"),
    [
        ("mode", Mode("advise"), Mode("enforce"), S, W),
        ("mode", Mode("observe"), Mode("advise"), S, W),
        ("mode", Mode("enforce", "2027-01-15"), Mode("enforce"), S, W),
        ("mode", Mode("enforce", "2027-01-15"), Mode("enforce", "2026-12-31"), S, W),
        ("mode", Mode("advise"), Mode("enforce", "2027-01-15"), S, W),
        ("mode_when", (), (MAIN,), S, W),
        ("mode_when", (MAIN,), (DEV, MAIN), S, W),
        ("mode_when", (ASK,), (MAIN,), S, W),
        ("mode_when", (MAIN,), (MAIN, DEV), W, W),
        ("mode_when", (MAIN,), (DEV,), W, W),
        ("mode_when", (), (ASK,), W, W),
        ("language", "en", "ja", D, D),
        ("reviewers", BOTH, SRE, S, W),
        ("reviewers", SRE, Reviewers(("SRE",)), S, S),
        ("reviewers", SRE, Reviewers(users=("sre",)), W, W),
        ("reviewers", SRE, Reviewers(), W, W),
        ("waivers", BOTH, SRE, S, W),
        ("sign_off.by", frozenset({"label", "review"}), frozenset({"review"}), S, W),
        ("sign_off.by", frozenset({"label"}), frozenset({"review"}), W, W),
        ("sign_off.stale_on", "never", "area-change", S, W),
        ("sign_off.stale_on", "area-change", "any-push", S, W),
        ("sign_off.allow_author", True, False, S, W),
        ("sign_off.require_answers", "none", "must", S, W),
        ("pending", "in_progress", "action_required", D, D),
        ("comment", "never", "features", S, W),
        ("comment", "features", "flagged", S, W),
        ("features.labels", ("a",), ("b", "a"), S, W),
        ("features.labels", ("a",), ("b",), W, W),
        ("features.titles", (), ("a",), S, W),
        ("features.branches", (), ("a",), S, W),
        ("features.added_lines", 0, 9, S, W),
        ("features.added_lines", 9, 8, S, W),
        ("max_items", 7, 8, S, W),
        ("request_review", False, True, S, W),
        ("release.from", ("milestone",), ("calendar",), D, D),
        ("release.calendar", "", ".github/releases.ics", D, D),
        ("release.freeze.mode", "note", "hold", S, W),
        ("release.freeze.periods", (), (NEW_YEAR,), S, W),
        ("release.freeze.periods", (NEW_YEAR,), (Freeze("2026-12-29", "2026-12-31"),), W, W),
        ("ignore.authors", frozenset({"Ann", "bob"}), frozenset({"ann"}), S, W),
        ("ignore.paths", ("a", "b"), ("b",), S, W),
        ("defer.default_days", 30, 20, S, W),
        ("defer.max_days", 90, 60, S, W),
        ("defer.never", frozenset(), frozenset({"one"}), S, W),
        ("labels.hold", "a", "b", D, D),
        ("words.users", Text("a", "a"), Text("a", "b"), D, D),
        ("large_tables", ("a",), ("a", "b"), S, W),
        ("database.dialect", "mysql", "any", S, W),
        ("database.dialect", "mysql", "postgres", D, D),
        ("locked", ("mode",), ("mode", "areas"), S, W),
    ],
)
def test_the_order_of_a_key(key, before, after, forth, back):
    asked = replace(AREA, items=(replace(ITEM, id="one"),))
    first, second = (replace(put(key, one), areas=(asked,)) for one in (before, after))
    assert directions(first, second) == [(key, forth)]
    assert directions(second, first) == [(key, back)]
    assert changes(first, first) == ()


ITEM = Item("db-size", "should", "cost", Text("A?", "A?"))
HAZARD = Hazard("DB-001", "should", "db-size", "db", "x", Text("m", "m"))
AREA = Area("db", Text("DB", "DB"), 3, Detect(), (ITEM,), hazards=(HAZARD,))
X, Y = Clause("diff", ("x",)), Clause("diff", ("y",))


@pytest.mark.parametrize(
    ("key", "before", "after", "forth", "back"),
    [
        ("mode", Mode("enforce", "2027-01-15"), Mode("enforce"), S, W),
        ("flag", "evidence", "touch", S, W),
        ("title", Text("a", "a"), Text("b", "a"), D, D),
        ("weight", 3, 4, S, W),
        ("detect.paths", ("a",), ("a", "b"), S, W),
        ("detect.exclude", ("a", "b"), ("b",), S, W),
        ("detect.diff", (), ("a",), S, W),
        ("detect.removed", (), ("a",), S, W),
        ("detect.diff_files", ("a",), (), S, W),
        ("detect.diff_files", ("a",), ("a", "b"), S, W),
        ("detect.diff_files", ("a",), ("b",), W, W),
        ("detect.title", "", "a", S, W),
        ("detect.title", "a", "b", D, D),
        ("detect.labels", (), ("a",), S, W),
        ("detect.size", None, Size(9), S, W),
        ("detect.size", Size(9), Size(8), S, W),
        ("detect.size", Size(9), Size(9, 5), S, W),
        ("detect.size", Size(9, 5), Size(8, 6), W, W),
        ("detect.size", Size(9, ignore=("a", "b")), Size(9, ignore=("a",)), S, W),
        ("detect.submodules", False, True, S, W),
        ("detect.pull", None, BASE, S, W),
        ("detect.pull", BASE, Combined("any", (BASE, X)), S, W),
        ("detect.pull", BASE, X, W, W),
        ("mode_when", (), (MAIN,), S, W),
        ("when", BASE, None, S, W),
        ("when", BASE, Combined("any", (BASE, X)), S, W),
        ("when", BASE, X, W, W),
    ],
)
def test_the_order_of_a_key_of_an_area(key, before, after, forth, back):
    row = AREA_KEYS[key]
    first, second = (Policy(areas=(row.put(AREA, one),)) for one in (before, after))
    assert directions(first, second) == [(f"areas.db.{key}", forth)]
    assert directions(second, first) == [(f"areas.db.{key}", back)]


@pytest.mark.parametrize(
    ("key", "before", "after", "forth", "back"),
    [
        ("sev", "could", "should", S, W),
        ("sev", "should", "must", S, W),
        ("cat", "cost", "security", D, D),
        ("en", "A?", "B?", D, D),
        ("refs", (), ("a",), D, D),
        ("when", X, None, S, W),
        ("when", X, Y, D, D),
        ("must_when", None, X, S, W),
        ("must_when", X, Y, D, D),
        ("scope", "change", "project", W, S),
        ("evidence", "", "url", S, W),
        ("evidence", "url", "number", D, D),
        ("choices", (), ("a",), D, D),
        ("same_as", SameAs("a"), None, S, W),
    ],
)
def test_the_order_of_a_key_of_a_question(key, before, after, forth, back):
    row = ITEM_KEYS[key]
    first, second = (
        Policy(areas=(replace(AREA, items=(row.put(ITEM, one),)),)) for one in (before, after)
    )
    assert directions(first, second) == [(f"areas.db.items.db-size.{key}", forth)]
    assert directions(second, first) == [(f"areas.db.items.db-size.{key}", back)]


def test_areas_questions_and_hazards_come_and_go():
    whole, bare = Policy(areas=(AREA,)), Policy(areas=(replace(AREA, items=(), hazards=()),))
    assert directions(Policy(), whole) == [("areas.db", S)]
    assert directions(whole, Policy()) == [("areas.db", W)]
    inside = ["areas.db.items.db-size", "areas.db.hazards.DB-001"]
    assert directions(bare, whole) == [(key, S) for key in inside]
    assert directions(whole, bare) == [(key, W) for key in inside]


def test_a_hazard_is_weaker_by_its_severity_and_different_by_its_rule():
    def having(**more):
        return Policy(areas=(replace(AREA, hazards=(replace(HAZARD, **more),)),))

    name = "areas.db.hazards.DB-001"
    assert directions(having(), having(severity="could")) == [(f"{name}.sev", W)]
    assert directions(having(), having(severity="must")) == [(f"{name}.sev", S)]
    assert directions(having(), having(match="y")) == [(f"{name}.rule", D)]


def test_what_areas_inherit_is_named_once():
    before = Policy(mode="enforce", reviewers=SRE, waivers=SRE, areas=(AREA,))
    before = replace(before, areas=(replace(AREA, mode="enforce", reviewers=SRE),))
    after = Policy(mode="advise", reviewers=BOTH, waivers=BOTH)
    after = replace(after, areas=(replace(AREA, mode="advise", reviewers=BOTH),))
    assert directions(before, after) == [("mode", W), ("reviewers", W)]
    own = replace(after, areas=(replace(AREA, mode="observe", reviewers=BOTH),))
    assert directions(before, own) == [("mode", W), ("reviewers", W), ("areas.db.mode", W)]


def test_the_weakest_comes_first():
    after = Policy(mode="enforce", language="ja", max_items=3, areas=(AREA,))
    assert [one.direction for one in changes(Policy(), after)] == [W, D, S, S]


def test_a_question_that_nobody_may_defer_is_not_missed_once_it_is_not_asked():
    before = Policy(defer=Defer(never=frozenset({"db-size"})), areas=(AREA,))
    bare = replace(before, areas=(replace(AREA, items=()),), defer=Defer())
    assert directions(before, bare) == [("areas.db.items.db-size", W)]
    assert directions(before, replace(before, defer=Defer())) == [("defer.never", W)]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "on"),
        (False, "off"),
        (7, "7"),
        (0, "none"),
        ("", "none"),
        (None, "none"),
        ("enforce", "enforce"),
        (("b", "a"), "[b, a]"),
        (frozenset({"b", "a"}), "[a, b]"),
        (BOTH, "{teams: [sre], users: [ann]}"),
        (Reviewers(), "{}"),
        (Text("a", "b"), "a / b"),
        (Size(9, new_top_level_dirs_gte=1), "changed_files_gte: 9, new_top_level_dirs_gte: 1"),
        (SameAs("a"), "a"),
        ((NEW_YEAR,), "[2026-12-29..2027-01-03 New Year]"),
        (X, "a condition"),
        ((MAIN, ASK), "[a condition: enforce, a condition: advise]"),
    ],
)
def test_a_value_as_its_file_would_have_it(value, words):
    assert as_written(value) == words


def test_a_value_may_be_said_under_several_keys():
    assert said_by("mode") == ("mode", "enforce_from")
    assert said_by("defer.never") == ("defer.never", "defer.never_add")
    assert said_by("areas.db.mode") == ("areas.db.mode", "areas.db.enforce_from")
    assert said_by("areas.db.items.db-size.sev") == ("areas.db.items.db-size",)
    assert set(said_by("areas.db.detect.exclude")) == {
        "areas.db.detect.exclude",
        "areas.db.paths_remove",
        "areas.db.detect.exclude_sets",
    }
