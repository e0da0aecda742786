"""What went wrong with a pull or a delivery, judged from GitHub's state and the database alone.

Nothing of ghapp's own reckoning is asked: what has to be there follows from what people did.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.reliability.databases import Database
from benchmarks.reliability.people import Tale, runs
from benchmarks.reliability.place import Place
from benchmarks.review import boxes
from ghapp.emulator.repository import Pull

_REPLY = re.compile(r"<!-- ghapp:reply (\S+) \S+ -->")
_MESSAGE = re.compile(r"comment:(\d+)#")


@dataclass(slots=True)
class Verdict:
    """accepted: deliveries answered 202. Each list names what is wrong, one line for each."""

    accepted: int = 0
    messages: int = 0
    pulls: int = 0
    parked: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        return [*self.lost, *self.doubled, *self.wrong]


def judged(place: Place, tales: Iterable[Tale]) -> Verdict:
    """Of a place where all is settled."""
    verdict = Verdict()
    _deliveries(verdict, place)
    ledger = _ledger(place.database)
    for tale in tales:
        verdict.pulls += 1
        with place.github.lock:
            tale.look()
            _marks(verdict, tale)
            _doubled(verdict, tale)
            _messages(verdict, place, tale, ledger)
    verdict.parked = place.database.rows("SELECT count(*) FROM keys WHERE parked_at > 0")[0][0]
    pending = place.database.rows("SELECT count(*) FROM messages WHERE NOT judged")[0][0]
    verdict.lost += [f"{pending} messages were never judged"] if pending else []
    return verdict


def _deliveries(verdict: Verdict, place: Place) -> None:
    taken = {one.guid for one in place.github.deliveries.all if one.status_code == 202}
    stored = place.stored()
    verdict.accepted = len(taken)
    verdict.lost += [f"delivery {guid} was accepted and is gone" for guid in taken - stored]
    verdict.lost += [f"delivery {guid} never came" for guid in place.undelivered()]


def _ledger(database: Database) -> Counter[tuple[str, int]]:
    """Entries by key and comment."""
    found: Counter[tuple[str, int]] = Counter()
    for key, id in database.rows("SELECT key, id FROM ledger"):
        comment = _MESSAGE.match(id)
        found[key, int(comment.group(1)) if comment else 0] += 1
    return found


def key(pull: Pull) -> str:
    return f"pull:{pull.repository.id}:{pull.number}"


def _messages(verdict: Verdict, place: Place, tale: Tale, ledger: Counter[tuple[str, int]]) -> None:
    """Each command is in the ledger once and has its one reaction; nothing else is there."""
    name = key(tale.pull)
    entries = {id: count for (of, id), count in ledger.items() if of == name}
    for id, reaction in tale.said.items():
        verdict.messages += bool(reaction)
        count, body = entries.pop(id, 0), tale.pull.find_comment(id).body
        if count < bool(reaction):
            verdict.lost.append(f"{tale.pull}: {body!r} is not in the ledger")
        if count > bool(reaction):
            verdict.doubled.append(f"{tale.pull}: {body!r} is in the ledger {count} times")
        if reaction == "confused" and body.endswith("-- read"):
            why = place.database.rows(f"SELECT entry FROM ledger WHERE id LIKE 'comment:{id}#%'")  # noqa: S608
            if "pusher_unknown" not in str(why):
                verdict.wrong.append(f"{tale.pull}: {body!r} was refused: {why}")
        seen = [one.content for one in tale.pull.find_comment(id).reactions]
        if seen != ([reaction] if reaction else []):
            why = place.database.rows(f"SELECT entry FROM ledger WHERE id LIKE 'comment:{id}#%'")  # noqa: S608
            verdict.wrong.append(f"{tale.pull}: {body!r} has {seen}, not {reaction!r}: {why}")
    if entries:
        verdict.wrong.append(f"{tale.pull}: nobody said what is in the ledger, {entries}")


def _marks(verdict: Verdict, tale: Tale) -> None:
    """Check, labels, boxes and issues are what people's words and pushes imply."""
    pull = tale.pull
    newest = runs(pull)[-1:]
    check = (newest[0].conclusion or newest[0].status) if newest else "missing"
    if (check, pull.labels) != _expected(tale):
        verdict.wrong.append(
            f"{pull}: {check}, {sorted(pull.labels)}; it should be {_expected(tale)}"
        )
    comment = next((one.body for one in pull.comments if one.via_app), "")
    shown = {item: on for item, on in boxes(comment).items() if item in tale.ticked}
    if not tale.is_merged and tale.signed and shown != tale.ticked:
        verdict.wrong.append(f"{pull}: boxes {shown}; they should be {tale.ticked}")
    for item in sorted(tale.deferred):
        if tale.is_signed and not _issues(tale, item):
            verdict.lost.append(f"{pull}: no issue for {item}")


def _expected(tale: Tale) -> tuple[str, frozenset[str]]:
    if not tale.signed:
        return "success", frozenset()
    if tale.is_held:
        return "action_required", frozenset({"nfr: on hold"})
    if tale.is_signed:
        put_off = {"nfr: follow-ups"} if tale.deferred else set()
        return "success", frozenset({"nfr: signed off"} | put_off)
    return "in_progress", frozenset({"nfr: needs sign-off"})


def _doubled(verdict: Verdict, tale: Tale) -> None:
    """Nothing was made a second time: no comment, reply or issue."""
    pull = tale.pull
    written = [one.body for one in pull.comments if one.via_app]
    replies = Counter(found.group(1) for body in written if (found := _REPLY.search(body)))
    said = [f"{count} replies to {id}" for id, count in replies.items() if count > 1]
    comments = len(written) - replies.total()
    said += [f"{comments} comments"] if comments > 1 else []
    for item in tale.deferred:
        count = _issues(tale, item)
        said += [f"{count} issues for {item}"] if count > 1 else []
    verdict.doubled += [f"{pull}: {one}" for one in said]


def _issues(tale: Tale, item: str) -> int:
    marker = f"<!-- ghapp:follow-up {tale.pull.number}:{item} -->"
    return sum(marker in (one.body or "") for one in tale.pull.repository.issues.values())
