"""The syntax of `.github/nfr.yml`: which keys there are and what each may hold.

A key that is absent or empty leaves its value to the layer below.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, StrictBool, Tag, model_validator
from pydantic_core import PydanticCustomError

from ghapp.core.policy import pack_files
from ghapp.core.policy.fields import (
    AreaId,
    Ask,
    Category,
    Count,
    GlobList,
    Most,
    NameList,
    Part,
    RegexList,
    Severity,
    SomeText,
    Title,
    Why,
    at_most,
    fitting,
    in_short,
    refused,
    refused_first,
    sound,
)
from ghapp.core.policy.hazard_schema import HAZARD_ID
from ghapp.core.policy.pack_schema import DetectPart, WhenPart

Mode = Literal["observe", "advise", "enforce"]
Language = Literal["en", "ja"]
Evidence = Literal["url", "number", "text", "choice"]
Channel = Literal["command", "label", "review", "button"]

MAX_AREAS = 100

# Unknown keys that are not spelling mistakes -> what to do about them.
ELSEWHERE = {
    "locked": "belongs in the organisation's file: take it out of this one",
}

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
# In a URL `.` and `..` are steps of the path.
NotDots = refused({".", ".."}.__contains__, "should be a name, not `.` or `..`")
# Source: https://docs.github.com/en/rest/issues/labels (names of at most 50 characters)
LabelName = Annotated[
    str,
    Field(min_length=1, max_length=50),
    refused(  # GitHub would store another name
        lambda name: name != name.strip() or not name.isprintable(),
        "should be one line without spaces around it",
    ),
    NotDots,
]
PackGlobs = Annotated[
    tuple[Annotated[str, sound(pack_files.fault)], ...],
    at_most(
        pack_files.MAX_GLOBS, "should have at most {most} globs: put the packs into one folder"
    ),
]
HazardId = Annotated[str, Field(pattern=HAZARD_ID)]


HazardValue = Annotated[
    StrictBool | Severity,
    refused_first(  # one sentence instead of one for each of the two types
        lambda value: not isinstance(value, bool) and value not in ("must", "should", "could"),
        "should be on, off, must, should or could",
        kind="switch",
    ),
]


class PeoplePart(Part):
    """teams: slugs in the organisation of the repository. users: logins."""

    teams: Annotated[tuple[Team, ...], Most] = ()
    users: Annotated[tuple[Login, ...], Most] = ()


class SignOffPart(Part):
    by: Annotated[tuple[Channel, ...], Most, Field(min_length=1)] | None = None
    stale_on: Literal["area-change", "any-push", "never"] | None = None
    allow_author: StrictBool | None = None
    require_answers: Literal["none", "must"] | None = None


class FeaturesPart(Part):
    """What makes a pull request a new feature; any of them will do."""

    labels: NameList | None = None
    titles: RegexList | None = None
    branches: GlobList | None = None
    added_lines: Count | None = None


class IgnorePart(Part):
    authors: Annotated[tuple[Login, ...], Most] | None = None
    paths: GlobList | None = None


class DeferPart(Part):
    """How long an item may be deferred, and which may not.

    never, never_add: items beside those of the packs; `never: []` clears those of the packs.
    """

    default_days: Count | None = None
    max_days: Count | None = None
    never: Annotated[tuple[AreaId, ...], Most] | None = None
    never_add: Annotated[tuple[AreaId, ...], Most] | None = None


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

    users: Annotated[WordsPart, in_short("en", "ja")] | None = None
    service: Annotated[WordsPart, in_short("en", "ja")] | None = None
    tenants: Annotated[WordsPart, in_short("en", "ja")] | None = None


class OwnItemPart(Part):
    """A question that the policy adds. evidence: the kind of answer asked for; absent: a tick."""

    id: AreaId
    sev: Severity
    cat: Category
    en: Ask | None = None
    ja: Ask | None = None
    why_en: Why | None = None
    why_ja: Why | None = None
    ev_en: Why | None = None
    ev_ja: Why | None = None
    refs: NameList = ()
    when: WhenPart | None = None
    must_when: WhenPart | None = None
    scope: Literal["project", "change"] = "change"
    evidence: Evidence | None = None
    choices: Annotated[tuple[Title, ...], Most] = ()

    @model_validator(mode="after")
    def has_choices(self) -> Self:
        if (self.evidence == "choice") != bool(self.choices):
            raise PydanticCustomError("choices", "needs `choices` exactly with `evidence: choice`")
        return self


Items = Annotated[
    Annotated[dict[AreaId, StrictBool], Most, Tag("switches")]
    | Annotated[tuple[OwnItemPart, ...], Most, Tag("own")],
    Discriminator(lambda value: "own" if isinstance(value, list | tuple) else "switches"),
]


class AreaPart(Part):
    """What is changed of a built-in area, or a whole area (with title, detect and items).

    flag: whether a touched path is enough (touch, as for every area that the file names), or a
    question or finding is needed (evidence). paths_remove: globs that the area leaves out.
    items: a mapping switches items off or on, a list adds items.
    hazards: a mapping switches hazards off or on, or gives them another severity.
    """

    mode: Mode | None = None
    flag: Literal["touch", "evidence"] | None = None
    reviewers: PeoplePart | None = None
    paths_add: GlobList = ()
    paths_remove: GlobList = ()
    items: Items | None = None
    hazards: Annotated[dict[HazardId, HazardValue], Most] | None = None
    title: WordsPart | None = None
    detect: DetectPart | None = None
    weight: Annotated[int, Field(ge=1, le=5, strict=True)] | None = None


AreaValue = Annotated[
    Annotated[StrictBool, Tag("switch")] | Annotated[AreaPart, Tag("area")],
    Discriminator(lambda value: "switch" if isinstance(value, bool) else "area"),
    refused_first(
        lambda value: isinstance(value, str), "should be on, off or a mapping", kind="switch"
    ),
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
    large_tables: NameList | None = None
    database: DatabasePart | None = None
    packs: PackGlobs | None = None
    areas: Annotated[dict[AreaId, AreaValue], Field(max_length=MAX_AREAS)] | None = None


def schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors."""
    return {**PolicyFile.model_json_schema(), "title": "Policy of ghapp, .github/nfr.yml"}
