"""Which process makes which call: to kill one in the middle of a write, and to find overlaps."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from queue import SimpleQueue

from benchmarks.reliability.people import CHECK
from benchmarks.reliability.place import Place
from benchmarks.reliability.processes import Process, at, owner_of
from ghapp.emulator import faults
from ghapp.emulator.github import CallInProgress, Observer

READS = ("GET", "HEAD")
CREATES = "POST /repos/{owner}/{repo}/check-runs"


@dataclass(slots=True)
class Made:
    """A call: of which process, about what, from when to when (0 where no answer was sent)."""

    pid: int
    path: str
    began: float
    ended: float = 0.0


class Calls(Observer):
    """Watches the emulator. armed: "before" or "after" kills the next process that writes."""

    def __init__(self, place: Place) -> None:
        self.made: list[Made] = []
        self.armed = ""
        self.struck: SimpleQueue[int] = SimpleQueue()
        self.doubled: dict[int, str] = {}  # check runs made where the one before said the same
        self._place = place
        self._owners: dict[int, int] = {}  # port -> process
        self._going: dict[CallInProgress, Made] = {}

    def began(self, call: CallInProgress) -> None:
        """Before anything becomes of it: what is killed now never hears the answer."""
        pid = self._owner(call.client[1])
        made = Made(pid, call.path, time.time())
        self.made.append(made)
        self._going[call] = made
        method = call.route.partition(" ")[0]
        if self.armed and pid and "/repos/" in call.route and method not in READS:
            if self.armed == "before":  # GitHub loses it, too: the very next call is this one
                self._place.github.faults.add(faults.cut(call.route))
            self.armed = ""
            os.kill(pid, signal.SIGKILL)
            self.struck.put(pid)

    def ended(self, call: CallInProgress) -> None:
        made = self._going.pop(call, None)
        if made:  # else it was on its way before anybody watched
            made.ended = time.time()
        if call.route == CREATES:
            self._compare(call.path)

    def _compare(self, path: str) -> None:
        """A check run takes the place of another one on its head only where it says other things.

        Its digest tells: `external_id` is of all that it shows.
        """
        with self._place.github.lock:
            owner, name = path.split("/")[2:4]
            repository = self._place.github.repositories[f"{owner}/{name}".lower()]
            made = [one for one in repository.check_runs.values() if one.name == CHECK]
            same = [one for one in made if one.head_sha == made[-1].head_sha] if made else []
            if len(same) > 1 and same[-1].external_id == same[-2].external_id:
                text = f"{path}: check runs {same[-2].id} and {same[-1].id} say the same"
                self.doubled[same[-1].id] = text

    def forget(self, pid: int) -> None:
        """The process has ended: its ports may be another's."""
        self._owners = {port: of for port, of in self._owners.items() if of != pid}

    def _owner(self, port: int) -> int:
        """0 where it has just died: nobody waits for what becomes of that call."""
        known = self._owners.get(port, 0)
        if not known:
            pids = [one.pid for one in self._place.processes if one.is_alive]
            known = self._owners[port] = owner_of(port, pids)
        return known


@dataclass(frozen=True, slots=True)
class Held:
    """A run of one process on one key, from its first call to its last."""

    key: str
    pid: int
    began: float
    ended: float

    def told(self, since: float) -> str:
        """With its times in seconds since then."""
        return f"process {self.pid} from {self.began - since:.3f} to {self.ended - since:.3f} s"


def overlaps(place: Place, calls: Calls) -> tuple[int, list[str]]:
    """How many runs there were, and which of two processes overlapped on the same key.

    A run that was killed has no line in the log: it lasted until its process was dead. One that the
    same process has logged since was not: what it had sent before arrived when it was over.
    """
    by_key: dict[str, list[Held]] = {}
    for one in _runs(place, calls):
        by_key.setdefault(one.key, []).append(one)
    found = []
    for key, several in by_key.items():
        several.sort(key=lambda one: one.began)
        for number, one in enumerate(several):
            for other in several[number + 1 :]:
                if other.began >= one.ended:
                    break
                if other.pid != one.pid:
                    found.append(f"{key}: {one.told(one.began)} and {other.told(one.began)}")
    return sum(map(len, by_key.values())), found


def _runs(place: Place, calls: Calls) -> list[Held]:
    keys = _keys(place)
    mine: dict[tuple[int, str], list[Made]] = {}
    for made in calls.made:
        if made.path in keys and made.pid:
            mine.setdefault((made.pid, keys[made.path]), []).append(made)
    ends = {life[0]: life[2] for one in place.processes for life in one.lives}
    logged = _logged(place.processes)
    found = []
    for (pid, key), several in mine.items():
        left = several
        for began, ended in logged.get((pid, key), []):
            inside = [one for one in left if began <= one.began <= ended]
            left = [one for one in left if not began <= one.began <= ended]
            if inside:
                last = max(one.ended or one.began for one in inside)
                found.append(Held(key, pid, inside[0].began, min(last, ended)))
        over = max((ended for _, ended in logged.get((pid, key), [])), default=0.0)
        found += [
            Held(key, pid, one.began, one.ended or one.began) for one in left if one.began < over
        ]
        killed = [one for one in left if one.began >= over]
        if killed:
            found.append(Held(key, pid, killed[0].began, ends.get(pid) or killed[-1].began))
    return found


def _logged(processes: list[Process]) -> dict[tuple[int, str], list[tuple[float, float]]]:
    """When runs went on, by process and key; a little more at both ends, to hold their calls."""
    found: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for process in processes:
        lives = process.lives
        for line in process.lines():
            if line.get("event") != "run":
                continue
            ended = at(line)
            pid = next(pid for pid, began, _ in reversed(lives) if began <= ended)
            began = ended - float(line["milliseconds"]) / 1000
            found.setdefault((pid, str(line["key"])), []).append((began - 0.05, ended))
    return found


def _keys(place: Place) -> dict[str, str]:
    """The key that a path of the API is about, as far as it names a pull, a comment or a run."""
    found = {}
    for repository in place.repositories:
        base = f"/repos/{repository.full_name}"
        for number, pull in repository.pulls.items():
            key = f"pull:{repository.id}:{number}"
            for rest in ("", "/files", "/commits"):
                found[f"{base}/pulls/{number}{rest}"] = key
            for rest in ("", "/comments", "/labels", "/events"):
                found[f"{base}/issues/{number}{rest}"] = key
            for comment in pull.comments:
                found[f"{base}/issues/comments/{comment.id}"] = key
                found[f"{base}/issues/comments/{comment.id}/reactions"] = key
            for run in pull.check_runs():
                found[f"{base}/check-runs/{run.id}"] = key
    return found
