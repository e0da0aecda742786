"""A repository with its code, pulls, check runs and merge queues.

The classes here refer to each other, as GitHub's do. People, the App and tests act by their
methods; every act that GitHub reports to an App emits a delivery.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from ghapp.emulator.accounts import Site, Team, User, locked
from ghapp.emulator.checks import CheckRun, CheckSuite
from ghapp.emulator.conversation import Message, Review, ReviewComment
from ghapp.emulator.diffs import Change, Diffs, hunk
from ghapp.emulator.git import Files, Git, GitFailed
from ghapp.emulator.issue import Issue, Thread, Tracker
from ghapp.emulator.json import Json
from ghapp.emulator.words import Cannot

REVIEW_STATES = ("approved", "changes_requested", "commented")
QUEUE_BOT = "github-merge-queue[bot]"
PASSING = ("success", "neutral", "skipped")
NO_SHA = "0" * 40


@dataclass(frozen=True, slots=True)
class Milestone:
    """due_on: midnight of the day in GitHub's zone, as people choose it on its pages."""

    number: int
    title: str
    due_on: datetime | None = None
    state: str = "open"
    description: str | None = None


@dataclass(eq=False, repr=False, kw_only=True)
class Pull(Thread):
    """A pull request. head_owner: kept for the label "owner:ref" when the fork is gone.

    Sources: https://docs.github.com/rest/pulls/reviews, https://docs.github.com/rest/pulls/comments
    """

    repository: Repository
    id: int
    head_repository: Repository | None
    head_owner: str
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    is_draft: bool = False
    commits: int = 0
    requested: tuple[User, ...] = ()
    requested_teams: tuple[Team, ...] = ()
    merged_at: datetime | None = None
    merged_by: User | None = None
    merge_commit_sha: str | None = None
    milestone: Milestone | None = None
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
        return self._merge_with_base(by, "Rebased")

    @locked
    def merge_base_in(self, by: str | None = None) -> str:
        """What the button "Update branch" does. Raises GitFailed (conflict)."""
        return self._merge_with_base(by, f"Merge {self.base_ref}", self.head_sha)

    def _merge_with_base(self, by: str | None, message: str, *parents: str) -> str:
        tip = self.repository.branches[self.base_ref]
        sha = self.repository.network.git.merge(
            tip, self.head_sha, parents=[*parents, tip], message=message, at=self.github.now()
        )
        self._head_repository.move(self.head_ref, sha, by or self.author.login)
        return sha

    @locked
    def request_reviews(self, users: Sequence[User], teams: Sequence[Team], by: str) -> None:
        """Ask people and teams; those who are asked already are not asked again."""
        new = [
            one for one in (*users, *teams) if one not in (*self.requested, *self.requested_teams)
        ]
        if not new:
            return
        self.touch()
        self.requested += tuple(one for one in users if one in new)
        self.requested_teams += tuple(one for one in teams if one in new)
        for _ in new:
            self.notify("review_requested", by)

    @locked
    def remove_requests(self, users: Sequence[User], teams: Sequence[Team], by: str) -> None:
        """Stop asking them; whoever is not asked stays so."""
        asked = (*self.requested, *self.requested_teams)
        gone = [one for one in (*users, *teams) if one in asked]
        if not gone:
            return
        self.touch()
        self.requested = tuple(one for one in self.requested if one not in gone)
        self.requested_teams = tuple(one for one in self.requested_teams if one not in gone)
        for _ in gone:
            self.notify("review_request_removed", by)

    @locked
    def plan(self, milestone: Milestone | None, by: str | None = None) -> None:
        """Put it into a milestone, or take it out of the one that it is in."""
        self.touch()
        self.milestone = milestone
        self.notify("milestoned" if milestone else "demilestoned", by)

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
        queued = self.base_ref in self.repository.queues
        merges = "merge_queue_merge" if queued else "pr_merge"
        self.repository.move(self.base_ref, sha, by, merges=merges)
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
            self.repository.delete_branch(entry.branch, QUEUE_BOT)
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


@dataclass(frozen=True, slots=True)
class Activity:
    """A line of what happened to a branch. before: NO_SHA if it is new; after: if it is gone.

    kind: push, force_push, branch_creation, branch_deletion, pr_merge or merge_queue_merge.
    Source: https://docs.github.com/rest/repos/repos#list-repository-activities
    """

    id: int
    branch: str
    before: str
    after: str
    at: datetime
    actor: User
    kind: str


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
class Repository(Tracker):
    """An issue tracker with code, pulls and check runs. parent: what it was forked from."""

    names: Names
    network: Network
    default_branch: str
    created_at: datetime
    pushed_at: datetime
    parent: Repository | None = None
    description: str | None = None
    branches: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    check_runs: dict[int, CheckRun] = field(default_factory=dict)
    suites: dict[str, CheckSuite] = field(default_factory=dict)  # by head SHA
    queues: dict[str, MergeQueue] = field(default_factory=dict)  # by base branch
    protected: set[str] = field(default_factory=set)  # branches with a protection rule
    rules: dict[str, list[str]] = field(default_factory=dict)  # by branch, types of rulesets' rules
    # By branch, the checks that a ruleset requires, or its protection if it is in `protected`.
    required_checks: dict[str, list[str]] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    topics: list[str] | None = field(default_factory=list)  # None: this GitHub lists none
    properties: dict[str, str | list[str] | None] = field(default_factory=dict)  # custom ones

    @classmethod
    def create(
        cls, github: Site, names: Names, network: Network, owner: User, name: str, **more: Any
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
    def delete(self, by: str) -> None:
        """It is gone with all in it, and no name leads to it any more."""
        self.emit("repository", "deleted", by)
        for names in (self.names.current, self.names.moved):
            for name in [name for name, one in names.items() if one is self]:
                del names[name]
        self.network.repositories.remove(self)
        self.installation = None

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
    def move(self, branch: str, sha: str, by: str, *, merges: str = "") -> None:
        """Point a branch at a commit: a push, a check suite, and every open pull on it follow.

        merges: as in Activity, if that is a merge.
        """
        before = self.branches.get(branch, NO_SHA)
        self.branches[branch] = sha
        self.pushed_at = self.github.now()
        kind = merges or "branch_creation"
        if not merges and before != NO_SHA:
            forced = not self.network.git.is_ancestor(before, sha)
            kind = "force_push" if forced else "push"
        self._note(branch, before, sha, by, kind)
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

    def _note(self, branch: str, before: str, after: str, by: str, kind: str) -> None:
        github = self.github
        self.activities.append(
            Activity(github.new_id(), branch, before, after, github.now(), github.user(by), kind)
        )

    def delete_branch(self, name: str, by: str) -> None:
        """As its queue does once a merge group is over; GitHub's delivery of it is left out."""
        before = self.branches.pop(name, None)
        if before:
            self._note(name, before, NO_SHA, by, "branch_deletion")

    @locked
    def branch(self, name: str, of: str | None = None) -> None:
        """A new branch at the tip of another; GitHub's deliveries of it are left out."""
        self.branches[name] = sha = self.branches[of or self.default_branch]
        self._note(name, NO_SHA, sha, self.owner.login, "branch_creation")

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

    @locked
    def edit_milestone(self, changed: Milestone, by: str, action: str = "edited") -> None:
        """Change a milestone of some pulls, which stay as old as they are; or delete it.

        action: edited, closed, opened or deleted.
        Source: https://docs.github.com/webhooks/webhook-events-and-payloads#milestone
        """
        for pull in self.pulls.values():
            if pull.milestone and pull.milestone.number == changed.number:
                pull.milestone = None if action == "deleted" else changed
        self.emit("milestone", action, by, milestone=changed)

    def thread(self, number: int) -> Pull | Issue | None:
        """The pull or the issue of a number: they share them."""
        return self.pulls.get(number) or self.issues.get(number)

    def threads(self) -> tuple[Pull | Issue, ...]:
        return (*self.pulls.values(), *self.issues.values())

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
