"""The parts of GitHub's payloads that we read, with bounds so that they can be stored.

Source: https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Protocol, TypeVar

import msgspec
from msgspec import Meta, Struct

from ghapp.core import model
from ghapp.core.model import same_login
from ghapp.errors import Refused

T = TypeVar("T")
# The most keys of one delivery. If there are more, the one key of their repository or installation.
MOST_KEYS = 1_000
NEVER = datetime.min.replace(tzinfo=UTC)  # if GitHub gives no time at all

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
MOST_NUMBER = 2**31 - 1
Number = Annotated[int, Meta(ge=1, le=MOST_NUMBER)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Sha = Annotated[str, Meta(pattern=r"\A([0-9a-f]{40}|[0-9a-f]{64})\Z")]
NoSha = Annotated[str, Meta(pattern=r"\A(|[0-9a-f]{40}|[0-9a-f]{64})\Z")]
NodeId = Annotated[str, Meta(max_length=200, pattern=r"\A[^\x00-\x20]*\Z")]
# No more than git admits. Source: https://git-scm.com/docs/git-check-ref-format
HeadsRef = Annotated[
    str, Meta(pattern=r"\Arefs/heads/[^\x00-\x20\x7f~^:?*\[\\]{1,255}\Z", max_length=266)
]
Branch = Annotated[str, Meta(pattern=r"\A[^\x00-\x20\x7f]*\Z", max_length=255)]
# These become parts of URLs: no "." or "..", and in a repository's name only what GitHub allows.
Login = Annotated[str, Meta(pattern=r"\A(?!\.{1,2}\Z)[^\x00-\x20]{1,100}\Z")]
FullName = Annotated[
    str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,100}/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}\Z")
]
When = Annotated[datetime, Meta(tz=True)]


class AnyEvent(Struct):
    """Any payload; `ping` and `push` have no action."""

    action: Annotated[str, Meta(max_length=100)] = ""


class User(Struct):
    login: Login
    type: str = "User"
    id: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0

    @property
    def account(self) -> model.Account:
        return model.Account(self.login, self.id)

    @property
    def is_bot(self) -> bool:
        """Whether it is an App, which has brackets in its login as nobody else can."""
        return self.type == "Bot" or self.login.endswith("[bot]")


class Authorization(Struct):
    """What a person lets the App do for them has changed."""

    sender: User


class App(Struct):
    id: int


class Account(Struct):
    login: Login


class Installation(Struct):
    """account: where it is; only events about installations say so."""

    id: Id
    account: Account | None = None


class RepositoryPart(Struct):
    id: Id
    full_name: FullName
    default_branch: str = ""


class Place(Struct):
    """An event about a repository."""

    repository: RepositoryPart
    installation: Installation

    @property
    def where(self) -> model.Repository:
        place = self.repository
        return model.Repository(self.installation.id, place.id, place.full_name)


class Where(Place):
    """An event about a repository, with its sender."""

    sender: User  # events of a merge queue may have none, so they are a Place only

    def person(self, author: User | None) -> model.Account | None:
        """The author's account if the author is a person and the sender."""
        if author is None or author.is_bot or not author.account.among((self.sender.account,)):
            return None
        return author.account


class Head(Struct):
    sha: Sha
    ref: str = ""


class BaseBranch(Struct):
    ref: Branch = ""


class PullPart(Struct):
    head: Head
    updated_at: When
    base: BaseBranch = msgspec.field(default_factory=BaseBranch)
    changed_files: Count = 0


class PullRequest(Where):
    number: Number
    pull_request: PullPart
    before: Sha | None = None


class PullLink(Struct):
    """Only an issue that is a pull request has one."""


class Issue(Struct):
    number: Number
    pull_request: PullLink | None = None
    body: str | None = None
    performed_via_github_app: App | None = None


class Comment(Struct):
    id: Id
    created_at: When
    updated_at: When
    body: str | None = None
    user: User | None = None
    performed_via_github_app: App | None = None


class Change(Struct, rename={"before": "from"}):
    before: str = ""


class Named(Struct):
    name: Change | None = None


class Accounts(Struct):
    """The account that had it, by its kind."""

    user: Account | None = None
    organization: Account | None = None


class FromAccount(Struct, rename={"before": "from"}):
    before: Accounts = msgspec.field(default_factory=Accounts)


class Changes(Struct):
    """What an edit changed. repository: its name, when it was renamed. owner: of one that moved."""

    body: Change | None = None
    default_branch: Change | None = None
    name: Change | None = None
    repository: Named | None = None
    owner: FromAccount | None = None


class IssueComment(Where):
    issue: Issue
    comment: Comment
    changes: Changes | None = None


class PullNumber(Struct):
    """A pull in events about its reviews."""

    number: Number
    updated_at: When | None = None


class ReviewComment(Where):
    pull_request: PullNumber
    comment: Comment


class Review(Struct):
    """state: approved | changes_requested | commented | dismissed | pending."""

    id: Id
    state: str
    submitted_at: When | None = None
    node_id: NodeId = ""
    body: str | None = None
    user: User | None = None
    commit_id: Sha | None = None
    updated_at: When | None = None


class ReviewEvent(Where):
    pull_request: PullNumber
    review: Review


class IssuePart(Struct):
    number: Number
    node_id: NodeId = ""
    updated_at: When | None = None
    body: str | None = None
    performed_via_github_app: App | None = None


class IssueChanges(Struct):
    """new_issue, new_repository: where a transferred issue is from now on."""

    new_issue: IssuePart | None = None
    new_repository: RepositoryPart | None = None


class IssueLabel(Struct):
    name: Annotated[str, Meta(max_length=1_000)]


class IssueEvent(Where):
    """label: the one that was set or removed."""

    issue: IssuePart
    changes: IssueChanges | None = None
    label: IssueLabel | None = None


class SubIssueEvent(Where):
    """sub_issue: of this repository."""

    sub_issue: IssuePart


class BaseRepository(Struct):
    id: Id


class Base(Struct):
    repo: BaseRepository


class PullRef(Struct):
    """A pull that a check run belongs to; it may be of another repository with the same head."""

    number: Number
    base: Base


class Suite(Struct):
    """A check suite, or the part of it in a check run."""

    head_sha: Sha | None = None
    head_branch: str | None = None
    updated_at: When | None = None
    app: App | None = None
    pull_requests: list[PullRef] = []


class Run(Struct):
    name: str = ""
    head_sha: Sha | None = None
    app: App | None = None
    external_id: str | None = None
    started_at: When | None = None
    completed_at: When | None = None
    check_suite: Suite | None = None
    pull_requests: list[PullRef] = []


class RequestedAction(Struct):
    """The button that was pressed."""

    identifier: str = ""


class CheckRun(Where):
    check_run: Run
    requested_action: RequestedAction | None = None


class CheckSuite(Where):
    check_suite: Suite


class Commit(Struct):
    """distinct: whether GitHub had it on no branch before."""

    id: Sha | None = None
    distinct: bool = True
    added: list[str] = []
    modified: list[str] = []
    removed: list[str] = []


class PushedRepository(RepositoryPart):
    """A repository in a push event, where GitHub gives the time as seconds since 1970."""

    pushed_at: Annotated[int, Meta(ge=0, le=2**33)] | When | None = None


class Push(Where):
    repository: PushedRepository
    ref: str
    after: NoSha = ""
    before: NoSha = ""
    deleted: bool = False
    forced: bool = False
    created: bool = False
    commits: list[Commit] = []


class Group(Struct):
    """A merge group: `head_sha` is to be checked, and to become the new tip of `base_ref`."""

    head_sha: Sha
    base_ref: HeadsRef


class MergeGroup(Place):
    merge_group: Group


class RepositoryEvent(Where):
    changes: Changes | None = None


class LabelPart(Struct):
    name: Annotated[str, Meta(max_length=1_000)]


class LabelEvent(Where):
    label: LabelPart
    changes: Changes | None = None


class MilestonePart(Struct):
    number: Number


class MilestoneEvent(Where):
    milestone: MilestonePart


class InstallationEvent(Struct):
    installation: Installation


class InstallationRepositories(Struct):
    installation: Installation
    repositories_added: list[RepositoryPart] = []
    repositories_removed: list[RepositoryPart] = []


class _Identified(Protocol):
    @property
    def id(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this App is on GitHub. bot_login: "" if it is not known yet."""

    app_id: int
    bot_login: str = ""

    def did(self, login: str) -> bool:
        """Whether this App did what GitHub says that this login did."""
        return bool(self.bot_login) and same_login(login, self.bot_login)

    def made(self, app: _Identified | None) -> bool:
        """Whether this App made what GitHub says that this App made."""
        return app is not None and app.id == self.app_id


def text(body: str | None) -> str:
    """What a person wrote, without what PostgreSQL cannot hold."""
    return (body or "").replace("\0", "")


def decoded(body: bytes, type: type[T]) -> T:
    """The parts of the payload that we read. Raises Refused (it is not as GitHub documents it)."""
    try:
        return msgspec.json.decode(body, type=type)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        hint = "" if body[:1] == b"{" else " (content type must be application/json)"
        raise Refused(400, f"the payload is not as GitHub documents it: {error}{hint}") from error


def utc(time: datetime) -> datetime:
    """The time in UTC. Raises Refused (there is no such time)."""
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise Refused(400, f"the payload names an impossible time: {error}") from error
