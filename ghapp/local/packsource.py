"""Files and folders of packs -> the packs in them, or what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ghapp import catalogue
from ghapp.core.memory import PackFile
from ghapp.core.model import Problem
from ghapp.core.packs import parse as packs
from ghapp.core.packs.packfile import References
from ghapp.core.packs.packfiles import ENDINGS
from ghapp.core.packs.parse import Pack
from ghapp.core.packs.references import NAME
from ghapp.core.packs.yaml import MAX_BYTES
from ghapp.core.policies import ownpacks
from ghapp.errors import BadPack

FOREIGN = frozenset({"node_modules", "vendor"})


@dataclass(frozen=True, slots=True)
class Source:
    """A pack and where it was read. name: the file. references: what its items may refer to."""

    name: str
    pack: Pack
    references: References


@dataclass(frozen=True, slots=True)
class Shelf:
    """Packs in the order of their files, and all that is wrong with those and with others."""

    sources: tuple[Source, ...]
    problems: tuple[Problem, ...] = ()


@cache
def builtin() -> Shelf:
    """All packs that ghapp ships."""
    return _shelved(catalogue.texts(), catalogue.references())


def shelf(paths: Sequence[Path]) -> Shelf:
    """The packs in these files and folders, judged as the App does; none named: the built-in ones.

    Raises BadPack (no such file, or a folder without packs).
    """
    if not paths:
        return builtin()
    files = list(dict.fromkeys(file for path in paths for file in _files(path)))
    if not files:
        raise BadPack(f"{paths[0]}: no pack, but what packs refer to: name the packs")
    shipped = [(str(file), _read(file)) for file in files if catalogue.ships(file)]
    own = [file for file in files if not catalogue.ships(file)]
    known, mine = _shelved(shipped, catalogue.references()), _own(own)
    return Shelf((*known.sources, *mine.sources), (*known.problems, *mine.problems))


def by_weight(sources: Iterable[Source]) -> list[Source]:
    """The heaviest first, then by id, as a pull shows its areas."""
    return sorted(sources, key=lambda one: (-one.pack.part.weight, one.pack.part.area))


def _own(files: Sequence[Path]) -> Shelf:
    """The packs of a company, with the references beside them."""
    mine = [_pack_file(file, str(file)) for file in files]
    folders = dict.fromkeys(file.parent for file in files if (file.parent / NAME).exists())
    beside = [_pack_file(folder / NAME, f"{folder}/{NAME}") for folder in folders]
    found = ownpacks.read((), (*mine, *beside), catalogue.builtin(), catalogue.references())
    texts = [(one.path, one.text) for one in mine if one.text is not None]
    together = tuple(Problem(str(files[0].parent), 0, 0, words) for _, words in found.faults)
    return Shelf(_shelved(texts, found.references).sources, (*together, *found.problems))


def _pack_file(file: Path, name: str) -> PackFile:
    raw = _read(file)
    text = raw.decode("utf-8", "surrogateescape") if len(raw) <= MAX_BYTES else None
    return PackFile(name, size=len(raw), text=text)


def _shelved(texts: Iterable[tuple[str, str | bytes]], known: References) -> Shelf:
    sources: list[Source] = []
    problems: list[Problem] = []
    for name, text in texts:
        pack = packs.read(text, name, known)
        if isinstance(pack, Pack):
            sources.append(Source(name, pack, known))
        else:
            problems += pack
    return Shelf(tuple(sources), tuple(problems))


def _files(path: Path) -> list[Path]:
    """The file, or the packs in the folder; what they refer to is no pack."""
    inside = [path]
    if path.is_dir():
        inside = [one for one in sorted(path.rglob("*")) if _may_be(one.relative_to(path), one)]
        if not inside:
            raise BadPack(f"{path}: no pack in this folder: packs are files that end in .yml")
    return [file for file in inside if file.name != NAME]


def _may_be(inside: Path, file: Path) -> bool:
    """Whether a file of a folder may be a pack: not in hidden folders, and not in foreign code."""
    foreign = any(part.startswith(".") or part in FOREIGN for part in inside.parts)
    return not foreign and file.suffix in ENDINGS and file.is_file()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadPack(f"{file}: cannot be read ({error.strerror})") from error
