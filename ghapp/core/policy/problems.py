"""What pydantic finds wrong with a user's file -> Problems in plain words, with their places."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ghapp.core.model import Problem
from ghapp.core.policy.fields import ID, inside
from ghapp.core.policy.hazard_schema import HAZARD_ID
from ghapp.core.policy.yaml import MAX_PROBLEMS, SPELT, Loc, Place, Tree

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

BOUNDS = {  # error -> (the bound, what it is called)
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
}

SWITCHES = ("bool_type", "switch")  # errors of values that may be on or off

PATTERNS = {
    ID: "should be lower-case words joined by `-`",
    HAZARD_ID: "should be capitals, a hyphen and a number, as in `DBM-010`",
}


def mistakes(
    error: ValidationError,
    model: type[BaseModel],
    tree: Tree,
    path: str,
) -> tuple[Problem, ...]:
    """What the validation of `tree.value` as `model` found, in the order of their places.

    Only the first 50, because each may cost a search for a similar word.
    """

    def place(detail: ErrorDetails) -> Place:
        loc = detail["loc"]
        if detail["type"] == "missing":
            return tree.key_at(loc[:-1])
        of_key = detail["type"] == "extra_forbidden" or loc[-1:] == ("[key]",)
        return tree.key_at(loc) if of_key else tree.at(loc)

    def text(detail: ErrorDetails) -> str:
        loc, kind = detail["loc"], detail["type"]
        if kind == "extra_forbidden":
            key = str(loc[-1])
            return f"unknown key `{key[:40]}`{meant(key, keys_at(loc[:-1], model))}"
        if kind == "missing":
            around = named(loc[:-1], tree)
            return f"`{loc[-1]}` is missing" + (f" in `{around}`" if around else "")
        name = f"`{named(loc, tree)}`" if tree.steps(loc) else "the file"
        # What is wrong with a pattern is a whole sentence.
        return f"{name}{':' if kind == 'pattern' else ''} {said(detail)}"

    details = error.errors(include_url=False)
    around = {one["loc"][:end] for one in details for end in range(len(one["loc"]))}
    # pydantic calls a list whose members are all wrong too short as well.
    real = [one for one in details if one["type"] != "too_short" or one["loc"] not in around]
    real.sort(key=place)
    found = (Problem(path, *place(one), text(one)) for one in real[:MAX_PROBLEMS])
    return tuple(sorted(found, key=lambda one: (one.line, one.column, one.text)))


def said(detail: ErrorDetails) -> str:
    """What should be there, as the end of a sentence that begins with the key."""
    kind, message = detail["type"], detail["msg"]
    if kind == "literal_error":
        written = str(detail["input"])[:100]
        expected: str = detail["ctx"]["expected"]
        words = expected.replace("'", "").replace(" or ", ", ").split(", ")
        near = get_close_matches(written, words)
        return f"should be {expected}" + (f": did you mean {near[0]}?" if near else "")
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(detail["ctx"]["pattern"], message)
    if kind in BOUNDS:
        bound, most_or_least = BOUNDS[kind]
        return f"should be {most_or_least} {detail['ctx'][bound]}"
    subject, should, rest = message.partition("should")  # "String should have at most ..."
    written = detail["input"]
    # SPELT has the empty text, too, which stands for nothing.
    quoted = isinstance(written, str) and isinstance(SPELT.get(written), bool)
    remedy = f": write `{written}` without quotes" if quoted and kind in SWITCHES else ""
    return (EXPECTED.get(kind) or should + rest or subject) + remedy


def meant(word: str, known: Iterable[str], *, listed: bool = True) -> str:
    """ ": did you mean `...`?" if a known word is similar, else the known words; may be "".

    listed: whether to list the known words; False if there are hundreds.
    """
    words = sorted(known)
    near = get_close_matches(word[:100], words, n=1)
    if near:
        return f": did you mean `{near[0]}`?"
    return f": known here: {', '.join(words)}" if words and listed else ""


def named(loc: Loc, tree: Tree) -> str:
    """The place in the tree as people write it: "areas.caching.items[2]"; "" is the whole file."""
    steps = tree.steps(loc)
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps).removeprefix(".")


def keys_at(loc: Loc, model: type[BaseModel]) -> set[str]:
    """The keys that the mapping at `loc` may have. Steps that name no field are skipped."""
    models = {model}
    for step in loc:
        found = {
            part
            for one in models
            for name, field in one.model_fields.items()
            if (field.alias or name) == step
            for part in inside(field.annotation)
            if isinstance(part, type) and issubclass(part, BaseModel)
        }
        models = found or models
    return {field.alias or name for one in models for name, field in one.model_fields.items()}
