"""`ghapp lint`: files of policies, packs and references -> what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ghapp import catalogue
from ghapp.core.model import Problem
from ghapp.core.packs import references, yaml
from ghapp.core.packs.references import Listed
from ghapp.core.policies.policy import problems_of
from ghapp.local import localpacks, packsource


def problems(files: Sequence[Path]) -> tuple[Problem, ...]:
    """What is wrong with the files and with the packs that policies among them name, each once.

    Raises BadPack (a file cannot be read).
    """
    texts = {file: localpacks.content(file) for file in files}
    packs = [file for file, text in texts.items() if _is_pack(file, text)]
    others = {file: text for file, text in texts.items() if file not in packs}
    return tuple(dict.fromkeys([*_of_others(others), *_of_packs(packs)]))


def _of_others(texts: Mapping[Path, bytes]) -> Iterator[Problem]:
    for file, text in texts.items():
        yield from _of_references(file, text) if _is_references(file) else _of_policy(file, text)


def _of_policy(file: Path, text: bytes) -> Iterator[Problem]:
    root = localpacks.root_of(file, otherwise=Path.cwd())
    packs = localpacks.in_folder(root, text)
    found = problems_of(text, catalogue.rules("advise"), str(file), packs)
    return localpacks.shown(found, packs, root, file)


def _of_packs(files: Sequence[Path]) -> Iterator[Problem]:
    """Those of one repository are looked at together: they may not have the same ids."""
    roots = [localpacks.root_of(file, otherwise=Path.cwd()) for file in files]
    for root in dict.fromkeys(roots):
        here = [file for file, other in zip(files, roots, strict=True) if other == root]
        yield from packsource.shelf(here).problems


def _of_references(file: Path, text: bytes) -> tuple[Problem, ...]:
    taken = {} if catalogue.ships(file) else catalogue.references()
    found = references.read(text, str(file), taken)
    return found.problems if isinstance(found, Listed) else found


def _is_pack(file: Path, text: bytes) -> bool:
    tree = yaml.read(text, str(file))
    value = tree.value if isinstance(tree, yaml.Tree) else None
    return isinstance(value, dict) and "area" in value and not _is_references(file)


def _is_references(file: Path) -> bool:
    return file.name == references.NAME
