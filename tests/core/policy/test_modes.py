"""Modes: from which day one enforces, and what is only observed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp.builtin_packs import rules
from ghapp.core.areas import Area, Detect, Item, Text
from ghapp.core.policy.policy import (
    Policy,
    Rules,
    effective,
    merged,
    problems_of,
)
from ghapp.core.policy.policy_schema import PolicyFile
from ghapp.core.records import PolicySource
from ghapp.core.scan.pull_conditions import in_force
from ghapp.core.working_time import WorkingTime
from tests.core.pulls import PULL

DAY = "2027-01-15"
BEFORE, AFTER = "2027-01-14", "2027-01-16"


def pack(name: str, weight: int) -> Area:
    asked = (Item(f"{name}-item", "must", "cost", Text("?", "?")),)
    return Area(name, Text(name, name), weight, Detect((f"{name}/**",)), asked)


RULES = Rules((pack("db", 5), pack("web", 4), pack("mail", 3)), "advise")
Modes = dict[str, tuple[str, str]]


def noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00")


def policy(text: str, *below: str) -> Policy:
    """The policy of a file, over those below it."""
    if not below:
        assert problems_of(text, RULES) == ()
        return effective(PolicySource(text), RULES)
    layers = [PolicyFile.model_validate(_value(one)) for one in (*below, text)]
    return merged(layers, RULES)


def _value(text: str) -> object:
    from ghapp.core.policy import yaml

    tree = yaml.read(text, "nfr.yml")
    assert isinstance(tree, yaml.Tree)
    return tree.value or {}


def modes(rules: Policy) -> Modes:
    found = {"": (rules.mode, rules.enforce_from)}
    areas = (*rules.areas, *rules.observed)
    return found | {area.id: (area.mode, area.enforce_from) for area in areas}


GENERAL = f"mode: enforce\nenforce_from: {DAY}\n"
ADVISED, ENFORCED = ("advise", DAY), ("enforce", "")


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        (GENERAL, dict.fromkeys(("", "db", "web", "mail"), ADVISED), ENFORCED),
        (GENERAL.replace(DAY, f"'{DAY}'"), dict.fromkeys(("", "db"), ADVISED), ENFORCED),
        # A mode of the area's own stands alone.
        (f"{GENERAL}areas: {{db: {{mode: enforce}}}}", {"db": ENFORCED, "web": ADVISED}, ENFORCED),
        (f"mode: enforce\nareas: {{db: {{enforce_from: {DAY}}}}}", {"db": ADVISED}, ENFORCED),
        (
            f"areas: {{db: {{mode: enforce, enforce_from: {DAY}}}}}",
            {"": ("advise", ""), "db": ADVISED, "web": ("advise", "")},
            None,
        ),
        (f"{GENERAL}areas: {{db: {{mode: observe}}}}", {"db": ("observe", ""), "": ADVISED}, None),
    ],
)
def test_before_its_day_enforce_is_advice(
    text: str, before: Modes, after: tuple[str, str] | None
) -> None:
    rules = policy(text)
    assert before.items() <= modes(rules.on(noon(BEFORE))).items()
    for day in (DAY, AFTER):
        found = modes(rules.on(noon(day)))
        assert found["db"] == (after or found["db"])
        assert not any(one for _, one in found.values())


@pytest.mark.parametrize(
    ("below", "text", "expected"),
    [
        # Mode and day belong together: a layer with a mode says both.
        (GENERAL, "mode: enforce", {"": ("enforce", ""), "db": ("enforce", "")}),
        (GENERAL, "mode: advise", {"": ("advise", ""), "db": ("advise", "")}),
        (GENERAL, "enforce_from: 2027-02-01", {"": ("enforce", "2027-02-01")}),
        (GENERAL, "language: ja", {"": ("enforce", DAY), "db": ("enforce", DAY)}),
        (f"areas: {{db: {{mode: enforce, enforce_from: {DAY}}}}}", "areas: {db: on}",
         {"db": ("enforce", DAY)}),
        (f"areas: {{db: {{mode: enforce, enforce_from: {DAY}}}}}", "areas: {db: {mode: enforce}}",
         {"db": ("enforce", "")}),
        # A day without enforce means nothing, and must not turn observe into advice.
        ("mode: observe", f"enforce_from: {DAY}", {"": ("observe", ""), "db": ("observe", "")}),
    ],
)  # fmt: skip
def test_layers_join_mode_and_day(below: str, text: str, expected: Modes) -> None:
    assert expected.items() <= modes(policy(text, below)).items()


@pytest.mark.parametrize(
    "value", ["2027-02-29", "2027-1-15", "20270115", "tomorrow", "2027-01-15T00:00:00Z", "[a]",
              "0000-01-01", "２０２７-01-15"],
)  # fmt: skip
def test_a_day_is_one_of_the_calendar(value: str) -> None:
    (found,) = problems_of(f"mode: enforce\nenforce_from: {value}\n", RULES)
    text = "2:15: `enforce_from` should be a day of the calendar, as in 2027-01-15"
    assert str(found).endswith(text)


@pytest.mark.parametrize(
    ("text", "place", "mode"),
    [
        (f"enforce_from: {DAY}", "1:1", "advise"),
        (f"mode: observe\nenforce_from: {DAY}", "2:1", "observe"),
        (f"areas: {{db: {{enforce_from: {DAY}}}}}", "1:14", "advise"),
        (f"mode: enforce\nareas: {{db: {{mode: advise, enforce_from: {DAY}}}}}", "2:28", "advise"),
    ],
)
def test_a_day_without_enforce_is_a_problem(text: str, place: str, mode: str) -> None:
    (found,) = problems_of(text, RULES)
    assert str(found).startswith(f".github/nfr.yml:{place}: `enforce_from` is the day")
    assert f"the mode is `{mode}` here: write `mode: enforce` beside it" in found.text


def test_a_past_day_and_a_default_mode_that_enforces_are_fine() -> None:
    assert problems_of("mode: enforce\nenforce_from: 2020-01-01", RULES) == ()
    assert problems_of(f"enforce_from: {DAY}", Rules(RULES.packs, "enforce")) == ()
    assert policy("mode: enforce\nenforce_from: 2020-01-01").on(noon(BEFORE)).enforces


def test_the_next_day_is_the_first_that_is_to_come() -> None:
    text = f"{GENERAL}areas: {{db: {{mode: enforce, enforce_from: 2027-02-01}}}}"
    rules = policy(text)
    found = [rules.on(noon(day)).begins_at for day in (BEFORE, DAY, "2027-02-01")]
    assert found == [midnight(DAY), midnight("2027-02-01"), None]
    assert (rules.on(noon(BEFORE)).enforces, rules.on(noon(DAY)).enforces) == (False, True)


def test_a_policy_without_days_and_observed_areas_is_the_same_on_all_days() -> None:
    rules = policy("mode: enforce")
    assert rules.on(noon(BEFORE)) is rules
    assert rules.shown is rules


def test_observed_areas_are_set_apart_and_can_be_shown_as_advice() -> None:
    rules = policy("mode: enforce\nareas: {db: {mode: observe}}").on(noon(BEFORE))
    assert [area.id for area in rules.areas] == ["web", "mail"]
    assert [area.id for area in rules.observed] == ["db"]
    assert [(area.id, area.mode) for area in rules.shown.areas] == [
        ("db", "advise"), ("web", "enforce"), ("mail", "enforce"),
    ]  # fmt: skip
    assert (rules.shown.observed, rules.shown.mode) == ((), "enforce")


@pytest.mark.parametrize(
    ("text", "writes"),
    [
        ("mode: observe", False),
        ("mode: observe\nareas: {db: {mode: advise}}", True),
        (f"mode: observe\nareas: {{db: {{mode: enforce, enforce_from: {DAY}}}}}", True),
        ("areas: {db: {mode: observe}, web: {mode: observe}, mail: {mode: observe}}", True),
        ("mode: observe\nareas: {db: off, web: off, mail: off}", False),
    ],
)
def test_it_writes_unless_everything_is_observed(text: str, writes: bool) -> None:
    rules = policy(text)
    assert (rules.writes, rules.on(noon(BEFORE)).writes) == (writes, writes)
    assert rules.on(noon(BEFORE)).shown.writes
    assert rules.on(noon(BEFORE)).shown.mode != "observe"


DAYS = st.dates(datetime(2000, 1, 2, tzinfo=UTC).date(), datetime(2200, 1, 1, tzinfo=UTC).date())
ZONES = st.sampled_from(["UTC", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati"])
SECONDS = st.integers(-200_000, 200_000).map(lambda seconds: timedelta(seconds=seconds))


def midnight(day: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))


@given(DAYS.map(lambda one: one.isoformat()), ZONES, SECONDS)
def test_it_enforces_exactly_from_midnight_on_by_the_clock_of_the_policy(
    day: str, zone: str, after: timedelta
) -> None:
    begins = midnight(day, zone)
    working = WorkingTime(zone=ZoneInfo(zone))
    rules = Policy(mode="enforce", enforce_from=day, working_time=working)
    found = rules.on(begins.astimezone(UTC) + after)
    assert found.enforces == (after >= timedelta())
    assert found.begins_at == (None if found.enforces else begins)


def test_days_are_those_of_the_settings() -> None:
    tokyo = replace(RULES, timezone=ZoneInfo("Asia/Tokyo"))
    rules = effective(PolicySource(GENERAL), tokyo)
    evening = datetime(2027, 1, 14, 15, tzinfo=UTC)
    assert not rules.on(evening - timedelta(seconds=1)).enforces
    assert rules.on(evening).enforces


LOCKED = "locked: [mode, areas.db]\nmode: enforce\n"


@pytest.mark.parametrize(
    ("below", "own", "expected", "refused"),
    [
        # A later day is weaker, and so is a day where there was none.
        (LOCKED, f"mode: enforce\nenforce_from: {DAY}", {"": ENFORCED, "db": ENFORCED}, 1),
        (LOCKED, f"areas: {{db: {{enforce_from: {DAY}}}}}", {"db": ENFORCED}, 1),
        (LOCKED, f"areas: {{web: {{enforce_from: {DAY}}}}}", {"web": ENFORCED}, 1),
        (f"{LOCKED}enforce_from: {DAY}", "enforce_from: 2027-02-01", {"": ("enforce", DAY)}, 1),
        (f"{LOCKED}enforce_from: {DAY}", "mode: advise", {"": ("enforce", DAY)}, 1),
        # An earlier one, or none, is stricter.
        (f"{LOCKED}enforce_from: {DAY}", "enforce_from: 2026-12-31",
         {"": ("enforce", "2026-12-31"), "db": ("enforce", "2026-12-31")}, 0),
        (f"{LOCKED}enforce_from: {DAY}", "mode: enforce", {"": ENFORCED, "db": ENFORCED}, 0),
        ("locked: [mode]\nmode: advise", f"mode: enforce\nenforce_from: {DAY}",
         {"": ("enforce", DAY)}, 0),
    ],
)  # fmt: skip
def test_a_lock_holds_mode_and_day(below: str, own: str, expected: Modes, refused: int) -> None:
    source = PolicySource(own, organisation=PolicySource(below, good=below))
    rules = effective(source, RULES)
    assert rules.standing == "good", rules.problems
    assert expected.items() <= modes(rules).items()
    assert len(rules.refused) == refused


def test_a_refused_day_is_named_where_it_is_written() -> None:
    own = f"language: en\nareas:\n  db:\n    enforce_from: {DAY}\n"
    (found,) = effective(PolicySource(own, organisation=PolicySource(LOCKED)), RULES).refused
    assert (found.line, found.column) == (4, 5)
    text = (
        "`areas.db.mode` is weaker than what the organisation locks (`areas.db`): `enforce` holds"
    )
    assert found.text.startswith(text)


def test_a_repository_may_give_a_day_to_what_its_organisation_enforces() -> None:
    below = PolicySource("mode: enforce\nareas: {db: {mode: advise}}")
    for own, fine in (
        (f"enforce_from: {DAY}", True),
        (f"areas: {{db: {{enforce_from: {DAY}}}}}", False),
    ):
        assert (problems_of(own, RULES, organisation=below) == ()) == fine


RULED = """
mode: enforce
enforce_from: 2027-01-15
mode_when: [{base: 'release/**', mode: enforce}]
areas:
  caching: {mode: observe, mode_when: [{base: main, mode: advise}], when: {base: [main, dev]}}
"""


@pytest.mark.parametrize(
    ("base", "mode", "begins", "caching"),
    [
        ("main", "advise", "2027-01-15", "advise"),
        ("release/1", "enforce", "", None),
        ("dev", "advise", "2027-01-15", "observe"),
    ],
)
def test_a_rule_settles_the_mode_before_the_day_does(
    base: str, mode: str, begins: str, caching: str | None
) -> None:
    general = effective(PolicySource(text=RULED), rules("advise"))
    pull = replace(PULL, base_ref=base)
    found = in_force(general, pull).on(datetime(2027, 1, 14, 12, tzinfo=UTC))
    assert (found.mode, found.enforce_from) == (mode, begins)
    modes = {area.id: area.mode for area in (*found.areas, *found.observed)}
    assert modes.get("caching") == caching
    assert ("caching" in {area.id for area in found.observed}) == (caching == "observe")
    assert ("caching" in {area.id for area in found.searched}) == (caching != "observe")
    later = in_force(general, pull).on(datetime(2027, 1, 15, 12, tzinfo=UTC))
    assert (later.mode, later.enforce_from) == ("enforce", "")
    assert found.enforces
    assert found.general
    assert ("enforce" in found.general.modes) and found.general.mode == "advise"


def test_what_a_rule_may_still_raise_is_not_set_apart() -> None:
    general = effective(PolicySource(text=RULED), rules("advise"))
    assert general.on(datetime(2027, 1, 14, 12, tzinfo=UTC)).observed == ()
    assert general.writes
