"""One repository: branches, labels, people with rights, pulls, check runs; pushes to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ghapp.emulator import checks, moves, pushes
from ghapp.emulator.diffs import Diffs
from ghapp.emulator.gitrepo import Files, Git
from ghapp.emulator.issues import Draft, Issue, open_issue
from ghapp.emulator.locking import locked
from ghapp.emulator.merging import MergeQueue
from ghapp.emulator.pull import Pull
from ghapp.emulator.reviewing import Reviewing
from ghapp.emulator.rights import Rights
from ghapp.emulator.state import (
    CheckRun,
    CheckSuite,
    Comment,
    Installation,
    Json,
    Label,
    Review,
    ReviewComment,
    User,
)
from ghapp.emulator.thread import Thread

UNKNOWN_LABEL_COLOR = "ededed"  # of a label that came to be by being put on an issue


@dataclass(eq=False, repr=False)
class Network:
    """A repository and its forks: they share their objects."""

    git: Git
    diffs: Diffs
    repositories: list[Repository] = field(default_factory=list)


@dataclass(eq=False, repr=False, kw_only=True)
class Repository(Rights):
    """parent: what it was forked from. has_issues: off, only pulls are left."""

    network: Network
    id: int
    name: str
    default_branch: str
    created_at: datetime
    pushed_at: datetime
    installation: Installation | None = None
    parent: Repository | None = None
    description: str | None = None
    has_issues: bool = True
    branches: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)  # by lower-case name
    pulls: dict[int, Pull] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    deleted_issues: set[int] = field(default_factory=set)
    moved_issues: dict[int, Issue] = field(default_factory=dict)
    comments: dict[int, tuple[Thread, Comment]] = field(default_factory=dict)
    reviews: dict[int, tuple[Reviewing, Review]] = field(default_factory=dict)
    review_comments: dict[int, tuple[Reviewing, ReviewComment]] = field(default_factory=dict)
    check_runs: dict[int, CheckRun] = field(default_factory=dict)
    suites: dict[str, CheckSuite] = field(default_factory=dict)  # by head SHA
    queues: dict[str, MergeQueue] = field(default_factory=dict)  # by base branch
    numbers: int = 0

    def __repr__(self) -> str:
        return f"<Repository {self.full_name}>"

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def space(self) -> str:
        """Where its branches lie in the shared object store."""
        return "heads" if self.parent is None else f"forks/{self.full_name}/heads"

    # --- labels ----------------------------------------------------------------------------

    def label(self, name: str) -> Label | None:
        """Names differ by more than case."""
        return self.labels.get(name.lower())

    @locked
    def create_label(
        self,
        name: str,
        color: str = UNKNOWN_LABEL_COLOR,
        description: str | None = None,
        by: User | None = None,
    ) -> Label:
        label = Label(self.github.new_id(), name, color, description)
        self.labels[name.lower()] = label
        self._tell_label("created", label, by)
        return label

    @locked
    def edit_label(self, label: Label, change: Json, by: User | None = None) -> None:
        """change: any of new_name, color, description."""
        changes = {}
        for key, attribute in (
            ("new_name", "name"),
            ("color", "color"),
            ("description",) * 2,
        ):
            if key in change and change[key] != getattr(label, attribute):
                changes[attribute] = {"from": getattr(label, attribute) or ""}
        self.labels.pop(label.name.lower())
        label.name = change.get("new_name", label.name)
        label.color = change.get("color", label.color)
        label.description = change.get("description", label.description)
        self.labels[label.name.lower()] = label
        self._tell_label("edited", label, by, changes=changes)

    def _tell_label(self, action: str, label: Label, by: User | None, **more: object) -> None:
        parts: Json = {"label": self.github.shapes.label(self, label), **more}
        self.github.emit("label", action, self, by or self.owner, parts)

    # --- pushes and pulls ------------------------------------------------------------------

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
        sha = self.commit(branch, files, by, message, parent or self.branches.get(branch))
        self.move(branch, sha, by)
        return sha

    def commit(self, branch: str, files: Files, by: str, message: str, parent: str | None) -> str:
        """A new commit that no branch of ours points at yet."""
        return self.network.git.commit(
            files,
            parent=parent,
            branch=f"{self.space}/{branch}",
            message=message,
            author=by,
            at=self.github.now(),
        )

    @locked
    def move(self, branch: str, sha: str, by: str) -> None:
        """Point a branch at a commit and tell: push, check suite, every open pull on it."""
        pushes.move(self, branch, sha, self.github.user(by))

    @locked
    def branch(self, name: str, of: str | None = None) -> None:
        """A new branch at the tip of another."""
        self.branches[name] = self.branches[of or self.default_branch]

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
        """A new pull. files: committed on the branch first, None where it has its commits.

        fork: login whose fork of this repository holds the branch; it is made when missing.
        """
        head = self.github.fork(self, fork) if fork else self
        wanted = pushes.Proposal(
            self.github.user(author), head, branch, title, body,
            base or self.default_branch, draft, tuple(labels),
        )  # fmt: skip
        return pushes.open_pull(self, wanted, files)

    @locked
    def open_big_pull(self, files: int, *, author: str, branch: str, lines: int = 20) -> Pull:
        """A pull with this many new files of this many lines, for load."""
        text = "".join(f"value_{line} = compute({line})\n" for line in range(lines))
        big = {f"src/part{at // 100}/module_{at:04}.py": f"# {at}\n{text}" for at in range(files)}
        return self.open_pull(author=author, branch=branch, files=big, title=f"{files} files")

    @locked
    def merge_queue(self, base: str | None = None) -> MergeQueue:
        """The merge queue of a branch, made when missing: pulls get into it by that alone."""
        branch = base or self.default_branch
        return self.queues.setdefault(branch, MergeQueue(self, branch))

    def heed(self, run: CheckRun) -> None:
        """Merge queues decide by check runs."""
        for queue in self.queues.values():
            queue.heed(run)

    def next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    @locked
    def rename(self, name: str, by: str) -> None:
        """Raises ValueError (the owner has one of that name)."""
        moves.rename(self, name, self.github.user(by))

    @locked
    def transfer(self, to_owner: str, by: str) -> None:
        """Raises ValueError (that owner has one of that name)."""
        owner = self.github.user(to_owner, kind="Organization")
        moves.transfer(self, owner, self.github.user(by))

    # --- issues ----------------------------------------------------------------------------

    def thread(self, number: int) -> Pull | Issue | None:
        """The pull or the issue of a number: they share them."""
        return self.pulls.get(number) or self.issues.get(number)

    def threads(self) -> tuple[Pull | Issue, ...]:
        return (*self.pulls.values(), *self.issues.values())

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
        """A new issue. Raises ValueError (issues are off, somebody cannot be assigned)."""
        author = self.github.user(by)
        return open_issue(self, Draft(author, title, body, tuple(labels), tuple(assignees)))

    @locked
    def close_issue(self, number: int, by: str) -> None:
        """Raises KeyError (no such issue)."""
        self.issues[number].close(by)

    @locked
    def reopen_issue(self, number: int, by: str) -> None:
        """Raises KeyError (no such issue)."""
        self.issues[number].reopen(by)

    # --- checks ----------------------------------------------------------------------------

    @locked
    def suite(self, sha: str) -> CheckSuite:
        """The App's check suite on a head, made when missing."""
        return checks.suite(self, sha)

    def latest_runs(self, suite: CheckSuite) -> list[CheckRun]:
        """The newest run of each name, oldest first."""
        runs = [run for run in self.check_runs.values() if run.suite is suite]
        return sorted({run.name: run for run in runs}.values(), key=lambda run: run.id)

    @locked
    def rerequest_run(self, run_id: int, by: str) -> None:
        """Somebody presses "Re-run" on one check run."""
        checks.rerequest_run(self, self.check_runs[run_id], self.github.user(by))

    @locked
    def rerequest_suite(self, sha: str, by: str) -> None:
        """Somebody presses "Re-run all checks" on a head."""
        checks.rerequest_suite(self, sha, self.github.user(by))

    @locked
    def press(self, run_id: int, identifier: str, by: str) -> None:
        """Somebody presses a button of a completed check run.

        Raises ValueError (no such button, or not one who may write).
        """
        checks.press(self, self.check_runs[run_id], identifier, self.github.user(by))
