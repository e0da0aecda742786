"""What pydantic finds wrong with a file of users -> Problems in their words, with their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ghapp.core.model import Problem
from ghapp.core.policy.fields import ID
from ghapp.core.policy.hazard_schema import HAZARD_ID
from ghapp.core.policy.yaml import MAX_PROBLEMS, Loc, Place, Tree

EXPECTED = {
    "model_type": "should be a mapping, as in `key: value`",
    "dict_type": "should be a mapping, as in `key: value`",
    "tuple_type": "should be a list, as in `[a, b]`",
    "string_type": "should be text: put it in quotes",
    "bool_type": "should be on or off",
    "int_type": "should be a whole number",
    "string_too_short": "should not be empty",
    "too_short": "should not be empty",
}

PATTERNS = {
    ID: "should be lower-case words joined by `-`",
    HAZARD_ID: "should be capitals, a hyphen and a number, as in `DBM-010`",
}

COMPLETE = ("glob", "regex")  # whose messages are whole sentences


def mistakes(
    error: ValidationError,
    model: type[BaseModel],
    tree: Tree,
    path: str,
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Problem, ...]:
    """What the validation of `tree.value` as `model` found, in the order of their places.

    The first 50 of them: each costs a search for what was meant.

    elsewhere: unknown keys of the whole file that deserve a word of their own, and that word.
    """
    details = error.errors(include_url=False)
    around = {one["loc"][:end] for one in details for end in range(len(one["loc"]))}
    # A list whose members are all wrong is called too short as well.
    true = [one for one in details if one["type"] != "too_short" or one["loc"] not in around]
    true.sort(key=lambda one: _place(one, tree))
    found = (_problem(one, model, tree, path, elsewhere) for one in true[:MAX_PROBLEMS])
    return tuple(sorted(found, key=lambda one: (one.line, one.column, one.text)))


def meant(word: str, known: Iterable[str]) -> str:
    """ ": did you mean `...`?" where a known word is near, else a list of them; may be ""."""
    words = sorted(known)
    near = get_close_matches(word[:100], words, n=1)
    if near:
        return f": did you mean `{near[0]}`?"
    return f": known here: {', '.join(words)}" if words else ""


def named(loc: Loc, tree: Tree) -> str:
    """The place in the tree as people write it: "areas.caching.items[2]"; "" is the whole file."""
    steps = tree.steps(loc)
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps).removeprefix(".")


def _place(detail: ErrorDetails, tree: Tree) -> Place:
    loc = detail["loc"]
    if detail["type"] == "missing":
        return tree.key_at(loc[:-1])
    key = detail["type"] == "extra_forbidden" or loc[-1:] == ("[key]",)
    return tree.key_at(loc) if key else tree.at(loc)


def _problem(
    detail: ErrorDetails,
    model: type[BaseModel],
    tree: Tree,
    path: str,
    elsewhere: Mapping[str, str],
) -> Problem:
    loc, place = detail["loc"], _place(detail, tree)
    if detail["type"] == "extra_forbidden":
        return Problem(path, *place, _unknown(loc, model, elsewhere))
    if detail["type"] == "missing":
        inside = named(loc[:-1], tree)
        where = f" in `{inside}`" if inside else ""
        return Problem(path, *place, f"`{loc[-1]}` is missing{where}")
    name = named(loc, tree)
    colon = ":" if detail["type"] in COMPLETE else ""
    text = f"{f'`{name}`' if name else 'the file'}{colon} {_said(detail)}"
    return Problem(path, *place, text)


def _unknown(loc: Loc, model: type[BaseModel], elsewhere: Mapping[str, str]) -> str:
    key = str(loc[-1])
    if len(loc) == 1 and key in elsewhere:
        return f"`{key}` {elsewhere[key]}"
    return f"unknown key `{key[:40]}`{meant(key, _keys(model, loc[:-1]))}"


def _said(detail: ErrorDetails) -> str:
    kind, message = detail["type"], detail["msg"]
    if kind == "literal_error":
        written = str(detail["input"])[:100]
        expected = detail["ctx"]["expected"]
        near = get_close_matches(
            written, expected.replace("'", "").replace(" or ", ", ").split(", ")
        )
        return f"should be {expected}" + (f": did you mean {near[0]}?" if near else "")
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(detail["ctx"]["pattern"], message)
    subject, should, rest = message.partition("should")  # "String should have at most ..."
    return EXPECTED.get(kind) or should + rest or subject


def _keys(model: type[BaseModel], loc: Loc) -> set[str]:
    """The keys that the mapping at `loc` may have; steps that name no field are passed over."""
    models = {model}
    for step in loc:
        inside = {part for one in models for part in _inside(one, step)}
        models = inside or models
    return {name for one in models for name in _fields(one)}


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _inside(model: type[BaseModel], step: str | int) -> Iterator[type[BaseModel]]:
    yield from _models(_fields(model).get(str(step)))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
