"""Labels of ours that people set or removed by hand, as utterances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ghapp.core.memory import Past
from ghapp.core.model import Door, Pull, Utterance
from ghapp.core.rights import same_login
from ghapp.errors import Retry
from ghapp.github import reading
from ghapp.github.installation import Installation
from ghapp.github.reading import EventRow

NEWEST_PAGES = 2
SIGNS = {"labeled": "+", "unlabeled": "-"}
# The list of events may lag behind the labels: how long the run waits for it, time after time.
LAG_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of ours on one pull, all as we spell them: GitHub's ignore case.

    names: all that are ours. left: those we left on the pull. there: those on it now.
    """

    names: frozenset[str]
    left: frozenset[str]
    there: frozenset[str]


def compared(pull: Pull, names: Iterable[str], past: Past) -> Labels:
    """The labels of ours by our record and by GitHub. names: those of the policy."""
    recorded = past.marks.labels if past.marks else frozenset[str]()
    spelled = {name.casefold(): name for name in (*recorded, *names)}  # the policy's win
    left = frozenset(spelled[name.casefold()] for name in recorded)
    carried = {label.casefold() for label in pull.labels}
    there = frozenset(name for folded, name in spelled.items() if folded in carried)
    return Labels(frozenset(spelled.values()), left, there)


async def said(
    api: Installation, past: Past, pull: Pull, labels: Labels, bot_login: str
) -> tuple[Utterance, ...]:
    """What people said by labels and was not heard before, oldest first. Raises Gone and Retry."""
    if labels.there == labels.left:
        return ()
    spelled = {name.casefold(): name for name in labels.names}
    rows = await reading.newest_events(api, pull.key, NEWEST_PAGES)
    deeds = [(row, spelled[name]) for row in rows if (name := _name(row)) in spelled]
    last = {name: row.event == "labeled" for row, name in deeds}
    unexplained = [
        name
        for name in sorted(labels.there ^ labels.left)
        if last.get(name) is not (name in labels.there)
    ]
    if unexplained and past.waited < len(LAG_SECONDS):
        text = f"{pull.key}: no event tells yet who changed the label {unexplained[0]}"
        raise Retry(text, after_seconds=LAG_SECONDS[past.waited], counts=False, lags=True)
    found = [_utterance(row, name) for row, name in deeds if not _by(row, bot_login)]
    return tuple(one for one in found if one.id not in past.heard)


def _name(row: EventRow) -> str:
    """The label that the event is about, case ignored; "" for other events."""
    return row.label.name.casefold() if row.event in SIGNS and row.label else ""


def _by(row: EventRow, login: str) -> bool:
    return row.actor is not None and same_login(row.actor.login, login)


def _utterance(row: EventRow, name: str) -> Utterance:
    speaker = row.actor.login if row.actor else "ghost"
    text = f"{SIGNS[row.event]}{name}"
    return Utterance(f"label:{row.id}", Door.LABEL, speaker, row.created_at, text)
