"""The text of a company's own `references.yml` -> what its packs may refer to, or Problems."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ghapp.core.markdown import seen
from ghapp.core.model import Problem
from ghapp.core.packs import yaml
from ghapp.core.packs.fields import ID, MAX_LIST
from ghapp.core.packs.packfile import References

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


def read(text: str | bytes, path: str, taken: References) -> Listed | tuple[Problem, ...]:
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
