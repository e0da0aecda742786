"""Any two layers: what an organisation locks is nowhere weaker, whatever a repository writes.

`weakened` says anew, and in a plainer way, what a lock promises; it does not use the table.
"""

import json
from dataclasses import replace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ghapp.core.areas import Area, Clause, Combined, Detect, Hazard, Item, SameAs, Size, Text
from ghapp.core.policy.policy import Policy, Rules, effective, problems_of
from ghapp.core.policy.strictness import changes
from ghapp.core.records import PolicySource


def item(id, severity="should", **more):
    return Item(id, severity, "cost", Text(id, id), **more)


def hazard(id, area, of):
    return Hazard(id, "should", of, area, "x", Text(id, id))


RULES = Rules(
    (
        Area(
            "db",
            Text("db", "db"),
            4,
            Detect(("db/**", "sql/**"), ("db/old/**",), ("alter",), labels=("db",)),
            (
                item("db-rollback", "must", never_defer=True),
                item("db-size", when=Clause("diff", ("x",))),
                item("db-both", same_as=SameAs("web-both")),
            ),
            hazards=(hazard("DB-001", "db", "db-rollback"), hazard("DB-002", "db", "db-size")),
        ),
        Area(
            "pay",
            Text("pay", "pay"),
            5,
            Detect(("pay/**",), size=Size(50, ignore=("*.lock",)), title="pay"),
            (item("pay-once", "must", must_when=Clause("hazard", ("JOB-001",)), kind="url"),),
        ),
        Area(
            "jobs",
            Text("jobs", "jobs"),
            2,
            Detect(("jobs/**",), diff_files=("*.py",), diff=("task",)),
            (item("job-safe"), item("job-plan", when=Combined("not", (Clause("area", ("idx",)),)))),
            hazards=(hazard("JOB-001", "jobs", "job-safe"),),
            retired=(("job-old", ("job-safe",)),),
        ),
        Area("web", Text("web", "web"), 1, Detect(("web/**",)), (item("web-both"),)),
        Area("idx", Text("idx", "idx"), 1, Detect(("idx/**",)), (item("idx-size"),), enabled=False),
    ),
    "advise",
)
ITEMS = {"db": ("db-rollback", "db-size", "db-both"), "pay": ("pay-once",)}
ITEMS |= {"jobs": ("job-safe", "job-plan", "job-old"), "web": ("web-both",), "idx": ("idx-size",)}
HAZARDS = {"db": ("DB-001", "DB-002"), "jobs": ("JOB-001",)}

SOME = st.sampled_from
MODES = SOME(("observe", "advise", "enforce"))
SEVERITIES = SOME(("must", "should", "could"))
NAMES = st.lists(SOME(("a", "b", "c")), unique=True, max_size=2)
GLOBS = st.lists(SOME(("db/**", "sql/**", "web/**", "x/*.py", "docs/**")), unique=True, max_size=3)
PEOPLE = st.fixed_dictionaries(
    {}, optional={"teams": NAMES, "users": st.lists(SOME(("ann", "bob")), unique=True)}
)


def some(**keys):
    """A mapping with any of the keys."""
    return st.fixed_dictionaries({}, optional=keys)


WHEN = SOME(({"diff": ["y"]}, {"hazard": ["JOB-001"]}, {"area": ["web"]}))


def own(ids):
    """A list of questions with any of these ids."""
    one = st.fixed_dictionaries(
        {
            "id": SOME(ids),
            "sev": SEVERITIES,
            "cat": SOME(("cost", "security")),
            "en": SOME(("A?", *ids)),
            "ja": SOME(("A?", *ids)),
        },
        optional={
            "when": WHEN,
            "must_when": WHEN,
            "scope": SOME(("project", "change")),
            "evidence": SOME(("url", "number", "text")),
            "why_en": st.just("W"),
        },
    )
    return st.lists(one, unique_by=lambda one: one["id"], max_size=3)


DETECT = some(
    paths=GLOBS,
    exclude=GLOBS,
    diff=NAMES,
    removed=NAMES,
    diff_files=GLOBS,
    title=SOME(("a", "pay")),
    labels=NAMES,
    size=some(changed_files_gte=st.integers(40, 60), added_lines_gte=st.integers(1, 9)).filter(
        bool
    ),
    submodules=st.booleans(),
)


def area(name):
    keys = {
        "mode": MODES,
        "flag": SOME(("touch", "evidence")),
        "reviewers": PEOPLE,
        "paths_add": GLOBS,
        "paths_remove": GLOBS,
        "detect": DETECT,
        "weight": st.integers(1, 5),
        "title": st.just({"en": "T", "ja": "T"}),
        "items": st.one_of(
            st.dictionaries(SOME(ITEMS[name]), st.booleans()),
            own((*(one for one in ITEMS[name] if one != "job-old"), f"{name}-new")),
        ),
    }
    if name in HAZARDS:
        said = st.one_of(st.booleans(), SEVERITIES)
        keys["hazards"] = st.dictionaries(SOME(HAZARDS[name]), said)
    return st.one_of(st.booleans(), some(**keys))


OWN_AREA = st.fixed_dictionaries(
    {
        "title": st.just({"en": "R", "ja": "R"}),
        "detect": st.just({"paths": ["rank/**", "db/**"]}),
        "items": st.just(
            [{"id": "rank-one", "sev": "must", "cat": "cost", "en": "A?", "ja": "A?"}]
        ),
    },
    optional={"mode": MODES, "reviewers": PEOPLE},
)
NEVER = st.lists(SOME(("db-rollback", "db-size", "web-both")), unique=True, max_size=2)
KEYS = {
    "mode": MODES,
    "language": SOME(("en", "ja")),
    "reviewers": PEOPLE,
    "waivers": PEOPLE,
    "sign_off": some(
        by=st.lists(SOME(("command", "label", "review")), unique=True, min_size=1),
        stale_on=SOME(("never", "area-change", "any-push")),
        allow_author=st.booleans(),
        require_answers=SOME(("none", "must")),
    ),
    "pending": SOME(("in_progress", "action_required")),
    "comment": SOME(("features", "flagged", "never")),
    "features": some(labels=NAMES, titles=NAMES, branches=GLOBS, added_lines=st.integers(1, 9)),
    "max_items": st.integers(1, 50),
    "request_review": st.booleans(),
    "ignore": some(authors=NAMES, paths=GLOBS),
    "defer": some(
        default_days=st.integers(1, 30), max_days=st.integers(30, 120), never=NEVER, never_add=NEVER
    ),
    "labels": some(waiting=SOME(("w1", "w2"))),
    "words": some(users=SOME(("buyers", "users"))),
    "large_tables": NAMES,
    "database": some(dialect=SOME(("mysql", "postgres"))),
    "areas": some(**{name: area(name) for name in ITEMS}, ranking=OWN_AREA),
}
LOCKS = (*KEYS, "sign_off.by", "ignore.paths", "defer.max_days", *(f"areas.{id}" for id in ITEMS))
BEHIND = {"sign_off", "waivers", "ignore", "defer", "max_items", "pending", "large_tables"}
BEHIND |= {"database"}
AREAS = ("areas", *(f"areas.{id}" for id in ITEMS))


@st.composite
def layers(draw, names=(*KEYS, "areas", "areas"), **more):
    """A file with a few of these keys: more of them would hide what each one does."""
    chosen = draw(st.lists(SOME(names), unique=True, max_size=5))
    return draw(st.fixed_dictionaries({name: KEYS[name] for name in chosen} | more))


@st.composite
def pairs(draw):
    """An organisation's file and a repository's, which is mostly about what is locked."""
    locks = st.lists(st.one_of(SOME(LOCKS), SOME(AREAS)), unique=True, min_size=1, max_size=3)
    organisation = draw(layers(locked=locks))
    tops = {lock.partition(".")[0] for lock in organisation["locked"]}
    about = sorted(tops | (BEHIND if "areas" in tops else set()))
    return organisation, draw(layers(names=(*KEYS, *about * 3)))


RANK = {"observe": 0, "advise": 1, "enforce": 2, "could": 0, "should": 1, "must": 2}
STALE = ("never", "area-change", "any-push")
COMMENT = ("never", "features", "flagged")


def same_people_or_some(before, after):
    some = set(after.teams) <= set(before.teams) and set(after.users) <= set(before.users)
    return before == after or (bool(after) and some)


def weakened(locked: tuple[str, ...], org: Policy, now: Policy) -> list[str]:
    """What is weaker than a lock allows, in the words of the documentation."""
    areas = {one.id: one for one in now.areas}
    whole = {one.id for one in org.areas if {"areas", f"areas.{one.id}"} & {*locked}}
    whole |= behind_pay(org) if "pay" in whole else set()
    held = {*locked} | (BEHIND if whole else set())
    found = [area.id for area in org.areas if area.id in whole - areas.keys()]
    for area in org.areas:
        if area.id in areas:
            found += weakened_area(area, areas[area.id], held, area.id in whole)
    return [*found, *weakened_keys(held, org, now)]


def behind_pay(org: Policy) -> set[str]:
    """The other area that a question of `pay` may depend on, as long as it does."""
    asked = {one.id: one.must_when for area in org.areas for one in area.items}
    hazards = {one.id for area in org.areas for one in area.hazards}
    depends = asked.get("pay-once") == Clause("hazard", ("JOB-001",)) and "JOB-001" in hazards
    return {"jobs"} if depends else set()


def weakened_area(area: Area, other: Area, held: set[str], whole: bool) -> list[str]:
    old, new = area.detect, other.detect
    claims = [
        ({"mode"}, "mode", RANK[other.mode] >= RANK[area.mode]),
        ({"reviewers"}, "reviewers", same_people_or_some(area.reviewers, other.reviewers)),
        (set(), "paths", {*old.paths} <= {*new.paths}),
        (set(), "exclude", {*new.exclude} <= {*old.exclude}),
        (set(), "lines", {*old.diff} <= {*new.diff} and {*old.removed} <= {*new.removed}),
        (
            set(),
            "files",
            not new.diff_files or (old.diff_files and {*old.diff_files} <= {*new.diff_files}),
        ),
        (set(), "labels", {*old.labels} <= {*new.labels}),
        (set(), "hint", old.title in ("", new.title)),
        (set(), "size", not old.size or (new.size and is_reached_sooner(old.size, new.size))),
        (set(), "submodules", new.submodules >= old.submodules),
        (set(), "flag", (area.flag, other.flag) != ("touch", "evidence")),
        (set(), "weight", other.weight >= area.weight),
        (set(), "title", other.title == area.title),
    ]
    asked = {one.id: one for one in other.items}
    claims += [(set(), one.id, is_asked(one, asked.get(one.id))) for one in area.items]
    rules = {one.id: RANK[one.severity] for one in other.hazards}
    claims += [(set(), one.id, rules.get(one.id, -1) >= RANK[one.severity]) for one in area.hazards]
    return [
        f"{area.id} {name}" for keys, name, holds in claims if (whole or keys & held) and not holds
    ]


def is_reached_sooner(old: Size, new: Size) -> bool:
    pairs = (
        (old.changed_files_gte, new.changed_files_gte),
        (old.added_lines_gte, new.added_lines_gte),
    )
    return all(before == 0 or 0 < after <= before for before, after in pairs) and (
        {*new.ignore} <= {*old.ignore}
    )


def is_asked(one: Item, other: Item | None) -> bool:
    return other is not None and (
        RANK[other.severity] >= RANK[one.severity]
        and (other.question, other.category, other.scope, other.why)
        == (one.question, one.category, one.scope, one.why)
        and other.when in (None, one.when)
        and one.must_when in (None, other.must_when)
        and one.kind in ("", other.kind)
    )


def weakened_keys(held: set[str], org: Policy, now: Policy) -> list[str]:
    claims = [
        ("mode", RANK[now.mode] >= RANK[org.mode]),
        ("language", now.language == org.language),
        ("reviewers", same_people_or_some(org.reviewers, now.reviewers)),
        ("waivers reviewers", same_people_or_some(org.waivers, now.waivers)),
        ("sign_off sign_off.by", now.sign_off_by <= org.sign_off_by),
        ("sign_off", STALE.index(now.stale_on) >= STALE.index(org.stale_on)),
        ("sign_off", now.allow_author <= org.allow_author),
        ("sign_off", (org.require_answers, now.require_answers) != ("must", "none")),
        ("pending", now.pending == org.pending),
        ("comment", COMMENT.index(now.comment) >= COMMENT.index(org.comment)),
        ("features", {*org.features.labels} <= {*now.features.labels}),
        ("features", {*org.features.titles} <= {*now.features.titles}),
        ("features", {*org.features.branches} <= {*now.features.branches}),
        ("features", (now.features.added_lines or 99) <= (org.features.added_lines or 99)),
        ("max_items", now.max_items >= org.max_items),
        ("request_review", now.request_review >= org.request_review),
        ("ignore", now.ignore_authors <= org.ignore_authors),
        ("ignore ignore.paths", {*now.ignore_paths} <= {*org.ignore_paths}),
        ("defer", now.defer.default_days <= org.defer.default_days),
        ("defer defer.max_days", now.defer.max_days <= org.defer.max_days),
        ("defer", org.defer.never <= now.defer.never),
        ("labels", now.labels == org.labels),
        ("words", now.words == org.words),
        ("large_tables", {*org.large_tables} <= {*now.large_tables}),
        ("database", now.dialect in (org.dialect, "any")),
    ]
    return [names for names, holds in claims if {*names.split()} & held and not holds]


def joined(organisation: dict, repository: dict) -> tuple[Policy, Policy]:
    """The organisation's policy alone, and with the repository's file. Both files are sound."""
    below = PolicySource(text=json.dumps(organisation))
    above = PolicySource(text=json.dumps(repository), organisation=below)
    assume(not problems_of(below.text, RULES, layer="organisation"))
    assume(not problems_of(above.text, RULES, organisation=below))
    return effective(PolicySource(organisation=below), RULES), effective(above, RULES)


@given(pairs())
@settings(max_examples=500)
@example(({"locked": ["areas.pay"]}, {"areas": {"jobs": False}}))
@example(
    (
        {"locked": ["areas"]},
        {"areas": {"db": {"paths_remove": ["db/**"], "items": {"db-size": False}}}},
    )
)
@example(({"locked": ["areas.db"]}, {"ignore": {"paths": ["db/**"]}, "mode": "observe"}))
@example(
    ({"reviewers": {"teams": ["a"]}, "locked": ["reviewers"]}, {"waivers": {"users": ["ann"]}})
)
def test_what_is_locked_is_nowhere_weaker(files: tuple[dict, dict]) -> None:
    org, now = joined(*files)
    assert weakened(org.locked, org, now) == []
    assert now.locked == org.locked


@pytest.mark.parametrize("key", [key for key in KEYS if key != "areas"])
@given(st.data())
@settings(max_examples=40)
def test_each_key_is_held_by_its_lock(key: str, data: st.DataObject) -> None:
    organisation = data.draw(
        st.fixed_dictionaries({"locked": st.just([key])}, optional={key: KEYS[key]})
    )
    repository = data.draw(st.fixed_dictionaries({key: KEYS[key]}))
    org, now = joined(organisation, repository)
    assert weakened(org.locked, org, now) == []


@given(pairs())
@settings(max_examples=150)
def test_a_lock_changes_nothing_for_who_weakens_nothing(files: tuple[dict, dict]) -> None:
    """A file that is not weaker than all that is below it is in force as if nothing were locked."""
    organisation, repository = files
    free = {key: value for key, value in organisation.items() if key != "locked"}
    org, unlocked = joined(free, repository)
    if any(one.direction != "stricter" for one in changes(org, unlocked)):
        return
    _, now = joined(organisation, repository)
    assert now.refused == ()
    assert changes(replace(unlocked, locked=now.locked), now) == ()


@given(layers(), layers())
@settings(max_examples=150)
def test_a_comparison_of_the_same_is_empty_and_turns_around(one: dict, other: dict) -> None:
    (_, first), (_, second) = joined({}, one), joined({}, other)
    assert changes(first, first) == ()
    there, back = changes(first, second), changes(second, first)
    assert {one.key for one in there if one.direction == "different"} == {
        one.key for one in back if one.direction == "different"
    }
