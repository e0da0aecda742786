"""Areas in force -> all their globs and patterns, grouped so that each file is looked at once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from ghapp.core.areas import Area, Hazard
from ghapp.core.patterns.globs import Globs
from ghapp.core.patterns.sets import Sieve, sieve

# Machines write these; nothing in them is looked at.
NEVER_SCANNED = (
    "**/*.min.*",
    "**/*.map",
    "**/*.snap",
    "**/*.svg",
    "**/*.lock",
    "**/generated/**",
    "**/vendor/**",
    "**/node_modules/**",
)
# Tests, documents and foreign code: a hazard that reads code leaves them out.
NOT_CODE = (
    "**/test/**",
    "**/tests/**",
    "**/Test/**",
    "**/Tests/**",
    "**/test-*/**",
    "**/testing/**",
    "**/t/**",
    "**/tests.py",
    "**/spec/**",
    "**/specs/**",
    "**/__tests__/**",
    "**/testdata/**",
    "**/fixtures/**",
    "**/cassettes/**",  # recorded answers of other services
    "**/unittests/**",
    "**/__mocks__/**",
    "**/test_*.*",
    "**/*_test.*",
    "**/*_tests.*",
    "**/*_spec.*",
    "**/*.test.*",
    "**/*.spec.*",
    "**/*Test.php",
    "**/*Test.java",
    "**/conftest.py",
    "**/docs/**/*.htm*",  # a folder of documents may hold code as well, such as a site's server
    "**/doc/**/*.htm*",
    "**/documentation/**/*.htm*",
    "**/examples/**",
    "**/example/**",
    "**/*.md",
    "**/*.mdx",
    "**/*.rst",
    "**/*.adoc",
    "**/*.txt",
    "**/*.po",
    "**/*.pot",
    "**/CHANGELOG*",
    "**/LICENSE*",
    "**/third_party/**",
    "**/site-packages/**",
    "**/bower_components/**",
)
EVERYWHERE = ("**",)
# In a set; they are simpler than those of hazards, and almost every file is held against them.
DETECT_PATTERNS = 25
MOST_REMEMBERED = 8_192

Made = TypeVar("Made")
Whose: TypeAlias = tuple[bool, str, tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """Hazards that read the same files. added, statements, removed: places in the sieves.

    area: whose own files they are, -1 where `files` or `code` says which.
    """

    code: bool
    area: int
    files: tuple[str, ...]
    exclude: tuple[str, ...]
    added: frozenset[int]
    statements: frozenset[int]
    removed: frozenset[int]


@dataclass(frozen=True, slots=True, eq=False)
class Rulebook:
    """What a file is held against; areas are told apart by their places in `areas`.

    ignored: globs of the policy. globs: all there are. by_path: the areas that a glob claims
    files for. detect, lost: the sieves of the areas' `diff` and `removed`; detectors, losers: whose
    each of their patterns is.
    added, statements, removed: the sieves of hazards; hazards: by the name of the sieve, the
    hazard at a place.
    """

    areas: tuple[Area, ...]
    globs: Globs
    by_path: Mapping[str, tuple[int, ...]]
    ignored: tuple[str, ...]
    detect: Sieve
    detectors: tuple[int, ...]
    lost: Sieve
    losers: tuple[int, ...]
    reaches: tuple[Reach, ...]
    added: Sieve
    statements: Sieve
    removed: Sieve
    hazards: Mapping[str, Mapping[int, Hazard]]
    memo: dict[Hashable, Any] = field(default_factory=dict)

    def remember(self, key: Hashable, made: Made) -> Made:
        """Keep what was made of the rulebook and the key in `memo`, to be forgotten with it.

        Files of one folder match the same globs, so that there are few different sets of them.
        """
        if len(self.memo) >= MOST_REMEMBERED:
            self.memo.clear()
        self.memo[key] = made
        return made


@lru_cache(maxsize=24)
def rulebook(
    areas: tuple[Area, ...], ignored: tuple[str, ...] = (), dialect: str = "any"
) -> Rulebook:
    """The rulebook of these areas.

    ignored: globs of files that do not count. dialect: of the database; hazards of others are
    left out.
    """
    hazards = [
        hazard
        for area in areas
        for hazard in area.hazards
        if "any" in (dialect, hazard.dialect) or dialect == hazard.dialect
    ]
    lines = _side_by_side(one for one in hazards if not (one.by_statement or one.removed))
    diffs = [(place, regex) for place, area in enumerate(areas) for regex in area.detect.diff]
    losses = [(place, regex) for place, area in enumerate(areas) for regex in area.detect.removed]
    by_kind: dict[str, dict[int, Hazard]] = {
        "added": dict(enumerate(lines)),
        "statements": dict(enumerate(one for one in hazards if one.by_statement)),
        "removed": dict(enumerate(one for one in hazards if one.removed)),
    }
    return Rulebook(
        areas=areas,
        globs=Globs(_globs(areas, hazards, ignored)),
        by_path=_by_path(areas),
        ignored=ignored,
        detect=sieve(tuple(regex for _, regex in diffs), DETECT_PATTERNS),
        detectors=tuple(place for place, _ in diffs),
        lost=sieve(tuple(regex for _, regex in losses), DETECT_PATTERNS),
        losers=tuple(place for place, _ in losses),
        reaches=tuple(_reaches(areas, by_kind)),
        added=_sieve(by_kind["added"]),
        statements=_sieve(by_kind["statements"]),
        removed=_sieve(by_kind["removed"]),
        hazards=by_kind,
    )


def _side_by_side(hazards: Iterable[Hazard]) -> list[Hazard]:
    """Together what reads the same files, so that most sets are only for a few kinds of files.

    The largest groups come first: what a policy adds comes behind them, and their sets are shared.
    Last those for code, most of which read any file of it: together they are in the fewest sets.
    """
    groups: dict[Whose, list[Hazard]] = {}
    for one in hazards:
        groups.setdefault(_whose(one), []).append(one)
    ordered = sorted(groups.values(), key=lambda group: (group[0].scope == "code", -len(group)))
    return [one for group in ordered for one in group]


def _whose(one: Hazard) -> Whose:
    """Which files the hazard reads: whether code, else of which area or by which globs."""
    code = one.scope == "code"
    return code, "" if code or one.files else one.area, one.files, one.exclude


def _sieve(hazards: Mapping[int, Hazard]) -> Sieve:
    return sieve(tuple(one.match for one in hazards.values()))


def _globs(
    areas: tuple[Area, ...], hazards: Iterable[Hazard], ignored: tuple[str, ...]
) -> tuple[str, ...]:
    found = dict.fromkeys((*NEVER_SCANNED, *NOT_CODE, *ignored))
    for detect in (area.detect for area in areas):
        found |= dict.fromkeys((*detect.paths, *detect.exclude, *detect.diff_files))
        found |= dict.fromkeys(detect.size.not_counting if detect.size else ())
    for hazard in hazards:
        found |= dict.fromkeys((*hazard.files, *hazard.exclude))
    return tuple(found)


def _by_path(areas: tuple[Area, ...]) -> Mapping[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for place, area in enumerate(areas):
        for glob in area.detect.paths:
            found[glob] = (*found.get(glob, ()), place)
    return found


def _reaches(
    areas: tuple[Area, ...], hazards: Mapping[str, Mapping[int, Hazard]]
) -> Iterable[Reach]:
    places = {area.id: place for place, area in enumerate(areas)}
    grouped: dict[Whose, dict[str, set[int]]] = {}
    for kind, known in hazards.items():
        for index, one in known.items():
            grouped.setdefault(_whose(one), {}).setdefault(kind, set()).add(index)
    for (code, name, files, exclude), group in grouped.items():
        area = places[name] if name else -1
        indices = (frozenset(group.get(kind, ())) for kind in ("added", "statements", "removed"))
        yield Reach(code, area, files, exclude, *indices)
