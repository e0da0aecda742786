"""The checklists that ghapp ships, read once for each process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from ghapp.core.areas import Area
from ghapp.core.policy import packs, yaml
from ghapp.core.policy.policy import Rules
from ghapp.errors import GhappError

REFERENCES = "references.yml"


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
        if source.name.endswith(".yml") and source.name != REFERENCES
    )


def ships(file: Path) -> bool:
    """Whether the file is one of these packs."""
    folder = _folder()
    return isinstance(folder, Path) and file.resolve().parent == folder.resolve()


@cache
def references() -> Mapping[str, tuple[str, str]]:
    """What items refer to: key -> (title, address)."""
    tree = yaml.read((_folder() / REFERENCES).read_bytes(), REFERENCES)
    if not isinstance(tree, yaml.Tree) or not isinstance(tree.value, dict):
        raise GhappError(f"{REFERENCES} of this installation is broken: install ghapp again")
    return {key: (title, address) for key, (title, address) in tree.value.items()}


def rules(default_mode: str) -> Rules:
    """The rules of a process: the built-in areas in this mode."""
    return Rules(builtin(), default_mode, references())


def _folder() -> Traversable:
    # A wheel has them inside the package, a checkout beside it.
    inside = resources.files("ghapp") / "checklists"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "checklists"
