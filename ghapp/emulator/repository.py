"""A repository with its branches, issues, pulls, check runs and merge queues.

The classes here refer to each other, as GitHub's do. People, the App and tests act by their
methods; every act that GitHub reports to an App emits a delivery.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Any, Self, TypeVar

from ghapp.emulator.accounts import GitHub, Installation, User, locked
from ghapp.emulator.checks import CheckRun, CheckSuite
from ghapp.emulator.conversation import (
    Comment,
    Edit,
    Event,
    Label,
    Message,
    Reaction,
    Review,
    ReviewComment,
)
from ghapp.emulator.diffs import Change, Diffs, hunk
from ghapp.emulator.git import Files, Git, GitFailed
from ghapp.emulator.json import Json
from ghapp.emulator.words import Cannot

M = TypeVar("M", bound=Message)
ROLES = ("none", "read", "triage", "write", "maintain", "admin")
CLOSE_REASONS = ("completed", "not_planned", "duplicate")
REVIEW_STATES = ("approved", "changes_requested", "commented")
UNKNOWN_LABEL_COLOR = "ededed"  # of a label that is created by being put on an issue
QUEUE_BOT = "github-merge-queue[bot]"
PASSING = ("success", "neutral", "skipped")
EARLIER_STATES = 20
NO_SHA = "0" * 40


class NotAssignable(ValueError):
    """login: who cannot be assigned."""

    def __init__(self, login: str) -> None:
        super().__init__(f"{login} cannot be assigned")
        self.login = login


@dataclass(eq=False, repr=False, kw_only=True)
class Thread(ABC):
    """What issues and pulls have in common: on GitHub, every pull is also an issue.

    Every act on it moves `updated_at`, keeps the state before it (for reads that lag) and is
    reported to the App. via_app: the App opened it. state_reason: why an issue was closed or opened
    last. earlier: this thread before each of its last changes.
    """

    repository: Repository
    number: int
    issue_id: int
    author: User
    title: str
    body: str | None
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    state_reason: str | None = None
    closed_at: datetime | None = None
    closed_by: User | None = None
    via_app: bool = False
    label_list: list[Label] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    earlier: deque[Any] = field(default_factory=lambda: deque(maxlen=EARLIER_STATES))

    @property
    def lock(self) -> RLock:
        return self.repository.lock

    @property
    def github(self) -> GitHub:
        return self.repository.github

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(label.name for label in self.label_list)

    def as_of(self, changes_ago: int) -> Self:
        """This thread before its last changes, as a read that lags behind sees it."""
        if not changes_ago or not self.earlier:
            return self
        before: Self = self.earlier[-min(changes_ago, len(self.earlier))]
        return before

    def touch(self) -> None:
        """Keep the present state, then move `updated_at`."""
        before = copy.copy(self)
        before.earlier = deque()
        for name, value in vars(self).items():
            if isinstance(value, list):
                setattr(before, name, list(value))
        self.earlier.append(before)
        self.updated_at = self.github.now()

    @abstractmethod
    def notify(self, action: str, by: str | None = None, **parts: object) -> None:
        """Emit the delivery about this thread itself."""

    def _add_event(
        self,
        name: str,
        by: str | None,
        *,
        label: Label | None = None,
        commit_id: str | None = None,
        **details: object,
    ) -> None:
        actor = self.github.user(by or self.author.login)
        via_app = actor is self.github.app.bot
        event = Event(
            self.github.new_id(), name, actor, self.updated_at, label, commit_id, via_app, details
        )
        self.events.append(event)

    # --- title, body and state -------------------------------------------------------------

    @locked
    def edit(
        self, by: str | None = None, *, title: str | None = None, body: str | None = None
    ) -> None:
        """An edit that changes nothing is not reported."""
        changes: Json = {}
        if title is not None and title != self.title:
            changes["title"] = {"from": self.title}
        if body is not None and body != (self.body or ""):
            changes["body"] = {"from": self.body or ""}
        if not changes:
            return
        self.touch()
        before, self.title = self.title, title if title is not None else self.title
        self.body = body if body is not None else self.body
        if "title" in changes:
            self._add_event("renamed", by, rename={"from": before, "to": self.title})
        self.notify("edited", by, changes=changes)

    def _set_state(self, action: str, by: str | None, reason: str | None = None) -> None:
        self.touch()
        closes = action == "closed"
        self.state, self.state_reason = "closed" if closes else "open", reason
        self.closed_at = self.updated_at if closes else None
        self.closed_by = self.github.user(by or self.author.login) if closes else None
        self._add_event(action, by)
        self.notify(action, by)

    # --- messages and reactions ------------------------------------------------------------

    @locked
    def comment(self, body: str, by: str) -> int:
        """The id of a new comment."""
        comment = self._write(Comment, self.comments, by, body)
        return comment.id

    def find_comment(self, comment_id: int) -> Comment:
        """Raises KeyError (no such comment)."""
        return self.repository.message(Comment, comment_id)[1]

    @locked
    def edit_comment(self, comment_id: int, body: str, by: str) -> None:
        self._edit(self.find_comment(comment_id), body, by)

    @locked
    def delete_comment(self, comment_id: int, by: str) -> None:
        self._delete(self.comments, self.find_comment(comment_id), by)

    def react(self, comment_id: int, content: str, by: str) -> tuple[Reaction, bool]:
        return self.react_to(self.find_comment(comment_id), content, by)

    @locked
    def react_to(self, message: Message, content: str, by: str) -> tuple[Reaction, bool]:
        """The reaction, and whether it is new. GitHub reports none, nor moves `updated_at`."""
        user = self.github.user(by)
        for known in message.reactions:
            if known.user is user and known.content == content:
                return known, False
        reaction = Reaction(self.github.new_id(), user, content, self.github.now())
        message.reactions.append(reaction)
        return reaction, True

    def _write(
        self, kind: Callable[..., M], messages: list[M], by: str, body: str, **more: object
    ) -> M:
        self.touch()
        user, now = self.github.user(by), self.updated_at
        message = kind(
            id=self.github.new_id(), user=user, body=body, created_at=now, updated_at=now,
            via_app=user is self.github.app.bot, **more,
        )  # fmt: skip
        messages.append(message)
        self.repository.messages[message.id] = (self, message)
        action = "submitted" if isinstance(message, Review) else "created"
        self._notify_about(message, action, by)
        return message

    def _edit(self, message: Message, body: str, by: str) -> None:
        self.touch()
        message.edits.append(Edit(self.updated_at, self.github.user(by), message.body))
        before, message.body, message.updated_at = message.body, body, self.updated_at
        self._notify_about(message, "edited", by, changes={"body": {"from": before}})

    def _delete(self, messages: list[M], message: M, by: str) -> None:
        self.touch()
        messages.remove(message)
        del self.repository.messages[message.id]
        self._notify_about(message, "deleted", by)

    def _notify_about(self, message: Message, action: str, by: str, **parts: object) -> None:
        thread = {"issue" if isinstance(message, Comment) else "pull_request": self}
        self.repository.emit(message.event, action, by, **thread, **{message.key: message}, **parts)

    # --- labels and assignees --------------------------------------------------------------

    @locked
    def add_label(self, name: str, by: str) -> None:
        """A label already on the thread changes nothing; an unknown label is created."""
        label = self.repository.label(name) or self.repository.create_label(name, by=by)
        if label not in self.label_list:
            self.touch()
            self.label_list = [*self.label_list, label]
            self.notify_label("labeled", label, by)

    @locked
    def remove_label(self, name: str, by: str) -> None:
        """Raises KeyError (not on the thread)."""
        label = self.repository.label(name)
        if label is None or label not in self.label_list:
            raise KeyError(name)
        self.touch()
        self.label_list = [other for other in self.label_list if other is not label]
        self.notify_label("unlabeled", label, by)

    def set_labels(self, names: Sequence[str], by: str) -> None:
        """Replace all labels."""
        kept = {name.lower() for name in names}
        for name in sorted(self.labels):
            if name.lower() not in kept:
                self.remove_label(name, by)
        for name in names:
            self.add_label(name, by)

    def notify_label(self, action: str, label: Label, by: str | None = None) -> None:
        self._add_event(action, by, label=label)
        self.notify(action, by, label=label)

    @locked
    def assign(self, login: str, by: str) -> None:
        """Raises NotAssignable."""
        (user,) = self.repository.assignable([login])
        if user not in self.assignees:
            self.touch()
            self.assignees = [*self.assignees, user]
            self.notify_assignee("assigned", user, by)

    @locked
    def unassign(self, login: str, by: str) -> None:
        user = self.github.user(login)
        if user in self.assignees:
            self.touch()
            self.assignees = [other for other in self.assignees if other is not user]
            self.notify_assignee("unassigned", user, by)

    def set_assignees(self, logins: Sequence[str], by: str) -> None:
        """Replace all assignees."""
        kept = {login.lower() for login in logins}
        for user in list(self.assignees):
            if user.login.lower() not in kept:
                self.unassign(user.login, by)
        for login in logins:
            self.assign(login, by)

    def notify_assignee(self, action: str, user: User, by: str) -> None:
        self._add_event(action, by, assignee=user, assigner=self.github.user(by))
        self.notify(action, by, assignee=user)


class Issue(Thread):
    """An issue that is not a pull.

    Source: https://docs.github.com/webhooks/webhook-events-and-payloads#issues
    """

    def __repr__(self) -> str:
        return f"<Issue {self.repository.full_name}#{self.number}: {self.title}>"

    @locked
    def close(self, by: str, reason: str = "completed") -> None:
        """reason: completed, not_planned or duplicate. A closed issue stays as it is."""
        if reason not in CLOSE_REASONS:
            raise ValueError(f"reason {reason!r}: one of {', '.join(CLOSE_REASONS)}")
        if self.state == "open":
            self._set_state("closed", by, reason)

    @locked
    def reopen(self, by: str) -> None:
        if self.state == "closed":
            self._set_state("reopened", by, "reopened")

    @locked
    def delete(self, by: str) -> None:
        """From now on 410. Only administrators may do so."""
        self._leave()
        self.repository.deleted_issues.add(self.number)
        self.notify("deleted", by)

    @locked
    def transfer(self, to: Repository, by: str) -> Issue:
        """The new issue, to which the old address leads. It keeps the labels that `to` has."""
        old = self.repository
        moved = to.new_issue(self.author, self.title, self.body or "", via_app=self.via_app)
        moved.created_at, moved.state = self.created_at, self.state
        moved.label_list = [label for name in self.labels if (label := to.label(name))]
        moved.comments, moved.earlier = self.comments, self.earlier
        self._leave()
        to.messages |= {comment.id: (moved, comment) for comment in moved.comments}
        old.moved_issues[self.number] = moved
        self.notify("transferred", by, changes={"new_issue": moved, "new_repository": to})
        moved.notify("opened", by, changes={"old_issue": self, "old_repository": old})
        return moved

    def _leave(self) -> None:
        self.touch()
        del self.repository.issues[self.number]
        for comment in self.comments:
            self.repository.messages.pop(comment.id, None)

    def notify(self, action: str, by: str | None = None, **parts: object) -> None:
        self.repository.emit("issues", action, by or self.author.login, issue=self, **parts)


@dataclass(eq=False, repr=False, kw_only=True)
class Pull(Thread):
    """A pull request. head_owner: kept for the label "owner:ref" when the fork is gone.

    Sources: https://docs.github.com/rest/pulls/reviews, https://docs.github.com/rest/pulls/comments
    """

    id: int
    head_repository: Repository | None
    head_owner: str
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    is_draft: bool = False
    commits: int = 0
    merged_at: datetime | None = None
    merged_by: User | None = None
    merge_commit_sha: str | None = None
    reviews: list[Review] = field(default_factory=list)
    review_comments: list[ReviewComment] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<Pull {self.repository.full_name}#{self.number} at {self.head_sha[:7]}>"

    def merge_base(self) -> str:
        return self.repository.network.git.merge_base(self.base_sha, self.head_sha)

    def changes(self) -> tuple[Change, ...]:
        """The three-dot diff: from the commit that the head branched off from, to the head."""
        return self.repository.network.diffs.between(self.merge_base(), self.head_sha)

    def check_runs(self, head_sha: str | None = None) -> list[CheckRun]:
        """All runs on a head (by default the newest), oldest first."""
        sha = head_sha or self.head_sha
        return [run for run in self.repository.check_runs.values() if run.head_sha == sha]

    def conversation(self) -> list[Message]:
        """Comments, reviews and review comments in the order of time."""
        every: list[Message] = [*self.comments, *self.reviews, *self.review_comments]
        return sorted(every, key=lambda message: (message.created_at, message.id))

    def notify(self, action: str, by: str | None = None, **parts: object) -> None:
        self.repository.emit(
            "pull_request", action, by or self.author.login, pull_request=self, **parts
        )

    # --- its branches ----------------------------------------------------------------------

    @property
    def _head_repository(self) -> Repository:
        if self.head_repository is None:
            raise Cannot("no_head_repository")
        return self.head_repository

    @locked
    def push(self, files: Files, by: str | None = None, message: str = "Change") -> str:
        """Commit on top of the head; the new head SHA."""
        return self._head_repository.push(self.head_ref, files, by or self.author.login, message)

    @locked
    def force_push(self, files: Files, by: str | None = None) -> str:
        """Throw the pull's commits away and start again from the base branch."""
        tip = self.repository.branches[self.base_ref]
        by = by or self.author.login
        return self._head_repository.push(self.head_ref, files, by, parent=tip)

    @locked
    def rebase(self, by: str | None = None) -> str:
        """The same changes as one commit on the tip of the base branch. Raises GitFailed."""
        return self._merge_base(by, "Rebased")

    @locked
    def merge_base_in(self, by: str | None = None) -> str:
        """What the button "Update branch" does. Raises GitFailed (conflict)."""
        return self._merge_base(by, f"Merge {self.base_ref}", self.head_sha)

    def _merge_base(self, by: str | None, message: str, *parents: str) -> str:
        tip = self.repository.branches[self.base_ref]
        sha = self.repository.network.git.merge(
            tip, self.head_sha, parents=[*parents, tip], message=message, at=self.github.now()
        )
        self._head_repository.move(self.head_ref, sha, by or self.author.login)
        return sha

    @locked
    def retarget(self, base_ref: str, by: str | None = None) -> None:
        """Change the base branch."""
        self.touch()
        before = {"ref": {"from": self.base_ref}, "sha": {"from": self.base_sha}}
        self.base_ref, self.base_sha = base_ref, self.repository.branches[base_ref]
        self.notify("edited", by, changes={"base": before})

    @locked
    def delete_fork(self) -> None:
        """The head repository disappears; the pull stays."""
        self.touch()
        self.head_repository = None

    def synchronize(self, before: str, after: str, by: str) -> None:
        """Follow the head branch, which moved."""
        self.touch()
        self.head_sha, self.base_sha = after, self.repository.branches[self.base_ref]
        self.count_commits()
        if not self.repository.network.git.is_ancestor(before, after):
            self._add_event("head_ref_force_pushed", by, commit_id=after)
        self.notify("synchronize", by, before=before, after=after)
        self.dequeue(by, "UNKNOWN_REMOVAL_REASON")

    def count_commits(self) -> None:
        self.commits = len(self.repository.network.git.commits(self.merge_base(), self.head_sha))

    # --- its state -------------------------------------------------------------------------

    @locked
    def ready(self, by: str | None = None) -> None:
        self.touch()
        self.is_draft = False
        self._add_event("ready_for_review", by)
        self.notify("ready_for_review", by)

    @locked
    def draft(self, by: str | None = None) -> None:
        self.touch()
        self.is_draft = True
        self._add_event("convert_to_draft", by)
        self.notify("converted_to_draft", by)

    @locked
    def close(self, by: str | None = None) -> None:
        self._set_state("closed", by)
        self.dequeue(by)

    @locked
    def reopen(self, by: str | None = None) -> None:
        self._set_state("reopened", by)

    @locked
    def merge(self, by: str | None = None) -> str:
        """The SHA of the merge commit on the base branch. Raises GitFailed (conflict)."""
        tip = self.repository.branches[self.base_ref]
        sha = self.repository.network.git.merge(
            tip, self.head_sha, parents=[tip, self.head_sha],
            message=f"Merge pull request #{self.number}", at=self.github.now(),
        )  # fmt: skip
        self.land(sha, by or self.author.login)
        return sha

    def land(self, sha: str, by: str) -> None:
        """Move the base branch to a commit that holds the pull, which merges it."""
        self.repository.move(self.base_ref, sha, by)
        self.touch()
        self.state, self.merge_commit_sha = "closed", sha
        self.closed_at = self.merged_at = self.updated_at
        self.merged_by = self.closed_by = self.github.user(by)
        self._add_event("merged", by, commit_id=sha)
        self._add_event("closed", by, commit_id=sha)
        self.notify("closed", by)

    @locked
    def enqueue(self, by: str | None = None) -> None:
        """Add it to the merge queue of its base branch. Raises KeyError and ValueError."""
        self.repository.queues[self.base_ref].add(self, by or self.author.login)

    @locked
    def dequeue(self, by: str | None = None, reason: str = "MANUAL") -> None:
        """Take it out of the merge queue, if it is in one."""
        queue = self.repository.queues.get(self.base_ref)
        entry = queue.find(self) if queue else None
        if queue and entry:
            queue.drop(entry, reason, by or self.author.login)

    # --- reviews ---------------------------------------------------------------------------

    def find_review(self, review_id: int) -> Review:
        """Raises KeyError (no such review)."""
        return self.repository.message(Review, review_id)[1]

    def find_review_comment(self, comment_id: int) -> ReviewComment:
        """Raises KeyError (no such comment)."""
        return self.repository.message(ReviewComment, comment_id)[1]

    @locked
    def review(
        self, by: str, state: str = "approved", body: str = "", commit_id: str | None = None
    ) -> int:
        """The id of a submitted review. state: approved, changes_requested or commented.

        commit_id: by default the head. Raises ValueError when GitHub answers 422: a verdict on
        one's own pull, no body although one is required, an unknown commit.
        """
        if state not in REVIEW_STATES:
            raise ValueError(f"state {state!r}: one of {', '.join(REVIEW_STATES)}")
        if self.github.user(by) is self.author and state != "commented":
            raise Cannot(f"own_pull_{state}")
        if state != "approved" and not body.strip():
            raise Cannot(f"needs_body_{state}")
        return self._submit(by, state, body, commit_id)

    def _submit(self, by: str, state: str, body: str, commit_id: str | None) -> int:
        sha = commit_id or self.head_sha
        if sha not in self.repository.network.git.parents:
            raise ValueError(f"no commit {sha}")
        return self._write(Review, self.reviews, by, body, state=state, commit_id=sha).id

    @locked
    def edit_review(self, review_id: int, body: str, by: str) -> None:
        """Only the body of a review can be edited, never its verdict."""
        self._edit(self.find_review(review_id), body, by)

    @locked
    def dismiss_review(self, review_id: int, by: str, message: str = "Dismissed") -> None:
        """Make a verdict void. Raises ValueError (no verdict, no message, no right to).

        Source: https://docs.github.com/pull-requests/how-tos/review-pull-requests/
        dismissing-a-pull-request-review ("administrators or people with write access")
        """
        review = self.find_review(review_id)
        if review.state not in ("approved", "changes_requested"):
            raise Cannot(f"no_verdict_{review.state}")
        if not message.strip():
            raise Cannot("why_missing")
        if not self.repository.may_write(self.github.user(by)):
            raise Cannot("may_not_dismiss", by=by)
        dismissed = {
            "state": review.state,
            "review_id": review.id,
            "dismissal_message": message,
        }
        self.touch()
        review.state, review.updated_at = "dismissed", self.updated_at
        self._add_event("review_dismissed", by, dismissed_review=dismissed)
        self._notify_about(review, "dismissed", by)

    @locked
    def review_comment(
        self,
        body: str,
        by: str,
        path: str | None = None,
        line: int | None = None,
        *,
        review_id: int | None = None,
        in_reply_to: int | None = None,
        commit_id: str | None = None,
    ) -> int:
        """The id of a new comment on a changed file, by default the first.

        line: of the new file; None for the whole file. review_id: the review it is part of; a
        comment on its own makes a review without a body, as on GitHub. Raises ValueError (path or
        line is not in the diff) and KeyError (the comment replied to does not exist).
        """
        if in_reply_to is not None:
            first = self.find_review_comment(in_reply_to)
            path, line = first.path, first.line
        path, diff_hunk = hunk(self.changes(), path, line)
        if review_id is None:
            review_id = self._submit(by, "commented", "", commit_id)
        sha = commit_id or self.head_sha
        return self._write(
            ReviewComment, self.review_comments, by, body, review_id=review_id, path=path,
            line=line, commit_id=sha, original_commit_id=sha, diff_hunk=diff_hunk,
            in_reply_to=in_reply_to,
        ).id  # fmt: skip

    @locked
    def edit_review_comment(self, comment_id: int, body: str, by: str) -> None:
        self._edit(self.find_review_comment(comment_id), body, by)

    @locked
    def delete_review_comment(self, comment_id: int, by: str) -> None:
        self._delete(self.review_comments, self.find_review_comment(comment_id), by)


@dataclass(eq=False, slots=True)
class QueueEntry:
    """A pull in a merge queue. head_sha: of its merge group, on top of base_sha; "" before.

    state: as in GraphQL's MergeQueueEntryState.
    """

    id: int
    queue: MergeQueue
    pull: Pull
    enqueuer: User
    enqueued_at: datetime
    base_sha: str = ""
    head_sha: str = ""
    branch: str = ""
    state: str = "QUEUED"

    @property
    def position(self) -> int:
        """1 is merged next."""
        return self.queue.entries.index(self) + 1


@dataclass(eq=False, slots=True)
class MergeQueue:
    """The queue of one base branch: pulls in a row, tested on top of each other, merged in order.

    Every entry is tested at once, on a branch of its own; only the front is ever decided on, so
    that an entry that failed stays until it is at the front. What GitHub's pages do not describe,
    such as the order of its deliveries, is assumed. Sources:
    https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/
    configuring-pull-request-merges/managing-a-merge-queue,
    https://docs.github.com/webhooks/webhook-events-and-payloads#merge_group
    required: the check that decides.
    """

    repository: Repository
    base_ref: str
    required: str = "NFR review"
    entries: list[QueueEntry] = field(default_factory=list)

    def add(self, pull: Pull, by: str) -> QueueEntry:
        """Add it at the end, whatever its own checks say: some people may bypass the rules.

        Raises ValueError (it is in the queue already, not open, or `by` may not write).
        """
        github = self.repository.github
        user = github.user(by)
        if pull.state != "open" or self.find(pull) or not self.repository.may_write(user):
            raise ValueError(f"pull {pull.number} cannot be added to the queue by {by}")
        entry = QueueEntry(github.new_id(), self, pull, user, github.now())
        self.entries.append(entry)
        pull.touch()
        pull.notify("enqueued", by)
        self._build(entry)
        return entry

    def find(self, pull: Pull) -> QueueEntry | None:
        return next((entry for entry in self.entries if entry.pull is pull), None)

    def drop(self, entry: QueueEntry, reason: str, by: str) -> None:
        """Take it out; the entries behind it are tested anew without it.

        reason: as in the delivery `pull_request.dequeued`.
        """
        place = self.entries.index(entry)
        self.entries.remove(entry)
        self._destroy(entry, "dequeued")
        entry.pull.touch()
        entry.pull.notify("dequeued", by, reason=reason)
        behind = self.entries[place:]
        for other in behind:
            self._destroy(other, "invalidated")
        for other in behind:
            self._build(other)

    def decide(self) -> None:
        """Decide entries from the front, as far as their required checks are completed."""
        for entry in self.entries:
            if found := self._conclusion(entry):
                entry.state = "MERGEABLE" if found in PASSING else "UNMERGEABLE"
        while self.entries and (found := self._conclusion(self.entries[0])):
            front = self.entries[0]
            if found in PASSING:
                self.entries.remove(front)
                front.pull.land(front.head_sha, front.enqueuer.login)
                self._destroy(front, "merged")
            else:
                self.drop(front, "CI_FAILURE", QUEUE_BOT)

    def _conclusion(self, entry: QueueEntry) -> str | None:
        """Of the newest required check on its merge group; None until that is completed."""
        runs = [
            run
            for run in self.repository.check_runs.values()
            if (run.head_sha, run.name) == (entry.head_sha, self.required)
        ]
        return runs[-1].conclusion if runs and runs[-1].status == "completed" else None

    def _build(self, entry: QueueEntry) -> None:
        """Make its merge group, or drop it if there is a conflict."""
        repository, place = self.repository, self.entries.index(entry)
        tip = self.entries[place - 1].head_sha if place else repository.branches[self.base_ref]
        pull, github = entry.pull, repository.github
        try:
            sha = repository.network.git.merge(
                tip, pull.head_sha, parents=[tip, pull.head_sha],
                # Two groups of the same commits in the same second are two commits all the same.
                message=f"Merge pull request #{pull.number} ({github.new_id()})", at=github.now(),
            )  # fmt: skip
        except GitFailed:
            self.drop(entry, "MERGE_CONFLICT", QUEUE_BOT)
            return
        entry.base_sha, entry.head_sha, entry.state = tip, sha, "AWAITING_CHECKS"
        entry.branch = f"gh-readonly-queue/{self.base_ref}/pr-{pull.number}-{tip}"
        repository.move(entry.branch, sha, QUEUE_BOT)
        repository.emit("merge_group", "checks_requested", QUEUE_BOT, merge_group=entry)

    def _destroy(self, entry: QueueEntry, reason: str) -> None:
        if entry.head_sha:
            self.repository.branches.pop(entry.branch, None)
            self.repository.emit(
                "merge_group", "destroyed", QUEUE_BOT, merge_group=entry, reason=reason
            )
        entry.head_sha = ""


@dataclass(frozen=True, slots=True)
class Push:
    """A branch moved. before: NO_SHA if it is new."""

    branch: str
    before: str
    after: str


@dataclass(eq=False, repr=False)
class Network:
    """A repository and its forks, which share their git objects."""

    git: Git
    diffs: Diffs
    repositories: list[Repository] = field(default_factory=list)


@dataclass(eq=False)
class Names:
    """All repositories by their full name in lower case. moved: by the names that they had."""

    current: dict[str, Repository] = field(default_factory=dict)
    moved: dict[str, Repository] = field(default_factory=dict)

    def give(self, repository: Repository, owner: User, name: str) -> None:
        """Rename a repository. Raises ValueError (another one has this name)."""
        old, new = repository.full_name.lower(), f"{owner.login}/{name}".lower()
        if self.current.get(new, repository) is not repository:
            raise ValueError(f"{owner.login}/{name} exists already")
        if self.current.pop(old, None):
            self.moved[old] = repository
        repository.owner, repository.name = owner, name
        self.current[new] = repository
        self.moved.pop(new, None)


@dataclass(eq=False, repr=False, kw_only=True)
class Repository:
    """parent: what it was forked from. has_issues: if off, it has only pulls.

    roles: by lower-case login.
    """

    github: GitHub
    names: Names
    network: Network
    owner: User
    id: int
    name: str
    default_branch: str
    created_at: datetime
    pushed_at: datetime
    installation: Installation | None = None
    parent: Repository | None = None
    description: str | None = None
    has_issues: bool = True
    roles: dict[str, str] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)  # by lower-case name
    pulls: dict[int, Pull] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    deleted_issues: set[int] = field(default_factory=set)
    moved_issues: dict[int, Issue] = field(default_factory=dict)
    messages: dict[int, tuple[Thread, Message]] = field(default_factory=dict)
    check_runs: dict[int, CheckRun] = field(default_factory=dict)
    suites: dict[str, CheckSuite] = field(default_factory=dict)  # by head SHA
    queues: dict[str, MergeQueue] = field(default_factory=dict)  # by base branch
    numbers: int = 0

    @classmethod
    def create(
        cls, github: GitHub, names: Names, network: Network, owner: User, name: str, **more: Any
    ) -> Self:
        now = github.now()
        made = cls(
            github=github, names=names, network=network, owner=owner, id=github.new_id(), name=name,
            created_at=now, pushed_at=now, **more,
        )  # fmt: skip
        names.give(made, owner, name)
        network.repositories.append(made)
        return made

    def __repr__(self) -> str:
        return f"<Repository {self.full_name}>"

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def lock(self) -> RLock:
        return self.github.lock

    def emit(self, event: str, action: str | None, by: str, **parts: object) -> None:
        """Report something in this repository. Nobody hears of it if the App is not installed."""
        sender = self.github.user(by)
        parts = {**parts, "repository": self}
        self.github.emit(event, action, sender, self.installation, parts)

    @locked
    def rename(self, name: str, by: str) -> None:
        """The old name leads to it. Raises ValueError (the owner has one of that name).

        Source: https://docs.github.com/repositories/creating-and-managing-repositories/
        renaming-a-repository
        """
        changes = {"repository": {"name": {"from": self.name}}}
        self.names.give(self, self.owner, name)
        self.emit("repository", "renamed", by, changes=changes)

    @locked
    def transfer(self, to_owner: str, by: str) -> None:
        """Move it to an account. If the App is not installed there, it loses the repository.

        Raises ValueError (that owner has one of that name).
        """
        owner = self.github.user(to_owner, kind="Organization")
        before, left = self.owner, self.installation
        self.names.give(self, owner, self.name)
        installations = self.github.installations.values()
        self.installation = next((one for one in installations if one.account is owner), None)
        if left is not None and left is not self.installation:
            parts: Json = {
                "repository_selection": "all",
                "repositories_added": [],
                "repositories_removed": [self],
                "requester": None,
            }
            sender = self.github.user(by)
            self.github.emit("installation_repositories", "removed", sender, left, parts)
        kind = "organization" if before.kind == "Organization" else "user"
        self.emit("repository", "transferred", by, changes={"owner": {"from": {kind: before}}})

    # --- people ----------------------------------------------------------------------------

    @locked
    def collaborator(self, login: str, role: str) -> User:
        """role: read, triage, write, maintain or admin; "none" takes the rights away."""
        if role not in ROLES:
            raise ValueError(f"role {role!r}: one of {', '.join(ROLES)}")
        self.roles[login.lower()] = role
        return self.github.user(login)

    def role(self, user: User) -> str:
        """A word of ROLES; members of the organization may read."""
        if user is self.owner:
            return "admin"
        member = "read" if self.github.is_member(self.owner, user) else "none"
        return self.roles.get(user.login.lower(), member)

    def may_write(self, user: User) -> bool:
        """People with write, and the App, whose own permissions are checked elsewhere."""
        rank = ROLES.index(self.role(user))
        return rank >= ROLES.index("write") or user is self.github.app.bot

    def association(self, user: User) -> str:
        if user is self.owner:
            return "OWNER"
        if self.github.is_member(self.owner, user):
            return "MEMBER"
        return "COLLABORATOR" if user.login.lower() in self.roles else "NONE"

    def assignable(self, logins: Iterable[str]) -> list[User]:
        """These people, if all can be assigned: with write, or members who may read.

        GitHub also admits people who have commented on that very issue, which is left out here.
        Raises NotAssignable. Source:
        https://docs.github.com/issues/tracking-your-work-with-issues/using-issues/
        assigning-issues-and-pull-requests-to-other-github-users
        """
        people: dict[str, User] = {}
        for login in logins:
            user = self.github.users.get(login.lower())
            if user is None or user.kind != "User":
                raise NotAssignable(login)
            reads = self.github.is_member(self.owner, user) and self.role(user) != "none"
            if not reads and not self.may_write(user):
                raise NotAssignable(login)
            people[user.login] = user
        return list(people.values())

    # --- labels ----------------------------------------------------------------------------

    def label(self, name: str) -> Label | None:
        """Case does not tell names apart."""
        return self.labels.get(name.lower())

    @locked
    def create_label(
        self,
        name: str,
        color: str = UNKNOWN_LABEL_COLOR,
        description: str | None = None,
        by: str | None = None,
    ) -> Label:
        label = Label(self.github.new_id(), name, color, description)
        self.labels[name.lower()] = label
        self.emit("label", "created", by or self.owner.login, label=label)
        return label

    @locked
    def edit_label(self, label: Label, change: Json, by: str | None = None) -> None:
        """change: any of new_name, color, description."""
        changes = {}
        del self.labels[label.name.lower()]
        for key, name in (("new_name", "name"), ("color", "color"), ("description",) * 2):
            before = getattr(label, name)
            if key in change and change[key] != before:
                changes[name] = {"from": before or ""}
                setattr(label, name, change[key])
        self.labels[label.name.lower()] = label
        self.emit("label", "edited", by or self.owner.login, label=label, changes=changes)

    # --- branches --------------------------------------------------------------------------

    @locked
    def push(
        self,
        branch: str,
        files: Files,
        by: str,
        message: str = "Change",
        *,
        parent: str | None = None,
    ) -> str:
        """Commit on top of a branch (or of `parent`, by force); the new SHA."""
        # A fork's branches have names of their own in the object store that it shares.
        folder = "heads" if self.parent is None else f"forks/{self.full_name}/heads"
        sha = self.network.git.commit(
            files,
            parent=parent or self.branches.get(branch),
            branch=f"{folder}/{branch}",
            message=message,
            author=by,
            at=self.github.now(),
        )
        self.move(branch, sha, by)
        return sha

    @locked
    def move(self, branch: str, sha: str, by: str) -> None:
        """Point a branch at a commit: a push, a check suite, and every open pull on it follow."""
        before = self.branches.get(branch, NO_SHA)
        self.branches[branch] = sha
        self.pushed_at = self.github.now()
        if self.installation is not None:
            self.emit("push", None, by, push=Push(branch, before, sha))
            suite = self.suite(sha, branch)
            suite.before = before
            self.emit("check_suite", "requested", by, check_suite=suite)
        for repository in self.network.repositories:
            for pull in list(repository.pulls.values()):
                on_branch = pull.head_repository is self and pull.head_ref == branch
                if on_branch and pull.state == "open":
                    pull.synchronize(before, sha, by)

    @locked
    def branch(self, name: str, of: str | None = None) -> None:
        """A new branch at the tip of another."""
        self.branches[name] = self.branches[of or self.default_branch]

    @locked
    def fork(self, owner: str) -> Repository:
        """A person's fork, made if missing; the App is not installed there."""
        user = self.github.user(owner)
        known = self.names.current.get(f"{owner}/{self.name}".lower())
        return known or Repository.create(
            self.github, self.names, self.network, user, self.name,
            parent=self, default_branch=self.default_branch, branches=dict(self.branches),
        )  # fmt: skip

    # --- pulls and issues ------------------------------------------------------------------

    def next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    def thread(self, number: int) -> Pull | Issue | None:
        """The pull or the issue of a number: they share them."""
        return self.pulls.get(number) or self.issues.get(number)

    def threads(self) -> tuple[Pull | Issue, ...]:
        return (*self.pulls.values(), *self.issues.values())

    def message(self, kind: type[M], number: int) -> tuple[Thread, M]:
        """A message and its thread. Raises KeyError (no such message of this kind)."""
        thread, found = self.messages[number]
        if not isinstance(found, kind):
            raise KeyError(number)
        return thread, found

    @locked
    def open_pull(
        self,
        *,
        author: str,
        branch: str,
        files: Files | None = None,
        title: str = "A change",
        body: str | None = None,
        base: str | None = None,
        draft: bool = False,
        fork: str | None = None,
        labels: Iterable[str] = (),
    ) -> Pull:
        """A new pull. files: committed on the branch first, None if it has its commits.

        fork: login whose fork of this repository holds the branch; it is made if missing.
        Raises ValueError (such a pull is open, or the branch has no commits).
        """
        head, base = self.fork(fork) if fork else self, base or self.default_branch
        for pull in self.pulls.values():
            same = (pull.head_repository, pull.head_ref, pull.base_ref) == (head, branch, base)
            if same and pull.state == "open":
                raise ValueError(
                    f"pull {pull.number} from {branch!r} into {base!r} is open already"
                )
        if files is not None:
            parent = head.branches.get(branch) or self.branches[base]
            head.push(branch, files, author, title, parent=parent)
        if branch not in head.branches:
            raise ValueError(f"branch {branch!r} has no commits: give files")
        github, now = self.github, self.github.now()
        user = github.user(author)
        pull = Pull(
            repository=self, number=self.next_number(), id=github.new_id(),
            issue_id=github.new_id(), author=user, title=title, body=body, head_repository=head,
            head_owner=head.owner.login, head_ref=branch, head_sha=head.branches[branch],
            base_ref=base, base_sha=self.branches[base], created_at=now, updated_at=now,
            is_draft=draft, via_app=user is github.app.bot,
        )  # fmt: skip
        pull.count_commits()
        self.pulls[pull.number] = pull
        pull.label_list = [self.label(name) or self.create_label(name) for name in labels]
        pull.notify("opened")
        for label in pull.label_list:
            pull.notify_label("labeled", label)
        return pull

    @locked
    def open_big_pull(self, files: int, *, author: str, branch: str, lines: int = 20) -> Pull:
        """A pull with this many new files of this many lines, for load."""
        text = "".join(f"value_{line} = compute({line})\n" for line in range(lines))
        big = {f"src/part{at // 100}/module_{at:04}.py": f"# {at}\n{text}" for at in range(files)}
        return self.open_pull(author=author, branch=branch, files=big, title=f"{files} files")

    @locked
    def open_issue(
        self,
        by: str,
        title: str,
        body: str = "",
        *,
        labels: Iterable[str] = (),
        assignees: Iterable[str] = (),
    ) -> Issue:
        """A new issue. Raises ValueError (issues are off, somebody cannot be assigned).

        Labels that the repository does not know are created, as when they are put on later.
        GitHub's pages only say that labels of people without push access are dropped; that an
        unknown name is created for all others is assumed here.
        """
        if not self.has_issues:
            raise ValueError("Issues are disabled for this repo")
        people, user = self.assignable(assignees), self.github.user(by)
        issue = self.new_issue(user, title, body, via_app=user is self.github.app.bot)
        issue.label_list = [self.label(name) or self.create_label(name, by=by) for name in labels]
        issue.assignees = people
        issue.notify("opened")
        for label in issue.label_list:
            issue.notify_label("labeled", label)
        for person in people:
            issue.notify_assignee("assigned", person, by)
        return issue

    def new_issue(self, author: User, title: str, body: str, *, via_app: bool) -> Issue:
        """An issue that nobody has been notified of."""
        now = self.github.now()
        issue = Issue(
            repository=self, number=self.next_number(), issue_id=self.github.new_id(),
            author=author, title=title, body=body or None, created_at=now, updated_at=now,
            via_app=via_app,
        )  # fmt: skip
        self.issues[issue.number] = issue
        return issue

    @locked
    def close_issue(self, number: int, by: str) -> None:
        """Raises KeyError (no such issue)."""
        self.issues[number].close(by)

    @locked
    def reopen_issue(self, number: int, by: str) -> None:
        """Raises KeyError (no such issue)."""
        self.issues[number].reopen(by)

    @locked
    def merge_queue(self, base: str | None = None) -> MergeQueue:
        """The merge queue of a branch, made if missing. From then on, pulls may be enqueued."""
        branch = base or self.default_branch
        return self.queues.setdefault(branch, MergeQueue(self, branch))

    # --- checks ----------------------------------------------------------------------------

    @locked
    def suite(self, sha: str, branch: str | None = None) -> CheckSuite:
        """The App's check suite on a head, made if missing."""
        if sha not in self.suites:
            now = self.github.now()
            self.suites[sha] = CheckSuite(self.github.new_id(), sha, branch, now, now)
        return self.suites[sha]

    def latest_runs(self, suite: CheckSuite) -> list[CheckRun]:
        """The newest run of each name, oldest first."""
        runs = [run for run in self.check_runs.values() if run.suite is suite]
        return sorted({run.name: run for run in runs}.values(), key=lambda run: run.id)

    @locked
    def create_run(self, body: Json) -> CheckRun:
        """A check run of the App. body: as GitHub admits it, checked before."""
        github, sha = self.github, body["head_sha"]
        run = CheckRun(github.new_id(), body["name"], sha, self.suite(sha), github.now())
        self.check_runs[run.id] = run
        self._write_run(run, body, "created")
        return run

    @locked
    def change_run(self, run: CheckRun, body: Json) -> None:
        self._write_run(run, body)

    def _write_run(self, run: CheckRun, body: Json, action: str = "") -> None:
        before = (run.status, run.conclusion)
        run.update(body, self.github.now())
        bot = self.github.app.bot.login
        if action:
            self.emit("check_run", action, bot, check_run=run)
        if run.status == "completed" and (run.status, run.conclusion) != before:
            self.emit("check_run", "completed", bot, check_run=run)
        for queue in self.queues.values():
            if run.name == queue.required:
                queue.decide()

    @locked
    def rerequest_run(self, run_id: int, by: str) -> None:
        """Press "Re-run" on a check run: GitHub resets it and waits for the App to write another.

        Source: https://docs.github.com/rest/checks/runs#rerequest-a-check-run
        """
        run = self.check_runs[run_id]
        run.status, run.conclusion, run.completed_at = "queued", None, None
        self.emit("check_run", "rerequested", by, check_run=run)

    @locked
    def rerequest_suite(self, sha: str, by: str) -> None:
        """Press "Re-run all checks" on a head."""
        self.emit("check_suite", "rerequested", by, check_suite=self.suite(sha))

    @locked
    def press(self, run_id: int, identifier: str, by: str) -> None:
        """Press a button of a completed check run.

        GitHub's pages do not say who sees the buttons. That it takes write is assumed here, as to
        run a workflow again; an App must still check by itself who pressed.
        Raises ValueError (no such button, or `by` may not write).
        """
        run = self.check_runs[run_id]
        if not self.may_write(self.github.user(by)):
            raise Cannot("sees_no_buttons", by=by)
        known = {action["identifier"] for action in run.actions}
        if identifier not in known or run.status != "completed":
            raise Cannot("no_button", run=run.id, identifier=identifier)
        action = {"identifier": identifier}
        self.emit("check_run", "requested_action", by, check_run=run, requested_action=action)
