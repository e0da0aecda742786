"""A merge queue: pulls in a row, each tested on top of those before it, merged from the front.

Played: every entry is tested at once, on a branch of its own; only the front is ever decided on, so
that one behind it which failed stays until it is at the front. What is not told by GitHub's pages,
such as the order of its deliveries, is assumed. Sources:
https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/
configuring-pull-request-merges/managing-a-merge-queue,
https://docs.github.com/webhooks/webhook-events-and-payloads#merge_group
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ghapp.emulator import pushes
from ghapp.emulator.gitrepo import GitFailed
from ghapp.emulator.state import CheckRun, Json, User, iso

if TYPE_CHECKING:
    from ghapp.emulator.pull import Pull
    from ghapp.emulator.repository import Repository


BOT = "github-merge-queue[bot]"
PASSING = ("success", "neutral", "skipped")


@dataclass(eq=False, slots=True)
class Entry:
    """One pull in the queue. head_sha: of its merge group, on top of base_sha; "" before.

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
    """The queue of one base branch. required: the check that decides."""

    repository: Repository
    base_ref: str
    required: str = "NFR review"
    entries: list[Entry] = field(default_factory=list)

    # --- what people do --------------------------------------------------------------------

    def add(self, pull: Pull, by: User) -> Entry:
        """At the end. That its own checks have passed is not asked: who may bypass rules need not.

        Raises ValueError (it is in the queue already, not open, or `by` may not write).
        """
        if pull.state != "open" or self.find(pull) or not self.repository.may_write(by):
            raise ValueError(f"pull {pull.number} cannot be added to the queue by {by.login}")
        github = self.repository.github
        entry = Entry(github.new_id(), self, pull, by, github.now())
        self.entries.append(entry)
        pull.touch()
        pull.tell("enqueued", by.login)
        self._build(entry)
        return entry

    def find(self, pull: Pull) -> Entry | None:
        return next((one for one in self.entries if one.pull is pull), None)

    def drop(self, entry: Entry, reason: str, by: User) -> None:
        """Out of the queue; those behind it are tested anew without it.

        reason: as in the delivery `pull_request.dequeued`.
        """
        place = self.entries.index(entry)
        self.entries.remove(entry)
        self._destroy(entry, "dequeued")
        entry.pull.touch()
        entry.pull.tell("dequeued", by.login, reason=reason)
        behind = self.entries[place:]
        for one in behind:
            self._destroy(one, "invalidated")
        for one in behind:
            self._build(one)

    # --- what the queue does ---------------------------------------------------------------

    def heed(self, run: CheckRun) -> None:
        """A check run was written: the entries from the front are decided as far as that goes."""
        if run.name != self.required:
            return
        for entry in self.entries:
            found = self._conclusion(entry)
            if found is not None:
                entry.state = "MERGEABLE" if found in PASSING else "UNMERGEABLE"
        while self.entries and (found := self._conclusion(self.entries[0])) is not None:
            front = self.entries[0]
            if found in PASSING:
                self._merge(front)
            else:
                self.drop(front, "CI_FAILURE", self._bot)

    @property
    def _bot(self) -> User:
        return self.repository.github.user(BOT, kind="Bot")

    def _conclusion(self, entry: Entry) -> str | None:
        """Of the newest required check on its merge group; None while there is none."""
        runs = [
            run
            for run in self.repository.check_runs.values()
            if run.head_sha == entry.head_sha and run.name == self.required
        ]
        return runs[-1].conclusion if runs and runs[-1].status == "completed" else None

    def _build(self, entry: Entry) -> None:
        repository, place = self.repository, self.entries.index(entry)
        tip = self.entries[place - 1].head_sha if place else repository.branches[self.base_ref]
        pull, github = entry.pull, repository.github
        try:
            sha = repository.network.git.merge(
                tip, pull.head_sha, parents=[tip, pull.head_sha],
                # Two groups of the same commits in one second are two commits all the same.
                message=f"Merge pull request #{pull.number} ({github.new_id()})", at=github.now(),
            )  # fmt: skip
        except GitFailed:
            self.drop(entry, "MERGE_CONFLICT", self._bot)
            return
        entry.base_sha, entry.head_sha, entry.state = tip, sha, "AWAITING_CHECKS"
        entry.branch = f"gh-readonly-queue/{self.base_ref}/pr-{pull.number}-{tip}"
        pushes.move(repository, entry.branch, sha, self._bot)
        self._tell("checks_requested", entry)

    def _merge(self, entry: Entry) -> None:
        self.entries.remove(entry)
        entry.pull.land(entry.head_sha, entry.enqueuer.login)
        self._destroy(entry, "merged")

    def _destroy(self, entry: Entry, reason: str) -> None:
        if entry.head_sha:
            self.repository.branches.pop(entry.branch, None)
            self._tell("destroyed", entry, reason=reason)
        entry.head_sha = ""

    def _tell(self, action: str, entry: Entry, **more: object) -> None:
        parts: Json = {"merge_group": _shape(entry), **more}
        self.repository.github.emit("merge_group", action, self.repository, self._bot, parts)


def _shape(entry: Entry) -> Json:
    queue = entry.queue
    who = {"name": "GitHub", "email": "noreply@github.com"}
    return {
        "head_sha": entry.head_sha,
        "head_ref": f"refs/heads/{entry.branch}",
        "base_sha": entry.base_sha,
        "base_ref": f"refs/heads/{queue.base_ref}",
        "head_commit": {
            "id": entry.head_sha,
            "tree_id": entry.head_sha,
            "message": f"Merge pull request #{entry.pull.number}",
            "timestamp": iso(queue.repository.github.now()),
            "author": who,
            "committer": who,
        },
    }
