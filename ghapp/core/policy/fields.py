"""What the keys of packs and policies may hold: the types that their syntax is made of."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from ghapp.core.markdown import seen
from ghapp.core.patterns import globs, regexes

MAX_LIST = 200  # globs and regexes are tried one by one on every file of a pull
ID = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
# Of areas and items that no pack has: they are signed off by who may by the policy as a whole.
TAKEN = re.compile(r"too-many-files|unread-files|concern-[0-9]+")

Category = Literal[
    "availability",
    "performance",
    "operability",
    "maintainability",
    "change-safety",
    "data-integrity",
    "security",
    "compliance",
    "cost",
    "user-experience",
]


def _regex(pattern: str, info: ValidationInfo) -> str:
    return _sound(pattern, info, regexes.MAX_STEPS)


def _hazard_regex(pattern: str, info: ValidationInfo) -> str:
    return _sound(pattern, info, regexes.MAX_HAZARD_STEPS)


def _sound(pattern: str, info: ValidationInfo, most_steps: int) -> str:
    if not _is_trusted(info) and (fault := regexes.fault(pattern, most_steps)):
        raise PydanticCustomError("regex", "{fault}", {"fault": fault})
    return pattern


def _is_trusted(info: ValidationInfo) -> bool:
    """Whether the patterns are known to be sound: tests try those of the built-in packs."""
    return bool(info.context and info.context["trusted"])


def _glob(glob: str, info: ValidationInfo) -> str:
    if not _is_trusted(info) and (fault := globs.fault(glob)):
        raise PydanticCustomError("glob", "{fault}", {"fault": fault})
    return glob


def _own(id: str) -> str:
    if TAKEN.fullmatch(id):
        raise PydanticCustomError("taken", "is an id of ghapp's own: take another")
    return id


def _line(words: str) -> str:
    if seen(words) != words:
        hint = "should be one line without characters that nobody sees"
        raise PydanticCustomError("line", hint)
    return words


def _some(values: tuple[object, ...]) -> tuple[object, ...]:
    # Not min_length: that also calls a list empty whose members are all wrong.
    if not values:
        raise PydanticCustomError("empty_list", "should not be empty")
    return values


def _few(values: object) -> object:
    # Not max_length: that looks at every member before it counts.
    if isinstance(values, list | tuple | dict) and len(values) > MAX_LIST:
        text = "should have at most {most} entries: take some out"
        raise PydanticCustomError("too_many", text, {"most": MAX_LIST})
    return values


def listed(value: object) -> object:
    """A single word as a list of one."""
    return [value] if isinstance(value, str) else value


Regex = Annotated[str, AfterValidator(_regex)]
HazardRegex = Annotated[str, AfterValidator(_hazard_regex)]
Glob = Annotated[str, AfterValidator(_glob)]
Severity = Literal["must", "should", "could"]
OwnId = Annotated[str, Field(pattern=ID), AfterValidator(_own)]
AreaId = Annotated[OwnId, Field(max_length=40)]  # fits the label `nfr/area: ID`
Words = Annotated[str, Field(min_length=1)]
Line = AfterValidator(_line)
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Line]
Ask = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Line]
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000), Line]
Count = Annotated[int, Field(ge=1, strict=True)]  # "3" and true are no numbers
Some = AfterValidator(_some)
Most = BeforeValidator(_few)
Regexes = Annotated[tuple[Regex, ...], Most, BeforeValidator(listed), Some]
Globs = Annotated[tuple[Glob, ...], Most, BeforeValidator(listed), Some]
Names = Annotated[tuple[Words, ...], Most, BeforeValidator(listed), Some]
Kind = Literal["label", "path", "diff", "removed", "folder", "size"]
Kinds = Annotated[tuple[Kind, ...], BeforeValidator(listed), Some]


class Part(BaseModel):
    """A mapping of a pack or policy, in which unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
