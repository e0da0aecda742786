"""`ghapp measure`: the merged changes of a clone -> how much a policy would have asked."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass

from ghapp import builtin_packs
from ghapp.core.i18n import Words
from ghapp.core.markdown import code, plain, visible
from ghapp.core.policy.policy import Policy, effective
from ghapp.core.scan.checklist import SEVERITIES
from ghapp.core.scan.pull_conditions import in_force
from ghapp.errors import BadPack, BadRange
from ghapp.offline import check, git
from ghapp.offline.git import Merged
from ghapp.terminal import printed, progress, wrapped, wrong

COMMAND = "ghapp measure"
SEED = 1  # the same clone gives the same sample
BUSIEST = 20
EXAMPLES = 3  # commits beside each row
VERSION = 1  # of the JSON


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
    """One change and what would have been asked about it, without folded questions.

    lines: number of added ones. areas: ids of those flagged. unreadable: why git could not read it,
    else "".
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
class Row:
    """In how many changes one area, question or rule came up. examples: some of their commits."""

    name: str
    count: int
    share: str
    severities: Mapping[str, int]
    examples: tuple[str, ...]
    title: str = ""

    def by_severity(self, words: Words) -> str:
        """ "2 must, 1 should"; "" for an area."""
        return words.joined(
            f"{self.severities[one]} {words(f'sev_{one}')}"
            for one in SEVERITIES
            if self.severities.get(one)
        )


@dataclass(frozen=True, slots=True)
class Measure:
    """Everything that was measured.

    changes: those of the sample, newest first. merged: how many changes there are in all.
    address: of the repository on the web, "" if it is not known. policy: where it was read.
    titles: item id -> its question.
    """

    changes: tuple[Measured, ...]
    merged: int
    since: str
    address: str
    policy: str
    words: Words
    titles: Mapping[str, str]

    @property
    def readable(self) -> int:
        return sum(not one.unreadable for one in self.changes)

    @property
    def flagged(self) -> list[Measured]:
        return [one for one in self.changes if one.flagged]

    def share(self, count: int) -> str:
        return f"{100 * count / self.readable:.0f} %" if self.readable else "0 %"

    def questions(self) -> tuple[int, int, int]:
        """Of a flagged change: median, 90th percentile, most."""
        counts = sorted(len(one.questions) for one in self.flagged) or [0]
        return counts[len(counts) // 2], counts[len(counts) * 9 // 10], counts[-1]

    def summary(self) -> list[str]:
        words, flagged = self.words, self.flagged
        musts = sum(one.has_must for one in flagged)
        found = sum(bool(one.findings) for one in flagged)
        mild = sum(not (one.has_must or one.findings) for one in flagged)
        median, p90, most = self.questions()
        lines = [
            words(
                "measure_heading",
                changes=f"{self.readable:,}",
                merged=f"{self.merged:,}",
                since=words("measure_since", since=self.since) if self.since else "",
                flagged=f"{len(flagged):,}",
                share=self.share(len(flagged)),
            ),
            words("measure_questions", median=median, p90=p90, most=most),
            words("measure_must", count=musts, share=self.share(musts)),
            words("measure_mild", count=mild, share=self.share(mild)),
            words("measure_found", count=found, share=self.share(found)),
        ]
        if left_out := len(self.changes) - self.readable:
            lines.append(words("measure_unread", count=left_out))
        policy = visible(self.policy) or words("measure_default")
        return [*lines, words("measure_policy", policy=policy)]

    def tables(self) -> dict[str, list[Row]]:
        """Areas, questions and rules, each by the number of changes in which they came up."""
        return {
            "areas": self._rows((one, [(area, "") for area in one.areas]) for one in self.flagged),
            "items": self._rows(
                (one, [(asked.item, asked.severity) for asked in one.questions])
                for one in self.flagged
            ),
            "hazards": self._rows(
                (one, [(found.hazard, found.severity) for found in one.findings])
                for one in self.flagged
            ),
        }

    def _rows(self, found: Iterable[tuple[Measured, list[tuple[str, str]]]]) -> list[Row]:
        counts: Counter[str] = Counter()
        severities: dict[str, Counter[str]] = {}
        examples: dict[str, list[str]] = {}
        for one, named in found:
            for name, severity in dict(named).items():
                counts[name] += 1
                severities.setdefault(name, Counter())[severity] += 1
                examples.setdefault(name, []).append(one.change.commit[:12])
        return [
            Row(
                name,
                count,
                self.share(count),
                severities[name],
                tuple(examples[name][:EXAMPLES]),
                self.titles.get(name, ""),
            )
            for name, count in counts.most_common()
        ]


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

    sample: how many changes to draw at most; 0 for all. policy_file: None means the policy at
    `head`. format: text | markdown | json. The result is the exit status: 0, or 2 for wrong use, a
    broken policy or an output that cannot be written.
    """
    rules = builtin_packs.rules("advise")
    try:
        merged = git.merged(path, head, since)
        read = check.read_policy(path, git.commit_of(path, head), head, policy_file, rules)
        address = git.address(path)
    except (BadRange, BadPack) as error:
        return wrong(f"{COMMAND}: {error}")
    if read.problems:
        return wrong(*map(str, read.problems), f"{COMMAND}: fix the policy and measure again")
    if not merged:
        return wrong(f"{COMMAND}: {path} has no merged change{f' since {since}' if since else ''}")
    policy = effective(read.source, rules)
    words = Words(language or policy.language)
    outcome = Measure(
        changes=measured(path, policy, drawn(merged, sample)),
        merged=len(merged),
        since=since,
        address=address,
        policy=read.name,
        words=words,
        titles={one.id: words.text(one.question) for area in policy.areas for one in area.items},
    )
    return printed(FORMATS[format](outcome), COMMAND)


def drawn(merged: Sequence[Merged], sample: int, seed: int = SEED) -> tuple[Merged, ...]:
    """A sample of this many changes, newest first; all if there are fewer, or if `sample` is 0."""
    if not sample or len(merged) <= sample:
        return tuple(merged)
    chosen = random.Random(seed).sample(range(len(merged)), sample)  # noqa: S311  no secret
    return tuple(merged[place] for place in sorted(chosen))


def measure(path: git.Folder, policy: Policy, change: Merged) -> Measured:
    """What the policy would have asked about one change."""
    try:
        found = git.range_of(path, change.parent, change.head)
        asked = check.reviewed(found, in_force(policy, found.pull))
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


def measured(
    path: git.Folder,
    policy: Policy,
    changes: Sequence[Merged],
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Measured, ...]:
    """The changes, measured on all processors. Progress is shown on a terminal.

    seconds: then the rest of the changes is left out, and those under way are waited for.
    """
    found: list[Measured] = []
    ends_at = clock() + seconds if seconds is not None else None
    with ProcessPoolExecutor() as pool:
        jobs = [pool.submit(measure, path, policy, one) for one in changes]
        for job in progress(jobs):
            found.append(job.result())
            if ends_at is not None and clock() >= ends_at:
                pool.shutdown(cancel_futures=True)
                break
    return tuple(found)


def as_text(measured: Measure) -> str:
    """For a terminal, wrapped to its width."""
    words, margin = measured.words, " " * 13
    blocks = ["\n".join(map(wrapped, measured.summary()))]
    for key, rows in measured.tables().items():
        lines = [words(f"measure_{key}")]
        for row in rows[:BUSIEST]:
            severities = row.by_severity(words)
            lines.append(
                f"{row.count:>5}  {row.share:>4}  {row.name}{f' ({severities})' * bool(severities)}"
            )
            lines += [wrapped(text, margin) for text in (row.title, " ".join(row.examples)) if text]
        blocks += ["\n".join(lines)] if rows else []
    return "\n\n".join(blocks)


def as_markdown(measured: Measure) -> str:
    """For an issue or a wiki."""
    words, address = measured.words, measured.address
    heading, *rest = measured.summary()
    blocks = [f"## {heading}", "\n".join(f"- {line}" for line in rest)]
    keys = ("name", "count", "of", "severity", "examples")
    for key, rows in measured.tables().items():
        lines = [
            " | ".join(words(f"measure_{one}") for one in keys),
            "--- | --: | --: | --- | ---",
        ]
        for row in rows[:BUSIEST]:
            links = " ".join(
                f"[{one}]({address}/commit/{one})" if address else code(one) for one in row.examples
            )
            name = f"{code(row.name)} {plain(row.title)}".strip()
            lines.append(f"{name} | {row.count} | {row.share} | {row.by_severity(words)} | {links}")
        if rows:
            blocks += [f"### {words(f'measure_{key}')}", "\n".join(f"| {one} |" for one in lines)]
    return "\n\n".join(blocks)


def as_json(measured: Measure) -> str:
    """For programs; the shape is a promise, with a version."""
    flagged = measured.flagged
    median, p90, most = measured.questions()
    tables = {
        key: [
            {
                "id": row.name,
                "changes": row.count,
                **({} if key == "areas" else {"severities": row.severities}),
                "examples": row.examples,
            }
            for row in rows
        ]
        for key, rows in measured.tables().items()
    }
    changes = [
        {
            "commit": one.change.commit,
            "parent": one.change.parent,
            "added_lines": one.lines,
            "areas": one.areas,
            "questions": [asdict(asked) for asked in one.questions],
            "findings": [{**asdict(found), "path": visible(found.path)} for found in one.findings],
            **({"unreadable": visible(one.unreadable)} if one.unreadable else {}),
        }
        for one in measured.changes
    ]
    outcome = {
        "version": VERSION,
        "repository": measured.address or None,
        "policy": visible(measured.policy) or None,
        "merged": measured.merged,
        "measured": measured.readable,
        "flagged": len(flagged),
        "with_must": sum(one.has_must for one in flagged),
        "with_finding": sum(bool(one.findings) for one in flagged),
        "questions": {"median": median, "p90": p90, "most": most},
        **tables,
        "changes": changes,
    }
    return json.dumps(outcome, ensure_ascii=False, indent=2)


FORMATS: Mapping[str, Callable[[Measure], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "json": as_json,
}
