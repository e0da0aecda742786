"""What is stricter, for each key of a policy: the one table behind locks and previews.

A policy is stricter if more is reviewed, by fewer people, with less left open. Every key of the
syntax has a row here, or is named in `WRITTEN_FOR`, and a test holds the table to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from ghapp.core.areas import (
    MODES,
    Area,
    Combined,
    Hazard,
    Item,
    Mode,
    ModeRule,
    Reviewers,
    SameAs,
    Size,
    Text,
    When,
)
from ghapp.core.digest import Destination
from ghapp.core.releases import Freeze

WEAKER, DIFFERENT, STRICTER = "weaker", "different", "stricter"
Whole = TypeVar("Whole")  # a policy, an area or a question
Inner = TypeVar("Inner", Item, Hazard)
Order = Callable[[Any, Any], str]  # two values that differ -> how the second one compares


class AnyPolicy(Protocol):
    """`policy.Policy`, whose layers are joined with the help of this table."""

    @property
    def areas(self) -> tuple[Area, ...]: ...
    @property
    def locked(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Change:
    """One value that two policies have differently.

    key: as a policy writes it: "sign_off.by", "areas.ranking" (whether it is on),
    "areas.ranking.mode", "areas.ranking.items.rank-latency" (whether it is asked) or
    "areas.ranking.items.rank-latency.sev". direction: of the second policy, weaker | different |
    stricter. before, after: what `as_written` puts into words. area: its id, "" for other keys.
    """

    key: str
    direction: str
    before: object
    after: object
    area: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A key: where its value is (in a policy, an area or an item), and which values are stricter.

    path: attributes, or keys of a mapping, from the outside in.
    """

    path: tuple[str, ...]
    order: Order

    def of(self, whole: Any) -> Any:
        """The value in this policy, area or item."""
        for step in self.path:
            whole = whole[step] if isinstance(whole, Mapping) else getattr(whole, step)
        return whole

    def put(self, whole: Whole, value: Any) -> Whole:
        """The same policy or area with another value."""
        changed: Whole = _put(whole, self.path, value)
        return changed

    def held(self, before: Any, after: Whole) -> Whole:
        """`after` with the value of `before`; of lists that may only grow, with what it adds."""
        old, new = self.of(before), self.of(after)
        if self.order is not more:
            return self.put(after, old)
        added = [one for one in new if one not in old]
        return self.put(after, type(old)([*old, *added]))

    def direction(self, before: Any, after: Any) -> str:
        """How `after` compares with `before`, both of them whole; "" if the value is the same."""
        old, new = self.of(before), self.of(after)
        return "" if old == new else self.order(old, new)


def _put(whole: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    step, *rest = path
    if isinstance(whole, Mapping):
        return {**whole, step: _put(whole[step], tuple(rest), value)}
    return replace(whole, **{step: _put(getattr(whole, step), tuple(rest), value)})


@dataclass(frozen=True, slots=True)
class ModeRow(Row):
    """A mode with the day on which it begins: one value, since a later day is weaker."""

    def of(self, whole: Any) -> Mode:
        return Mode(whole.mode, whole.enforce_from)

    def put(self, whole: Whole, value: Mode) -> Whole:
        day = _put(whole, ("enforce_from",), value.enforce_from)
        changed: Whole = _put(day, self.path, value.mode)
        return changed


def modes(before: Mode, after: Mode) -> str:
    """What is enforced from a later day on is weaker, and yet stricter than advice."""
    old, new = MODES.index(before.mode), MODES.index(after.mode)
    if old != new:
        return STRICTER if new > old else WEAKER
    return STRICTER if after.enforce_from < before.enforce_from else WEAKER


def unordered(before: object, after: object) -> str:
    """Neither is stricter."""
    return DIFFERENT


def rising(*steps: object) -> Order:
    """Later steps are stricter."""
    return lambda old, new: STRICTER if steps.index(new) > steps.index(old) else WEAKER


def lower(before: int, after: int) -> str:
    return STRICTER if after < before else WEAKER


def higher(before: int, after: int) -> str:
    return STRICTER if after > before else WEAKER


def more(before: Any, after: Any) -> str:
    """What is gone makes it weaker, whatever else was added."""
    return STRICTER if set(before) <= set(after) else WEAKER


def fewer(before: Any, after: Any) -> str:
    return STRICTER if set(after) <= set(before) else WEAKER


def wider(before: tuple[str, ...], after: tuple[str, ...]) -> str:
    """As `more`, where nothing stands for everything."""
    return STRICTER if not after or (before and set(before) <= set(after)) else WEAKER


def fewer_people(before: Reviewers, after: Reviewers) -> str:
    """Only some of the same people are stricter: what another team may do is not known here."""

    def named(people: Reviewers) -> set[tuple[str, str]]:
        teams = {("team", one.casefold()) for one in people.teams}
        return teams | {("user", one.casefold()) for one in people.users}

    return STRICTER if after and named(after) <= named(before) else WEAKER


def fewer_logins(before: frozenset[str], after: frozenset[str]) -> str:
    return fewer({one.casefold() for one in before}, {one.casefold() for one in after})


def dialects(before: str, after: str) -> str:
    """With `any`, the hazards of all databases are on."""
    return {"any": STRICTER}.get(after, WEAKER if before == "any" else DIFFERENT)


def hint(before: str, after: str) -> str:
    """A pattern that suggests the area: none is weaker, another one is only different."""
    return WEAKER if not after else DIFFERENT if before else STRICTER


def sizes(before: Size | None, after: Size | None) -> str:
    """Thresholds: lower ones are stricter, and 0 is none."""
    if before is None or after is None:
        return STRICTER if after else WEAKER
    pairs = (
        (before.changed_files_gte, after.changed_files_gte),
        (before.added_lines_gte, after.added_lines_gte),
        (before.new_top_level_dirs_gte, after.new_top_level_dirs_gte),
    )
    reached = all(old == 0 or 0 < new <= old for old, new in pairs)
    return STRICTER if reached and set(after.ignore) <= set(before.ignore) else WEAKER


def conditions(before: When | None, after: When | None) -> str:
    """Of a question: without one it is always asked."""
    return STRICTER if after is None else WEAKER if before is None else DIFFERENT


def reasons_for_must(before: When | None, after: When | None) -> str:
    """Of a must: without one only a finding is a reason."""
    return WEAKER if after is None else STRICTER if before is None else DIFFERENT


def narrowed(before: When | None, after: When | None) -> str:
    """Of an area: which pull requests may be flagged; None is all."""
    return STRICTER if after is None or (before and _allows(before, after)) else WEAKER


def widened(before: When | None, after: When | None) -> str:
    """Of an area: which pull requests flag it; None is none."""
    return STRICTER if after and (before is None or _allows(before, after)) else WEAKER


def _allows(before: When, after: When) -> bool:
    """Whether the second one holds wherever the first one does, as far as their form shows it."""
    return isinstance(after, Combined) and after.how == "any" and before in after.of


def ruled(before: tuple[ModeRule, ...], after: tuple[ModeRule, ...]) -> str:
    """Rules for the mode: some that enforce before the same, or the same with stricter modes."""
    same = len(after) - len(before)
    pairs = list(zip(before, after[same:], strict=True)) if same >= 0 else []
    rises = same >= 0 and all(
        old.when == new.when and MODES.index(old.mode) <= MODES.index(new.mode)
        for old, new in pairs
    )
    return STRICTER if rises and all(one.mode == "enforce" for one in after[:same]) else WEAKER


def evidence(before: str, after: str) -> str:
    """Without a kind of evidence a tick is enough."""
    return WEAKER if not after else DIFFERENT if before else STRICTER


# The keys outside of areas. A label's name or a word is neither stricter nor weaker.
KEYS: Mapping[str, Row] = {
    "mode": ModeRow(("mode",), modes),
    "mode_when": Row(("mode_when",), ruled),
    "language": Row(("language",), unordered),
    "reviewers": Row(("reviewers",), fewer_people),
    "waivers": Row(("waivers",), fewer_people),
    "sign_off.by": Row(("sign_off_by",), fewer),
    "sign_off.stale_on": Row(("stale_on",), rising("never", "area-change", "any-push")),
    "sign_off.allow_author": Row(("allow_author",), rising(True, False)),
    "sign_off.require_answers": Row(("require_answers",), rising("none", "must")),
    "pending": Row(("pending",), unordered),
    "comment": Row(("comment",), rising("never", "features", "flagged")),
    "features.labels": Row(("features", "labels"), more),
    "features.titles": Row(("features", "titles"), more),
    "features.branches": Row(("features", "branches"), more),
    "features.added_lines": Row(
        ("features", "added_lines"), lambda old, new: lower(old or 1 << 62, new or 1 << 62)
    ),
    "max_items": Row(("max_items",), higher),
    "request_review": Row(("request_review",), rising(False, True)),
    "preview": Row(("preview",), rising(False, True)),
    "remind.after": Row(("remind_after",), unordered),
    **{
        f"working_time.{name}": Row(("working_time", name), unordered)
        for name in ("days", "hours", "holidays", "days_off")
    },
    "release.from": Row(("release", "sources"), unordered),
    "release.calendar": Row(("release", "calendar"), unordered),
    "release.freeze.mode": Row(("release", "freeze"), rising("note", "hold")),
    "release.freeze.periods": Row(("release", "freezes"), more),
    **{f"digest.{name}": Row(("digest", name), unordered) for name in ("slack", "issue", "teams")},
    **{
        f"retro.{key}": Row(("retro", name), unordered)
        for key, name in {"every": "every", "from": "first", "at": "at"}.items()
    },
    "ignore.authors": Row(("ignore_authors",), fewer_logins),
    "ignore.paths": Row(("ignore_paths",), fewer),
    "defer.default_days": Row(("defer", "default_days"), lower),
    "defer.max_days": Row(("defer", "max_days"), lower),
    "defer.never": Row(("defer", "never"), more),
    "defer.remind": Row(("defer", "remind"), unordered),
    "projects.label": Row(("projects", "label"), unordered),
    "projects.from": Row(("projects", "ways"), fewer),
    "projects.inherit": Row(("projects", "inherit"), rising("answers", "none")),
    "projects.max_age_days": Row(("projects", "max_age_days"), lower),
    "projects.new_area": Row(("projects", "new_area"), rising("quiet", "ask")),
    **{
        f"labels.{state}": Row(("labels", state), unordered)
        for state in (
            "waiting",
            "hold",
            "signed_off",
            "waived",
            "follow_ups",
            "follow_up",
            "configuration",
        )
    },
    **{
        f"words.{name}": Row(("words", name), unordered) for name in ("users", "service", "tenants")
    },
    "configuration.scan": Row(("scan",), rising("off", "weekly")),
    "large_tables": Row(("large_tables",), more),
    "database.dialect": Row(("dialect",), dialects),
    "locked": Row(("locked",), more),
}

AREA_KEYS: Mapping[str, Row] = {
    "mode": ModeRow(("mode",), modes),
    "mode_when": Row(("mode_when",), ruled),
    "when": Row(("when",), narrowed),
    "flag": Row(("flag",), rising("evidence", "touch")),
    "reviewers": Row(("reviewers",), fewer_people),
    "title": Row(("title",), unordered),
    "weight": Row(("weight",), higher),
    "detect.paths": Row(("detect", "paths"), more),
    "detect.exclude": Row(("detect", "exclude"), fewer),
    "detect.diff": Row(("detect", "diff"), more),
    "detect.removed": Row(("detect", "removed"), more),
    "detect.diff_files": Row(("detect", "diff_files"), wider),
    "detect.title": Row(("detect", "title"), hint),
    "detect.labels": Row(("detect", "labels"), more),
    "detect.size": Row(("detect", "size"), sizes),
    "detect.pull": Row(("detect", "pull"), widened),
    "detect.submodules": Row(("detect", "submodules"), rising(False, True)),
}

ITEM_KEYS: Mapping[str, Row] = {
    "sev": Row(("severity",), rising("could", "should", "must")),
    "cat": Row(("category",), unordered),
    "en": Row(("question", "en"), unordered),
    "ja": Row(("question", "ja"), unordered),
    "why_en": Row(("why", "en"), unordered),
    "why_ja": Row(("why", "ja"), unordered),
    "ev_en": Row(("evidence", "en"), unordered),
    "ev_ja": Row(("evidence", "ja"), unordered),
    "refs": Row(("refs",), unordered),
    "when": Row(("when",), conditions),
    "must_when": Row(("must_when",), reasons_for_must),
    "scope": Row(("scope",), rising("project", "change")),
    "evidence": Row(("kind",), evidence),
    "choices": Row(("choices",), unordered),
    "same_as": Row(("same_as",), conditions),
}

SEVERITY = Row(("severity",), rising("could", "should", "must"))

# Keys without a value of their own in the policy in force -> the rows that show what they do. What
# may make a value weaker comes before what only adds to it.
WRITTEN_FOR: Mapping[str, tuple[str, ...]] = {
    "enforce_from": ("mode",),
    "areas.ID.enforce_from": ("mode",),
    "areas.ID.paths_remove": ("detect.paths", "detect.exclude"),
    "areas.ID.paths_add": ("detect.paths",),
    "areas.ID.detect.exclude_sets": ("detect.exclude",),
    "defer.never_add": ("defer.never",),
    # What follows is compared by `changes` itself: packs by the areas that they bring.
    "areas": (),
    "areas.ID.items": (),
    "areas.ID.hazards": (),
    "packs": (),
    # These change nothing that is in force.
    "version": (),
    "areas.ID.detect.path_hit": (),
    "areas.ID.detect.path_miss": (),
    "areas.ID.detect.note": (),
}


def changes(before: AnyPolicy, after: AnyPolicy) -> tuple[Change, ...]:
    """What `after` has differently from `before`: what is weaker first, then by key and area.

    An area's mode and reviewers count only if they change in another way than the general ones,
    which it has otherwise; so do waivers.
    """
    found = [*_general(before, after)]
    old = {area.id: area for area in before.areas}
    new = {area.id: area for area in after.areas}
    for name in (*old, *(name for name in new if name not in old)):
        if name not in new:
            found.append(Change(f"areas.{name}", WEAKER, before=True, after=False, area=name))
        elif name not in old:
            found.append(Change(f"areas.{name}", STRICTER, before=False, after=True, area=name))
        else:
            inherited = {
                f"areas.{name}.{key}"
                for key in ("mode", "mode_when", "reviewers")
                if KEYS[key].of(before) == AREA_KEYS[key].of(old[name])
                and KEYS[key].of(after) == AREA_KEYS[key].of(new[name])
            }
            found += [one for one in of_area(old[name], new[name]) if one.key not in inherited]
    ranks = (WEAKER, DIFFERENT, STRICTER)
    return tuple(sorted(found, key=lambda one: ranks.index(one.direction)))


def _general(before: AnyPolicy, after: AnyPolicy) -> Iterator[Change]:
    asked = {item.id for area in after.areas for item in area.items}
    waivers, reviewers = KEYS["waivers"], KEYS["reviewers"]
    inherited = all(waivers.of(one) == reviewers.of(one) for one in (before, after))
    for key, row in KEYS.items():
        if key == "waivers" and inherited:
            continue
        old, new = row.of(before), row.of(after)
        if key == "defer.never":  # a question that is no longer asked is not deferred either
            old &= asked | new
        if old != new:
            yield Change(key, row.order(old, new), old, new)


def of_area(before: Area, after: Area) -> Iterator[Change]:
    """What the same area has differently."""
    name = f"areas.{before.id}"
    for key, row in AREA_KEYS.items():
        if direction := row.direction(before, after):
            yield Change(f"{name}.{key}", direction, row.of(before), row.of(after), before.id)
    yield from _inside(f"{name}.items", before.id, before.items, after.items, of_item)
    yield from _inside(f"{name}.hazards", before.id, before.hazards, after.hazards, of_hazard)


def _inside(
    name: str,
    area: str,
    before: tuple[Inner, ...],
    after: tuple[Inner, ...],
    compared: Callable[[Inner, Inner], Iterator[tuple[str, str, object, object]]],
) -> Iterator[Change]:
    """What an area's questions or hazards have differently."""
    old, new = {one.id: one for one in before}, {one.id: one for one in after}
    for id, one in old.items():
        if id not in new:
            yield Change(f"{name}.{id}", WEAKER, before=True, after=False, area=area)
            continue
        for key, direction, was, now in compared(one, new[id]):
            yield Change(f"{name}.{id}.{key}", direction, was, now, area)
    for id in new:
        if id not in old:
            yield Change(f"{name}.{id}", STRICTER, before=False, after=True, area=area)


def of_item(before: Item, after: Item) -> Iterator[tuple[str, str, object, object]]:
    """By key: the direction, and both values."""
    if before == after:
        return
    for key, row in ITEM_KEYS.items():
        if direction := row.direction(before, after):
            yield key, direction, row.of(before), row.of(after)


def of_hazard(before: Hazard, after: Hazard) -> Iterator[tuple[str, str, object, object]]:
    """The same. Only a pack can change more than the severity, which is `rule` here."""
    if direction := SEVERITY.direction(before, after):
        yield "sev", direction, before.severity, after.severity
    if replace(before, severity=after.severity) != after:
        yield "rule", DIFFERENT, before.match, after.match


def said_by(key: str) -> tuple[str, ...]:
    """The names of the keys that may set the value of a Change: its own, then others."""
    match key.split("."):
        case ["areas", area, "items" | "hazards" as kind, id, *_]:
            return (f"areas.{area}.{kind}.{id}",)
        case ["areas", area, *rest]:
            others = [one for one in _writing(".".join(rest)) if one.startswith("areas.ID.")]
            return (key, *(one.replace("areas.ID", f"areas.{area}") for one in others))
    return (key, *(one for one in _writing(key) if not one.startswith("areas.ID.")))


def _writing(row: str) -> tuple[str, ...]:
    """The keys that are written for this row."""
    return tuple(one for one, rows in WRITTEN_FOR.items() if row in rows)


def as_written(value: object) -> str:  # noqa: C901 -- a case for each type
    """A value of a policy as its file would have it, in one line: "enforce", "[command, label]"."""
    match value:
        case bool():
            return "on" if value else "off"
        case Mode():
            return f"{value.mode} from {value.enforce_from}" if value.enforce_from else value.mode
        case Reviewers():
            parts = {"teams": value.teams, "users": value.users}
            named = [f"{key}: {as_written(names)}" for key, names in parts.items() if names]
            return f"{{{', '.join(named)}}}"
        case frozenset():
            return as_written(tuple(sorted(value)))
        case tuple():
            return f"[{', '.join(map(as_written, value))}]"
        case ModeRule():
            return f"a condition: {value.mode}"
        case Text():
            return f"{value.en} / {value.ja}"
        case Size():
            limits = ("changed_files_gte", "added_lines_gte", "new_top_level_dirs_gte")
            least = {key: getattr(value, key) for key in limits}
            return ", ".join(f"{key}: {count}" for key, count in least.items() if count)
        case SameAs():
            return value.item
        case Destination():
            return ", ".join(filter(None, (value.slack, value.issue))) or "none"
        case Mapping():
            named = [f"{key}: {as_written(one)}" for key, one in value.items()]
            return f"{{{', '.join(named)}}}"
        case str() | int() | Freeze() | None:
            return str(value or "none")
    return "a condition"
