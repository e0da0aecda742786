"""The nouns that come in: keys, messages, deliveries, pulls and their files. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

import msgspec

from ghapp.core.markdown import seen
from ghapp.core.releases import Milestone

# The name of the repository that holds the policy of an organisation.
ORGANISATION = ".github"


@dataclass(frozen=True, slots=True)
class Repository:
    """Where a repository is reached. Its identity is `id`, which outlives renames and transfers."""

    installation_id: int
    id: int
    full_name: str  # "owner/name", as GitHub last spelled it

    @property
    def owner(self) -> str:
        """The login of its owner, in the one spelling that ghapp stores."""
        return self.full_name.partition("/")[0].casefold()

    @property
    def is_organisations(self) -> bool:
        """Whether its policy is the organisation's: it is the owner's `.github` repository."""
        return self.full_name.partition("/")[2].casefold() == ORGANISATION


def pull_page(full_name: str, number: int) -> str:
    """The path of a pull's page of ghapp. full_name: of its repository."""
    return f"/pulls/{quote(full_name)}/{number}"


def project_page(full_name: str, number: int) -> str:
    """The path of a project's page of ghapp. full_name, number: of its issue."""
    return f"/projects/{quote(full_name)}/{number}"


def configuration_page(full_name: str) -> str:
    """The path of the page of ghapp on a repository's standing review."""
    return f"/configuration/{quote(full_name)}"


@dataclass(frozen=True, slots=True)
class PullKey:
    """One pull request."""

    repository: Repository
    number: int

    def __str__(self) -> str:
        return f"pull:{self.repository.id}:{self.number}"

    @property
    def page(self) -> str:
        """The path of its page of ghapp."""
        return pull_page(self.repository.full_name, self.number)


@dataclass(frozen=True, slots=True)
class PolicyKey:
    """The check run `NFR policy` of one pull request, which edits a policy."""

    repository: Repository
    number: int

    def __str__(self) -> str:
        return f"policy:{self.repository.id}:{self.number}"

    @property
    def pull(self) -> PullKey:
        """The pull request itself."""
        return PullKey(self.repository, self.number)


@dataclass(frozen=True, slots=True)
class QueueKey:
    """One head of a merge queue: the base branch with the first pulls of its queue merged in."""

    repository: Repository
    base_ref: str  # the branch's name, without refs/heads/
    head_sha: str

    def __str__(self) -> str:
        return f"queue:{self.repository.id}:{self.head_sha}:{self.base_ref}"

    @classmethod
    def named(cls, repository: Repository, name: str) -> QueueKey:
        """The key whose `str` this is."""
        _, _, head_sha, base_ref = name.split(":", 3)
        return cls(repository, base_ref, head_sha)


@dataclass(frozen=True, slots=True)
class ProjectKey:
    """One issue that is a project, or may become one."""

    repository: Repository
    number: int

    def __str__(self) -> str:
        return f"project:{self.repository.id}:{self.number}"

    @property
    def reference(self) -> str:
        """Its name as a reference: "acme/shop#12", in the one spelling that ghapp stores."""
        return f"{self.repository.full_name.casefold()}#{self.number}"

    @property
    def page(self) -> str:
        """The path of its page of ghapp."""
        return project_page(self.repository.full_name, self.number)


@dataclass(frozen=True, slots=True)
class RepositoryKey:
    """All open pulls of one repository: its policy changed, or it came into reach."""

    repository: Repository

    def __str__(self) -> str:
        return f"repository:{self.repository.id}"


@dataclass(frozen=True, slots=True)
class InstallationKey:
    """All repositories of one installation."""

    installation_id: int

    def __str__(self) -> str:
        return f"installation:{self.installation_id}"


@dataclass(frozen=True, slots=True)
class SweepKey:
    """The pulls of one repository that have moved since the last check."""

    repository: Repository

    def __str__(self) -> str:
        return f"sweep:{self.repository.id}"


@dataclass(frozen=True, slots=True)
class OrganisationKey:
    """The open pulls of an installation, once the policy of its organisation has changed.

    owner: as `Repository.owner`.
    """

    installation_id: int
    owner: str

    def __str__(self) -> str:
        return f"organisation:{self.owner}"


@dataclass(frozen=True, slots=True)
class ConfigurationKey:
    """The standing review of one repository's configuration, and its issue."""

    repository: Repository

    def __str__(self) -> str:
        return f"configuration:{self.repository.id}"

    @property
    def page(self) -> str:
        """The path of its page of ghapp."""
        return configuration_page(self.repository.full_name)


Key = (
    PullKey
    | PolicyKey
    | QueueKey
    | ProjectKey
    | RepositoryKey
    | SweepKey
    | InstallationKey
    | OrganisationKey
    | ConfigurationKey
)

# --- people and what they say ------------------------------------------------------------


def same_login(login: str, *others: str) -> bool:
    """Whether a login is among others; GitHub's logins ignore case."""
    return login.casefold() in {other.casefold() for other in others}


@dataclass(frozen=True, slots=True)
class Account:
    """A person or bot. id: what stays when the account is renamed; 0 if it is not known."""

    login: str
    id: int = 0

    def among(self, others: Iterable[Account]) -> bool:
        """Whether it is one of them: by id, or by login if one of the two has no id."""
        return any(
            self.id == other.id if self.id and other.id else same_login(self.login, other.login)
            for other in others
        )


class Channel(StrEnum):
    """The way a message came in; each has its own identity (see `Message.id`)."""

    COMMENT = "comment"
    REVIEW = "review"  # the commands in a review's body
    REVIEW_COMMENT = "review_comment"  # beside a line of the diff
    APPROVAL = "approval"  # the review's own verdict
    LABEL = "label"
    TICK = "tick"
    BUTTON = "button"
    RERUN = "rerun"


# Those in which people write commands.
WRITTEN = frozenset({Channel.COMMENT, Channel.REVIEW, Channel.REVIEW_COMMENT})


@dataclass(frozen=True, slots=True)
class Message:
    """What one person said once, not yet judged.

    id: "comment:ID" | "review:ID" | "review-comment:ID" | "review:ID:STATE" (an approval) |
    "label:EVENT-ID" | "tick:COMMENT-ID:ITEM:on|off:EDITED-AT" | "button:BODY-SHA256" |
    "rerun:DELIVERY-ID" (someone asked GitHub to run the check again).
    text: the body as first created; for a label "+name" or "-name"; for a tick "+item" or
    "-item"; for an approval approved | changes_requested | dismissed; for a button its identifier.
    comment_id: the comment or review to acknowledge with a reaction; 0 if there is none.
    node_id: of the review, which only GraphQL can react to; "" for all others.
    head_sha: the head that it is about, if GitHub names one: for a review and a button.
    speaker_id: of the speaker's account; 0 if GitHub did not name it.
    edited: its delivery was lost and it was edited since, so its speaker has to repeat it.
    issue: number of the follow-up's issue that it was said on; 0 if it was said on the pull.
    """

    id: str
    channel: Channel
    speaker: str  # login
    said_at: datetime
    text: str
    comment_id: int = 0
    node_id: str = ""
    head_sha: str = ""
    edited: bool = False
    speaker_id: int = 0
    issue: int = 0

    @property
    def account(self) -> Account:
        return Account(self.speaker, self.speaker_id)


@dataclass(frozen=True, slots=True)
class Rights:
    """What GitHub answered about one speaker when their message was judged.

    teams: those of the teams asked about in which the membership is active, as "org/slug".
    unclear: why a right could not be found out, one sentence each; it then counts as not held.
    account: whose they are, by the present login; None if that is known by the login only.
    """

    write: bool = False
    maintain: bool = False  # maintain or admin
    teams: frozenset[str] = frozenset()
    unclear: tuple[str, ...] = ()
    account: Account | None = None


class Via(StrEnum):
    """What reported a push. PUSH alone also says which commits it brought, to whatever branch."""

    OPENED = "opened"
    SYNCHRONIZE = "synchronize"
    PUSH = "push"
    ACTIVITY = "activity"  # GitHub's own list, read when no delivery says who pushed


@dataclass(frozen=True, slots=True)
class Push:
    """One push to a branch: a head SHA, and who brought it.

    id: of the delivery that reported it, or "activity:ID".
    before: the head until then; "" if that was not said, zeros if the branch is new. A pull that
    is opened has no head before.
    commits: those that it brought and no branch had before, as far as GitHub lists them.
    """

    head_sha: str
    login: str
    seen_at: datetime
    user_id: int = 0
    via: Via = Via.SYNCHRONIZE
    before: str = ""
    branch: str = ""
    id: str = ""
    commits: tuple[str, ...] = ()

    @property
    def account(self) -> Account:
        return Account(self.login, self.user_id)


@dataclass(frozen=True, slots=True)
class Compared:
    """What a pull request proposes: to merge this head into this branch."""

    head_sha: str
    base_ref: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """Keys that a delivery does not name, but our own record does.

    head_sha: the pulls that are recorded on this head; "" for none.
    labels: the repository, if one of these names may be that of a label of ghapp.
    issue: the number of an issue that has changed: its project, if it is one or may have become one
    by the label `labelled`.
    milestone: the number of one that has changed: the open pulls that are recorded in it.
    One of the four.
    """

    repository: Repository
    head_sha: str = ""
    labels: frozenset[str] = frozenset()
    issue: int = 0
    labelled: str = ""
    milestone: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One verified POST from GitHub, reduced to an address and at most some messages.

    fresh_at: the newest `updated_at` it names; facts older than that do not show the change yet.
    compared: what the pull was then to merge into what.
    push: the head SHA and who pushed it, if the delivery says so. pushed_to: the pull, or the
    repository of the branch, under which that is recorded.
    opened: the pull is new, so none of our marks can be on it yet.
    touched: someone else may have changed one of our marks, so they are to be read back. For an
    installation: nothing was delivered for a while, so all its open pulls are to be checked.
    left: repositories that are out of reach from now on. ended: heads that no queue tests any more.
    policy_changed: a push to the default branch changed the policy file.
    organisations: owners, as in `Repository.owner`, whose own policy may have changed.
    lookup: further keys, found when the delivery is stored.
    changed_files: how many files GitHub says the pull changes; 0 if it does not say.
    issues: those whose labels, state or parent have changed. moved: the address that the first of
    them has from now on, its node id before and from now on.
    revoked: the id of an account that no longer lets the App act for it; 0 for none.
    """

    id: str
    event: str
    action: str
    body: bytes
    keys: tuple[Key, ...] = ()
    messages: tuple[Message, ...] = ()
    fresh_at: datetime | None = None
    compared: Compared | None = None
    push: Push | None = None
    pushed_to: PullKey | RepositoryKey | None = None
    opened: bool = False
    touched: bool = False
    policy_changed: bool = False
    organisations: tuple[str, ...] = ()
    changed_files: int = 0
    left: tuple[Repository, ...] = ()
    ended: tuple[QueueKey, ...] = ()
    lookup: Lookup | None = None
    issues: tuple[ProjectKey, ...] = ()
    moved: tuple[ProjectKey, str, str] | None = None
    revoked: int = 0

    @property
    def has_keys(self) -> bool:
        """Whether storing it makes keys dirty, or may do so."""
        return bool(self.keys or self.lookup or self.issues)


# GitHub lists no more files of a pull.
# Source: https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files
MOST_FILES = 3_000


class File(msgspec.Struct, frozen=True, gc=False):  # faster to create: a pull may have 3,000
    """One changed file of a pull, as `GET pulls/{n}/files` gives it.

    patch: unified diff without file headers; "" if GitHub leaves it out (binary, too large).
    sha: of the new blob; of the old one if the file is removed. same_blob, mode: as far as they had
    to be looked up; whether the old blob is the same, and the new mode if it is another one.
    """

    path: str
    status: str  # added | removed | modified | renamed | copied | changed | unchanged
    additions: int = 0
    deletions: int = 0
    patch: str = ""
    sha: str = ""
    previous_path: str = ""
    same_blob: bool = False
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request as GitHub has it now. url: of its page.

    commits: how many it has.
    base_sha: the base branch's tip as GitHub last compared it. Under its branch's name, the base of
    a merged pull would hold what the pull brought; and a tag may have the same name.
    head_repository: full name of where its branch is, "" if that is gone.
    from_fork: whether that is another repository, whose pushes nobody reports to us.
    body: its description. milestone_text: the description of its milestone.
    teams: slugs of the teams that conditions name and that the author is an active member of.
    topics, properties: of the repository; a custom property is "NAME: VALUE".
    unknown: kinds of conditions whose facts are not known, and "team SLUG" for a single team.
    """

    key: PullKey
    title: str
    author: str
    head_sha: str
    head_ref: str
    base_ref: str
    updated_at: datetime
    labels: frozenset[str] = frozenset()
    is_open: bool = True
    is_draft: bool = False
    is_merged: bool = False
    changed_files: int = 0
    files: tuple[File, ...] = ()  # in path order
    complete: bool = True  # False if GitHub lists only the first 3,000 files
    new_folders: frozenset[str] = frozenset()  # at the top, which the base branch lacks
    default_branch: str = ""  # of the repository
    is_guarded: bool = True  # whether not everybody who can write may change the base as they like
    url: str = ""
    author_id: int = 0
    commits: int = 1
    base_sha: str = ""
    head_repository: str = ""
    from_fork: bool = False
    teams: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    milestone: Milestone | None = None
    body: str = ""
    milestone_text: str = ""

    @property
    def by(self) -> Account:
        """The author's account."""
        return Account(self.author, self.author_id)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a user's file: where it is, what is wrong and what to do."""

    path: str  # file
    line: int  # 1-based; 0 if no line can be named
    column: int
    text: str

    def __post_init__(self) -> None:
        """Keep the text to one visible line: it may quote anything from the file."""
        object.__setattr__(self, "text", seen(self.text))

    def __str__(self) -> str:
        return f"{seen(self.path)}:{self.line}:{self.column}: {self.text}"
