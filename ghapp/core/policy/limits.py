"""How many patterns a policy may have, and all packs that it names together.

Each pattern is tried on every changed file or line of a pull. They are counted in what YAML gave,
before any of them is compiled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pydantic import BaseModel

from ghapp.core.patterns import regexes
from ghapp.core.policy.fields import GLOB, REGEX, inside
from ghapp.core.policy.pack_schema import PackPart
from ghapp.core.policy.policy_schema import PolicyFile

MAX_REGEXES = 300
MAX_STEPS = 5_000
MAX_GLOBS = 2_000


def keys_with(mark: str) -> frozenset[str]:
    """The keys, at any depth of a policy or pack, that hold patterns with this mark."""
    found: set[str] = set()
    models: list[type[BaseModel]] = [PolicyFile, PackPart]
    done: set[type[BaseModel]] = set()
    while models:
        model = models.pop()
        done.add(model)
        for name, field in model.model_fields.items():
            parts = [*inside(field.annotation), *field.metadata]
            if mark in parts:
                found.add(field.alias or name)
            models += [
                part
                for part in parts
                if isinstance(part, type) and issubclass(part, BaseModel) and part not in done
            ]
    return frozenset(found)


REGEX_KEYS, GLOB_KEYS = keys_with(REGEX), keys_with(GLOB)


def crowded(value: object, *others: tuple[int, int, str, str]) -> Iterator[tuple[str, str]]:
    """What a policy or its packs have too many of, and what to do.

    value: what YAML gave for the policy, or a list of what it gave for each pack.
    others: further limits, each as (count, limit, noun, remedy).
    """
    regexes = sum(1 for _ in _texts_of(value, REGEX_KEYS))
    globs = sum(1 for _ in _texts_of(value, GLOB_KEYS))
    for count, most, noun, remedy in (
        (regexes, MAX_REGEXES, "regular expressions", "join some by `|`"),
        (globs, MAX_GLOBS, "globs", "name folders instead of files"),
        *others,
    ):
        if count > most:
            yield f"{count:,} {noun}", f"more than {most:,}: {remedy}"


def laborious(value: object, most: int = regexes.MAX_STEPS) -> str:
    """That all regular expressions together take too many steps, and what to do; else "".

    most: the limit for a single one. Those beyond it are reported elsewhere, and not counted.
    """
    sound = {one for one in _texts_of(value, REGEX_KEYS) if not regexes.fault(one, most)}
    steps = sum(regexes.steps(one) for one in sound)
    if steps <= MAX_STEPS:
        return ""
    why = f"more than {MAX_STEPS:,}: shorten them, lower their repeat counts"
    return f"regular expressions take {steps:,} steps together, {why}"


def _texts_of(value: object, keys: Collection[str], key: str = "") -> Iterator[str]:
    """The texts under these keys, at any depth. key: the one that `value` is under."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _texts_of(below, keys, name)
    elif isinstance(value, list):
        for below in value:
            yield from _texts_of(below, keys, key)
    elif isinstance(value, str) and key in keys:
        yield value
