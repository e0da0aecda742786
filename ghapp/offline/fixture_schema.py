"""The syntax of fixtures: pull requests as a policy's tests describe them, and what they expect."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Discriminator, Field, StrictBool, Tag, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ghapp.core.policy.fields import (
    MAX_LIST,
    Login,
    Most,
    NameList,
    Part,
    SomeText,
    at_most,
    either,
    json_schema,
    key,
    refused,
    required,
)

# Each case is a whole review, or several.
MAX_STEPS = 50
Status = Literal["added", "modified", "removed", "renamed"]
Role = Literal["reviewer", "waiver", "maintain", "write", "none"]
Path = Annotated[
    SomeText,
    refused(
        lambda path: path.startswith("/") or {"", ".", ".."} & {*path.split("/")},
        "should be a path in the repository, as `src/app.py`",
    ),
]


class Given(Part):
    """A mapping in which some key has to be there, perhaps with an empty value.

    one_of: these keys. alone: only one of them.
    """

    one_of: ClassVar[tuple[str, ...]] = ()
    alone: ClassVar[bool] = False

    @model_validator(mode="after")
    def has_one(self) -> Self:
        given = [name for name in self.one_of if getattr(self, name) is not None]
        if not given or (self.alone and len(given) > 1):
            many = "needs one of {keys}, and only one" if self.alone else "needs {keys}"
            raise PydanticCustomError("needs", many, {"keys": either(self.one_of)})
        return self


class FilePart(Given):
    """A changed file. Text alone in its place is a diff if it begins with `@@`, else a new file."""

    one_of = ("diff", "content", "status")

    diff: str | None = key(
        "What changes: lines with `+`, `-` or a space before them, below a line with `@@`.",
        "@@\n-total = 1\n+total = 2\n",
    )
    content: str | None = key(
        "The whole file after the change. Alone, it is a new file.", "total = 2\n"
    )
    status: Status | None = key(
        "What happened to it; by default modified with a `diff`, else added.", "removed"
    )
    previous: Path | None = key(
        "Where it was before, if it was renamed.", "app/old.py", alias="from"
    )


FileValue = Annotated[
    Annotated[str, Tag("text")] | Annotated[FilePart, Tag("file")],
    Discriminator(lambda value: "text" if isinstance(value, str) else "file"),
]
Files = Annotated[
    dict[Path, FileValue], at_most(MAX_LIST, "should have at most {most} files: take some out")
]


class StepPart(Given):
    """What somebody does on the pull request, a minute after the step before it."""

    one_of = ("says", "approves", "pushes")
    alone = True

    by: Login = required("Who does it.", "sam")
    role: Role = key(
        "Their rights: in every team of reviewers, of waivers, or a role on the repository.",
        "reviewer",
        value="none",
        alias="as",
    )
    teams: NameList = key("Teams that they are in as well, by slug.", ["dba"], value=())
    says: SomeText | None = key("A comment, with commands or without.", "/nfr done")
    approves: Literal[True] | None = key("An approving review.", True)
    pushes: Files | None = key(
        "A push: what the pull request changes after it.", {"app/orders.py": "total = 2\n"}
    )


class WithPart(Part):
    """Some of the names in a list."""

    needs = ("includes", "excludes")

    includes: NameList = key("These are there; others may be.", ["caching"], value=())
    excludes: NameList = key("These are not there.", ["payments"], value=())


Names = Annotated[
    Annotated[NameList, Tag("exactly")] | Annotated[WithPart, Tag("some")],
    Discriminator(lambda value: "some" if isinstance(value, dict) else "exactly"),
]


class ExpectPart(Given):
    """What ghapp decides in the end. A list is exactly what there is, in any order."""

    one_of = ("areas", "questions", "findings", "refusals", "conclusion", "state", "labels")

    areas: Names | None = key("The areas that are flagged.", ["database-migration"])
    questions: Names | None = key(
        "The questions that are asked, also below the fold: an id, or `ID SEVERITY`.",
        {"includes": ["dbm-lock must"]},
    )
    findings: Names | None = key(
        "What the hazards find: `HAZARD`, or `HAZARD PATH:LINE`.", ["DBM-010 db/1.sql:3"]
    )
    refusals: Names | None = key(
        "Why messages are refused: the keys that `ghapp explain` prints, as `not_reviewer`.", []
    )
    conclusion: Literal["success", "neutral", "in_progress", "action_required"] | None = key(
        "The check run's conclusion.", "success"
    )
    state: (
        Literal[
            "clear",
            "waiting_author",
            "waiting_reviewers",
            "on_hold",
            "signed_off",
            "waived",
            "frozen",
            "unreadable",
        ]
        | None
    ) = key("Where the review is.", "waiting_reviewers")
    labels: Names | None = key("The labels that ghapp sets.", ["nfr: needs sign-off"])


class CasePart(Part):
    """A pull request, what people do on it, and what is expected then."""

    name: SomeText = required("What is tested, as a sentence.", "a column needs the DBAs")
    files: Files = required("The files that it changes.", {"db/1.sql": "CREATE TABLE t (id INT);"})
    title: str = key("Its title.", "feat: points", value="Change")
    author: Login = key("Who opened it.", "ann", value="author")
    author_teams: NameList = key("Teams that the author is in, by slug.", ["web"], value=())
    branch: SomeText = key("Its branch.", "feat/points", value="change")
    base: SomeText = key("The branch that it is to be merged into.", "release/1.0", value="main")
    labels: NameList = key("Its labels.", ["feature"], value=())
    draft: StrictBool = key("Whether it is a draft.", True, value=False)
    guarded: StrictBool = key("Whether a rule guards the base branch.", False, value=True)
    topics: NameList = key("Topics of the repository.", ["payments"], value=())
    properties: dict[str, SomeText] = key(
        "Custom properties of the repository.", {"tier": "1"}, default={}, value={}
    )
    new_folders: NameList = key("Folders at the top that the base lacks.", ["search"], value=())
    date: str = key("The day on which it is opened.", "2026-04-01", value="2026-01-01")
    steps: Annotated[
        tuple[StepPart, ...], at_most(MAX_STEPS, "should have at most {most} steps: take some out")
    ] = key(
        "What people do, in order.",
        [{"by": "sam", "as": "reviewer", "says": "/nfr done"}],
        value=(),
    )
    expect: ExpectPart = required("What ghapp decides then.", {"areas": []})

    @field_validator("date")
    @classmethod
    def is_a_day(cls, value: str) -> str:
        try:
            date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("value", "should be a day, as `2026-04-01`") from None
        return value


class FixtureFile(Part):
    """A file of cases."""

    version: Literal[1] | None = key("The version of this format.", 1, default=1)
    cases: Annotated[tuple[CasePart, ...], Most, Field(min_length=1)] = required(
        "The cases.", [{"name": "docs", "files": {"docs/a.md": "x"}, "expect": {"areas": []}}]
    )


def schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors."""
    return json_schema(FixtureFile, "urn:ghapp:schema:tests:1", "Tests of a policy of ghapp")
