"""The types of the values in packs and policies, from which their syntax is built."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, LiteralString, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError, core_schema

from ghapp.core.markdown import seen
from ghapp.core.patterns import globs, regexes

MAX_LIST = 200  # globs and regexes are tried one by one on every file of a pull
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
# The version of ghapp that first read a key, and where the schema of the key has a later one.
FIRST, SINCE = "0.1.0", "x-since"
ID = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
# Reserved: ids of areas and items that ghapp itself adds, see `review/special_areas.py`.
TAKEN = re.compile(r"too-many-files|unread-files|(project-)?concern-[0-9]+")


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


@dataclass(frozen=True, slots=True)
class Shorthand:
    """Allows a single text in the place of a list or mapping. whole: what the text stands for."""

    whole: Callable[[str], object]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, handler(schema)]}

    def _read(self, value: Any) -> Any:
        return self.whole(value) if isinstance(value, str) else value


def in_short(*keys: str) -> Shorthand:
    """Allows a single word in the place of a mapping: it is the value of these keys."""
    return Shorthand(lambda word: dict.fromkeys(keys, word))


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


def key(
    words: str,
    example: Any,
    *,
    value: Any = None,
    default: Any = None,
    alias: str | None = None,
    since: str = FIRST,
) -> Any:
    """A key that may be left out, with what editors show about it.

    words: what it means. value: of the field if it is left out. default: what applies then, if the
    value does not say so. since: the version of ghapp that first read it.
    """
    shown = [*value] if isinstance(value, tuple) else value
    shown = shown if default is None else default
    extra = {"default": shown, **({} if since == FIRST else {SINCE: since})}
    return Field(value, description=words, examples=[example], json_schema_extra=extra, alias=alias)


def since(field: FieldInfo) -> str:
    """The version of ghapp that first read the key."""
    extra = field.json_schema_extra
    return str(extra.get(SINCE, FIRST)) if isinstance(extra, dict) else FIRST


def required(words: str, example: Any, *, alias: str | None = None) -> Any:
    """A key that is required, with what editors show about it."""
    return Field(description=words, examples=[example], alias=alias)


def json_schema(model: type[BaseModel], id: str, title: str) -> dict[str, Any]:
    """The JSON Schema of a file, in draft 7, which the YAML support of all editors reads.

    id: an absolute address, which need not lead anywhere.
    """
    found = model.model_json_schema(ref_template="#/definitions/{model}")
    definitions = found.pop("$defs", {})
    body = {**_draft_7(found), "title": title}
    parts = {name: _draft_7(part) for name, part in definitions.items()}
    return {"$schema": DRAFT_7, "$id": id, **body, "definitions": parts}


def _draft_7(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema, and all inside, without what draft 7 or an editor takes in another way."""
    made: dict[str, Any] = {}
    for name, value in schema.items():
        if name in ("properties", "patternProperties"):
            made[name] = {field: _draft_7(inner) for field, inner in value.items()}
        elif name in ("anyOf", "oneOf", "allOf"):
            made[name] = [_draft_7(inner) for inner in value]
        elif name in ("items", "additionalProperties", "propertyNames") and value is not False:
            made[name] = _draft_7(value)
        elif name == "description":
            made[name] = value.partition("\n\n")[0].replace("\n", " ")
        elif name != "title":  # made of the key's name
            made[name] = value
    if "$ref" in made and len(made) > 1:  # draft 7 ignores what is beside a reference
        made["allOf"] = [{"$ref": made.pop("$ref")}]
    if "patternProperties" in made:  # an id of another form is a mistake
        made["additionalProperties"] = False
    if made.get("type") == "boolean":
        # In YAML 1.2, which editors read, `off` is text.
        del made["type"]
        made["anyOf"] = [{"type": "boolean"}, {"enum": ["on", "off", "yes", "no"]}]
    return made


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
Listed = Shorthand(lambda text: [text])
GlobList = Annotated[tuple[Glob, ...], Most]
RegexList = Annotated[tuple[Regex, ...], Most]
NameList = Annotated[tuple[SomeText, ...], Most]
# One or several.
Globs = Annotated[tuple[Glob, ...], Most, Listed, Some]
Regexes = Annotated[tuple[Regex, ...], Most, Listed, Some]
Names = Annotated[tuple[SomeText, ...], Most, Listed, Some]

# Managed users have an underscore before the short code of their enterprise, an App has [bot].
# Source: https://docs.github.com/enterprise-cloud@latest/admin/managing-iam/iam-configuration-reference/username-considerations-for-external-authentication
LOGIN = re.compile(r"(?P<user>[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?:_[A-Za-z0-9]+)?)(?:\[bot\])?")
MOST_OF_LOGIN = 39
# GitHub makes the slug from the team's name; the teams of an enterprise have `ent:` before it.
SLUG = re.compile(r"(?:ent:)?[a-z0-9_]+(?:-+[a-z0-9_]+)*")
NOT_IN_SLUG = re.compile("[^a-z0-9_]+")


def login_fault(name: str) -> str:
    """Why GitHub has no account of this name, and what to write; "" if it may."""
    found = LOGIN.fullmatch(name)
    if name.startswith("@"):
        return "should be written without `@`"
    if found and len(found["user"]) > MOST_OF_LOGIN:
        return f"should have at most {MOST_OF_LOGIN} characters, as every login on GitHub"
    if found:
        return ""
    if name.startswith("app/"):
        return f"should be the App's login: write `{name.removeprefix('app/')[:60]}[bot]`"
    if "/" in name:
        return "should be a login: teams belong in `teams`, each by its slug alone"
    if "@" in name:
        return "should be a login, not a mail address: write the end of the profile's address"
    return (
        f"should be a login, and `{name[:60]}` cannot be one: write letters and digits, with "
        "single hyphens between them, and `[bot]` after the name of an App"
    )


def team_fault(slug: str) -> str:
    """Why GitHub has no team of this slug, and what to write; "" if it may."""
    if slug.startswith("@") and "/" not in slug:
        return "should be written without `@`"
    if "/" in slug:
        alone = slug.rpartition("/")[2][:60] or "sre"
        whose = "the organisation is the repository's"
        return f"should be the team's slug alone, as in `{alone}`: {whose}"
    if SLUG.fullmatch(slug):
        return ""
    likely = NOT_IN_SLUG.sub("-", slug.lower()).strip("-")[:60]
    ending = "the end of its address on GitHub"
    return f"should be the team's slug, {ending}" + (f": write `{likely}`" if likely else "")


Login = Annotated[SomeText, fitting(login_fault)]
Team = Annotated[SomeText, fitting(team_fault)]

Mode = Literal["observe", "advise", "enforce"]
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
    """One or more keys in a sentence: "`a`, `b` or `c`"."""
    *first, last = (f"`{key}`" for key in keys)
    return f"{', '.join(first)} or {last}" if first else last
