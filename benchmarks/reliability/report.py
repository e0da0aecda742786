"""Results -> tables in Markdown, each between its markers in docs/reliability.md."""

from __future__ import annotations

import os
import platform
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.reliability.faulty import Faulted
from benchmarks.reliability.kills import Killed
from benchmarks.reliability.partition import Parted
from benchmarks.reliability.soak import Grown, Soaked

DOCUMENT = Path(__file__).parents[2] / "docs/reliability.md"


@dataclass(frozen=True, slots=True)
class Section:
    """text: a table in Markdown. problems: what went wrong, one line for each."""

    text: str
    problems: list[str]


def kills(found: Sequence[Killed]) -> Section:
    names = ("deliveries answered 202", "messages", "pulls", "runs", "deliveries that met a dead "
             "server, redelivered", "lost", "doubled", "wrong in the end", "parked",
             "overlaps on one key")  # fmt: skip
    cells = [
        (
            one.verdict.accepted,
            one.verdict.messages,
            one.verdict.pulls,
            one.runs,
            one.failed,
            len(one.verdict.lost),
            len(one.verdict.doubled),
            len(one.verdict.wrong),
            one.verdict.parked,
            len(one.overlapping),
        )
        for one in found
    ]
    moments = sorted({name for one in found for name in one.kills})
    rows = [("kills", *(one.kills.total() for one in found))]
    rows += [(f"of these: {name}", *(one.kills[name] for one in found)) for name in moments]
    rows += [(name, *values) for name, values in zip(names, zip(*cells, strict=True), strict=True)]
    rows += [("minutes", *(f"{one.seconds / 60:.0f}" for one in found))]
    problems = [text for one in found for text in one.problems]
    return Section(_table(("", *(one.database for one in found)), rows), problems)


def faults(found: Sequence[Faulted]) -> Section:
    head = ("fault", "share", "calls", "struck", "acts", "lost", "doubled", "wrong", "parked")
    rows = [
        (
            one.kind,
            f"{one.rate:.0%}",
            one.calls,
            one.injected,
            one.acts,
            len(one.verdict.lost),
            len(one.verdict.doubled),
            len(one.verdict.wrong),
            one.verdict.parked,
        )
        for one in found
    ]
    total = sum(one.injected for one in found)
    rows.append(("all", "", sum(one.calls for one in found), total,
                 sum(one.acts for one in found), *_sums(found)))  # fmt: skip
    problems = [f"{one.kind}: {text}" for one in found for text in one.verdict.problems]
    problems += [f"{one.kind}: {one.verdict.parked} parked" for one in found if one.verdict.parked]
    return Section(_table(head, rows), problems)


def _sums(found: Sequence[Faulted]) -> tuple[int, int, int, int]:
    verdicts = [one.verdict for one in found]
    return (
        sum(len(one.lost) for one in verdicts),
        sum(len(one.doubled) for one in verdicts),
        sum(len(one.wrong) for one in verdicts),
        sum(one.parked for one in verdicts),
    )


def partitions(found: Sequence[Parted]) -> Section:
    head = ("cut off from one worker", "seconds until the other took over",
            "writes that its run began after the cut", "doubled", "wrong")  # fmt: skip
    rows = [
        (one.name, f"{one.taken_over_seconds:.1f}", one.late_writes, one.doubled, len(one.wrong))
        for one in found
    ]
    problems = [f"{one.name}: {text}" for one in found for text in one.problems]
    return Section(_table(head, rows), problems)


def soak(found: Sequence[Soaked]) -> Section:
    first = "process", "MB after warm-up", "MB at the end", "MB an hour", "open files", "threads"
    rows = []
    for one in found:
        rows += [(f"{one.database}: {process.name}", *_grown(process, one.warm))
                 for process in one.processes]  # fmt: skip
    table = _table(first, rows)
    totals = [
        f"{one.database}: {one.seconds / 3600:.2f} h, {one.acts:,} acts, {one.deliveries:,} "
        f"deliveries, {one.deliveries / one.seconds:.1f} a second.\n  Database "
        f"{one.database_bytes[0] / 1e6:.1f} -> {one.database_bytes[1] / 1e6:.1f} MB. Lost "
        f"{len(one.verdict.lost)}, doubled {len(one.verdict.doubled)}, wrong "
        f"{len(one.verdict.wrong)} (of the last {one.verdict.pulls} pulls)"
        for one in found
    ]
    text = "\n".join([table, "", *(f"- {line}" for line in totals)])
    return Section(text, [problem for one in found for problem in one.problems])


def _grown(process: Grown, warm: float) -> tuple[str, ...]:
    steady = process.after(warm)
    first, last = steady.sizes[0], steady.sizes[-1]
    return (
        f"{first.resident / 1e6:.1f}",
        f"{last.resident / 1e6:.1f}",
        f"{steady.growth() / 1e6:+.2f}",
        f"{first.files} -> {last.files}",
        f"{first.threads} -> {last.threads}",
    )


def _table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def write(name: str, section: Section, arguments: Sequence[str]) -> None:
    """Put it between its markers, with the command, the day and the machine."""
    command = shlex.join(["uv", "run", "python", "-m", "benchmarks.reliability", *arguments])
    where = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"
    told = f"`{command}`, {datetime.now(UTC):%Y-%m-%d}, {where}."
    text = f"\n{section.text}\n\n{told}\n"
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before = DOCUMENT.read_text(encoding="utf-8")
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not found.search(before):
        raise SystemExit(f"{DOCUMENT}: no {begin} ... {end}")
    DOCUMENT.write_text(found.sub(lambda _: f"{begin}\n{text}\n{end}", before), encoding="utf-8")
