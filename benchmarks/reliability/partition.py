"""Workers in network namespaces of their own, cut off in the middle of a run.

Another one takes over once the lease has run out; what the first had begun is done once.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.postgres import FAST, Cluster
from benchmarks.reliability.netns import DATABASE, GITHUB, HERE, Island, denied, islands, missing
from benchmarks.reliability.people import CHECK
from benchmarks.reliability.place import SECRET, until
from benchmarks.reliability.processes import Process, at, free_port
from benchmarks.review import policy
from ghapp.emulator.github import CallInProgress, Emulator, Observer
from ghapp.emulator.repository import Pull, Repository
from ghapp.emulator.server import EmulatorServer

NOTES = "POST /repos/{owner}/{repo}/issues/{number}/comments"
RUNS = "POST /repos/{owner}/{repo}/check-runs"
AREA, WAITING, SIGNED = "area-0", {"nfr: needs sign-off"}, {"nfr: signed off"}
# What a sweep would find again shows nothing of what takes over.
NO_SWEEP = """INSERT INTO turns (name, taken_at)
    SELECT name, extract(epoch FROM now()) FROM unnest(ARRAY['sweep', 'redelivery']) AS name
    ON CONFLICT (name) DO UPDATE SET taken_at = excluded.taken_at"""
# A lease lasts 30 seconds; the rest is for machines that have much else to do.
PATIENCE_SECONDS = 240.0
# What had arrived when the cable was cut, and was not yet looked at.
UNDER_WAY_SECONDS = 1.0

Tell = Callable[[str], None]


@dataclass(slots=True)
class Parted:
    """What came of one partition.

    outcome: of the run that was cut off, as its worker's log has it. late_writes: which that run
    began after the cut. wrong: what is not as it should be, one line for each.
    """

    name: str
    taken_over_seconds: float = 0.0
    late_writes: int = 0
    doubled: int = 0
    outcome: str = ""
    wrong: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        late = [f"{self.late_writes} late writes"] if self.late_writes else []
        return [*late, *([f"{self.doubled} doubled"] if self.doubled else []), *self.wrong]


@dataclass(slots=True)
class Cut:
    """Whoever first begins a write of this route loses these networks, before it takes effect."""

    name: str
    route: str
    networks: tuple[str, ...]
    who: Island | None = None
    at: float = 0.0


CUTS = (("GitHub and database", NOTES, (GITHUB, DATABASE)), ("database", RUNS, (DATABASE,)))


class Cutter(Observer):
    """Makes one cut after the other, each on another island; keeps all calls."""

    def __init__(self, islands: list[Island]) -> None:
        self.armed: Cut | None = None
        self._left = {one.address: one for one in islands}
        self._calls: list[tuple[float, str, str]] = []  # when, address, route

    def began(self, call: CallInProgress) -> None:
        address, cut = call.client[0], self.armed
        self._calls.append((time.monotonic(), address, call.route))
        if cut and call.route == cut.route and address in self._left:
            self.armed, cut.who, cut.at = None, self._left.pop(address), time.monotonic()
            for network in cut.networks:
                cut.who.cut(network)

    def ended(self, call: CallInProgress) -> None:
        pass

    def writes(self, address: str, since: float) -> list[str]:
        return [
            route
            for at, of, route in self._calls
            if of == address and at > since and "/repos/" in route and not route.startswith("GET")
        ]


@dataclass(slots=True)
class Archipelago:
    """A GitHub and a web process here, a worker on each island, one database for all."""

    github: Emulator
    repository: Repository
    islands: list[Island]
    workers: list[Process]

    def open(self, branch: str) -> Pull:
        files = {f"src/{AREA}/{branch}.py": f"value = '{branch}'\n"}
        return self.repository.open_pull(
            author="ann", branch=branch, title=f"feat: {branch}", files=files
        )

    def worker(self, island: Island) -> Process:
        return self.workers[self.islands.index(island)]


def partitions(tell: Tell) -> list[Parted]:
    """Two of three workers are cut off, each in its own way; the third takes both runs over."""
    with archipelago() as here:
        here.github.observer = cutter = Cutter(here.islands)
        cuts = [Cut(*one) for one in CUTS]
        pulls: list[Pull] = []
        for cut in cuts:
            cutter.armed = cut
            pulls.append(here.open(f"pull-{len(pulls)}"))
            until("one is cut off", partial(_is_cut, cut), PATIENCE_SECONDS)
        cut_off = [here.worker(cut.who) for cut in cuts if cut.who]
        (other,) = (one for one in here.workers if one not in cut_off)
        found = []
        for cut, pull in zip(cuts, pulls, strict=True):
            until("it is taken over", partial(_is_done, other, pull), PATIENCE_SECONDS)
            found.append(Parted(cut.name, _done(other, pull) - cut.at))
            tell(f"{cut.name}: taken over after {found[-1].taken_over_seconds:.1f} s")
            found[-1].wrong += [] if _is_marked(pull, WAITING) else ["marks were left out"]
        for cut in cuts:
            for network in cut.networks:
                cut.who.join(network) if cut.who else None
        for one, cut, worker, pull in zip(found, cuts, cut_off, pulls, strict=True):
            until("its run is over", partial(_is_over, worker, pull), PATIENCE_SECONDS)
            one.outcome = _outcomes(worker, pull)[0]
            late = cutter.writes(cut.who.address, cut.at + UNDER_WAY_SECONDS) if cut.who else []
            one.late_writes = len(late)
        _go_on(here, cutter, cuts, other, pulls)
        for one, pull in zip(found, pulls, strict=True):
            _judge(one, here, pull)
        return found


def _go_on(
    here: Archipelago, cutter: Cutter, cuts: list[Cut], other: Process, pulls: list[Pull]
) -> None:
    """Those that were cut off do all the work alone: no thread of theirs hangs."""
    assert all(one.is_alive for one in here.workers)
    assert other.end() == 0
    since = time.monotonic()
    time.sleep(1.1)  # GitHub's times have whole seconds: said after the check run was shown
    for pull in pulls:
        pull.comment(f"/nfr done {AREA} -- read", "sam")
        until("its sign-off", partial(_is_marked, pull, SIGNED), PATIENCE_SECONDS)
    addresses, number = [cut.who.address for cut in cuts if cut.who], 0
    while not all(cutter.writes(address, since) for address in addresses):
        if time.monotonic() > since + PATIENCE_SECONDS:
            raise TimeoutError("one of those that were cut off works no more")
        number += 1
        more = [here.open(f"more-{number}-{each}") for each in range(4)]
        for pull in more:
            until("its marks", partial(_is_marked, pull, WAITING), PATIENCE_SECONDS)


def _is_marked(pull: Pull, labels: set[str]) -> bool:
    with pull.lock:
        said = [one for one in pull.comments if one.via_app]
        return bool(_runs(pull)) and bool(said) and pull.labels == labels


def _runs(pull: Pull) -> list[str]:
    return [one.external_id for one in pull.check_runs() if one.name == CHECK]


def _is_cut(cut: Cut) -> bool:
    return cut.who is not None


def _is_done(worker: Process, pull: Pull) -> bool:
    return bool(_done(worker, pull))


def _is_over(worker: Process, pull: Pull) -> bool:
    return bool(_outcomes(worker, pull))


def _outcomes(worker: Process, pull: Pull) -> list[str]:
    return [str(one["outcome"]) for one in _lines(worker, pull)]


def _done(worker: Process, pull: Pull) -> float:
    """When it was done with the pull, by the clock of `time.monotonic`; 0 where it is not."""
    ends = [at(one) for one in _lines(worker, pull) if one["outcome"] == "done"]
    return ends[0] - time.time() + time.monotonic() if ends else 0.0


def _lines(worker: Process, pull: Pull) -> list[dict[str, Any]]:
    key = f"pull:{pull.repository.id}:{pull.number}"
    return [one for one in worker.lines() if one.get("event") == "run" and one.get("key") == key]


def _judge(found: Parted, here: Archipelago, pull: Pull) -> None:
    ours = [one for one in pull.comments if one.via_app]
    runs = _runs(pull)
    found.doubled = max(len(ours) - 1, 0) + len(runs) - len(set(runs))
    for worker in here.workers:
        if "Traceback" in worker.log.read_text():
            found.wrong.append(f"{worker.name}: a traceback in its log")


@contextmanager
def archipelago() -> Iterator[Archipelago]:
    """Everything started. Raises SystemExit (no namespaces here, no PostgreSQL)."""
    if reason := missing() or denied():
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory(prefix="ghapp-partition-") as name, islands(3) as three:
        github = Emulator(webhook_secret=SECRET)
        server = EmulatorServer(github, host=f"{GITHUB}.{HERE}")
        address = server.start()
        cluster = Cluster(options=FAST, address=f"{DATABASE}.{HERE}")
        processes: list[Process] = []
        try:
            cluster.create("shared")
            processes += _processes(github, address, cluster.url("shared"), three, Path(name))
            for one in processes:
                one.start()
            for one in processes:
                one.await_ready()
            github.listen(f"{processes[0].url}/webhook")
            cluster.sql(NO_SWEEP, "shared")
            yield Archipelago(github, _repository(github), three, processes[1:])
        finally:
            _end(processes)
            cluster.remove()
            server.stop()
            github.close()


def _processes(
    github: Emulator, address: str, database_url: str, islands: list[Island], folder: Path
) -> list[Process]:
    """ghapp sends plain HTTP to loopback only, so on an island the way to GitHub is a proxy."""
    port = address.rpartition(":")[2]
    environment = {
        "GHAPP_APP_ID": str(github.app.id),
        "GHAPP_PRIVATE_KEY": github.private_key,
        "GHAPP_WEBHOOK_SECRET": SECRET,
        "GHAPP_GITHUB_API_URL": f"http://127.0.0.1:{port}",
        "GHAPP_DATABASE_URL": database_url,
        "HTTPS_PROXY": address,
        "NO_PROXY": "",
        "no_proxy": "",
    }
    web = Process("web", ("serve", "--no-worker"), environment, folder / "web", port=free_port())
    workers = [
        Process(one.name, ("work",), environment, folder / one.name, before=one.inside)
        for one in islands
    ]
    return [web, *workers]


def _repository(github: Emulator) -> Repository:
    github.team("acme", "sre", members=["sam"])
    made = github.repository("acme/shop", {".github/nfr.yml": policy([AREA])})
    for login in ("ann", "sam"):
        made.collaborator(login, "write")
    return made


def _end(processes: list[Process]) -> None:
    alive = [one for one in processes if one.is_alive]
    ending = [threading.Thread(target=one.end) for one in alive]
    for thread in ending:
        thread.start()
    for thread in ending:
        thread.join()
