"""Draws changes for readers to judge, and counts what they said.

    uv run python -m benchmarks.judged.draw FOLDER --repos a/b c/d --flagged 100 --seed 7 --to OUT
    uv run python -m benchmarks.judged.draw --count OUT/draw.json READER READER [SETTLED]

The first form measures changes of the clones in FOLDER in the order of a seeded draw, the same
number for each project, until so many are flagged; it writes `draw.json`, and the flagged and the
unflagged changes as Markdown for the readers, who see the diff and the questions and nothing else.
A reader's file maps `REPO COMMIT ITEM` to right, arguable or noise, and `REPO COMMIT HAZARD
PATH:LINE` to true, arguable or false. SETTLED holds the verdicts on what two readers disagree on.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.judged.__main__ import WORTH, Tally, clone, policy
from benchmarks.machine import tell
from ghapp.offline import git
from ghapp.offline.measure import Measured, measure

BATCH = 10  # changes of one project at a time
MOST_DIFF = 14_000  # characters of a diff that readers are shown


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--repos", nargs="+", default=[])
    parser.add_argument("--since", default="2025-01-01")
    parser.add_argument("--flagged", type=int, default=100)
    parser.add_argument("--unflagged", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", type=Path, nargs="*", default=[], help="earlier draws")
    parser.add_argument("--to", type=Path)
    parser.add_argument("--count", type=Path, nargs="+")
    given = parser.parse_args()
    if given.count:
        draw, *readers = (json.loads(one.read_text(encoding="utf-8")) for one in given.count)
        print("\n".join(counted(draw, readers)))
        return
    earlier = [json.loads(one.read_text(encoding="utf-8")) for one in given.without]
    known = {one["commit"] for draw in earlier for one in draw["changes"]}
    places = {repo: clone(given.folder, repo) for repo in given.repos}
    drawn = {
        repo: _shuffled(place, given.since, given.seed, known) for repo, place in places.items()
    }
    measured = _until(places, drawn, given.flagged)
    _write(given.to, given.seed, places, measured, given.unflagged)


def _shuffled(place: Path, since: str, seed: int, known: set[str]) -> Iterator[git.Merged]:
    changes = [one for one in git.merged(place, since=since) if one.commit not in known]
    random.Random(seed).shuffle(changes)  # noqa: S311  a sample, no secret
    return iter(changes)


def _until(
    places: Mapping[str, Path], drawn: Mapping[str, Iterator[git.Merged]], wanted: int
) -> list[tuple[str, Measured]]:
    """Rounds over all projects until each has had its share and so many changes are flagged."""
    found: list[tuple[str, Measured]] = []
    with ProcessPoolExecutor() as pool:
        while sum(one.flagged for _, one in found) < wanted:
            jobs = [
                (repo, pool.submit(measure, places[repo], policy(), change))
                for repo in places
                for _, change in zip(range(BATCH), drawn[repo], strict=False)
            ]
            if not jobs:
                break
            found += [(repo, job.result()) for repo, job in jobs]
            tell(f"{len(found)} changes, {sum(one.flagged for _, one in found)} flagged")
    return [(repo, one) for repo, one in found if not one.unreadable]


def _write(
    to: Path,
    seed: int,
    places: Mapping[str, Path],
    measured: Sequence[tuple[str, Measured]],
    unflagged: int,
) -> None:
    to.mkdir(parents=True, exist_ok=True)
    areas = policy().areas
    asked = {item.id: item for area in areas for item in area.items}
    messages = {one.id: one.message.naming("").en for area in areas for one in area.hazards}
    quiet = [pair for pair in measured if not pair[1].flagged]
    quiet = random.Random(seed).sample(quiet, min(unflagged, len(quiet)))  # noqa: S311
    data = {
        "seed": seed,
        "measured": {
            repo: [
                sum(name == repo for name, _ in measured),
                sum(name == repo and one.flagged for name, one in measured),
            ]
            for repo in places
        },
        "changes": [
            {
                "repo": repo,
                "commit": one.change.commit,
                "questions": [
                    {"item": each.item, "severity": each.severity} for each in one.questions
                ],
                "findings": [
                    {
                        "hazard": each.hazard,
                        "severity": each.severity,
                        "place": f"{each.path}:{each.line}",
                    }
                    for each in one.findings[:10]
                ],
            }
            for repo, one in measured
            if one.flagged
        ],
    }
    (to / "draw.json").write_text(json.dumps(data, indent=1, ensure_ascii=False), encoding="utf-8")
    for name, pairs in (
        ("flagged", [pair for pair in measured if pair[1].flagged]),
        ("quiet", quiet),
    ):
        for number, (repo, one) in enumerate(pairs, 1):
            lines = [f"# {repo} {one.change.commit}", "", one.change.title, ""]
            for each in one.questions:
                question = asked[each.item].question.en
                lines.append(f"- question `{each.item}` ({each.severity}): {question}")
            for finding in one.findings[:10]:
                place = f"{finding.path}:{finding.line}"
                lines.append(
                    f"- finding `{finding.hazard}` ({finding.severity}) `{place}`: "
                    f"{messages[finding.hazard]}"
                )
            lines += ["", "```diff", _diff(places[repo], one.change), "```", ""]
            (to / f"{name}-{number:03}.md").write_text("\n".join(lines), encoding="utf-8")
    tell(f"{sum(one.flagged for _, one in measured)} flagged changes in {to}")


def _diff(place: Path, change: git.Merged) -> str:
    files = git.range_of(place, change.parent, change.head).pull.files
    listed = [f"{one.status} {one.path} +{one.additions} -{one.deletions}" for one in files]
    patches = [f"--- {one.path}\n{one.patch}" for one in files]
    text = "\n".join([*listed[:200], "", *patches])
    return text if len(text) <= MOST_DIFF else f"{text[:MOST_DIFF]}\n(cut here)"


def places_of(draw: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The key of each thing to judge, its kind (question or finding) and its severity."""
    for change in draw["changes"]:
        start = f"{change['repo']} {change['commit']}"
        for one in change["questions"]:
            yield f"{start} {one['item']}", "question", one["severity"]
        for one in change["findings"]:
            yield f"{start} {one['hazard']} {one['place']}", "finding", one["severity"]


def counted(draw: Mapping[str, Any], readers: Sequence[Mapping[str, str]]) -> Iterable[str]:
    """Precision by kind and severity; how often the first two readers disagree."""
    tallies = {"question": Tally(), "finding": Tally()}
    apart, both, open_, by_item = 0, 0, [], Counter[tuple[str, str]]()
    for key, kind, severity in places_of(draw):
        said = [one[key] for one in readers[:2] if key in one]
        both += len(said) == 2
        apart += len(set(said)) > 1
        verdict = next((one[key] for one in readers[2:] if key in one), None)
        if verdict is None:
            verdict = said[0] if len(set(said)) == 1 else None
        if verdict is None or verdict not in WORTH:
            open_.append(key)
            continue
        tallies[kind].add(severity, verdict)
        by_item[key.split(" ")[2], verdict] += 1
    measured = draw["measured"].values()
    every, flagged = (sum(pair[at] for pair in measured) for at in (0, 1))
    yield f"{every} changes measured, {flagged} flagged ({100 * flagged / every:.0f} %)"
    for repo, (one, two) in draw["measured"].items():
        yield f"  {repo}: {two} of {one}"
    sizes = sorted(len(one["questions"]) for one in draw["changes"])
    yield f"questions: median {sizes[len(sizes) // 2]}, p90 {sizes[len(sizes) * 9 // 10]}"
    yield f"two readers: {both} judged by both, apart on {apart}; not settled {len(open_)}"
    for kind, tally in tallies.items():
        for label in (("must",), ("should",), ("could",), ("must", "should", "could")):
            yield f"  {kind:8} {'+'.join(label):18} {tally.row(label)}"
    names = dict.fromkeys(name for name, _ in by_item)
    for name in sorted(names):
        counts = {verdict: by_item[name, verdict] for verdict in WORTH if by_item[name, verdict]}
        yield f"    {name}: {counts}"
    if open_:
        print("\n".join(f"open: {key}" for key in open_), file=sys.stderr)


if __name__ == "__main__":
    main()
