"""The text of a pack -> the area it describes with its samples, or all Problems in it at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import ValidationError

from ghapp.core.areas import Area
from ghapp.core.markdown import seen
from ghapp.core.model import Problem
from ghapp.core.policy import yaml
from ghapp.core.policy.fields import ID, MAX_LIST
from ghapp.core.policy.pack_schema import PackPart, References, area
from ghapp.core.policy.problems import meant, mistakes


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack as it was written. tree: its text with the line of every value."""

    part: PackPart
    tree: yaml.Tree


def parse(
    text: str | bytes, path: str, references: References, *, trusted: bool = False
) -> Area | tuple[Problem, ...]:
    """The area, or the problems in the order of their places; as in `read`."""
    pack = read(text, path, references, trusted=trusted)
    return area(pack.part, references) if isinstance(pack, Pack) else pack


def read(
    text: str | bytes, path: str, references: References, *, trusted: bool = False
) -> Pack | tuple[Problem, ...]:
    """The pack, or the problems in the order of their places.

    path: the file as its problems shall name it. references: what `refs` may hold. trusted: its
    regular expressions and globs are not tried, which takes a third of the time.
    """
    tree = yaml.read(text, path)
    return judged(tree, path, references, trusted=trusted) if isinstance(tree, yaml.Tree) else tree


def judged(
    tree: yaml.Tree, path: str, references: References, *, trusted: bool = False
) -> Pack | tuple[Problem, ...]:
    """As `read`, of what is YAML already."""
    found = [
        Problem(path, *tree.at(loc), words)
        for loc, words in (*_doubled(tree.value), *_unknown(tree.value, references))
    ]
    try:
        part = PackPart.model_validate(tree.value, context={"trusted": trusted})
    except ValidationError as error:
        found += mistakes(error, PackPart, tree, path)
        return _sorted(found)
    found += [Problem(path, *tree.at(loc), words) for loc, words in _unlinked(part)]
    return _sorted(found) or Pack(part, tree)


def _sorted(found: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(found, key=lambda one: (one.line, one.column)))


def _unlinked(part: PackPart) -> Iterator[tuple[yaml.Loc, str]]:
    """Names in one part of the pack of what another part lacks."""
    ids = {item.id for item in part.items}
    for place, one in enumerate(part.hazards):
        if one.item not in ids:
            yield ("hazards", place, "item"), f"`{one.item}` is no item here{meant(one.item, ids)}"
    for place, retired in enumerate(part.retired):
        if retired.id in ids:
            words = f"`{retired.id}` is asked above: a retired id is never used again"
            yield ("retired", place, "id"), words
        for index, successor in enumerate(retired.replaced_by):
            if successor not in ids:
                words = f"`{successor}` is not an item here{meant(successor, ids)}"
                yield ("retired", place, "replaced_by", index), words


def _doubled(pack: object) -> Iterator[tuple[yaml.Loc, str]]:
    for key, noun in (("items", "item"), ("hazards", "hazard")):
        seen: dict[str, int] = {}
        for index, one in _listed(pack, key):
            name = one.get("id")
            if isinstance(name, str) and seen.setdefault(name, index) != index:
                words = f"the id `{name}` is used twice, first by {noun} {seen[name] + 1}"
                yield (key, index, "id"), words


def _unknown(pack: object, known: Collection[str]) -> Iterator[tuple[yaml.Loc, str]]:
    for index, item in _listed(pack, "items"):
        refs = item.get("refs")
        for place, key in enumerate(refs if isinstance(refs, list) else ()):
            if isinstance(key, str) and key not in known:
                near = meant(key, get_close_matches(key, known, n=1))
                words = f"`{key}` is not in references.yml{near}"
                yield ("items", index, "refs", place), words


def _listed(pack: object, key: str) -> Iterator[tuple[int, dict[str, object]]]:
    """The mappings listed under a key as far as the text has any, with their places."""
    listed = pack.get(key) if isinstance(pack, dict) else None
    for index, one in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(one, dict):
            yield index, one


NAME = "references.yml"
MAX_TITLE, MAX_ADDRESS = 120, 500
# What can stand in a Markdown link as it is, with a host that cannot pass for another one.
ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?([/?#][A-Za-z0-9._~:/?#!$&'*+,;=%-]*)?")


@dataclass(frozen=True, slots=True)
class Listed:
    """What a file of references says.

    known: key -> (title, address), also of keys that have problems: to name these is no mistake.
    """

    known: References
    problems: tuple[Problem, ...] = ()


def read_references(
    text: str | bytes, path: str, taken: References
) -> Listed | tuple[Problem, ...]:
    """The references with what is wrong with single ones, or why there are none.

    taken: references that are there already. path: the file as its problems shall name it.
    """
    tree = yaml.read(text, path)
    if not isinstance(tree, yaml.Tree):
        return tree
    entries = tree.value if tree.value is not None else {}
    if not isinstance(entries, dict):
        return (Problem(path, 1, 1, "the file should be a mapping, as in `key: value`"),)
    if len(entries) > MAX_LIST:
        words = f"the file has {len(entries):,} references, more than {MAX_LIST}: take some out"
        return (Problem(path, 1, 1, words),)
    found = {key: _fault(key, value, taken) for key, value in entries.items()}
    problems = (
        Problem(path, *tree.key_at((key,)), f"`{key[:40]}` {fault}")
        for key, fault in found.items()
        if fault
    )
    return Listed({**{k: _pair(v) for k, v in entries.items()}, **taken}, tuple(problems))


def _fault(key: str, value: object, taken: References) -> str:
    """What is wrong with one reference, and what to do; "" where nothing is."""
    title, address = _pair(value)
    if key in taken:
        return f"is there already, as {taken[key][1]}: refer to that one, or take another key"
    if not re.fullmatch(ID, key):
        return "should be lower-case words joined by `-`"
    if not title:
        return "should be a title and an address, as in `[Runbooks, 'https://docs.example.com']`"
    if len(title) > MAX_TITLE or seen(title) != title:
        return f"needs a title of one line with at most {MAX_TITLE} characters"
    if len(address) > MAX_ADDRESS or not ADDRESS.fullmatch(address):
        return (
            f"needs an https:// address of at most {MAX_ADDRESS} characters, spaces and brackets "
            "in it written as %20, %28, %29"
        )
    return ""


def _pair(value: object) -> tuple[str, str]:
    """Title and address as they are written; empty where the value is no such pair."""
    if not isinstance(value, list) or len(value) != 2:
        return "", ""
    title, address = value
    both = isinstance(title, str) and isinstance(address, str)
    return (title, address) if both else ("", "")
