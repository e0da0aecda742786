"""The types of the values in packs and policies, from which their syntax is built."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, LiteralString, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ghapp.core.markdown import seen
from ghapp.core.patterns import globs, regexes

MAX_LIST = 200  # globs and regexes are tried one by one on every file of a pull
ID = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
# Reserved: ids of areas and items that ghapp itself adds, see `review/special_areas.py`.
TAKEN = re.compile(r"too-many-files|unread-files|concern-[0-9]+")


def refused(wrong: Callable[[Any], object], text: str) -> AfterValidator:
    """A check of a value. The problem with a wrong one reads "`KEY` TEXT"."""
    return AfterValidator(partial(_checked, wrong, text, "value"))


def fitting(fault: Callable[[Any], str]) -> AfterValidator:
    """A check of a value. The problem with a wrong one reads "`KEY` " and what `fault` says."""

    def check(value: Any) -> Any:
        if why := fault(value):
            raise PydanticCustomError("value", "{text}", {"text": why})
        return value

    return AfterValidator(check)


def refused_first(
    wrong: Callable[[Any], object], text: str, kind: LiteralString = "value"
) -> BeforeValidator:
    """The same, before pydantic converts the value to its type.

    kind: "switch" if the value may be on or off.
    """
    return BeforeValidator(partial(_checked, wrong, text, kind))


def _checked(wrong: Callable[[Any], object], text: str, kind: LiteralString, value: Any) -> Any:
    if wrong(value):
        raise PydanticCustomError(kind, "{text}", {"text": text})
    return value


def in_short(*keys: str) -> BeforeValidator:
    """Allows a single word in the place of a mapping: it is the value of these keys."""
    return BeforeValidator(
        lambda value: dict.fromkeys(keys, value) if isinstance(value, str) else value
    )


def at_most(most: int, text: str) -> BeforeValidator:
    """A limit on entries. Unlike max_length, it counts them before each one is checked."""
    return refused_first(
        lambda values: isinstance(values, list | tuple | dict) and len(values) > most,
        text.format(most=most),
    )


def sound(fault: Callable[[str], str]) -> AfterValidator:
    """A check of patterns. Those of built-in packs are trusted here, because tests check them."""

    def check(pattern: str, info: ValidationInfo) -> str:
        trusted = info.context and info.context["trusted"]
        if not trusted and (why := fault(pattern)):
            raise PydanticCustomError("pattern", "{why}", {"why": why})
        return pattern

    return AfterValidator(check)


def inside(annotation: Any) -> Iterator[Any]:
    """A type and all types and annotations that it is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from inside(part)


REGEX, GLOB = "regex", "glob"  # annotations of the keys whose patterns `limits` counts
hazard_fault = partial(regexes.fault, most_steps=regexes.MAX_HAZARD_STEPS)
Regex = Annotated[str, REGEX, sound(regexes.fault)]
HazardRegex = Annotated[str, REGEX, sound(hazard_fault)]
Glob = Annotated[str, GLOB, sound(globs.fault)]

Line = refused(
    lambda words: seen(words) != words, "should be one line without characters that nobody sees"
)
OwnId = Annotated[
    str, Field(pattern=ID), refused(TAKEN.fullmatch, "is an id of ghapp's own: take another")
]
AreaId = Annotated[OwnId, Field(max_length=40)]  # fits the label `nfr/area: ID`
SomeText = Annotated[str, Field(min_length=1)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Line]
Ask = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Line]
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000), Line]
Count = Annotated[int, Field(ge=1, strict=True)]  # "3" and true are not numbers

Most = at_most(MAX_LIST, "should have at most {most} entries: take some out")
# Not min_length, which also calls a list empty whose entries are all wrong.
Some = refused(lambda values: not values, "should not be empty")
Listed = BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
GlobList = Annotated[tuple[Glob, ...], Most]
RegexList = Annotated[tuple[Regex, ...], Most]
NameList = Annotated[tuple[SomeText, ...], Most]
# One or several.
Globs = Annotated[tuple[Glob, ...], Most, Listed, Some]
Regexes = Annotated[tuple[Regex, ...], Most, Listed, Some]
Names = Annotated[tuple[SomeText, ...], Most, Listed, Some]

Severity = Literal["must", "should", "could"]
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


class Part(BaseModel):
    """A mapping of a pack or policy, in which unknown keys are mistakes.

    needs: keys of which at least one is required.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    needs: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def has_what_it_needs(self) -> Self:
        if self.needs and not any(getattr(self, key) for key in self.needs):
            raise PydanticCustomError("needs", "needs {keys}", {"keys": either(self.needs)})
        return self


def either(keys: Sequence[str]) -> str:
    """Two or more keys in a sentence: "`a`, `b` or `c`"."""
    *first, last = (f"`{key}`" for key in keys)
    return f"{', '.join(first)} or {last}"
