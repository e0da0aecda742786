"""Taking back: the latest act in force, by who did it or else by a reviewer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ghapp.core.commands import Command
from ghapp.core.judging.bench import Bench, Judged, Refusal
from ghapp.core.judging.signing import barred, closed_door
from ghapp.core.memory import Entry, Verb
from ghapp.core.model import Door
from ghapp.core.rights import same_login
from ghapp.core.standing import concerns, holds, standing, when

# act -> the verb that takes it back, and the right of who did it
BACK = {
    Verb.SIGN_OFF: (Verb.UNDO, "signer"),
    Verb.WAIVE: (Verb.UNDO, "signer"),
    Verb.HOLD: (Verb.RELEASE, "holder"),
    Verb.CONCERN: (Verb.WITHDRAW, "raiser"),
}


def undo(bench: Bench, part: Command) -> tuple[Judged, ...]:
    """The latest of the speaker's own acts, else of anyone's where the speaker is a reviewer.

    An act is all that one utterance did. The label stands for all sign-offs at once.
    """
    del part  # it takes nothing
    by_label = bench.said.door is Door.LABEL
    closed = closed_door(bench) if by_label else None
    if closed:
        return (closed,)
    acts = [one for one in _acts(bench) if one.verb is Verb.SIGN_OFF or not by_label]
    if not acts:
        return (Refusal("nothing_to_undo"), *_undo_ahead(bench))
    own = [one for one in acts if same_login(bench.said.speaker, one.speaker)]
    reviewable = [one for one in acts if _right_over(bench, one)]
    if by_label:
        taken = [one for one in acts if one in own or one in reviewable]
    else:
        taken = _latest(own or reviewable)
    if not taken:
        return (bench.no_right("not_yours"),)
    return tuple(_back(bench, one, _right_over(bench, one) or BACK[one.verb][1]) for one in taken)


def retract(bench: Bench) -> tuple[Judged, ...]:
    """The sign-offs that a review made which is dismissed, or followed by a request for changes."""
    review = bench.said.id.rpartition(":")[0]
    signed = [one for one in _acts(bench) if one.door is Door.APPROVAL]
    if bench.said.text == "dismissed":
        approval = f"{review}:approved"
        gone = [one for one in signed if _utterance(one) == approval]
        return tuple(_back(bench, one, "dismissal") for one in gone)
    own = [one for one in signed if same_login(bench.said.speaker, one.speaker)]
    return tuple(_back(bench, one, "signer") for one in own) or _kept(bench)


def _kept(bench: Bench) -> tuple[Entry, ...]:
    """Of no area, and answered by nothing: for an approval given before that comes after this."""
    areas = dict.fromkeys([*bench.flagged, *bench.seen])
    right = next(filter(None, map(bench.right, areas)), "")
    if not right or closed_door(bench):
        return ()
    return (replace(bench.done(Verb.UNDO, "", right), comment_id=0, node_id=""),)


def _acts(bench: Bench) -> list[Entry]:
    """What is in force, in the order of speaking: sign-offs (stale ones too), waivers, holds,
    concerns.
    """
    raised = concerns(bench.before)
    gone = {e.subject for e in bench.before if e.verb is Verb.CONCERN} - {e.subject for e in raised}
    said: dict[str, list[Entry]] = {}  # by area, so that a long ledger is read once
    for one in bench.before:
        if one.verb in (Verb.SIGN_OFF, Verb.WAIVE, Verb.UNDO) and one.subject not in gone:
            said.setdefault(one.subject, []).append(one)
    standings = (standing(entries, area, "", "", "never") for area, entries in said.items())
    signed = [one.signed for one in standings if one.signed]
    acts = {*signed, *holds(bench.before), *raised}
    return sorted((one for one in bench.before if one in acts), key=when)


def _latest(acts: list[Entry]) -> list[Entry]:
    """All that the last utterance among them did."""
    return [one for one in acts if _utterance(one) == _utterance(acts[-1])]


def _utterance(entry: Entry) -> str:
    return entry.id.partition("#")[0]


def _right_over(bench: Bench, act: Entry) -> str:
    """By which right the speaker takes back what others did, or "".

    Who may not sign the change off does not clear out of its way what stops it, either.
    """
    if act.verb is Verb.HOLD and bench.by_author and not bench.policy.allow_author:
        return ""
    if act.verb is Verb.CONCERN and barred(bench, act.subject):
        return ""
    if act.verb is Verb.HOLD and act.subject not in bench.reviewers:
        return bench.right_to_pull()  # of the whole pull, or of an area that is no more
    right = bench.right(act.subject)
    waived = act.verb is Verb.WAIVE
    return right or (bench.right_of(bench.policy.waivers) if waived else "")


def _back(bench: Bench, act: Entry, right: str) -> Entry:
    entry = bench.done(BACK[act.verb][0], act.subject, right)
    return replace(entry, whose=act.speaker) if act.verb is Verb.HOLD else entry


def _undo_ahead(bench: Bench) -> Iterable[Entry]:
    """Kept for a sign-off that was said before and whose delivery comes after this one."""
    rights = {area: bench.right(area) for area in bench.seen}
    return (bench.done(Verb.UNDO, area, right) for area, right in rights.items() if right)
