"""The syntax of `.github/nfr.yml`: which keys there are and what each may hold.

A key that is absent or empty says nothing: the layer below it holds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StrictBool,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ghapp.core.policy import pack_files
from ghapp.core.policy.fields import (
    AreaId,
    Ask,
    Category,
    Glob,
    Most,
    Part,
    Regex,
    Severity,
    Title,
    Why,
    Words,
)
from ghapp.core.policy.hazard_schema import HAZARD_ID
from ghapp.core.policy.pack_schema import DetectPart, WhenPart

Mode = Literal["observe", "advise", "enforce"]
Language = Literal["en", "ja"]
Evidence = Literal["url", "number", "text", "choice"]
Channel = Literal["command", "label", "review", "button"]

MAX_AREAS = 100

# Keys that are no mistake of spelling.
ELSEWHERE = {
    "locked": "belongs in the organisation's file: take it out of this one",
}


def _name(name: str) -> str:
    if name in (".", ".."):  # in an address they are steps of the path
        raise PydanticCustomError("dots", "should be a name, not `.` or `..`")
    return name


def _login(name: str) -> str:
    if name.startswith("@"):
        raise PydanticCustomError("login", "should be written without `@`")
    return _name(name)


def _team(slug: str) -> str:
    if "/" in slug or " " in slug:
        hint = "should be the team's slug alone, as in `sre`: the organisation is the repository's"
        raise PydanticCustomError("team", hint)
    return _login(slug)


def _label(name: str) -> str:
    if name != name.strip() or not name.isprintable():  # GitHub would store another name
        raise PydanticCustomError("label", "should be one line without spaces around it")
    return _name(name)


def _pack(glob: str) -> str:
    if fault := pack_files.fault(glob):
        raise PydanticCustomError("glob", "{fault}", {"fault": fault})
    return glob


def _few_packs(values: object) -> object:
    if isinstance(values, list) and len(values) > pack_files.MAX_GLOBS:
        text = "should have at most {most} globs: put the packs into one folder"
        raise PydanticCustomError("too_many", text, {"most": pack_files.MAX_GLOBS})
    return values


def _both(value: object) -> object:
    """One word for both languages."""
    return {"en": value, "ja": value} if isinstance(value, str) else value


def _hazard_value(value: object) -> object:
    if isinstance(value, bool) or value in get_args(Severity):
        return value
    raise PydanticCustomError("hazard", "should be on, off, must, should or could")


Count = Annotated[int, Field(ge=1, strict=True)]
# Source: https://docs.github.com/en/rest/issues/labels (names of at most 50 characters)
LabelName = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(_label)]
Globs = Annotated[tuple[Glob, ...], Most]
Regexes = Annotated[tuple[Regex, ...], Most]
Names = Annotated[tuple[Words, ...], Most]
PackGlobs = Annotated[
    tuple[Annotated[str, AfterValidator(_pack)], ...], BeforeValidator(_few_packs)
]
HazardId = Annotated[str, Field(pattern=HAZARD_ID)]
HazardValue = Annotated[StrictBool | Severity, BeforeValidator(_hazard_value)]


class PeoplePart(Part):
    """teams: slugs in the organisation of the repository. users: logins."""

    teams: Annotated[tuple[Annotated[Words, AfterValidator(_team)], ...], Most] = ()
    users: Annotated[tuple[Annotated[Words, AfterValidator(_login)], ...], Most] = ()


class SignOffPart(Part):
    by: Annotated[tuple[Channel, ...], Most, Field(min_length=1)] | None = None
    stale_on: Literal["area-change", "any-push", "never"] | None = None
    allow_author: StrictBool | None = None
    require_answers: Literal["none", "must"] | None = None


class FeaturesPart(Part):
    """What makes a pull request a new feature; any of them will do."""

    labels: Names | None = None
    titles: Regexes | None = None
    branches: Globs | None = None
    added_lines: Count | None = None


class IgnorePart(Part):
    authors: Names | None = None
    paths: Globs | None = None


class DeferPart(Part):
    """How long an item may be put off; never: items that may not."""

    default_days: Count | None = None
    max_days: Count | None = None
    never: Annotated[tuple[AreaId, ...], Most] | None = None


class LabelsPart(Part):
    waiting: LabelName | None = None
    hold: LabelName | None = None
    signed_off: LabelName | None = None
    waived: LabelName | None = None
    follow_ups: LabelName | None = None
    follow_up: LabelName | None = None


class DatabasePart(Part):
    """dialect: hazards of the other one are off."""

    dialect: Literal["mysql", "postgres"] | None = None


class WordsPart(Part):
    """Words in one or both languages; at least in the policy's own."""

    en: Title | None = None
    ja: Title | None = None


class VocabularyPart(Part):
    """What the texts of packs call users, service and tenants here, in one or both languages."""

    users: Annotated[WordsPart, BeforeValidator(_both)] | None = None
    service: Annotated[WordsPart, BeforeValidator(_both)] | None = None
    tenants: Annotated[WordsPart, BeforeValidator(_both)] | None = None


class OwnItemPart(Part):
    """A question of one's own. evidence: what kind of answer is asked for; absent: a tick."""

    id: AreaId
    sev: Literal["must", "should", "could"]
    cat: Category
    en: Ask | None = None
    ja: Ask | None = None
    why_en: Why | None = None
    why_ja: Why | None = None
    ev_en: Why | None = None
    ev_ja: Why | None = None
    refs: Names = ()
    when: WhenPart | None = None
    must_when: WhenPart | None = None
    scope: Literal["project", "change"] = "change"
    evidence: Evidence | None = None
    choices: Annotated[tuple[Title, ...], Most] = ()

    @model_validator(mode="after")
    def _choices(self) -> OwnItemPart:
        if (self.evidence == "choice") != bool(self.choices):
            raise PydanticCustomError("choices", "needs `choices` exactly with `evidence: choice`")
        return self


def _items_kind(value: Any) -> str:
    return "own" if isinstance(value, list | tuple) else "switches"


Items = Annotated[
    Annotated[dict[AreaId, StrictBool], Most, Tag("switches")]
    | Annotated[tuple[OwnItemPart, ...], Most, Tag("own")],
    Discriminator(_items_kind),
]


class AreaPart(Part):
    """What is changed of a built-in area, or an area of one's own (title, detect and items).

    flag: whether a touched path is enough (touch, as for every area that the file names), or a
    question or finding is needed (evidence). paths_remove: globs that the area leaves out.
    items: a mapping switches items off or on, a
    list adds items. hazards: a mapping switches hazards off or on, or gives them another severity.
    """

    mode: Mode | None = None
    flag: Literal["touch", "evidence"] | None = None
    reviewers: PeoplePart | None = None
    paths_add: Globs = ()
    paths_remove: Globs = ()
    items: Items | None = None
    hazards: Annotated[dict[HazardId, HazardValue], Most] | None = None
    title: WordsPart | None = None
    detect: DetectPart | None = None
    weight: Annotated[int, Field(ge=1, le=5, strict=True)] | None = None


def _area_kind(value: Any) -> str:
    return "switch" if isinstance(value, bool) else "area"


AreaValue = Annotated[
    Annotated[StrictBool, Tag("switch")] | Annotated[AreaPart, Tag("area")],
    Discriminator(_area_kind),
]


class PolicyFile(Part):
    """One layer: the file of a repository, later also that of its organisation."""

    version: Literal[1] | None = None
    mode: Mode | None = None
    language: Language | None = None
    reviewers: PeoplePart | None = None
    waivers: PeoplePart | None = None
    sign_off: SignOffPart | None = None
    pending: Literal["in_progress", "action_required"] | None = None
    comment: Literal["features", "flagged", "never"] | None = None
    features: FeaturesPart | None = None
    max_items: Annotated[int, Field(ge=1, le=50, strict=True)] | None = None
    ignore: IgnorePart | None = None
    defer: DeferPart | None = None
    labels: LabelsPart | None = None
    words: VocabularyPart | None = None
    large_tables: Names | None = None
    database: DatabasePart | None = None
    packs: PackGlobs | None = None
    areas: Annotated[dict[AreaId, AreaValue], Field(max_length=MAX_AREAS)] | None = None


def schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors."""
    return {**PolicyFile.model_json_schema(), "title": "Policy of ghapp, .github/nfr.yml"}
