"""A long review, lived through: what each event costs in API calls and bytes, and how it ends.

uv run python -m benchmarks.review [--pushes 30] [--comments 200] [--areas 12] [--at-once 1]

One pull request with so many areas, pushes and comments, a third of them commands. GitHub's and our
own limits on calls are off. Raises AssertionError where the review does not end as it has to.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.accept import SECRET, process
from benchmarks.clock import Clock
from benchmarks.temporary import temporary
from ghapp.emulator.github import Emulator
from ghapp.emulator.repository import Pull
from ghapp.emulator.server import EmulatorServer

# Of ten comments seven are people talking among themselves.
COMMANDS_SHARE = 0.3
CHATTER = ("Looks good.", "> /nfr done\n\nWho says so?", "```\n/nfr undo\n```", "なるほど。", "🚀")


@dataclass(slots=True)
class Cost:
    """What the events of one kind took."""

    events: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    most_calls: int = 0

    def line(self, kind: str) -> str:
        each = max(self.events, 1)
        return (
            f"{kind:10} {self.events:4} events  {self.calls.total() / each:6.2f} calls each, "
            f"most {self.most_calls:3}  {self.bytes / each / 1000:8.1f} kB each"
        )


@dataclass(slots=True)
class Told:
    """How the review went. costs: by kind of event. seconds: all of it."""

    costs: dict[str, Cost]
    seconds: float
    pull: Pull

    @property
    def calls(self) -> int:
        return sum(cost.calls.total() for cost in self.costs.values())

    @property
    def bytes(self) -> int:
        return sum(cost.bytes for cost in self.costs.values())


class Review:
    """A GitHub, a ghapp in a process of its own, and one pull request."""

    def __init__(self, github: Emulator, clock: Clock, url: str, areas: int) -> None:
        self.github, self.clock, self.url = github, clock, url
        self.areas = [f"area-{number:02}" for number in range(areas)]
        self.costs: dict[str, Cost] = {}
        self.ticked: dict[str, bool] = {f"{area}-load": False for area in self.areas}
        self.said: dict[int, str] = {}  # comment -> the reaction that is due
        self.repository = github.repository("acme/shop", {".github/nfr.yml": policy(self.areas)})
        github.team("acme", "sre", members=["sam", "sue"])
        for login in ("ann", "sam", "sue"):
            self.repository.collaborator(login, "write")
        self.repository.collaborator("eve", "read")
        with self._counted("opening", 1):
            self.pull = self.repository.open_pull(
                author="ann", branch="feat/all", title="feat: all", files=self._files("first")
            )

    def live(self, chance: random.Random, pushes: int, comments: int, at_once: int) -> None:
        """All events in any order, so many at once; ends with everything answered and signed."""
        commands = int(comments * COMMANDS_SHARE)
        kinds = ["push"] * pushes + ["command"] * commands + ["chatter"] * (comments - commands)
        chance.shuffle(kinds)
        for first in range(0, len(kinds), at_once):
            batch = kinds[first : first + at_once]
            with self._counted(batch[0] if at_once == 1 else "mixed", len(batch)):
                for number, kind in enumerate(batch, first):
                    getattr(self, f"_{kind}")(chance, number)
        musts = " ".join(f"{area}-rollback" for area in self.areas)
        for by, words in (("ann", f"/nfr check {musts} -- rehearsed"), ("sam", "/nfr done")):
            with self._counted("end", 1):
                self.said[self.pull.comment(words, by)] = "+1"

    def verify(self) -> None:
        """Raises AssertionError where anything is not as all that was said implies."""
        pull = self.pull
        ours, *replies = [one.body for one in pull.comments if one.via_app]
        expected = self.ticked | {f"{area}-rollback": True for area in self.areas}
        runs = [run for run in pull.check_runs() if run.name == "NFR review"]
        assert (runs[-1].conclusion, pull.labels) == ("success", {"nfr: signed off"})
        assert (ours.count("\nSigned off by sam at "), "~~" in ours) == (len(self.areas), False), (
            ours
        )
        assert boxes(ours) == expected
        assert len(replies) <= 1
        for one in pull.comments:
            due = [self.said[one.id]] if one.id in self.said else []
            assert [reaction.content for reaction in one.reactions] == due, one.body

    # --- events ------------------------------------------------------------------------

    def _push(self, chance: random.Random, number: int) -> None:
        self.pull.push({f"src/{chance.choice(self.areas)}/code.py": f"value = {number}\n"})

    def _chatter(self, chance: random.Random, _number: int) -> None:
        self.pull.comment(chance.choice(CHATTER), chance.choice(["ann", "sam", "eve"]))

    def _command(self, chance: random.Random, _number: int) -> None:
        area = chance.choice(self.areas)
        load = f"{area}-load"
        by, words, reaction = chance.choice(
            [
                ("ann", f"/nfr check {load} -- {chance.randint(1, 90)} ms", "+1"),
                ("ann", f"/nfr check {load} -- {chance.randint(1, 90)} ms", "+1"),
                ("sue", f"/nfr uncheck {load}", "+1"),
                ("ann", f"/nfr check {load} -- fast enough", "confused"),
                ("eve", f"/nfr check {load} -- 1 ms", "confused"),
                ("eve", f"/nfr done {area}", "confused"),
                ("sam", f"/nfr done {area} -- read", "+1"),
                ("sam", "/nfr hold -- wait\n/nfr undo", "+1"),
                ("eve", "/nfr refresh", "eyes"),
            ]
        )
        if reaction == "+1" and load in words:
            self.ticked[load] = by == "ann"
        self.said[self.pull.comment(words, by)] = reaction

    def _files(self, words: str) -> dict[str, str]:
        return {f"src/{area}/code.py": f"value = '{words} {area}'\n" for area in self.areas}

    # --- measuring ---------------------------------------------------------------------

    @contextmanager
    def _counted(self, kind: str, events: int) -> Iterator[None]:
        self.clock.forward(3)
        calls, size = Counter(self.github.calls), self.github.bytes.total()
        yield
        self.github.settle(60)
        self._worked_off()
        used, cost = self.github.calls - calls, self.costs.setdefault(kind, Cost())
        cost.events += events
        cost.calls += used
        cost.bytes += self.github.bytes.total() - size
        cost.most_calls = max(cost.most_calls, used.total())

    def _worked_off(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as answer:
                if json.load(answer)["dirty"] == 0:
                    return
            if time.monotonic() > deadline:
                raise TimeoutError("keys are still dirty after 60 s")
            time.sleep(0.02)


def policy(areas: list[str]) -> str:
    """So many areas, each with a must question and one that wants a number."""
    lines = ["version: 1", "mode: enforce", "reviewers: {teams: [sre]}", "max_items: 50", "areas:"]
    lines += ["  new-service-large-change: off"]
    for area in areas:
        ask = "cat: performance, en: 'Is it settled?', ja: '済みましたか？'"
        lines += [
            f"  {area}:",
            f"    title: {{en: {area}, ja: {area}}}",
            f"    detect: {{paths: ['src/{area}/**']}}",
            "    items:",
            f"      - {{id: {area}-rollback, sev: must, {ask}}}",
            f"      - {{id: {area}-load, sev: should, {ask}, evidence: number}}",
        ]
    return "\n".join([*lines, ""])


def boxes(comment: str) -> dict[str, bool]:
    """The items of our comment, and whether they are ticked."""
    lines = (line for line in comment.splitlines() if line[:5] in ("- [ ]", "- [x]"))
    return {line.split("`")[1]: line[3] == "x" for line in lines}


def lived(
    folder: Path,
    *,
    pushes: int,
    comments: int,
    areas: int,
    at_once: int,
    latency_seconds: float = 0.0,
) -> Told:
    """One review from its opening to its sign-off, verified. latency_seconds: of each call."""
    started, clock = time.monotonic(), Clock()
    github = Emulator(webhook_secret=SECRET, clock=clock, latency_seconds=latency_seconds)
    server = EmulatorServer(github)
    environment = {
        "GHAPP_APP_ID": str(github.app.id),
        "GHAPP_PRIVATE_KEY": github.private_key,
        "GHAPP_WEBHOOK_SECRET": SECRET,
        "GHAPP_GITHUB_API_URL": server.start(),
        "GHAPP_GITHUB_LIMITS": "off",
        "GHAPP_DATA_DIR": str(folder / "data"),
        "PORT": "0",
    }
    try:
        with process(["-m", "ghapp", "serve"], environment) as url:
            github.listen(f"{url}/webhook")
            review = Review(github, clock, url, areas)
            review.live(random.Random(1), pushes, comments, at_once)  # noqa: S311  # the same each time
            review.verify()
    finally:
        server.stop()
        github.close()
    return Told(review.costs, time.monotonic() - started, review.pull)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, value in (("pushes", 30), ("comments", 200), ("areas", 12), ("at-once", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ghapp-benchmark-") as folder:
        told = lived(Path(folder), **vars(given))
    for kind, cost in told.costs.items():
        print(cost.line(kind))
    routes = sum((cost.calls for cost in told.costs.values()), Counter())
    for route, count in routes.most_common():
        print(f"{count:6} {route}")
    print(
        f"{told.calls} calls, {told.bytes / 1e6:.1f} MB, {told.seconds:.0f} s; ended as it has to"
    )


if __name__ == "__main__":
    with temporary():
        main()
