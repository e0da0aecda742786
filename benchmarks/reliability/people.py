"""What people do on pulls at random, and what a pull has to look like after that.

They speak as people do: of what they have seen, and of their own words once those were answered.
So what holds in the end depends on what was said and not on when ghapp came round to it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.reliability.place import AREAS, READER, Place
from ghapp.emulator.checks import CheckRun
from ghapp.emulator.repository import Pull, Repository

CHECK = "NFR review"
# GitHub's times have whole seconds: what is said so long after a check run is said about it.
SEEN_SECONDS, APART_SECONDS = 2.5, 1.5
CHATTER = ("Looks good.", "> /nfr done\n\nWho says so?", "```\n/nfr undo\n```", "なるほど。")


Act = Callable[["Tale"], None]


@dataclass(eq=False, slots=True)
class Tale:
    """One pull and all that was done to it.

    signed: by area, whether its diff as it is now is signed off. said: comment -> the reaction
    that is due, "" for none. sign_offs: comment -> the area that Sam signed off with it, "" once
    the area changed or Sam undid it; refused ones are not in it. undoable: the area whose sign-off
    Sam would undo now.
    """

    pull: Pull
    name: str
    length: int
    signed: dict[str, bool]
    ticked: dict[str, bool] = field(default_factory=dict)
    deferred: set[str] = field(default_factory=set)
    said: dict[int, str] = field(default_factory=dict)
    sign_offs: dict[int, str] = field(default_factory=dict)
    undoable: str = ""
    is_held: bool = False
    is_merged: bool = False
    acts: int = 0
    acted_at: float = 0.0
    _head: tuple[str, float] = ("", 0.0)  # the newest head with a check run, and when it was seen

    def unsign(self, area: str) -> None:
        """No sign-off of the area counts from now on; one that was refused is still looked for."""
        self.signed[area] = False
        self.sign_offs = {id: "" if of == area else of for id, of in self.sign_offs.items()}

    @property
    def is_signed(self) -> bool:
        return bool(self.signed) and all(self.signed.values()) and not self.is_held

    @property
    def is_over(self) -> bool:
        return self.is_merged or self.acts >= self.length

    def look(self) -> None:
        """See whether the head has a check run by now, and which sign-offs were refused.

        They are refused if the delivery of a push was lost, so that nobody knows who pushed; the
        judge asks the ledger for that reason. Sam repeats them some time, as of any other area.
        """
        for id, area in list(self.sign_offs.items()):
            if [one.content for one in self.pull.find_comment(id).reactions] == ["confused"]:
                del self.sign_offs[id]
                self.said[id] = "confused"
                if area and area not in self.sign_offs.values():
                    self.signed[area] = False
                    self.undoable = ""
        if self._head[0] != self.pull.head_sha and runs(self.pull):
            self._head = (self.pull.head_sha, time.monotonic())

    @property
    def is_seen(self) -> bool:
        sha, at = self._head
        return sha == self.pull.head_sha and time.monotonic() - at > SEEN_SECONDS

    @property
    def is_answered(self) -> bool:
        """Whether every command was acknowledged."""
        due = [id for id, reaction in self.said.items() if reaction]
        return all(self.pull.find_comment(id).reactions for id in due)


class People:
    """They keep so many pulls going until told to stop opening."""

    def __init__(self, repositories: list[Repository], seed: int, pulls: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  # the same story each time
        self.pulls = pulls
        self.tales: list[Tale] = []
        self.opens = True
        self.acts = 0
        self._repositories = repositories
        self._seed, self._serial = seed, 0

    @property
    def going(self) -> list[Tale]:
        return [one for one in self.tales if not one.is_over]

    def act(self) -> None:
        """One thing that somebody does now, if there is anything to do."""
        going = self.going
        if self.opens and len(going) < self.pulls:
            self._open()
            self.acts += 1
            return
        now = time.monotonic()
        for one in going:
            one.look()
        able = [one for one in going if now - one.acted_at > APART_SECONDS]
        if able:
            tale = self.chance.choice(able)
            before = tale.acts
            self.chance.choice(self._acts(tale))(tale)
            if tale.acts > before:
                tale.acted_at = time.monotonic()
                self.acts += 1

    def live(self, place: Place, seconds: float, acts_a_second: float) -> None:
        """Act at this rate meanwhile."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            place.aim(self.chance)
            self.act()
            time.sleep(min(left, 1 / acts_a_second))

    def rush(self) -> None:
        """All who can act do, at once."""
        for _ in range(self.pulls):
            self.act()

    def forget(self, tale: Tale) -> None:
        self.tales.remove(tale)

    # --- acts --------------------------------------------------------------------------------

    def _acts(self, tale: Tale) -> list[Act]:
        free: list[Act] = [
            self._push_area,
            self._push_elsewhere,
            self._chat,
            self._retitle,
            self._refresh,
        ]
        if not tale.signed:
            return free
        acts, is_answered = free, tale.is_answered
        tale.look()  # after that, so that every refusal among the answers is seen
        if tale.is_seen:
            acts += [self._sign_off] * 4 + [self._check] * 2 + [self._overreach]
        if tale.is_seen and is_answered:
            acts += [self._uncheck, self._defer, self._hold, self._undo]
            if tale.is_held:
                acts += [self._release] * 4
            if tale.is_signed and tale.acts > tale.length // 3:
                acts += [self._merge] * 6
        return acts

    def _open(self) -> None:
        self._serial += 1
        areas = self.chance.sample(AREAS, self.chance.choice((0, 1, 1, 2, 3)))
        name = f"{self._seed}-{self._serial}"
        files = {_file(area, name): f"value = '{name}'\n" for area in areas}
        pull = self.chance.choice(self._repositories).open_pull(
            author="ann",
            branch=f"feat/{name}",
            title=f"feat: {name}",
            files=files or {f"docs/{name}.md": "words\n"},
        )
        length = self.chance.randint(6, 24)
        self.tales.append(Tale(pull, name, length, dict.fromkeys(areas, False)))

    def _push_area(self, tale: Tale) -> None:
        if not tale.signed:
            return
        area = self.chance.choice(list(tale.signed))
        tale.acts += 1
        tale.unsign(area)
        tale.undoable = ""
        tale.pull.push({_file(area, tale.name): f"value = '{tale.name} {tale.acts}'\n"})

    def _push_elsewhere(self, tale: Tale) -> None:
        tale.acts += 1
        tale.undoable = ""
        tale.pull.push({f"docs/{tale.name}.md": f"words {tale.acts}\n"})

    def _retitle(self, tale: Tale) -> None:
        tale.acts += 1
        tale.pull.edit(by="ann", title=f"feat: {tale.name}, {tale.acts}")

    def _chat(self, tale: Tale) -> None:
        self._say(tale, self.chance.choice(CHATTER), self.chance.choice(["ann", "sam", READER]), "")

    def _refresh(self, tale: Tale) -> None:
        self._say(tale, "/nfr refresh", READER, "eyes")

    def _overreach(self, tale: Tale) -> None:
        """Somebody who may not."""
        area = self.chance.choice(list(tale.signed))
        self._say(tale, f"/nfr done {area}", READER, "confused")

    def _sign_off(self, tale: Tale) -> None:
        area = self.chance.choice(list(tale.signed))
        tale.sign_offs[self._say(tale, f"/nfr done {area} -- read", "sam", "+1")] = area
        tale.signed[area] = True
        tale.undoable = area

    def _undo(self, tale: Tale) -> None:
        area = tale.undoable
        if area:
            self._say(tale, "/nfr undo", "sam", "+1")
            tale.unsign(area)

    def _check(self, tale: Tale) -> None:
        for item in self._items(tale):
            self._say(tale, f"/nfr check {item} -- {self.chance.randint(1, 90)} ms", "ann", "+1")
            tale.ticked[item] = True

    def _uncheck(self, tale: Tale) -> None:
        for item in self._items(tale):
            if tale.ticked.get(item):
                self._say(tale, f"/nfr uncheck {item}", "sue", "+1")
                tale.ticked[item] = False

    def _defer(self, tale: Tale) -> None:
        for item in self._items(tale):
            self._say(tale, f"/nfr defer {item} -- later", "ann", "+1")
            tale.ticked.pop(item, None)
            tale.deferred.add(item)

    def _hold(self, tale: Tale) -> None:
        if not tale.is_held:
            self._say(tale, "/nfr hold -- not today", "sue", "+1")
            tale.is_held = True

    def _release(self, tale: Tale) -> None:
        self._say(tale, "/nfr undo", "sue", "+1")
        tale.is_held = False

    def _merge(self, tale: Tale) -> None:
        tale.acts += 1
        tale.is_merged = True
        tale.pull.merge("sam")

    # --- words -------------------------------------------------------------------------------

    def _say(self, tale: Tale, words: str, by: str, reaction: str) -> int:
        tale.acts += 1
        if reaction:
            tale.undoable = ""
        id = tale.pull.comment(words, by)
        tale.said[id] = reaction
        return id

    def _items(self, tale: Tale) -> list[str]:
        """One that may be answered, if any; what was put off stays so."""
        items = {f"{area}-load" for area in tale.signed} - tale.deferred
        return [self.chance.choice(sorted(items))] if items else []


def _file(area: str, name: str) -> str:
    return f"src/{area}/code-{name}.py"


def runs(pull: Pull) -> list[CheckRun]:
    """Ours on the head, oldest first."""
    with pull.lock:
        return [run for run in pull.check_runs() if run.name == CHECK]
