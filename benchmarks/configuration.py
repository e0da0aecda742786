"""What searching the configuration of many repositories does to deliveries, and what it reads.

    uv run python -m benchmarks.configuration [--repositories 200] [--files 30]

All on loopback, against the emulator, on SQLite, with 50 ms a call and the limits off, so that the
searches go as fast as they can: the budget, which slows them down on GitHub, does not help. Takes
some ten minutes. Parts, in this order:

- first: all repositories are searched, one after the other, because the policy of their owner turns
  it on. Meanwhile pull requests are opened in one of them. To their check runs it may take half as
  long again as before.
- second: one file changes in each, and all are searched again. Only that file may be read.

Exit status 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

from benchmarks.load import percentile
from benchmarks.machine import machine, tell
from benchmarks.organisation import LATENCY_SECONDS, OWNER, PATIENCE_SECONDS, waits
from benchmarks.reliability.place import Place, placed, until
from benchmarks.temporary import temporary
from ghapp.emulator.repository import Repository

QUIET_SECONDS, MOST_SECONDS, MOST_SLOWER = 60.0, 1_800.0, 1.5
BLOBS = "GET /repos/{owner}/{repo}/git/blobs/{sha}"
TREES = "GET /repos/{owner}/{repo}/git/trees/{tree_sha}"
POLICY = ".github/nfr.yml"
WEEKLY = "version: 1\nconfiguration: {scan: weekly}\n"
RULE = 'resource "aws_security_group_rule" "r%d" {\n  cidr_blocks = ["0.0.0.0/0"]\n}\n'
# A module that is usual: a hundred lines in which nothing is found.
USUAL = "".join(f'variable "v{n}" {{\n  type    = string\n  default = "x"\n}}\n' for n in range(25))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.configuration")
    parser.add_argument("--repositories", type=int, default=200)
    parser.add_argument("--files", type=int, default=30, help="of configuration, in each")
    given = parser.parse_args()
    print(machine())
    missed = False
    with placed("sqlite", latency_seconds=LATENCY_SECONDS) as place:
        repositories = _built(place, given.repositories, given.files)
        until("all worked off", place.quiet, PATIENCE_SECONDS)
        for name, part in (("first", first), ("second", second)):
            for line, good in part(place, repositories, given.files):
                tell(f"{name}: {line}{'' if good else '  MISSED'}")
                missed = missed or not good
    sys.exit(1 if missed else 0)


def _built(place: Place, repositories: int, files: int) -> list[Repository]:
    made = []
    for number in range(repositories):
        tree = {f"infra/{n}.tf": f"# {number}.{n}\n{USUAL}" for n in range(files - 1)}
        tree |= {"infra/open.tf": RULE % number, "README.md": "# here\n"}
        one = place.github.repository(f"{OWNER}/part-{number}", tree, installation_id=90)
        one.collaborator("ann", "write")
        made.append(one)
    return made


def first(
    place: Place, repositories: Sequence[Repository], files: int
) -> Iterator[tuple[str, bool]]:
    """Each repository turns the search on, while pulls are opened in the last one."""
    other = repositories[-1]
    over = time.monotonic() + QUIET_SECONDS
    quiet = waits(other, lambda: time.monotonic() < over)
    until("all worked off", place.quiet, PATIENCE_SECONDS)
    place.github.calls.clear()
    began = time.monotonic()
    for one in repositories[:-1]:
        one.push("main", {POLICY: WEEKLY}, "ann")
    loud = waits(other, lambda: _unsearched(repositories[:-1], began))
    seconds = time.monotonic() - began
    done = sum(map(_searched, repositories[:-1]))
    calls = place.github.calls
    line = f"{done} of {len(repositories) - 1} repositories of {files} files searched"
    yield (
        f"{line} in {seconds:.0f} s, {calls[TREES]} reads of trees, {calls[BLOBS]} of files",
        done == len(repositories) - 1,
    )
    p50s, p95s = ([percentile(one, share) * 1000 for one in (quiet, loud)] for share in (0.5, 0.95))
    ratio = p95s[1] / p95s[0]
    line = f"to the check run of {len(quiet)} and {len(loud)} others"
    line += f": p50 {p50s[0]:.0f} and {p50s[1]:.0f} ms, p95 {p95s[0]:.0f} and {p95s[1]:.0f} ms"
    yield f"{line}, ratio {ratio:.2f}", ratio <= MOST_SLOWER


def second(
    place: Place, repositories: Sequence[Repository], files: int
) -> Iterator[tuple[str, bool]]:
    """One file changes in each repository."""
    until("all worked off", place.quiet, PATIENCE_SECONDS)
    for one in repositories[:-1]:
        one.push("main", {"infra/open.tf": USUAL}, "ann")
    until("all worked off", place.quiet, PATIENCE_SECONDS)
    place.github.calls.clear()
    place.database.change("UPDATE configurations SET next_at = 0")
    began = time.monotonic()
    repositories[0].push("main", {POLICY: f"{WEEKLY}# again\n"}, "ann")  # it begins the chain
    until("searched again", lambda: not _left(place), PATIENCE_SECONDS)
    until("all worked off", place.quiet, PATIENCE_SECONDS)
    reads, count = place.github.calls[BLOBS], len(repositories) - 1
    line = f"{count} repositories searched again in {time.monotonic() - began:.0f} s"
    line += f", {reads} of {count * files} files read"
    yield line, reads == count


def _left(place: Place) -> int:
    """How many repositories wait for their search."""
    rows = place.database.rows(
        "SELECT count(*) FROM configurations WHERE next_at = 0 OR wanted_at > searched_at"
    )
    return int(rows[0][0])


def _unsearched(repositories: Sequence[Repository], began: float) -> bool:
    late = time.monotonic() - began > MOST_SECONDS
    return not late and not all(map(_searched, repositories))


def _searched(repository: Repository) -> bool:
    """Whether the issue is there: in each repository something is found."""
    return any(issue.via_app for issue in repository.issues.values())


if __name__ == "__main__":
    with temporary():
        main()
