"""The syntax of `.github/nfr.yml`: which keys there are and what each may hold.

A key that is absent or empty leaves its value to the layer below.
"""

from __future__ import annotations

import re
from datetime import date
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
    Login,
    Mode,
    Most,
    NameList,
    Part,
    RegexList,
    Severity,
    SomeText,
    Team,
    Title,
    Why,
    at_most,
    fitting,
    in_short,
    json_schema,
    key,
    refused,
    refused_first,
    required,
    sound,
)
from ghapp.core.policy.hazard_schema import HAZARD_ID
from ghapp.core.policy.pack_schema import DetectPart, WhenPart
from ghapp.core.policy.pull_schema import ModeRules, PullWhenPart
from ghapp.core.releases import FIRST_YEAR, LAST_YEAR
from ghapp.core.working_time import DAYS

Language = Literal["en", "ja"]
Evidence = Literal["url", "number", "text", "choice"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Channel = Literal["command", "label", "review", "button"]
Way = Literal["command", "trailer", "parent", "milestone"]

MAX_AREAS = 100


CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
HOURS = re.compile(f"{CLOCK}-({CLOCK}|24:00)")


def hours_fault(hours: str) -> str:
    """Why these are no working hours, and what to write; "" if they are."""
    if not HOURS.fullmatch(hours):
        return "should be two times on one day, such as `10:00-19:00`"
    opens, _, closes = hours.partition("-")
    return "" if opens < closes else "should end after it begins, on the same day"


def days_fault(days: str) -> str:
    """Why this is neither a day nor a range of days, and what to write; "" if it is one."""
    first, _, last = days.partition("..")
    try:
        in_order = date.fromisoformat(first) <= date.fromisoformat(last or first)
    except ValueError:
        return "should be a day, such as `2026-12-29`, or days, such as `2026-12-29..2027-01-03`"
    return "" if in_order else "should begin before it ends: write the earlier day first"


Hours = Annotated[SomeText, fitting(hours_fault)]
Days = Annotated[SomeText, fitting(days_fault)]
Duration = Annotated[
    SomeText,
    refused(
        lambda text: not re.fullmatch("[1-9][0-9]{0,2}[hd]", text),
        "should be hours or working days, such as `4h` or `2d`",
    ),
]
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


DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
NOT_A_DAY = "should be a day of the calendar, as in 2027-01-15"


def _is_no_day(value: object) -> bool:
    if not isinstance(value, str) or not DAY.fullmatch(value):
        return True
    try:
        return date.fromisoformat(value) is None
    except ValueError:
        return True


Day = Annotated[str, refused_first(_is_no_day, NOT_A_DAY)]


class PeoplePart(Part):
    """teams: slugs in the organisation of the repository. users: logins."""

    teams: Annotated[tuple[Team, ...], Most] = key(
        "Slugs of teams in the organisation of the repository.", ["sre"], value=()
    )
    users: Annotated[tuple[Login, ...], Most] = key("Logins.", ["ann-lee"], value=())


class SignOffPart(Part):
    by: Annotated[tuple[Channel, ...], Most, Field(min_length=1)] | None = key(
        "The channels of a sign-off. `button` alone needs `pending: action_required` to enforce.",
        ["command", "label", "review"],
        default=["command", "label", "button"],
    )
    stale_on: Literal["area-change", "any-push", "never"] | None = key(
        "What makes a sign-off stale: a change of the area's own diff, any push, or nothing.",
        "any-push",
        default="area-change",
    )
    allow_author: StrictBool | None = key(
        "Whether the author, and people who pushed, may sign off.", True, default=False
    )
    require_answers: Literal["none", "must"] | None = key(
        "must: no sign-off while a must question is open.", "must", default="none"
    )


class FeaturesPart(Part):
    """What makes a pull request a new feature; any of them will do."""

    labels: NameList | None = key(
        "A pull request with such a label is a new feature.",
        ["feature"],
        default=["feature", "enhancement"],
    )
    titles: RegexList | None = key(
        "RE2: a pull request with such a title is a new feature.",
        ["^feat:"],
        default=["^feat(\\(.+\\))?!?:", "新機能"],
    )
    branches: GlobList | None = key(
        "Globs: a pull request from such a branch is a new feature.",
        ["feature/**"],
        default=["feature/**", "feat/**"],
    )
    added_lines: Count | None = key(
        "A pull request that adds so many lines is a new feature; by default none is.",
        400,
    )


class IgnorePart(Part):
    authors: Annotated[tuple[Login, ...], Most] | None = key(
        "Logins whose pull requests are not asked about, if every push is theirs.",
        ["dependabot[bot]"],
        default=["dependabot[bot]", "renovate[bot]"],
    )
    paths: GlobList | None = key(
        "Globs of files that are left out.", ["docs/**"], default=["docs/**", "**/*.md"]
    )


class DeferPart(Part):
    """How long an item may be deferred, and which may not.

    never, never_add: items beside those of the packs; `never: []` clears those of the packs.
    """

    default_days: Count | None = key(
        "When a deferred question is due, in days, if the author names no day.", 14, default=30
    )
    max_days: Count | None = key(
        "The latest day until which a question may be deferred, in days.", 60, default=90
    )
    never: Annotated[tuple[AreaId, ...], Most] | None = key(
        "Questions that nobody may defer, beside those of the packs; `[]` clears those.",
        [],
    )
    never_add: Annotated[tuple[AreaId, ...], Most] | None = key(
        "Questions that nobody may defer, beside those of the packs.",
        ["cfg-no-secrets"],
        default=[],
    )
    remind: bool | None = key(
        "Whether the issue of a follow-up gets a comment when it is due, and one when it has been "
        "overdue for five working days.",
        False,
        default=True,
    )


class LabelsPart(Part):
    waiting: LabelName | None = key(
        "The label while a sign-off is missing.", "needs sign-off", default="nfr: needs sign-off"
    )
    hold: LabelName | None = key(
        "The label while somebody holds the pull request.", "on hold", default="nfr: on hold"
    )
    signed_off: LabelName | None = key(
        "The label once everything is signed off.", "signed off", default="nfr: signed off"
    )
    waived: LabelName | None = key(
        "The label once the review is waived.", "waived", default="nfr: waived"
    )
    follow_ups: LabelName | None = key(
        "The label beside the one for signed off, if questions were deferred.",
        "follow-ups",
        default="nfr: follow-ups",
    )
    follow_up: LabelName | None = key(
        "The label of the issues of deferred questions.", "follow-up", default="nfr: follow-up"
    )
    configuration: LabelName | None = key(
        "The label of the issue about configuration.", "config", default="nfr: configuration"
    )


WEBHOOK = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
ISSUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}#[1-9][0-9]{0,8}")


def webhook_fault(name: str) -> str:
    """Why no webhook has this name, and what to write; "" if one may."""
    if "://" in name:
        return (
            "should be a name, because an address is a secret: set GHAPP_SLACK_WEBHOOK_URL_SRE on "
            "the server, and write `sre`"
        )
    return "" if WEBHOOK.fullmatch(name) else "should be a name of small letters and digits"


def issue_fault(name: str) -> str:
    """Why this names no issue, and what to write; "" if it does."""
    return "" if ISSUE.fullmatch(name) else "should be `OWNER/REPOSITORY#NUMBER`"


WebhookName = Annotated[SomeText, fitting(webhook_fault)]
IssueName = Annotated[SomeText, fitting(issue_fault)]


class RemindPart(Part):
    """after: in working time, `h` for hours or `d` for working days."""

    after: Duration = required("After how much working time; once for each wait.", "2d")


class WorkingTimePart(Part):
    """By the clock of GHAPP_TIMEZONE."""

    days: Annotated[tuple[Weekday, ...], Most] | None = key(
        "The working days of the week.", ["mon", "tue"], default=[*DAYS[:5]]
    )
    hours: Hours | None = key("From when until when.", "10:00-19:00", default="09:00-18:00")
    holidays: Literal["JP"] | None = key("Whose public holidays are days off.", "JP")
    days_off: Annotated[tuple[Days, ...], Most] | None = key(
        "Further days off, alone or from the first to the last.",
        ["2026-12-29..2027-01-03"],
        default=[],
    )


class ProjectsPart(Part):
    """Issues that pull requests have answers from. ways: `from` in the file."""

    label: LabelName | None = key(
        "The label that makes an issue a project.", "project", default="nfr: project"
    )
    ways: Annotated[tuple[Way, ...], Most] | None = key(
        "How the project of a pull request is found; the first way that finds one counts.",
        ["command"],
        default=["command", "trailer", "parent", "milestone"],
        alias="from",
    )
    inherit: Literal["none", "answers"] | None = key(
        "Whether answers of a project count on its pull requests; sign-offs never do.",
        "none",
        default="answers",
    )
    max_age_days: Count | None = key(
        "After how many days an answer of a project is asked for again.", 60, default=90
    )
    new_area: Literal["quiet", "ask"] | None = key(
        "Whether the first pull request that touches an area about which its project was never "
        "consulted says so.",
        "quiet",
        default="ask",
    )


class ConfigurationPart(Part):
    scan: Literal["weekly", "off"] | None = key(
        "Whether the configuration of the default branch is searched once a week, and an issue "
        "lists what is found.",
        "weekly",
        default="off",
    )


FreezeDay = Annotated[
    Day,
    refused(
        lambda day: not FIRST_YEAR <= int(day[:4]) <= LAST_YEAR,
        f"should be a day of the years {FIRST_YEAR} to {LAST_YEAR}",
    ),
]
Calendar = Annotated[
    SomeText,
    refused(
        lambda path: not pack_files.is_calendar(path) or len(path) > 100,
        "should be a file such as `.github/releases.ics`, in the organisation's repository "
        "`.github`",
    ),
]


class PeriodPart(Part):
    """Days of a freeze."""

    first: FreezeDay = required("The first day.", "2026-12-25", alias="from")
    last: FreezeDay = required("The last day.", "2027-01-03", alias="to")
    name: Title | None = key("What it is called.", "New Year")

    @model_validator(mode="after")
    def is_in_order(self) -> Self:
        if self.last < self.first:
            raise PydanticCustomError("value", "should end after it begins: `to` is before `from`")
        return self


class FreezePart(Part):
    """When nothing is to be released, by the clock of GHAPP_TIMEZONE."""

    mode: Literal["note", "hold"] | None = key(
        "note: flagged pull requests say so; hold: what is enforced is not green until the freeze "
        "ends or somebody waives it.",
        "hold",
        default="note",
    )
    periods: Annotated[tuple[PeriodPart, ...], Most] | None = key(
        "The days, the first and the last included.",
        [{"from": "2026-12-25", "to": "2027-01-03", "name": "New Year"}],
        default=[],
    )


class ReleasePart(Part):
    """When a pull request is released."""

    sources: Annotated[tuple[Literal["milestone", "calendar"], ...], Most] | None = key(
        "Where the day of the next release comes from; the first one that has a day counts.",
        ["milestone"],
        default=["milestone", "calendar"],
        alias="from",
    )
    calendar: Calendar | None = key(
        "The calendar of releases: a file in the organisation's repository `.github`. It needs "
        "the extra `calendar`.",
        ".github/releases.ics",
    )
    freeze: FreezePart | None = key("When nothing is to be released.", {"mode": "hold"})


class DestinationPart(Part):
    """Where a message goes; anywhere."""

    slack: WebhookName | None = key(
        "The name of a webhook of the server: `dba` for GHAPP_SLACK_WEBHOOK_URL_DBA, `default` for "
        "GHAPP_SLACK_WEBHOOK_URL, or `none`.",
        "dba",
    )
    issue: IssueName | None = key(
        "An issue whose text the message becomes; in a private repository.", "acme/sre#1"
    )


class DigestPart(DestinationPart):
    """The message for the stand-up."""

    teams: Annotated[dict[Team, DestinationPart], Field(max_length=50)] | None = key(
        "Messages for single teams, with what waits for them.", {"dba": {"slack": "dba"}}
    )


Weeks = Annotated[
    SomeText,
    refused(
        lambda text: not re.fullmatch("[1-9]w|1[0-2]w", text),
        "should be 1 to 12 weeks, such as `2w`",
    ),
]
TimeOfDay = Annotated[
    SomeText,
    refused(
        lambda text: not re.fullmatch("(?:[01][0-9]|2[0-3]):[0-5][0-9]", text),
        "should be a time of the day, such as `10:00`",
    ),
]


class RetroPart(Part):
    """The message for the retro."""

    every: Weeks | None = key("How many weeks lie between two of them.", "3w", default="2w")
    first: FreezeDay | None = key(
        "The day of the first one; without it there is none.", "2026-11-30", alias="from"
    )
    at: TimeOfDay | None = key(
        "The time, by the clock of GHAPP_TIMEZONE.", "16:30", default="10:00"
    )


class DatabasePart(Part):
    """dialect: hazards of the other one are off."""

    dialect: Literal["mysql", "postgres"] | None = key(
        "The database in use; hazards of the other one are off. MariaDB is mysql.", "postgres"
    )


class WordsPart(Part):
    """Words in one or both languages; at least in the policy's own."""

    en: Title | None = key("In English.", "buyers")
    ja: Title | None = key("In Japanese.", "購入者")


class VocabularyPart(Part):
    """What the texts of packs call users, service and tenants here, in one or both languages."""

    users: Annotated[WordsPart, in_short("en", "ja")] | None = key(
        "What the questions call the users.", "buyers", default="users"
    )
    service: Annotated[WordsPart, in_short("en", "ja")] | None = key(
        "What the questions call the service.", "shop", default="service"
    )
    tenants: Annotated[WordsPart, in_short("en", "ja")] | None = key(
        "What the questions call the tenants.", {"en": "shops", "ja": "店舗"}, default="tenants"
    )


class OwnItemPart(Part):
    """A question that the policy adds. evidence: the kind of answer asked for; absent: a tick."""

    id: AreaId = required(
        "Never used again for another question, because answers and sign-offs refer to it.",
        "rank-latency",
    )
    sev: Severity = required(
        "must: answered before the sign-off; should: may stay open; could: advice.", "must"
    )
    cat: Category = required("The kind of requirement.", "performance")
    en: Ask | None = key(
        "The question in English; required if it is the policy's language.",
        "p99 under 80 ms at 2x peak?",
    )
    ja: Ask | None = key(
        "The question in Japanese; required if it is the policy's language.",
        "ピークの 2 倍で p99 は 80 ms 以内ですか？",
    )
    why_en: Why | None = key("Why it matters, in English.", "Slow rankings empty carts.")
    why_ja: Why | None = key("Why it matters, in Japanese.", "遅いと離脱につながります。")
    ev_en: Why | None = key(
        "What to show as evidence, in English.", "A load test of the last week."
    )
    ev_ja: Why | None = key("What to show as evidence, in Japanese.", "直近 1 週間の負荷試験。")
    refs: NameList = key(
        "Keys of references; the first two are shown as links.", ["runbook"], value=()
    )
    when: WhenPart | None = key("When the question is asked; by default always.", {"diff": "score"})
    must_when: WhenPart | None = key(
        "What makes it a must, whatever `sev` says.", {"diff": "score_v2"}
    )
    scope: Literal["project", "change"] = key(
        "change: about this diff; project: about the feature as a whole.", "project", value="change"
    )
    evidence: Evidence | None = key("The kind of answer asked for; by default a tick.", "number")
    choices: Annotated[tuple[Title, ...], Most] = key(
        "The answers to choose from, with `evidence: choice`.",
        ["yes, measured", "not needed"],
        value=(),
    )

    @model_validator(mode="after")
    def has_choices(self) -> Self:
        if (self.evidence == "choice") != bool(self.choices):
            raise PydanticCustomError("choices", "needs `choices` exactly with `evidence: choice`")
        return self


class ItemPart(Part):
    """What the policy changes of a question of a pack. scope: as in Item."""

    scope: Literal["project", "change"] = required(
        "project: answered once for all pull requests of a project; change: for each diff.",
        "project",
    )


ItemValue = Annotated[
    Annotated[StrictBool, Tag("switch")] | Annotated[ItemPart, Tag("item")],
    Discriminator(lambda value: "item" if isinstance(value, dict | ItemPart) else "switch"),
]


Items = Annotated[
    Annotated[dict[AreaId, ItemValue], Most, Tag("switches")]
    | Annotated[tuple[OwnItemPart, ...], Most, Tag("own")],
    Discriminator(lambda value: "own" if isinstance(value, list | tuple) else "switches"),
]


class AreaPart(Part):
    """What is changed of a built-in area, or a whole area (with title, detect and items).

    flag: whether a touched path is enough (touch, as for every area that the file names), or a
    question or finding is needed (evidence). paths_remove: globs that the area leaves out.
    items: a mapping switches items off or on or gives them another scope, a list adds items.
    hazards: a mapping switches hazards off or on, or gives them another severity.
    """

    mode: Mode | None = key(
        "The mode of this area; by default that of the policy. The worst area decides.", "enforce"
    )
    enforce_from: Day | None = key(
        "The day on which `mode: enforce` of this area begins; until then it advises.",
        "2027-01-15",
    )
    flag: Literal["touch", "evidence"] | None = key(
        "Whether a touched path is enough (touch), or a question or finding is needed (evidence).",
        "evidence",
        default="touch",
    )
    mode_when: ModeRules | None = key(
        "Rules for the mode of this area; the first whose condition holds counts, else `mode`.",
        [{"base": "release/**", "mode": "enforce"}],
    )
    when: PullWhenPart | None = key(
        "Which pull requests may be flagged; by default all.", {"base": ["main", "release/**"]}
    )
    reviewers: PeoplePart | None = key(
        "Who may sign this area off, in the place of the general reviewers.", {"teams": ["dba"]}
    )
    paths_add: GlobList = key(
        "Globs of more files that flag the area.", ["db/changes/**"], value=()
    )
    paths_remove: GlobList = key("Globs of files that do not flag it.", ["**/fakes/**"], value=())
    items: Items | None = key(
        "Questions: a mapping switches those of the pack off or on, or gives them another "
        "`scope`; a list adds some.",
        {"dbm-type-choice": False},
    )
    hazards: Annotated[dict[HazardId, HazardValue], Most] | None = key(
        "Switches hazards off or on, or gives them another severity.",
        {"DBM-010": False, "DBM-011": "could"},
    )
    title: WordsPart | None = key(
        "The area's name; required for an area of your own.", {"en": "Ranking", "ja": "ランキング"}
    )
    detect: DetectPart | None = key(
        "What flags the area; required for an area of your own.", {"paths": ["src/ranking/**"]}
    )
    weight: Annotated[int, Field(ge=1, le=5, strict=True)] | None = key(
        "How heavy it is, up to 5; the heaviest areas come first. By default as in the pack.",
        5,
    )


AreaValue = Annotated[
    Annotated[StrictBool, Tag("switch")] | Annotated[AreaPart, Tag("area")],
    Discriminator(lambda value: "switch" if isinstance(value, bool) else "area"),
    refused_first(
        lambda value: isinstance(value, str), "should be on, off or a mapping", kind="switch"
    ),
]


class PolicyFile(Part):
    """One layer: the file of a repository, or that of its organisation."""

    version: Literal[1] | None = key("The version of this format.", 1, default=1)
    mode: Mode | None = key(
        "Record only, show but never block, or block; by default GHAPP_DEFAULT_MODE.",
        "enforce",
        default="advise",
    )
    enforce_from: Day | None = key(
        "The day on which `mode: enforce` begins; until then it advises.", "2027-01-15"
    )
    mode_when: ModeRules | None = key(
        "Rules for the mode; the first whose condition holds counts, else `mode`.",
        [{"base": "release/**", "mode": "enforce"}],
        default=[],
    )
    language: Language | None = key(
        "The language of everything that people read.", "ja", default="en"
    )
    reviewers: PeoplePart | None = key(
        "Who may sign off; by default people with maintain or admin.", {"teams": ["sre"]}
    )
    waivers: PeoplePart | None = key(
        "Who may waive a review; by default the reviewers.", {"teams": ["sre-leads"]}
    )
    sign_off: SignOffPart | None = key(
        "How a sign-off is given, and when it goes stale.", {"by": ["command", "review"]}
    )
    pending: Literal["in_progress", "action_required"] | None = key(
        "What `enforce` shows before the sign-off.", "action_required", default="in_progress"
    )
    comment: Literal["features", "flagged", "never"] | None = key(
        "Which flagged pull requests get the comment at once: new features, all, or none.",
        "flagged",
        default="features",
    )
    features: FeaturesPart | None = key(
        "What makes a pull request a new feature; any of these is enough.", {"labels": ["feature"]}
    )
    max_items: Annotated[int, Field(ge=1, le=50, strict=True)] | None = key(
        "How many questions are asked; the rest is folded and may stay open.", 5, default=7
    )
    request_review: Annotated[bool, Field(strict=True)] | None = key(
        "Whether GitHub asks the reviewers for a review, once the author's part is done.",
        True,
        default=False,
    )
    preview: Annotated[bool, Field(strict=True)] | None = key(
        "Whether `NFR policy` replays a change of the policy over recent pull requests.",
        False,
        default=True,
    )
    remind: RemindPart | None = key(
        "When `request_review` asks the reviewers once more, if they have not acted; never by "
        "default.",
        {"after": "2d"},
    )
    working_time: WorkingTimePart | None = key(
        "When the reviewers work.", {"hours": "10:00-19:00", "holidays": "JP"}
    )
    release: ReleasePart | None = key(
        "When pull requests are released, and when nothing is to be.",
        {"calendar": ".github/releases.ics"},
    )
    digest: DigestPart | None = key(
        "Where the message for the stand-up goes.", {"issue": "acme/sre#1"}
    )
    retro: RetroPart | None = key(
        "When the message for the retro is sent; never by default.", {"from": "2026-11-30"}
    )
    ignore: IgnorePart | None = key("What is not reviewed.", {"paths": ["docs/**"]})
    defer: DeferPart | None = key(
        "How long a question may be deferred, and which may not.", {"max_days": 60}
    )
    labels: LabelsPart | None = key("The names of ghapp's labels.", {"waiting": "needs sign-off"})
    projects: ProjectsPart | None = key(
        "Issues whose answers count on the pull requests of a project.", {"inherit": "none"}
    )
    words: VocabularyPart | None = key(
        "What the questions call users, service and tenants.", {"users": "buyers"}
    )
    large_tables: NameList | None = key(
        "Tables whose changes bring up more questions.", ["orders"], default=[]
    )
    configuration: ConfigurationPart | None = key(
        "The standing review of the configuration.", {"scan": "weekly"}
    )
    database: DatabasePart | None = key("The database in use.", {"dialect": "postgres"})
    packs: PackGlobs | None = key(
        "Globs of packs of your own, below .github/.", [".github/nfr/*.yml"], default=[]
    )
    areas: Annotated[dict[AreaId, AreaValue], Field(max_length=MAX_AREAS)] | None = key(
        "Switches areas, changes them, or adds some of your own; by id.",
        {"database-migration": {"mode": "enforce"}},
        default={},
    )
    locked: Annotated[tuple[SomeText, ...], Most] | None = key(
        "In the organisation's file: keys and areas that no repository may weaken.",
        ["mode", "areas.database-migration"],
        default=[],
    )


def schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors."""
    return json_schema(PolicyFile, "urn:ghapp:schema:policy:1", "Policy of ghapp, .github/nfr.yml")
