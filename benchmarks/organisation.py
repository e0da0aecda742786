"""What the policy of an organisation costs: reads of policies, and a change for all pull requests.

    uv run python -m benchmarks.organisation [--repositories 500] [--pulls 4]

All on loopback, against the emulator, on SQLite, with 50 ms a call and the limits off. Takes some
twenty minutes, half of them for the change. Parts, in this order:

- steady: one delivery for each repository. No policy may be read.
- hour: an hour passes, by setting the times of the readings back, and two deliveries come for each
  repository. Each file may be asked about once, and so may the organisation's. (The process has
  read that one within the hour and still has it, unless it was started again.)
- push: the organisation's file changes the check run of every open pull request. Meanwhile pull
  requests are opened in one of its repositories. Their check runs may take twice as long as before.

Exit status 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from benchmarks.load import percentile
from benchmarks.machine import machine, tell
from benchmarks.reliability.people import CHECK
from benchmarks.reliability.place import Place, placed, until
from benchmarks.temporary import temporary
from ghapp.emulator.repository import Pull, Repository

LATENCY_SECONDS, BETWEEN_SECONDS, QUIET_SECONDS = 0.05, 1.0, 60.0
PATIENCE_SECONDS, MOST_SECONDS, MOST_SLOWER = 600.0, 1_800.0, 2.0
LOOK_SECONDS = 0.005
CONTENTS = "GET /repos/{owner}/{repo}/contents/{path}"
OWNER, FILE = "initech", ".github/nfr.yml"
ENGLISH, JAPANESE = "language: en\n", "language: ja\n"
_numbers = count(1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.organisation")
    parser.add_argument("--repositories", type=int, default=500)
    parser.add_argument("--pulls", type=int, default=4, help="open ones in each repository")
    given = parser.parse_args()
    print(machine())
    missed = False
    with placed("sqlite", latency_seconds=LATENCY_SECONDS) as place:
        organisation, repositories = _built(place, given.repositories, given.pulls)
        pulls = [pull for one in repositories for pull in one.pulls.values()]
        tell(f"{len(pulls)} pull requests in {len(repositories)} repositories are open")
        until("all checked", lambda: all(map(_shown, pulls)), PATIENCE_SECONDS)
        for name, part in PARTS.items():
            until("all worked off", place.quiet, PATIENCE_SECONDS)
            for line, good in part(place, organisation, repositories):
                tell(f"{name}: {line}{'' if good else '  MISSED'}")
                missed = missed or not good
    sys.exit(1 if missed else 0)


def _built(place: Place, repositories: int, pulls: int) -> tuple[Repository, list[Repository]]:
    """The organisation's repository, and the others with their pulls, which are delivered."""
    github = place.github
    organisation = github.repository(f"{OWNER}/.github", {FILE: ENGLISH}, installation_id=90)
    made = []
    for number in range(repositories):
        files = {FILE: "max_items: 6\n", "README.md": "# here\n"}
        one = github.repository(f"{OWNER}/part-{number}", files, installation_id=90)
        one.collaborator("ann", "write")
        for _ in range(pulls):
            _open(one)
        made.append(one)
    return organisation, made


def steady(
    place: Place, _: Repository, repositories: Sequence[Repository]
) -> Iterator[tuple[str, bool]]:
    """One delivery for each repository."""
    reads = _reads_after(place, [repositories])
    yield f"{len(repositories)} deliveries, {reads} reads of policies", reads == 0


def hour(
    place: Place, _: Repository, repositories: Sequence[Repository]
) -> Iterator[tuple[str, bool]]:
    """Two deliveries for each repository, one after the other, an hour later."""
    for table in ("policies", "organisations"):
        place.database.change(f"UPDATE {table} SET read_at = read_at - 3601")  # noqa: S608
    reads = _reads_after(place, [repositories, repositories])
    own = len(repositories)
    line = f"{2 * own} deliveries, {reads} reads of policies, of {own} repositories and 1 owner"
    yield line, reads <= own + 1


def push(
    place: Place, organisation: Repository, repositories: Sequence[Repository]
) -> Iterator[tuple[str, bool]]:
    """The file changes, while pulls are opened one after the other."""
    github, other = place.github, repositories[-1]
    pulls = [pull for one in repositories[:-1] for pull in one.pulls.values()]
    over = time.monotonic() + QUIET_SECONDS
    quiet = waits(other, lambda: time.monotonic() < over)
    until("all worked off", place.quiet, PATIENCE_SECONDS)
    github.calls.clear()
    titles = [_title(pull) for pull in pulls]
    began = time.monotonic()
    organisation.push("main", {FILE: JAPANESE}, "ann")
    left = dict(enumerate(pulls))

    def unfinished() -> bool:
        for number in [one for one, pull in left.items() if _title(pull) != titles[one]]:
            del left[number]
        return bool(left) and time.monotonic() - began < MOST_SECONDS

    loud = waits(other, unfinished)
    seconds = time.monotonic() - began
    reads = github.calls[CONTENTS]
    done = len(pulls) - len(left)
    line = f"{done} of {len(pulls)} pull requests checked again in {seconds:.0f} s"
    yield f"{line}, {reads} reads of policies", not left and reads == 1
    p50s, p95s = ([percentile(one, share) * 1000 for one in (quiet, loud)] for share in (0.5, 0.95))
    ratio = p95s[1] / p95s[0]
    line = f"to the check run of {len(quiet)} and {len(loud)} others"
    line += f": p50 {p50s[0]:.0f} and {p50s[1]:.0f} ms, p95 {p95s[0]:.0f} and {p95s[1]:.0f} ms"
    yield f"{line}, ratio {ratio:.2f}", ratio <= MOST_SLOWER


PARTS: dict[
    str, Callable[[Place, Repository, Sequence[Repository]], Iterator[tuple[str, bool]]]
] = {"steady": steady, "hour": hour, "push": push}


def _reads_after(place: Place, rounds: Sequence[Sequence[Repository]]) -> int:
    """How many policies were read because of one delivery for each repository, in each round."""
    place.github.calls.clear()
    for repositories in rounds:
        for repository in repositories:
            pull = next(iter(repository.pulls.values()))
            pull.edit("ann", title=f"feat: part {next(_numbers)}")
        until("all worked off", place.quiet, PATIENCE_SECONDS)
    return place.github.calls[CONTENTS]


def waits(repository: Repository, goes_on: Callable[[], bool]) -> list[float]:
    """How long check runs took, of pulls that are opened one after the other."""
    taken = list[float]()
    while goes_on():
        began = time.monotonic()
        pull = _open(repository)
        while not _shown(pull) and time.monotonic() - began < PATIENCE_SECONDS:
            time.sleep(LOOK_SECONDS)
        taken.append(time.monotonic() - began)
        time.sleep(max(0.0, BETWEEN_SECONDS - taken[-1]))
    return taken


def _open(repository: Repository) -> Pull:
    number = next(_numbers)
    files = {f"db/migrate/{number}.sql": f"ALTER TABLE t{number} ADD COLUMN points INT;\n"}
    return repository.open_pull(
        author="ann", branch=f"feat-{number}", title=f"feat: {number}", files=files
    )


def _shown(pull: Pull) -> bool:
    return any(run.name == CHECK for run in pull.check_runs())


def _title(pull: Pull) -> str:
    titles = [run.title or "" for run in pull.check_runs() if run.name == CHECK]
    return titles[-1] if titles else ""


if __name__ == "__main__":
    with temporary():
        main()
