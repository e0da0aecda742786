"""`ghapp measure`: the merged changes of a clone -> how much a policy would have asked."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from ghapp import catalogue
from ghapp.core.policies.policy import Policy, effective
from ghapp.errors import BadPack, BadRange
from ghapp.local import check, gitrange
from ghapp.local.gitrange import Merged
from ghapp.local.measure_output import FORMATS
from ghapp.local.output import printed, wrong

COMMAND = "ghapp measure"
SEED = 1  # the same clone gives the same sample
PROGRESS = 25  # changes between two words on a terminal


@dataclass(frozen=True, slots=True)
class Asked:
    """One question that one change would have been asked."""

    item: str
    area: str
    severity: str


@dataclass(frozen=True, slots=True)
class Found:
    """One finding on one change."""

    hazard: str
    severity: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One change and what would have been asked about it; folded questions are not.

    lines: added ones. areas: flagged. unreadable: why git could not read it, else "".
    """

    change: Merged
    lines: int = 0
    areas: tuple[str, ...] = ()
    questions: tuple[Asked, ...] = ()
    findings: tuple[Found, ...] = ()
    unreadable: str = ""

    @property
    def flagged(self) -> bool:
        return bool(self.areas)

    @property
    def has_must(self) -> bool:
        return any(one.severity == "must" for one in self.questions)


@dataclass(frozen=True, slots=True)
class Measure:
    """All that was measured.

    merged: how many changes there are; changes: those that were drawn, newest first.
    address: of the repository on the web, "" where it is not known. policy: where it was read.
    """

    changes: tuple[Measured, ...]
    merged: int
    since: str = ""
    address: str = ""
    policy: str = ""
    language: str = "en"
    titles: dict[str, str] = field(default_factory=dict)

    @property
    def readable(self) -> tuple[Measured, ...]:
        return tuple(one for one in self.changes if not one.unreadable)

    @property
    def flagged(self) -> tuple[Measured, ...]:
        return tuple(one for one in self.changes if one.flagged)


def run(
    path: str,
    since: str,
    sample: int,
    head: str,
    policy_file: str | None,
    format: str,
    language: str | None,
) -> int:
    """Prints what the policy would have asked about the merged changes of the clone.

    sample: how many to draw at most, 0 for all. policy_file: None is the policy at `head`.
    format: text | markdown | json. The result is the exit status: 0, or 2 for wrong use, a broken
    policy or an output that takes nothing.
    """
    rules = catalogue.rules("advise")
    try:
        merged = gitrange.merged(path, head, since)
        if policy_file:
            read = check.policy_of_file(Path(policy_file), rules)
        else:
            read = check.policy_at(path, gitrange.commit_of(path, head), head, rules)
        address = gitrange.address(path)
    except (BadRange, BadPack) as error:
        return wrong(f"{COMMAND}: {error}")
    if read.problems:
        return wrong(*map(str, read.problems), f"{COMMAND}: fix the policy and measure again")
    if not merged:
        return wrong(f"{COMMAND}: {path} has no merged change{f' since {since}' if since else ''}")
    policy = effective(read.source, rules)
    language = language or policy.language
    measured = Measure(
        changes=tuple(_measured(path, policy, drawn(merged, sample))),
        merged=len(merged),
        since=since,
        address=address,
        policy=read.name,
        language=language,
        titles={one.id: one.question.to(language) for area in policy.areas for one in area.items},
    )
    return printed(FORMATS[format](measured), COMMAND)


def drawn(merged: Sequence[Merged], sample: int, seed: int = SEED) -> tuple[Merged, ...]:
    """So many of the changes, newest first; all of them where there are fewer, or for 0."""
    if not sample or len(merged) <= sample:
        return tuple(merged)
    chosen = random.Random(seed).sample(range(len(merged)), sample)  # noqa: S311  no secret
    return tuple(merged[place] for place in sorted(chosen))


def measure(path: gitrange.Folder, policy: Policy, change: Merged) -> Measured:
    """What the policy would have asked about one change."""
    try:
        found = gitrange.range_of(path, change.parent, change.head)
        asked = check.reviewed(path, found, policy)
    except BadRange as error:
        return Measured(change, unreadable=str(error))
    return Measured(
        change,
        lines=sum(file.additions for file in found.pull.files),
        areas=tuple(one.area.id for one in asked.flagged),
        questions=tuple(
            Asked(item.id, one.area.id, item.severity)
            for one in asked.flagged
            for item in one.items
            if item.id in asked.shown
        ),
        findings=tuple(
            Found(one.hazard, one.severity, one.path, one.line)
            for area in asked.flagged
            for one in area.findings
        ),
    )


def _measured(path: str, policy: Policy, changes: Sequence[Merged]) -> Iterator[Measured]:
    """Each change in turn, on all processors; a terminal sees how far it is."""
    tells = sys.stderr.isatty()
    with ProcessPoolExecutor() as pool:
        jobs = [pool.submit(measure, path, policy, one) for one in changes]
        for count, job in enumerate(jobs, 1):
            yield job.result()
            if tells and (count % PROGRESS == 0 or count == len(jobs)):
                words = f"\r{count:,} of {len(jobs):,} changes"
                print(words, end="\n" if count == len(jobs) else "", file=sys.stderr, flush=True)
