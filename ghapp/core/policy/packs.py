"""The text of a pack -> the pack and its area, or all Problems in it at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

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
    text: str | bytes | yaml.Tree, path: str, references: References, *, trusted: bool = False
) -> Pack | tuple[Problem, ...]:
    """The pack, or the problems in the order of their places.

    text: or the tree that `yaml.read` made of it. path: how the problems name the file.
    references: what the pack may name. trusted: its regular expressions and globs are not checked,
    which saves a third of the time.
    """
    tree = text if isinstance(text, yaml.Tree) else yaml.read(text, path)
    if not isinstance(tree, yaml.Tree):
        return tree
    part = None
    written = _as_written(tree.value, references)
    problems = [Problem(path, *tree.at(loc), words) for loc, words in written]
    try:
        part = PackPart.model_validate(tree.value, context={"trusted": trusted})
    except ValidationError as error:
        problems += mistakes(error, PackPart, tree, path)
    if part:
        problems += [Problem(path, *tree.at(loc), words) for loc, words in _between_parts(part)]
        if not problems:
            return Pack(part, tree)
    return tuple(sorted(problems, key=lambda one: (one.line, one.column)))


def _as_written(pack: object, references: References) -> Iterator[tuple[yaml.Loc, str]]:
    """Ids used twice, and unknown references and sets; found even if the pack is malformed."""

    def listed(key: str, inside: object) -> list[object]:
        found = inside.get(key) if isinstance(inside, dict) else None
        return found if isinstance(found, list) else []

    for key, noun in (("items", "item"), ("hazards", "hazard")):
        first: dict[str, int] = {}
        for at, one in enumerate(listed(key, pack)):
            name = one.get("id") if isinstance(one, dict) else None
            if isinstance(name, str) and first.setdefault(name, at) != at:
                words = f"the id `{name}` is used twice, first by {noun} {first[name] + 1}"
                yield (key, at, "id"), words
            for place, ref in enumerate(listed("refs", one)):
                if key == "items" and isinstance(ref, str) and ref not in references.links:
                    near = meant(ref, references.links, listed=False)
                    yield (key, at, "refs", place), f"`{ref}` is not in references.yml{near}"
    detect = pack.get("detect") if isinstance(pack, dict) else None
    for place, name in enumerate(listed("exclude_sets", detect)):
        if isinstance(name, str) and name not in references.sets:
            loc = ("detect", "exclude_sets", place)
            yield loc, f"`{name}` is not a set of globs{meant(name, references.sets)}"


def _between_parts(part: PackPart) -> Iterator[tuple[yaml.Loc, str]]:
    """Names in one part of the pack that do not fit its other parts."""
    ids = {item.id for item in part.items}
    for place, item in enumerate(part.items):
        if item.same_as and item.same_as.item == item.id:
            words = f"`{item.id}` is this question itself: name another one"
            yield ("items", place, "same_as"), words
    for place, one in enumerate(part.hazards):
        if one.item not in ids:
            words = f"`{one.item}` is not an item here{meant(one.item, ids)}"
            yield ("hazards", place, "item"), words
    for place, retired in enumerate(part.retired):
        if retired.id in ids:
            words = f"`{retired.id}` is asked above: a retired id is never used again"
            yield ("retired", place, "id"), words
        for index, successor in enumerate(retired.replaced_by):
            if successor not in ids:
                words = f"`{successor}` is not an item here{meant(successor, ids)}"
                yield ("retired", place, "replaced_by", index), words


NAME = "references.yml"
MAX_TITLE, MAX_ADDRESS = 120, 500
# What can stand in a Markdown link as it is, with a host that cannot pass for another one.
ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?([/?#][A-Za-z0-9._~:/?#!$&'*+,;=%-]*)?")


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of references.

    known: the existing references and its own ones. Those with problems are included, so that
    naming one is not reported as a second mistake.
    """

    known: References
    problems: tuple[Problem, ...] = ()


def read_references(
    text: str | bytes, path: str, taken: References
) -> Listed | tuple[Problem, ...]:
    """The references with the problems of single ones, or why none could be read.

    taken: existing references. path: how the problems name the file.
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
    links: dict[str, tuple[str, str]] = {}
    problems: list[Problem] = []
    for key, value in entries.items():
        texts = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
        title, address = texts if len(texts) == 2 == len(value) else ("", "")
        links[key] = title, address
        # The first of these that is wrong, with what to do.
        for wrong, fault in (
            (
                key in taken.links,
                f"exists already, as {taken.links.get(key, ('', ''))[1]}: refer to that one, or "
                "take another key",
            ),
            (not re.fullmatch(ID, key), "should be lower-case words joined by `-`"),
            (
                not title,
                "should be a title and an address, as in `[Runbooks, 'https://docs.example.com']`",
            ),
            (
                len(title) > MAX_TITLE or seen(title) != title,
                f"needs a title of one line with at most {MAX_TITLE} characters",
            ),
            (
                len(address) > MAX_ADDRESS or not ADDRESS.fullmatch(address),
                f"needs an https:// address of at most {MAX_ADDRESS} characters, spaces and "
                "brackets in it written as %20, %28, %29",
            ),
        ):
            if wrong:
                problems.append(Problem(path, *tree.key_at((key,)), f"`{key[:40]}` {fault}"))
                break
    return Listed(References({**links, **taken.links}, taken.sets), tuple(problems))
