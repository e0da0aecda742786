"""`ghapp lint`: files of policies, packs and references -> what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ghapp import builtin_packs
from ghapp.core.model import Problem
from ghapp.core.policy import yaml
from ghapp.core.policy.packs import NAME, Listed, read_references
from ghapp.core.policy.policy import problems_of
from ghapp.offline import packs


def problems(files: Sequence[Path]) -> tuple[Problem, ...]:
    """What is wrong with the files and with the packs that policies among them name, each once.

    Raises BadPack (a file cannot be read).
    """
    texts = {file: packs.content(file) for file in files}
    own = [file for file, text in texts.items() if _is_pack(file, text)]
    others = {file: text for file, text in texts.items() if file not in own}
    return tuple(dict.fromkeys([*_of_others(others), *_of_packs(own)]))


def _of_others(texts: Mapping[Path, bytes]) -> Iterator[Problem]:
    for file, text in texts.items():
        yield from _of_references(file, text) if _is_references(file) else _of_policy(file, text)


def _of_policy(file: Path, text: bytes) -> Iterator[Problem]:
    root = packs.root_of(file, otherwise=Path.cwd())
    files = packs.in_folder(root, text)
    found = problems_of(text, builtin_packs.rules("advise"), str(file), files)
    return packs.shown(found, files, root, file)


def _of_packs(files: Sequence[Path]) -> Iterator[Problem]:
    """Those of one repository are looked at together: they may not have the same ids."""
    roots = [packs.root_of(file, otherwise=Path.cwd()) for file in files]
    for root in dict.fromkeys(roots):
        here = [file for file, other in zip(files, roots, strict=True) if other == root]
        yield from packs.shelf(here).problems


def _of_references(file: Path, text: bytes) -> tuple[Problem, ...]:
    taken = {} if builtin_packs.ships(file) else builtin_packs.references()
    found = read_references(text, str(file), taken)
    return found.problems if isinstance(found, Listed) else found


def _is_pack(file: Path, text: bytes) -> bool:
    tree = yaml.read(text, str(file))
    value = tree.value if isinstance(tree, yaml.Tree) else None
    return isinstance(value, dict) and "area" in value and not _is_references(file)


def _is_references(file: Path) -> bool:
    return file.name == NAME
