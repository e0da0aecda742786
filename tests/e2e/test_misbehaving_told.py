"""Who runs ghapp sees that GitHub is away, and since when it is back."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from ghapp.emulator import faults
from tests.e2e.processes import Process, started
from tests.e2e.world import WAITING, World, conclusion


def reachable(process: Process) -> bool:
    with urllib.request.urlopen(f"{process.url}/metrics", timeout=10) as answer:
        (found,) = [line for line in answer if line.startswith(b"ghapp_github_reachable ")]
    return float(found.split()[1]) == 1


def lines(process: Process, event: str) -> list[dict[str, object]]:
    read = [json.loads(line) for line in process.log.splitlines() if line.startswith("{")]
    return [line for line in read if line["event"] == event]


def test_that_github_is_away_is_told_once_and_that_it_is_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        with started(world, "serve") as process:
            world.github.listen(f"{process.url}/webhook")
            world.until("the App known", lambda: world.github.calls["GET /app"] == 1)
            assert reachable(process)
            world.github.faults.add(faults.broken("*", 503, times=None))
            pulls = [world.open(branch=f"feat/{at}") for at in range(3)]
            world.until("away", lambda: not reachable(process))
            world.until("all put off", lambda: len(lines(process, "run")) >= len(pulls))
            world.github.faults.clear()
            world.until("marks", lambda: all(pull.labels == WAITING for pull in pulls))
            assert reachable(process)
            assert {conclusion(pull) for pull in pulls} == {"in progress"}
            (away,), (back,) = lines(process, "GitHub is away"), lines(process, "GitHub is back")
            assert "GitHub answers 503" in str(away["reason"])
            assert 4.0 < float(str(back["seconds"])) < 15.0
    finally:
        world.close()
