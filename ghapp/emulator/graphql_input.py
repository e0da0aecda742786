"""Values given to GraphQL: whether they are of the type asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ghapp.emulator.graphql_text import Enum, Variable
from ghapp.emulator.state import Json

# Source: https://docs.github.com/graphql/reference/enums#reactioncontent
REACTION_NAMES = {
    "THUMBS_UP": "+1", "THUMBS_DOWN": "-1", "LAUGH": "laugh", "HOORAY": "hooray",
    "CONFUSED": "confused", "HEART": "heart", "ROCKET": "rocket", "EYES": "eyes",
}  # fmt: skip
ENUMS: Mapping[str, Mapping[str, str]] = {"ReactionContent": REACTION_NAMES}
INPUTS: Mapping[str, Mapping[str, str]] = {
    "AddReactionInput": {
        "subjectId": "ID!",
        "content": "ReactionContent!",
        "clientMutationId": "String",
    }
}
SCALARS = ("Boolean", "ID", "Int", "String")


class Unfit(Exception):
    """The message says why a value is not of a type."""


def is_input(kind: str) -> bool:
    name = kind.strip("[]!")
    return name in (*SCALARS, *ENUMS, *INPUTS)


def fitted(kind: str, value: Any, *, written: bool) -> Any:
    """The value as the type has it. written: it stands in the text, where enums have no quotes.

    Raises Unfit.
    """
    if kind.endswith("!"):
        if value is None:
            raise Unfit("Expected value to not be null")
        return fitted(kind[:-1], value, written=written)
    if value is None:
        return None
    if kind.startswith("["):
        rows = value if isinstance(value, list) else [value]
        return [fitted(kind[1:-1], row, written=written) for row in rows]
    if kind in INPUTS:
        return _object(kind, value, written=written)
    if kind in ENUMS:
        if not isinstance(value, str) or value not in ENUMS[kind]:
            raise Unfit(f"Expected {shown(value)} to be one of: {', '.join(ENUMS[kind])}")
        if written and not isinstance(value, Enum):
            raise Unfit(f"Expected {shown(value)} to be written without quotes")
        return Enum(value)  # so that a variable of this type fits where a name is written
    return _scalar(kind, value)


def _scalar(kind: str, value: Any) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if (kind == "Int" and whole) or (kind == "Boolean" and isinstance(value, bool)):
        return value
    whole = kind == "ID" and whole
    if (
        kind in ("Int", "Boolean")
        or isinstance(value, Enum)
        or not (isinstance(value, str) or whole)
    ):
        raise Unfit(f"Could not coerce value {shown(value)} to {kind}")
    return str(value)


def _object(kind: str, value: Any, *, written: bool) -> Json:
    fields = INPUTS[kind]
    if not isinstance(value, dict):
        raise Unfit(f"Expected {shown(value)} to be a key-value object")
    for name in value:
        if name not in fields:
            raise Unfit(f"Field is not defined on {kind}: {name}")
    made = {}
    for name, inner in fields.items():
        try:
            made[name] = fitted(inner, value.get(name), written=written)
        except Unfit as wrong:
            raise Unfit(f"{wrong} for {name}") from None
    return made


def filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """The value with each variable in it replaced by what was given."""
    if isinstance(value, Variable):
        return variables.get(value.name)
    if isinstance(value, list):
        return [filled(row, variables) for row in value]
    if isinstance(value, dict):
        return {name: filled(inner, variables) for name, inner in value.items()}
    return value


def used(value: Any) -> set[str]:
    """The names of the variables in a value."""
    if isinstance(value, Variable):
        return {value.name}
    rows = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for row in rows for name in used(row)}


def shown(value: Any) -> str:
    return value if isinstance(value, Enum) else json.dumps(value)
