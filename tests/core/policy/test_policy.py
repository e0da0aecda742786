import time
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from ghapp.core.areas import Area, Clause, Detect, Hazard, Item, Reviewers, SameAs, Text
from ghapp.core.policy.pack_schema import References
from ghapp.core.policy.policy import (
    DEFAULT_LABELS,
    Defer,
    Features,
    Policy,
    Rules,
    effective,
    may_be_label,
    merged,
    problems_of,
)
from ghapp.core.policy.policy_schema import PolicyFile
from ghapp.core.records import PolicySource
from ghapp.core.releases import Freeze, Plan
from ghapp.core.working_time import WorkingTime


def pack(name, weight, *items, enabled=True, **hazards):
    asked = tuple(Item(item, "must", "performance", Text(item, item)) for item in items)
    paths = (f"**/{name}/**", f"**/{name}.sql")
    found = tuple(
        Hazard(f"DBM-{id[1:]}", "must", item.replace("_", "-"), name, "x", Text(id, id))
        for id, item in hazards.items()
    )
    return Area(name, Text(name, name), weight, Detect(paths), asked, enabled, hazards=found)


HAZARDS = {"_001": "dbm_rollback", "_002": "dbm_rollback", "_010": "dbm_type_choice"}
RULES = Rules(
    (
        pack("payments-checkout", 5, "pay-exactly-once"),
        pack("database-migration", 5, "dbm-rollback", "dbm-type-choice", **HAZARDS),
        pack("search-index", 2, "idx-size", enabled=False),
    ),
    "advise",
)

EXAMPLE = """\
version: 1
mode: advise
language: ja
reviewers: {teams: [sre], users: []}
waivers:   {teams: [sre-leads]}
sign_off:
  by: [command, label, review, button]
  stale_on: any-push
  allow_author: on
  require_answers: must
pending: action_required
comment: flagged
features: {labels: [new], titles: ['^new'], branches: ['new/**'], added_lines: 400}
max_items: 7
ignore: {authors: ['robot[bot]'], paths: ['man/**']}
defer: {default_days: 21, max_days: 60, never: [dbm-rollback]}
labels: {waiting: 'wait'}
large_tables: [orders, order_items]
database: {dialect: postgres}
areas:
  database-migration:
    {mode: enforce, reviewers: {teams: [dba]}, paths_add: ['db/**'], items: {dbm-type-choice: off}}
  search-index: on
  ranking:
    title: {en: Ranking, ja: ランキング}
    detect: {paths: ['src/ranking/**'], diff: ['(?i)score_v[0-9]'], title: rank}
    items:
      - {id: rank-latency, sev: must, cat: performance, ja: '速いか', evidence: number}
      - {id: rank-eval, sev: should, cat: operability, en: How?, ja: 何で, ev_ja: 値,
         when: {diff: score}, evidence: choice, choices: [a, b]}
"""


def policy(text, good=None, rules=RULES):
    return effective(PolicySource(text=text, good=good), rules)


def areas(text):
    return {area.id: area for area in policy(text).areas}


# --- absent, empty, good, broken -----------------------------------------------------------


def test_without_a_file_the_built_in_areas_hold_in_the_default_mode():
    found = policy(None, rules=Rules(RULES.packs, "enforce"))
    assert found.standing == "good"
    assert found.mode == "enforce"
    assert [area.id for area in found.areas] == ["database-migration", "payments-checkout"]
    assert {area.mode for area in found.areas} == {"enforce"}
    assert replace(found, mode="advise", areas=()) == Policy()


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n", "---\n", "~", "{}", "areas:\n"])
def test_an_empty_file_says_nothing_and_the_layers_below_hold(text):
    assert problems_of(text, RULES) == ()
    assert policy(text) == policy(None)


def test_a_broken_file_is_bridged_by_its_last_good_version():
    found = policy("mode: enfroce", good="mode: enforce")
    assert found.standing == "bridged"
    assert found.mode == "enforce"
    assert [(one.line, one.column) for one in found.problems] == [(1, 7)]


@pytest.mark.parametrize("good", [None, "mode: [", "areas: {gone: off}"])
def test_a_broken_file_without_a_good_version_is_unreadable(good):
    found = policy("- a\n- b\n", good=good)
    assert found.standing == "unreadable"
    assert found.problems == problems_of("- a\n- b\n", RULES)
    assert replace(found, standing="good", problems=()) == policy(None)


def test_a_policy_is_worked_out_once():
    assert policy(EXAMPLE) is policy(EXAMPLE)


# --- what the keys do ----------------------------------------------------------------------


def test_every_key_of_the_file_reaches_the_policy():
    assert problems_of(EXAMPLE, RULES) == ()
    found = policy(EXAMPLE)
    assert replace(found, areas=()) == Policy(
        mode="advise",
        language="ja",
        reviewers=Reviewers(("sre",)),
        waivers=Reviewers(("sre-leads",)),
        sign_off_by=frozenset({"command", "label", "review", "button"}),
        stale_on="any-push",
        allow_author=True,
        require_answers="must",
        pending="action_required",
        comment="flagged",
        features=Features(("new",), ("^new",), ("new/**",), 400),
        max_items=7,
        ignore_authors=frozenset({"robot[bot]"}),
        ignore_paths=("man/**",),
        large_tables=("orders", "order_items"),
        dialect="postgres",
        defer=Defer(21, 60, frozenset({"dbm-rollback"})),
        labels={**DEFAULT_LABELS, "waiting": "wait"},
    )


def test_a_smaller_maximum_lowers_the_usual_time_of_what_is_put_off():
    assert policy("defer: {max_days: 7}").defer == Defer(7, 7)
    assert policy("defer: {never: []}").defer == Defer(never=frozenset())


def test_areas_are_those_enabled_heaviest_first_then_by_id():
    order = ["database-migration", "payments-checkout", "ranking", "search-index"]
    assert [area.id for area in policy(EXAMPLE).areas] == order


def test_a_built_in_area_is_changed_key_by_key():
    area = areas(EXAMPLE)["database-migration"]
    assert area.mode == "enforce"
    assert area.reviewers == Reviewers(("dba",))
    assert [item.id for item in area.items] == ["dbm-rollback"]
    paths = ("**/database-migration/**", "**/database-migration.sql", "db/**")
    assert area.detect == Detect(paths)
    assert area.title == Text("database-migration", "database-migration")


def test_an_area_takes_mode_and_reviewers_of_the_policy_where_it_has_none():
    area = areas("mode: observe\nreviewers: {users: [ann]}")["payments-checkout"]
    assert (area.mode, area.reviewers) == ("observe", Reviewers((), ("ann",)))


def test_waivers_are_the_reviewers_where_none_are_named():
    assert policy("reviewers: {users: [ann]}").waivers == Reviewers((), ("ann",))


def test_an_area_of_ones_own_is_built_from_its_parts():
    assert areas(EXAMPLE)["ranking"] == Area(
        "ranking",
        Text("Ranking", "ランキング"),
        3,
        Detect(paths=("src/ranking/**",), diff=("(?i)score_v[0-9]",), title="rank"),
        (
            Item("rank-latency", "must", "performance", Text("速いか", "速いか"), kind="number"),
            Item(
                "rank-eval",
                "should",
                "operability",
                Text("How?", "何で"),
                evidence=Text("値", "値"),
                when=Clause("diff", ("score",)),
                kind="choice",
                choices=("a", "b"),
            ),
        ),
        reviewers=Reviewers(("sre",)),
        flag="touch",
    )


def test_an_area_can_be_switched_off_and_one_shipped_off_be_switched_on():
    assert "payments-checkout" not in areas("areas: {payments-checkout: off}")
    assert "search-index" in areas("areas: {search-index: on}")
    assert "search-index" in areas("areas: {search-index: {weight: 5}}")


def test_an_own_item_joins_a_built_in_area_or_replaces_the_item_of_its_id():
    found = areas(
        """
areas:
  database-migration:
    title: {en: Schema}
    weight: 1
    items:
      - {id: dbm-rollback, sev: could, cat: cost, en: Undo?}
      - {id: dbm-own, sev: must, cat: cost, en: New?}
"""
    )["database-migration"]
    assert [(item.id, item.severity) for item in found.items] == [
        ("dbm-type-choice", "must"),
        ("dbm-rollback", "could"),
        ("dbm-own", "must"),
    ]
    assert (found.title, found.weight) == (Text("Schema", "Schema"), 1)


def test_paths_remove_takes_back_a_glob_of_the_area_and_leaves_out_any_other():
    detect = areas(
        "areas: {payments-checkout: {paths_remove: ['**/payments-checkout.sql', 'old/**'],"
        " detect: {labels: [pay], exclude: ['x/**']}}}"
    )["payments-checkout"].detect
    assert detect.paths == ("**/payments-checkout/**",)
    assert detect.exclude == ("x/**", "old/**")
    assert detect.labels == ("pay",)


def test_an_area_of_the_policy_may_name_sets_of_globs():
    rules = replace(RULES, references=References(sets={"tests": ("**/test/**",)}))
    text = "areas: {payments-checkout: {detect: {exclude_sets: [tests]}}}"
    found = {area.id: area for area in policy(text, rules=rules).areas}
    assert found["payments-checkout"].detect.exclude == ("**/test/**",)
    assert found["payments-checkout"].detect.paths == RULES.packs[0].detect.paths


def marked(**changes):
    """The rules with one question of the packs changed."""
    pay, *others = RULES.packs
    return replace(RULES, packs=(replace(pay, items=(replace(pay.items[0], **changes),)), *others))


def test_packs_say_what_is_never_put_off_unless_the_policy_does():
    rules = marked(never_defer=True)
    assert policy(None, rules=rules).defer.never == {"pay-exactly-once"}
    assert policy("defer: {never: []}", rules=rules).defer.never == frozenset()
    assert policy("areas: {payments-checkout: off}", rules=rules).defer.never == frozenset()


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("never: [dbm-rollback]", {"pay-exactly-once", "dbm-rollback"}),
        ("never_add: [dbm-rollback]", {"pay-exactly-once", "dbm-rollback"}),
        ("never: [], never_add: [dbm-rollback]", {"dbm-rollback"}),
        ("never: [dbm-old]", {"pay-exactly-once", "dbm-type-choice"}),
    ],
)
def test_a_list_adds_to_what_the_packs_say_and_only_an_empty_one_clears_it(text, never):
    rules = marked(never_defer=True)
    pay, migration, *others = rules.packs
    migration = replace(migration, retired=(("dbm-old", ("dbm-type-choice",)),))
    rules = replace(rules, packs=(pay, migration, *others))
    found = policy(f"defer: {{{text}}}", rules=rules)
    assert (found.problems, found.defer.never) == ((), never)


def test_a_lower_layer_that_adds_is_kept():
    rules = marked(never_defer=True)
    below = PolicyFile.model_validate({"defer": {"never_add": ["idx-size"]}})
    above = PolicyFile.model_validate({"defer": {"never": [], "never_add": ["dbm-rollback"]}})
    assert merged((below, above), rules).defer.never == {"idx-size", "dbm-rollback"}


def test_a_question_written_anew_keeps_what_its_pack_says_of_the_id():
    rules = marked(never_defer=True, same_as=SameAs("dbm-rollback"))
    own = "{id: pay-exactly-once, sev: could, cat: cost, en: Once?}"
    found = policy(f"areas: {{payments-checkout: {{items: [{own}]}}}}", rules=rules)
    (item,) = next(area for area in found.areas if area.id == "payments-checkout").items
    assert (item.severity, item.never_defer, item.same_as) == (
        "could", True, SameAs("dbm-rollback"),
    )  # fmt: skip


def hazards(change):
    found = areas(f"areas: {{database-migration: {change}}}")["database-migration"]
    return {one.id: one.severity for one in found.hazards}


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("{weight: 1}", {"DBM-001": "must", "DBM-002": "must", "DBM-010": "must"}),
        ("{hazards: {DBM-002: off}}", {"DBM-001": "must", "DBM-010": "must"}),
        (
            "{hazards: {DBM-001: could, DBM-002: on, DBM-010: should}}",
            {"DBM-001": "could", "DBM-002": "must", "DBM-010": "should"},
        ),
        ("{items: {dbm-rollback: off}}", {"DBM-010": "must"}),
        (
            "{items: {dbm-rollback: off}, hazards: {DBM-001: on, DBM-010: could}}",
            {"DBM-010": "could"},
        ),
        (
            "{items: [{id: dbm-rollback, sev: could, cat: cost, en: Undo?}]}",
            {"DBM-001": "must", "DBM-002": "must", "DBM-010": "must"},
        ),
    ],
)
def test_hazards_are_switched_one_by_one_and_go_with_their_item(change, left):
    assert hazards(change) == left


# --- layers --------------------------------------------------------------------------------


def layer(**keys):
    return PolicyFile.model_validate(keys)


def test_a_later_layer_wins_key_by_key():
    below = layer(
        mode="enforce", sign_off={"by": ["command"], "stale_on": "never"}, labels={"hold": "H"}
    )
    above = layer(sign_off={"stale_on": "any-push"}, labels={"waived": "W"}, max_items=3)
    found = merged((below, above), RULES)
    assert (found.mode, found.max_items) == ("enforce", 3)
    assert (found.sign_off_by, found.stale_on) == (frozenset({"command"}), "any-push")
    assert found.labels == {**DEFAULT_LABELS, "hold": "H", "waived": "W"}


def test_of_what_layers_say_of_a_hazard_the_last_word_counts():
    below = layer(
        areas={"database-migration": {"hazards": {"DBM-001": False, "DBM-002": False}}},
        database={"dialect": "mysql"},
    )
    above = layer(areas={"database-migration": {"hazards": {"DBM-001": "could"}}})
    found = merged((below, above), RULES)
    (area,) = [area for area in found.areas if area.id == "database-migration"]
    assert [(one.id, one.severity) for one in area.hazards] == [
        ("DBM-001", "could"),
        ("DBM-010", "must"),
    ]
    assert found.dialect == "mysql"


def test_areas_and_items_of_layers_are_joined_by_id():
    own = {"id": "own-a", "sev": "must", "cat": "cost", "en": "A?"}
    below = layer(
        areas={
            "own": {"title": {"en": "Own"}, "detect": {"labels": ["x"]}, "items": [own]},
            "database-migration": {"mode": "enforce", "items": {"dbm-rollback": False}},
            "payments-checkout": False,
        }
    )
    above = layer(
        areas={
            "own": {"items": [{**own, "id": "own-b"}]},
            "database-migration": {"items": {"dbm-rollback": True, "dbm-type-choice": False}},
            "payments-checkout": True,
        }
    )
    found = {area.id: area for area in merged((below, above), RULES).areas}
    assert [item.id for item in found["own"].items] == ["own-a", "own-b"]
    assert [item.id for item in found["database-migration"].items] == ["dbm-rollback"]
    assert found["database-migration"].mode == "enforce"
    assert "payments-checkout" in found


# --- names of labels -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "texts", "expected"),
    [
        ("nfr: signed off", (), True),
        ("NFR: On Hold", (), True),
        ("bug", (), False),
        ("", ("labels: {waiting: ''}",), False),
        ("wait", ("labels: {waiting: wait}",), True),
        ("WAIT", ("version: 1", "labels:\n  waiting: 'wait' # sre\n"), True),
        ("sre: wait", ('labels: {"waiting":"sre: wait"}',), True),
        ("SRE 待ち", ("labels:\n  waiting:\n    sre 待ち",), True),
        ("wait", ("labels: {waiting: waits}", "# wait", "labels: {wait: x}"), False),
        ("(a", ("labels: {waiting: (a}",), True),
    ],
)
def test_a_label_may_be_one_of_ours_by_default_or_by_the_policy(name, texts, expected):
    assert may_be_label(name, texts) is expected


def test_a_long_policy_is_searched_for_a_name_within_a_moment():
    begun = time.thread_time()
    assert not may_be_label(" " * 1_000, (": " * 50_000 + " " * 100_000,))
    assert time.thread_time() - begun < 2.0


RELEASES = """\
release:
  from: [calendar]
  calendar: .github/releases.ics
  freeze:
    mode: hold
    periods:
      - {from: 2026-12-25, to: 2027-01-03, name: 年末年始}
      - {from: 2027-03-31, to: 2027-03-31}
"""


def test_releases_and_freezes_come_from_the_policy() -> None:
    freezes = (
        Freeze("2026-12-25", "2027-01-03", "年末年始"),
        Freeze("2027-03-31", "2027-03-31"),
    )
    whole = Plan(("calendar",), ".github/releases.ics", "hold", freezes)
    assert policy(RELEASES).release == whole
    assert policy("mode: advise\n").release == Plan(("milestone", "calendar"), "", "note", ())
    assert policy("release:\n").release == Plan()
    below = PolicySource(text=RELEASES, good=RELEASES)
    over = PolicySource(text="release: {freeze: {mode: note}}\n", organisation=below)
    found = effective(over, RULES)
    assert found.release == replace(whole, freeze="note")
    origins = {key: found.origins[f"release.{key}"].layer for key in ("from", "freeze.mode")}
    assert origins == {"from": "organisation", "freeze.mode": "repository"}


@pytest.mark.parametrize(
    ("own", "held"),
    [("mode: note", "release.freeze.mode"), ("periods: []", "release.freeze.periods")],
)
@pytest.mark.parametrize("lock", ["release", "release.freeze", "areas"])
def test_a_lock_keeps_the_freezes_of_the_organisation(own: str, held: str, lock: str) -> None:
    text = f"{RELEASES}locked: [{lock}]\n"
    below = PolicySource(text=text, good=text)
    mine = f"release: {{freeze: {{{own}}}}}\n"
    found = effective(PolicySource(text=mine, good=mine, organisation=below), RULES)
    assert found.release == policy(RELEASES).release
    (refused,) = found.refused
    assert refused.text.startswith(f"`{held}` is weaker than what the organisation locks")


def test_working_time_and_reminders_come_from_the_policy() -> None:
    text = (
        "request_review: true\nremind: {after: 2d}\n"
        "working_time: {days: [mon, sat], hours: '10:30-24:00', holidays: JP,"
        " days_off: [2026-12-29..2027-01-03, 2027-02-01]}\n"
    )
    found = policy(text, rules=replace(RULES, timezone=ZoneInfo("Asia/Tokyo")))
    assert (found.remind_after, found.working_time) == (
        "2d",
        WorkingTime(
            *(("mon", "sat"), "10:30-24:00", ZoneInfo("Asia/Tokyo"), "JP"),
            ("2026-12-29..2027-01-03", "2027-02-01"),
        ),
    )
    assert policy("mode: advise\n").working_time == WorkingTime()
    assert policy("mode: advise\n").remind_after == ""
