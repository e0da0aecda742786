"""The patterns in a policy or pack, counted before any of them is compiled."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ghapp.core.matching import regexes

REGEX_KEYS = frozenset(
    {
        *("diff", "removed", "title", "titles"),
        *("match", "unless", "block_with", "nearest", "requires", "requires_removed"),
    }
)
GLOB_KEYS = frozenset(
    {
        *("branches", "diff_files", "exclude", "exclude_files", "files", "ignore"),
        *("path", "paths", "paths_add", "paths_remove"),
    }
)


def regexes_in(value: object) -> Iterator[str]:
    """All regular expressions, at any depth of what YAML gave."""
    return _written(value, REGEX_KEYS)


def globs_in(value: object) -> Iterator[str]:
    """All globs over the changed files, at any depth of what YAML gave."""
    return _written(value, GLOB_KEYS)


def steps(value: object, most: int = regexes.MAX_STEPS) -> int:
    """What its regular expressions take together, each counted once.

    most: steps of one beyond which it is a mistake of its own, and not counted here.
    """
    sound = {one for one in regexes_in(value) if not regexes.fault(one, most)}
    return sum(regexes.steps(one) for one in sound)


def _written(value: object, keys: Collection[str], key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inside in value.items():
            yield from _written(inside, keys, name)
    elif isinstance(value, list):
        for inside in value:
            yield from _written(inside, keys, key)
    elif isinstance(value, str) and key in keys:
        yield value
