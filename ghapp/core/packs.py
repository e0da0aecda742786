"""The text of a pack -> the Area it describes, or all Problems in it at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from pydantic import ValidationError

from ghapp.core import yaml
from ghapp.core.areas import Area
from ghapp.core.mistakes import meant, mistakes
from ghapp.core.model import Problem
from ghapp.core.packfile import PackPart, area


def parse(text: str | bytes, path: str, references: Collection[str]) -> Area | tuple[Problem, ...]:
    """The area, or the problems in the order of their places.

    path: the file as its problems shall name it. references: the keys that `refs` may hold.
    """
    tree = yaml.read(text, path)
    if not isinstance(tree, yaml.Tree):
        return tree
    found = [
        Problem(path, *tree.at(loc), words)
        for loc, words in (*_doubled(tree.value), *_unknown(tree.value, references))
    ]
    try:
        pack = PackPart.model_validate(tree.value)
    except ValidationError as error:
        found += mistakes(error, PackPart, tree, path)
    if found:
        return tuple(sorted(found, key=lambda one: (one.line, one.column)))
    return area(pack)


def _doubled(pack: object) -> Iterator[tuple[yaml.Loc, str]]:
    seen: dict[str, int] = {}
    for index, item in _items(pack):
        name = item.get("id")
        if isinstance(name, str) and seen.setdefault(name, index) != index:
            words = f"the id `{name}` is used twice, first by item {seen[name] + 1}"
            yield ("items", index, "id"), words


def _unknown(pack: object, known: Collection[str]) -> Iterator[tuple[yaml.Loc, str]]:
    for index, item in _items(pack):
        refs = item.get("refs")
        for place, key in enumerate(refs if isinstance(refs, list) else ()):
            if isinstance(key, str) and key not in known:
                near = meant(key, get_close_matches(key, known, n=1))
                words = f"`{key}` is not in references.yml{near}"
                yield ("items", index, "refs", place), words


def _items(pack: object) -> Iterator[tuple[int, dict[str, object]]]:
    """The items as far as the text has any, with their places in the list."""
    items = pack.get("items") if isinstance(pack, dict) else None
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict):
            yield index, item
