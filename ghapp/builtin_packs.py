"""The checklists that ghapp ships, read once for each process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, tzinfo
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from ghapp.core.areas import Area
from ghapp.core.policy import packs, yaml
from ghapp.core.policy.pack_schema import References
from ghapp.core.policy.policy import Rules
from ghapp.errors import GhappError

REFERENCES, SETS = "references.yml", "sets.yml"


@cache
def builtin() -> tuple[Area, ...]:
    """The areas of all packs, heaviest first, then by id."""
    areas: list[Area] = []
    for name, text in texts():
        area = packs.parse(text, name, references(), trusted=True)
        if not isinstance(area, Area):
            raise GhappError("\n".join(str(problem) for problem in area))
        areas.append(area)
    return tuple(sorted(areas, key=lambda area: (-area.weight, area.id)))


def texts() -> tuple[tuple[str, bytes], ...]:
    """The name and the content of every pack's file, by name."""
    sources = sorted(_folder().iterdir(), key=lambda source: source.name)
    return tuple(
        (source.name, source.read_bytes())
        for source in sources
        if source.name.endswith(".yml") and source.name not in (REFERENCES, SETS)
    )


@cache
def places() -> Mapping[str, str]:
    """Where each item is defined: its id -> "checklists/caching.yml:12"."""
    found: dict[str, str] = {}
    for name, text in texts():
        for number, line in enumerate(text.decode().splitlines(), 1):
            if item := re.match(r"\s*- \{?id: ([\w-]+)", line):
                found.setdefault(item[1], f"checklists/{name}:{number}")
    return found


def ships(file: Path) -> bool:
    """Whether the file is in the folder of these packs."""
    folder = _folder()
    return isinstance(folder, Path) and file.resolve().parent == folder.resolve()


def holds_sets(file: Path) -> bool:
    """Whether the file is the one with the sets of globs that these packs name."""
    return file.name == SETS and ships(file)


@cache
def references() -> References:
    """What packs may name: links by their key, and sets of globs by their name."""
    found = []
    for name in (REFERENCES, SETS):
        tree = yaml.read((_folder() / name).read_bytes(), name)
        if not isinstance(tree, yaml.Tree) or not isinstance(tree.value, dict):
            raise GhappError(f"{name} of this installation is broken: install ghapp again")
        found.append({key: tuple(value) for key, value in tree.value.items()})
    links, sets = found
    return References(links, sets)


def rules(default_mode: str, timezone: tzinfo = UTC, details_base: str = "") -> Rules:
    """The rules of a process: the built-in areas in this mode, working hours by that clock.

    details_base: as in Rules.
    """
    return Rules(builtin(), default_mode, references(), timezone, details_base)


def _folder() -> Traversable:
    # A wheel has them inside the package, a checkout beside it.
    inside = resources.files("ghapp") / "checklists"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "checklists"
