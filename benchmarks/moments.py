"""What the App wrote on an emulator, and when: what is asked of one that runs apart.

All functions take the emulator first; `Apart.ask` calls them there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.load import post
from ghapp.emulator.accounts import Installation, User
from ghapp.emulator.deliveries import Delivery
from ghapp.emulator.faults import Fault
from ghapp.emulator.github import Emulator
from ghapp.emulator.repository import Pull

RUN = "NFR review"


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that GitHub would tell the App. at: seconds since the epoch. key: SHA or number."""

    at: float
    what: str
    key: str | int


class Recording(Emulator):
    """Notes when something happened rather than deliver it: nobody hears of it.

    records: whether it does so yet.
    """

    records = False
    moments: list[Moment]

    def emit(
        self,
        event: str,
        action: str | None,
        sender: User,
        installation: Installation | None,
        parts: Mapping[str, Any],
    ) -> None:
        if not self.records:
            super().emit(event, action, sender, installation, parts)
            return
        if (what := f"{event}.{action}") in KEYS:
            self.moments.append(Moment(self.now().timestamp(), what, KEYS[what](parts)))

    def __init__(self, *, webhook_secret: str) -> None:
        super().__init__(webhook_secret=webhook_secret)
        self.moments = []


KEYS = {
    "check_run.created": lambda parts: parts["check_run"].head_sha,
    "issue_comment.created": lambda parts: parts["issue"].number,
    "pull_request.labeled": lambda parts: parts["pull_request"].number,
}


@dataclass(slots=True)
class Marks:
    """What the App wrote on one pull. Times are seconds since the epoch, 0.0 where there is none.

    runs: check runs on its head. labels: of those that a bot puts.
    """

    run_at: float = 0.0
    comment_at: float = 0.0
    label_at: float = 0.0
    runs: int = 0
    comments: int = 0
    labels: int = 0

    @property
    def whole(self) -> bool:
        return bool(self.runs and self.comments and self.labels)

    @property
    def doubled(self) -> bool:
        return self.runs > 1 or self.comments > 1 or self.labels > 1

    @property
    def whole_at(self) -> float:
        return max(self.run_at, self.comment_at, self.label_at)


def branches(group: str) -> str:
    """What the names of the group's branches start with; of "", which is all, nothing."""
    return f"{re.sub('[^a-z0-9]+', '-', group.lower())}/" if group else ""


def pulls_of(github: Emulator, group: str) -> list[Pull]:
    """The pulls of a group, in the order they were made. group: "" is all."""
    (repository,) = github.repositories.values()
    start = branches(group)
    return [pull for pull in repository.pulls.values() if pull.head_ref.startswith(start)]


def marks(github: Recording, group: str) -> list[Marks]:
    """Of each pull of the group, in the order of `opened`."""
    with github.lock:
        pulls = pulls_of(github, group)
        found = [Marks() for _ in pulls]
        by_key: dict[str | int, Marks] = {}
        for pull, each in zip(pulls, found, strict=True):
            by_key[pull.number] = by_key[pull.head_sha] = each
            each.runs = sum(run.name == RUN for run in pull.check_runs())
            each.comments = sum(comment.via_app for comment in pull.comments)
            each.labels = sum(name.startswith("nfr: ") for name in pull.labels)
        for moment in github.moments:
            if (known := by_key.get(moment.key)) is not None:
                _note(known, moment)
    return found


def _note(each: Marks, moment: Moment) -> None:
    name = {"check_run": "run_at", "issue_comment": "comment_at", "pull_request": "label_at"}
    attribute = name[moment.what.partition(".")[0]]
    setattr(each, attribute, getattr(each, attribute) or moment.at)


def marked(github: Recording, group: str = "") -> int:
    """How many pulls of the group carry all three marks."""
    with github.lock:
        return sum(
            bool(pull.labels) and bool(pull.comments) and bool(pull.check_runs())
            for pull in pulls_of(github, group)
        )


def calls(github: Recording) -> Counter[str]:
    """By route, since the start or the last time this was asked."""
    found = Counter(github.calls)
    github.calls.clear()
    return found


def call_count(github: Recording) -> int:
    return github.calls.total()


def set_latency(github: Recording, seconds: float) -> None:
    github.latency_seconds = seconds


def set_faults(github: Recording, *faults: Fault) -> None:
    github.faults.clear()
    github.faults.add(*faults)


def opened(github: Recording, group: str) -> list[bytes]:
    """Open the pulls of the group; a signed request for each, in their order."""
    return [signed(github, one) for one in _deliveries(github, group)]


def _deliveries(github: Recording, group: str) -> list[Delivery]:
    with github.lock:
        for pull in pulls_of(github, group):
            pull.state = "open"
        (repository,) = github.repositories.values()
        sent = (one for one in github.deliveries.all if one.event == "pull_request")
        pairs = zip(repository.pulls.values(), sent, strict=False)
        start = branches(group)
        return [one for pull, one in pairs if pull.head_ref.startswith(start)]


def signed(github: Recording, delivery: Delivery) -> bytes:
    headers, body = github.signed(delivery)
    return post("/webhook", headers, body)


def noise(github: Recording, group: str) -> list[bytes]:
    """What comes of marked pulls and changes nothing: the App's own echoes, CI and chatter."""
    first = len(github.deliveries.all)
    github.records = False
    with github.deliveries.held():
        for pull in pulls_of(github, group):
            repository, bot = pull.repository, github.app.bot.login
            for run in pull.check_runs():
                repository.emit("check_run", "created", bot, check_run=run)
                suite, by = repository.suite(run.head_sha), pull.author.login
                repository.emit("check_suite", "requested", by, check_suite=suite)
            for label in pull.label_list:
                pull.notify_label("labeled", label)
            pull.comment("Looks good to me.", "ann")
    github.records = True
    return [signed(github, one) for one in github.deliveries.all[first:]]


def deliver(github: Recording, group: str, url: str, senders: int) -> None:
    """Send the deliveries of the group as GitHub does; what fails is on its list."""
    github.listen(url)
    github.deliveries.start(senders)
    for delivery in _deliveries(github, group):
        delivery.status, delivery.status_code, delivery.delivered_at = "pending", 0, github.now()
        github.deliveries.send(delivery)


def delivered(github: Recording) -> bool:
    return github.deliveries.idle


def acknowledged(github: Recording, group: str) -> list[bool]:
    """Of each pull of the group: whether any attempt at its delivery was answered well."""
    good = {one.guid for one in github.deliveries.all if 200 <= one.status_code < 300}
    return [one.guid in good for one in _deliveries(github, group)]
