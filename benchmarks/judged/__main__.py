"""What the packs ask about judged changes: what is right, and what is lost.

    uv run python -m benchmarks.judged FOLDER [--data FILE] [--list right|noise|open|findings]

FOLDER holds clones of the projects that the data names, as `OWNER+NAME/repo`, `OWNER/NAME` or
`NAME`. Every judged change is checked as `ghapp check --base PARENT --head COMMIT` does it, with
the default policy. "before" is what was shown when the change was judged; "after" is what this
checkout shows. A verdict belongs to a question on a change; a question that replaces another one
inherits its verdict. Right counts 1, arguable counts a half. What nobody has judged is "open".
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.machine import tell
from ghapp import builtin_packs
from ghapp.core.policy.policy import Policy, effective
from ghapp.core.records import PolicySource
from ghapp.offline.git import Merged
from ghapp.offline.measure import measure

DATA = Path(__file__).parent / "changes.json"
WORTH = {"right": 1.0, "true": 1.0, "arguable": 0.5, "noise": 0.0, "false": 0.0}
SHOWN = ("must", "should")  # a could is advice


@dataclass(frozen=True)
class Outcome:
    """What is asked about one change now.

    questions: item id -> severity, of those asked. found: (hazard, path, line) -> severity.
    """

    repo: str
    commit: str
    flagged: bool
    questions: Mapping[str, str]
    found: Mapping[tuple[str, str, int], str]


@dataclass
class Tally:
    """Verdicts by severity."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, severity: str, verdict: str) -> None:
        self.counts[severity, verdict] += 1

    def row(self, severities: Iterable[str]) -> str:
        every = {
            verdict: sum(self.counts[severity, verdict] for severity in severities)
            for verdict in (*WORTH, "open")
        }
        judged = sum(every[verdict] for verdict in WORTH)
        worth = sum(WORTH[verdict] * every[verdict] for verdict in WORTH)
        share = f"{100 * worth / judged:3.0f} %" if judged else "  -  "
        named = ", ".join(f"{count} {verdict}" for verdict, count in every.items() if count)
        return f"{share} of {judged} ({named})"


def clone(folder: Path, repo: str) -> Path:
    """Where the clone of a repository is. Raises SystemExit where it is not there."""
    owner, _, name = repo.partition("/")
    for place in (f"{owner}+{name}/repo", f"{owner}+{name}", repo, name):
        if (folder / place).is_dir():
            return folder / place
    raise SystemExit(f"{repo} is not in {folder}: clone it into {folder / repo}")


def outcome(place: Path, repo: str, parent: str, commit: str) -> Outcome:
    """What this checkout asks about the change. Raises SystemExit where the clone lacks it."""
    now = measure(place, policy(), Merged(commit, parent, title="", head=commit))
    if now.unreadable:
        raise SystemExit(f"{repo} {commit}: {now.unreadable}")
    return Outcome(
        repo,
        commit,
        now.flagged,
        {one.item: one.severity for one in now.questions if one.severity in SHOWN},
        {(one.hazard, one.path, one.line): one.severity for one in now.findings},
    )


@cache
def policy() -> Policy:
    """The default policy with the packs of this checkout."""
    return effective(PolicySource(), builtin_packs.rules("advise"))


def outcomes(folder: Path, data: Mapping[str, Any]) -> dict[tuple[str, str], Outcome]:
    """By repository and commit, for every change and finding of the data."""
    wanted = {
        (one["repo"], one["commit"]): one.get("parent", f"{one['commit']}^")
        for one in (*data["findings"], *data["changes"])
    }
    made: dict[tuple[str, str], Outcome] = {}
    with ProcessPoolExecutor() as pool:
        jobs = [
            pool.submit(outcome, clone(folder, repo), repo, parent, commit)
            for (repo, commit), parent in wanted.items()
        ]
        for count, job in enumerate(jobs, 1):
            one = job.result()
            made[one.repo, one.commit] = one
            if count % 25 == 0:
                tell(f"{count} of {len(jobs)} changes")
    return made


def successors() -> Mapping[str, tuple[str, ...]]:
    """Retired items -> those that replace them."""
    return dict(pair for area in builtin_packs.builtin() for pair in area.retired)


def verdicts(change: Mapping[str, Any], after: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    """Item -> verdict on this change, also of items that replace a judged one."""
    given = {one["item"]: one["verdict"] for one in change["questions"]}
    inherited = {new: given[old] for old in given for new in after.get(old, ())}
    return inherited | given


def _lost(
    change: Mapping[str, Any], now: Outcome, after: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """The right questions of a change that are no longer asked."""
    return [
        one["item"]
        for one in change["questions"]
        if one["verdict"] == "right"
        and not one.get("later")
        and not {one["item"], *after.get(one["item"], ())} & set(now.questions)
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--list", choices=("right", "noise", "open", "findings"))
    given = parser.parse_args()
    data = json.loads(given.data.read_text(encoding="utf-8"))
    made, after = outcomes(given.folder, data), successors()
    for line in (*_questions(data, made, after), "", *_findings(data, made)):
        print(line)
    for line in _listed(given.list, data, made, after) if given.list else ():
        print(line)


def _questions(
    data: Mapping[str, Any],
    made: Mapping[tuple[str, str], Outcome],
    after: Mapping[str, tuple[str, ...]],
) -> Iterator[str]:
    before, now, right, lost, flagged = Tally(), Tally(), 0, 0, 0
    counts = []
    for change in data["changes"]:
        here, known = made[change["repo"], change["commit"]], verdicts(change, after)
        flagged += here.flagged
        counts.append(len(here.questions))
        for one in change["questions"]:
            if not one.get("later"):
                before.add(one["severity"], one["verdict"])
                right += one["verdict"] == "right"
        lost += len(_lost(change, here, after))
        for item, severity in here.questions.items():
            now.add(severity, known.get(item, "open"))
    changes = len(data["changes"])
    share = 100 * flagged / changes
    yield f"{changes} changes, all flagged before; flagged now: {flagged} ({share:.0f} %)"
    asked = sorted(count for count in counts if count)
    if asked:
        yield (
            f"questions of a change that has any: median {asked[len(asked) // 2]}, "
            f"p90 {asked[len(asked) * 9 // 10]}, most {asked[-1]}"
        )
    for name, tally in (("before", before), ("after", now)):
        for label, severities in (("must", ("must",)), ("should", ("should",)), ("all", SHOWN)):
            yield f"  {name:6} {label:6} {tally.row(severities)}"
    share = 100 * (right - lost) / right if right else 100
    yield f"right questions: {right}, still asked {right - lost} ({share:.0f} %), lost {lost}"


def _findings(data: Mapping[str, Any], made: Mapping[tuple[str, str], Outcome]) -> Iterator[str]:
    before, now, lost = Tally(), Tally(), 0
    for one in data["findings"]:
        here = made[one["repo"], one["commit"]]
        place = (one["hazard"], one["path"], one["line"])
        before.add(one["severity"], one["verdict"])
        if place in here.found:
            now.add(here.found[place], one["verdict"])
        elif one["verdict"] == "true":
            lost += 1
    every = ("must", "should", "could")
    yield f"{len(data['findings'])} findings"
    for name, tally in (("before", before), ("after", now)):
        for label, severities in (("must", ("must",)), ("all", every)):
            yield f"  {name:6} {label:6} {tally.row(severities)}"
    yield f"true findings lost: {lost}"


def _listed(
    kind: str,
    data: Mapping[str, Any],
    made: Mapping[tuple[str, str], Outcome],
    after: Mapping[str, tuple[str, ...]],
) -> Iterator[str]:
    if kind == "findings":
        for one in data["findings"]:
            here = made[one["repo"], one["commit"]]
            is_found = (one["hazard"], one["path"], one["line"]) in here.found
            wrong = is_found == (one["verdict"] == "false")
            if wrong and (is_found or one["verdict"] == "true"):
                state = "still found" if is_found else "lost"
                place = f"{one['path']}:{one['line']}"
                where = f"{one['repo']} {one['commit'][:12]} {one['hazard']} {place}"
                yield f"{where} {one['verdict']}: {state}"
        return
    for change in data["changes"]:
        here, known = made[change["repo"], change["commit"]], verdicts(change, after)
        named = {
            "right": _lost(change, here, after),
            "noise": [item for item in here.questions if known.get(item) == "noise"],
            "open": [item for item in here.questions if item not in known],
        }[kind]
        for item in named:
            severity = here.questions.get(item, "")
            yield f"{change['repo']} {change['commit'][:12]} {severity or 'lost'} {item}"


if __name__ == "__main__":
    main()
