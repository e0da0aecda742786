"""What the packs make of real code: how often they flag, how much they ask, what they find.

    uv run python -m benchmarks.corpus FOLDER... [--findings FILE] [--area ID]
    uv run python -m benchmarks.corpus --old FOLDER --new FOLDER [--findings FILE]

The first form takes every file of the folders as a change of its own that adds the whole file;
the second takes two releases of a project and every directory of files that differ as one change.
Printed are the changes, those flagged, the questions of a flagged one (median, 90th percentile),
and areas and hazards by how often they come up. `--findings` writes one JSON line for each
finding, with the lines around it, for reading by eye.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from ghapp import builtin_packs
from ghapp.core.areas import Finding
from ghapp.core.model import File, Pull, PullKey, Repository
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.new_file import MOST_BYTES, text
from ghapp.core.scan.scan import scan

PULL = Pull(
    PullKey(Repository(1, 1, "local/corpus"), 1),
    title="",
    author="somebody",
    head_sha="",
    head_ref="",
    base_ref="",
    updated_at=datetime(2026, 1, 1, tzinfo=UTC),
)
AROUND = 4  # lines before and behind a finding


@dataclass
class Tally:
    """What all changes came to."""

    changes: int = 0
    questions: list[int] = field(default_factory=list)
    areas: Counter[str] = field(default_factory=Counter)
    hazards: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


def main() -> None:
    """Go through the folders and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--old", type=Path)
    parser.add_argument("--new", type=Path)
    parser.add_argument("--findings", type=Path)
    parser.add_argument("--area", action="append")
    given = parser.parse_args()
    wanted = set(given.area or ())
    areas = (replace(area, enabled=True) for area in builtin_packs.builtin())
    policy = Policy(areas=tuple(area for area in areas if not wanted or area.id in wanted))
    changes = released(given.old, given.new) if given.old else whole(given.folders)
    tally = Tally()
    with Path(given.findings or os.devnull).open("w", encoding="utf-8") as out:
        for files, contents in changes:
            _take(tally, files, contents, policy, out)
    _print(tally)


def whole(folders: list[Path]) -> Iterator[tuple[tuple[File, ...], Mapping[str, str]]]:
    """Every file as one change that adds it."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            content = _read(path)
            if content is not None:
                name = str(path.relative_to(folder))
                yield (_added(name, content),), {name: content}


def released(old: Path, new: Path) -> Iterator[tuple[tuple[File, ...], Mapping[str, str]]]:
    """The files of each directory that differ between two releases as one change."""
    for folder in sorted({path.parent for path in new.rglob("*") if path.is_file()}):
        files, contents = [], {}
        for path in sorted(folder.iterdir()):
            name = str(path.relative_to(new))
            content, before = _read(path), _read(old / name)
            if content is None or content == before:
                continue
            files.append(
                _added(name, content) if before is None else _changed(name, before, content)
            )
            contents[name] = content
        if files:
            yield tuple(files), contents


def _take(
    tally: Tally,
    files: tuple[File, ...],
    contents: Mapping[str, str],
    policy: Policy,
    out: TextIO,
) -> None:
    started = time.process_time()
    seen = scan(replace(PULL, files=files, changed_files=len(files)), policy)
    found = findings(seen.suspicion, contents)
    asked = checklist(seen, policy, found)
    tally.seconds += time.process_time() - started
    tally.changes += 1
    if asked.flagged:
        tally.questions.append(sum(len(one.items) for one in asked.flagged))
    tally.areas.update(one.area.id for one in asked.flagged)
    tally.hazards.update(one.hazard for one in found)
    tally.files.update({one.hazard for one in found})
    told = (_told(one, contents.get(one.path, "")) for one in found)
    out.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in told)


def _told(one: Finding, content: str) -> dict[str, object]:
    lines = content.split("\n")
    first = max(0, one.line - 1 - AROUND)
    return {
        "hazard": one.hazard,
        "severity": one.severity,
        "path": one.path,
        "line": one.line,
        "source": one.source,
        "around": [line[:200] for line in lines[first : one.line + AROUND]],
    }


def _print(tally: Tally) -> None:
    asked = sorted(tally.questions)
    print(f"{tally.changes:,} changes, {len(asked):,} flagged, {tally.seconds:.1f} s of CPU")
    if asked:
        most = asked[min(len(asked) - 1, int(len(asked) * 0.9))]
        print(f"questions of a flagged change: median {statistics.median(asked):g}, p90 {most}")
    for name, count in tally.areas.most_common():
        print(f"  {name:<28}{count:>7,}")
    print(f"{sum(tally.hazards.values()):,} findings")
    for name, count in tally.hazards.most_common():
        print(f"  {name:<28}{count:>7,} in {tally.files[name]:,} changes")


def _added(name: str, content: str) -> File:
    lines = content.split("\n")
    patch = "\n".join([f"@@ -0,0 +1,{len(lines)} @@", *(f"+{line}" for line in lines)])
    return File(name, "added", len(lines), 0, patch, "s")


def _changed(name: str, before: str, content: str) -> File:
    rows = difflib.unified_diff(before.split("\n"), content.split("\n"), lineterm="", n=3)
    body = [row for row in rows if not row.startswith(("--- ", "+++ "))]
    added, removed = (sum(row.startswith(sign) for row in body) for sign in "+-")
    return File(name, "modified", added, removed, "\n".join(body), "s")


def _read(path: Path) -> str | None:
    if not path.is_file() or path.is_symlink() or path.stat().st_size > MOST_BYTES:
        return None
    return text(path.read_bytes())


if __name__ == "__main__":
    main()
