"""What hazards find is marked on its lines, and goes when the lines do."""

from __future__ import annotations

import re

from ghapp.emulator.repository import Pull
from tests.e2e.world import MIGRATION, World, ours, title

INDEX = "CREATE INDEX i ON orders (points);\n"
SAFE = "CREATE INDEX CONCURRENTLY i ON orders (points);\n"


def marked(pull: Pull) -> list[tuple[str, int, str, list[str]]]:
    """Path, line, level and rules of each annotation of the newest run on the head."""
    return [
        (row["path"], row["start_line"], row["annotation_level"], rules(row["message"]))
        for row in pull.check_runs()[-1].annotations
    ]


def rules(message: str) -> list[str]:
    """The ids of the rules that a message names."""
    return re.findall(r"(?m)^([A-Z0-9]+-\d+), ", message)


def test_a_risky_line_is_marked_until_it_is_mended(world: World) -> None:
    pull = world.open({MIGRATION: INDEX})
    world.settle()
    ((path, line, level, found),) = marked(pull)
    assert (path, line, level) == (MIGRATION, 1, "failure")
    assert "DBM-001" in found
    assert "finding" in title(pull)
    assert "`DBM-001`" in ours(pull)[0]
    world.clock.forward()
    pull.push({MIGRATION: SAFE})
    world.settle()
    assert not any("DBM-001" in found for *_, found in marked(pull))
    assert "`DBM-001`" not in ours(pull)[0]


def test_a_head_whose_findings_are_gone_gets_a_new_run_without_them(world: World) -> None:
    world.repository.branch("stable")
    world.repository.push("main", {MIGRATION: INDEX}, by="sue")
    pull = world.open({"app/orders.py": "total = len\n"})
    pull.retarget("stable", by="ann")  # the migration is part of the diff
    world.settle()
    found = pull.check_runs()[-1]
    assert marked(pull)
    world.clock.forward()
    pull.retarget("main", by="ann")
    world.settle()
    shown = pull.check_runs()[-1]
    assert (shown.head_sha, shown.annotations) == (found.head_sha, [])
    assert shown.id != found.id and found.annotations


def test_an_accepted_line_is_a_notice_with_its_reason(world: World) -> None:
    line = INDEX.replace("\n", " -- nfr:ignore DBM-001 the table is empty\n")
    pull = world.open({MIGRATION: line})
    world.settle()
    (note,) = [
        row for row in pull.check_runs()[-1].annotations if "DBM-001" in rules(row["message"])
    ]
    assert note["annotation_level"] == "notice"
    assert "the table is empty" in note["message"]
    assert "Accepted because: `the table is empty`" in ours(pull)[0]
