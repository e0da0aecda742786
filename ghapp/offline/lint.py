"""`ghapp lint`: policies, packs and files of references -> their problems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ghapp import builtin_packs
from ghapp.core.model import Problem
from ghapp.core.policy import yaml
from ghapp.core.policy.pack_schema import References
from ghapp.core.policy.packs import NAME, Listed, read_references
from ghapp.offline import packs


def problems(files: Sequence[Path]) -> tuple[Problem, ...]:
    """The problems of the files and of the packs that policies among them name, each once.

    Packs of one repository are checked together, because they may not have the same ids.
    Raises BadPack (a file cannot be read).
    """
    here, rules = Path.cwd(), builtin_packs.rules("advise")
    found: list[Problem] = []
    own: dict[Path, list[Path]] = {}  # packs by repository
    for file in files:
        text = packs.content(file)
        if file.name == NAME:
            known = References() if builtin_packs.ships(file) else builtin_packs.references()
            read = read_references(text, str(file), known)
            found += read.problems if isinstance(read, Listed) else read
            continue
        if builtin_packs.holds_sets(file):
            continue
        tree = yaml.read(text, str(file))
        value = tree.value if isinstance(tree, yaml.Tree) else None
        if isinstance(value, dict) and "area" in value:
            own.setdefault(packs.root_of(file, otherwise=here), []).append(file)
        else:
            found += packs.beside(file, text, rules, otherwise=here)[1]
    for together in own.values():
        found += packs.shelf(together).problems
    return tuple(dict.fromkeys(found))
