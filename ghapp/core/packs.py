"""The text of a pack -> the Area it describes, or all Problems in it at once."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ghapp.core import yaml
from ghapp.core.areas import Area
from ghapp.core.model import Problem
from ghapp.core.packfile import PackPart, area

Loc = tuple[int | str, ...]
Mistake = tuple[Loc, str]

NOT_A_MAPPING = "has to be a mapping of keys to values"

MOST_NAMED = 20

# By pydantic's type of error; {key} is the last key, {input} the value, the rest its context.
MEANINGS: Mapping[str, str] = {
    "missing": "`{key}` is missing",
    "string_type": "`{key}` has to be text: put it in quotes",
    "string_too_short": "`{key}` is empty",
    "string_pattern_mismatch": "`{input}` is no id: lower-case letters, digits and single hyphens",
    "literal_error": "`{input}` is not known here: write {expected}",
    "int_type": "`{key}` has to be a whole number",
    "greater_than_equal": "`{key}` has to be at least {ge}",
    "less_than_equal": "`{key}` has to be at most {le}",
    "tuple_type": "`{key}` has to be a list",
    "too_short": "`{key}` is an empty list",
    "model_type": NOT_A_MAPPING,
}


def parse(text: str | bytes, path: str, references: Collection[str]) -> Area | tuple[Problem, ...]:
    """The area, or the problems in the order of their places.

    path: the file as its problems shall name it. references: the keys that `refs` may hold.
    """
    tree = yaml.read(text, path)
    if not isinstance(tree, yaml.Tree):
        return tree
    mistakes = [*_doubled(tree.value), *_unknown_references(tree.value, references)]
    try:
        pack = PackPart.model_validate(tree.value)
    except ValidationError as error:
        mistakes += _explained(error.errors(include_url=False), PackPart)
    if mistakes:
        return tuple(sorted((_problem(tree, path, one) for one in mistakes), key=_place))
    return area(pack)


def _explained(errors: list[ErrorDetails], model: type[BaseModel]) -> Iterator[Mistake]:
    places = [error["loc"] for error in errors]
    for error in errors:
        loc = error["loc"]
        # A list whose members are all wrong is also called too short.
        inside = any(place[: len(loc)] == loc and place != loc for place in places)
        if error["type"] == "too_short" and inside:
            continue
        yield loc, _words(error, model)


def _words(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind, loc = error["type"], error["loc"]
    if kind == "extra_forbidden":
        return f"unknown key `{loc[-1]}`{_nearest(str(loc[-1]), _keys(model, loc[:-1]))}"
    meaning = MEANINGS.get(kind, "{msg}")
    key = next((step for step in reversed(loc) if isinstance(step, str)), "the pack")
    values: dict[str, Any] = {**error.get("ctx", {}), "msg": error["msg"]}
    words = meaning.format(**values | {"key": key, "input": error["input"]})
    if kind == "missing" and str(key).endswith("ja"):
        words += ": a pack has its texts in English and Japanese"
    return words


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f": did you mean `{near[0]}`?"
    return f": known are {', '.join(sorted(known))}" if len(known) <= MOST_NAMED else ""


def _keys(model: type[BaseModel], loc: Loc) -> tuple[str, ...]:
    """The keys that the mapping at `loc` may have."""
    for step in loc:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if step in fields:
            model = _model_in(fields[str(step)].annotation) or model
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one))), None)


def _doubled(pack: object) -> Iterator[Mistake]:
    seen: dict[str, int] = {}
    for index, item in _items(pack):
        name = item.get("id")
        if isinstance(name, str) and seen.setdefault(name, index) != index:
            first = seen[name] + 1
            yield ("items", index, "id"), f"the id `{name}` is used twice, first by item {first}"


def _unknown_references(pack: object, known: Collection[str]) -> Iterator[Mistake]:
    for index, item in _items(pack):
        refs = item.get("refs")
        for place, key in enumerate(refs if isinstance(refs, list) else ()):
            if isinstance(key, str) and key not in known:
                words = f"the reference `{key}` is not known{_nearest(key, known)}"
                yield ("items", index, "refs", place), words


def _items(pack: object) -> Iterator[tuple[int, dict[str, object]]]:
    """The items as far as the text has any, with their places in the list."""
    items = pack.get("items") if isinstance(pack, dict) else None
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict):
            yield index, item


def _problem(tree: yaml.Tree, path: str, mistake: Mistake) -> Problem:
    loc, words = mistake
    # The key rather than the value: it is what has to be mended where a key is unknown.
    return Problem(path, *tree.key_at(loc), words)


def _place(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column
