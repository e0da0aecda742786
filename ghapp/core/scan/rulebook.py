"""Areas in force -> all their globs and patterns, grouped so that each file is read once."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Generic, NamedTuple, TypeVar

from ghapp.core.areas import Area, Hazard, globs_of
from ghapp.core.patterns.globs import Globs
from ghapp.core.patterns.sets import Sieve, sieve
from ghapp.core.scan.triggers import KINDS, Trigger

# Machines write these; only secrets are searched for in them.
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
GENERAL = frozenset((*NEVER_SCANNED, *NOT_CODE))
# Tools run what is in these folders and below, whatever its name: there, a name excludes nothing.
MIGRATIONS = re.compile(
    r"(?i)^(?:.*?/)?(?:migrations?|migrate|changelogs?|flyway|liquibase|alembic/versions)/"
)
# In a set; they are simpler than those of hazards, and almost every file is held against them.
DETECT_PATTERNS = 25
MOST_REMEMBERED = 8_192

# The texts that hazards search: added lines, removed ones, and statements of the new version.
TEXTS = ("+", "-", "statements")

Made = TypeVar("Made")
Owner = TypeVar("Owner")


class Sieved(NamedTuple, Generic[Owner]):
    """Patterns to search for at once. owners: of each pattern, by its place."""

    sieve: Sieve
    owners: tuple[Owner, ...]


class Reach(NamedTuple):
    """Which files a hazard reads.

    area: the place of the area whose own files it reads; -1 if `files` or `code` decides.
    """

    code: bool
    area: int
    files: tuple[str, ...]
    exclude: tuple[str, ...]

    def reads(
        self,
        globs: AbstractSet[str],
        excluding: AbstractSet[str],
        places: AbstractSet[int],
        *,
        skipped: bool,
    ) -> bool:
        """Whether it has a file that these globs match and that belongs to these areas.

        excluding: the globs that match the file if they exclude it. skipped: only what is searched
        for everywhere counts in the file.
        """
        if not excluding.isdisjoint(self.exclude) or (skipped and self.files != EVERYWHERE):
            return False
        if self.area >= 0:
            return self.area in places
        if self.files == EVERYWHERE:
            return True
        if self.files and globs.isdisjoint(self.files):
            return False
        return not self.code or excluding.isdisjoint(NOT_CODE)


@dataclass(frozen=True, slots=True, eq=False)
class Rulebook:
    """Everything that files are matched against. Areas are identified by their places in `areas`.

    triggers: of each area. globs: all of them. ignored: globs of files that the policy ignores.
    lines: by sign, the patterns that flag areas; owners are places of areas. hazards: by text, the
    patterns of hazards. reaches: by reach and text, the places of the hazards with that reach.
    memo: a cache that lives as long as the rulebook, see `remember`.
    """

    areas: tuple[Area, ...]
    triggers: tuple[tuple[Trigger, ...], ...]
    globs: Globs
    ignored: tuple[str, ...]
    lines: Mapping[str, Sieved[int]]
    hazards: Mapping[str, Sieved[Hazard]]
    reaches: Mapping[Reach, Mapping[str, frozenset[int]]]
    memo: dict[Hashable, Any] = field(default_factory=dict)

    def matches(self, globs: Iterable[str], path: str) -> bool:
        """Whether one of these globs of the rulebook matches the path."""
        return not self.globs.matching(path).isdisjoint(globs)

    def excluding(self, path: str) -> frozenset[str]:
        """The globs that match the path, if they exclude it.

        Folders below one of migrations exclude nothing: an author may call one `test`, and the
        migration in it is run all the same. Nor does a name do that makes it a test or generated.
        """
        folder = MIGRATIONS.match(path)
        if folder is None:
            return self.globs.matching(path)
        name = path.rpartition("/")[2]
        named = self.globs.matching(folder[0] + name)
        anyhow = self.globs.matching(f"{folder[0]}_{PurePosixPath(name).suffix}")
        return named - (GENERAL - anyhow)

    def remember(self, key: Hashable, made: Made) -> Made:
        """Cache in `memo` what was made for this key.

        Keys contain the set of globs that match a path. Files of one folder match the same globs,
        so that there are few different keys.
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
    triggers = tuple(tuple(kind(area) for kind in KINDS) for area in areas)
    lines: dict[str, Sieved[int]] = {}
    for sign in "+-":
        owned = [
            (place, regex)
            for place, own in enumerate(triggers)
            for trigger in own
            for regex in trigger.regexes.get(sign, ())
        ]
        patterns = tuple(regex for _, regex in owned)
        lines[sign] = Sieved(sieve(patterns, DETECT_PATTERNS), tuple(place for place, _ in owned))
    places = {area.id: place for place, area in enumerate(areas)}
    # Hazards with the same reach are side by side, so that most sets of patterns are only for a few
    # kinds of files.
    grouped: dict[str, dict[Reach, list[Hazard]]] = {text: {} for text in TEXTS}
    for area in areas:
        for one in area.hazards:
            if "any" in (dialect, one.dialect) or dialect == one.dialect:
                code = one.scope == "code"
                own = -1 if code or one.files else places[one.area]
                reach = Reach(code, own, one.files, one.exclude)
                text = "statements" if one.by_statement else "-" if one.removed else "+"
                grouped[text].setdefault(reach, []).append(one)
    # The largest groups come first, so that their sets are the same with and without the hazards
    # that a policy adds, and are shared. Hazards with `scope: code` come last: most of them read
    # the same files, and side by side they are in the fewest sets.
    hazards: dict[str, Sieved[Hazard]] = {}
    reaches: dict[Reach, dict[str, frozenset[int]]] = {}
    for text, groups in grouped.items():
        listed: list[Hazard] = []
        for reach, group in sorted(groups.items(), key=lambda one: (one[0].code, -len(one[1]))):
            found = frozenset(range(len(listed), len(listed) + len(group)))
            reaches.setdefault(reach, {})[text] = found
            listed += group
        hazards[text] = Sieved(sieve(tuple(one.match for one in listed)), tuple(listed))
    globs = dict.fromkeys((*NEVER_SCANNED, *NOT_CODE, *ignored))
    globs |= dict.fromkeys(glob for own in triggers for one in own for glob in one.globs)
    globs |= dict.fromkeys(glob for reach in reaches for glob in (*reach.files, *reach.exclude))
    whens = [when for area in areas for item in area.items for when in (item.when, item.must_when)]
    globs |= dict.fromkeys(glob for when in whens for glob in globs_of(when))
    return Rulebook(areas, triggers, Globs(tuple(globs)), ignored, lines, hazards, reaches)
