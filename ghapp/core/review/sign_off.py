"""Sign-offs and waivers: both are of areas, bound to the head and the diff their speaker saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ghapp.core.ledger import Entry, State, Verb, answers, concerns, holds, standing, when
from ghapp.core.model import Door
from ghapp.core.review.case import Bench, Judged, Refusal, known, merged
from ghapp.core.review.commands import Command
from ghapp.core.review.permissions import WRITTEN, heads, same_login

# A door's name in the policy's `sign_off.by`.
DOORS: Mapping[Door, str] = dict.fromkeys(WRITTEN, "command") | {
    Door.LABEL: "label",
    Door.BUTTON: "button",
    Door.APPROVAL: "review",
}


def sign_off(bench: Bench, part: Command) -> tuple[Judged, ...]:
    """The areas named, or all that wait for the speaker: those of others are not their business."""
    closed = closed_door(bench)
    if closed:
        return (closed,)
    if part.subjects:
        areas, strange = known(part.subjects, bench.seen, "unknown_area")
        return (*_signed(bench, areas, part.note), *strange)
    waiting = _waiting(bench)
    if not waiting:
        return (Refusal("nothing_waiting"),)
    mine = [area for area in waiting if bench.right(area)]
    return _signed(bench, mine or waiting, part.note)


def approve(bench: Bench) -> tuple[Judged, ...]:
    """An approving review, as a sign-off of all that waits for the speaker, where that is wanted.

    An approval by others is ordinary work, and so is one that was dismissed, or followed by a
    request for changes, before we heard of it.
    """
    review = bench.said.id.rpartition(":")[0]
    gone = f"{review}:dismissed" in bench.past.heard
    refused = any(_refuses(bench, entry) for entry in bench.ledger)
    if gone or refused or closed_door(bench) or bench.policy.standing == "unreadable":
        return ()
    waiting = _waiting(bench)
    mine = [area for area in waiting or bench.flagged if bench.right(area)]
    if bench.shown is None:
        return (Refusal("not_shown", bench.said.head_sha[:7]),) if mine else ()
    return _signed(bench, mine if waiting else (), "")


def waive(bench: Bench, part: Command) -> tuple[Judged, ...]:
    """All that is not signed off; where nothing but a hold is in the way, all there is."""
    right = bench.right_of(bench.policy.waivers)
    if not right:
        return (bench.no_right("not_waiver"),)
    areas = _waiting(bench)
    if not areas and holds(bench.before):
        areas = _areas(bench)
    if not areas:
        return (Refusal("nothing_to_waive"),)
    return merged(
        barred(bench, area) or bench.done(Verb.WAIVE, area, right, part.note, bench.seen[area])
        for area in areas
    )


def closed_door(bench: Bench) -> Refusal | None:
    """Where the policy takes no sign-off by the way this one came."""
    door = DOORS[bench.said.door]
    return None if door in bench.policy.sign_off_by else Refusal("door_closed", door)


def _areas(bench: Bench) -> tuple[str, ...]:
    """Those of the check run the speaker saw that are still in force."""
    prints = bench.shown.fingerprints if bench.shown else {}
    return tuple(area for area in prints if area in bench.reviewers and area in bench.seen)


def _waiting(bench: Bench) -> tuple[str, ...]:
    """Those that were not signed off for the diff that the speaker saw; waived ones are not."""
    stale_on, head_sha = bench.policy.stale_on, bench.shown.head_sha if bench.shown else ""
    return tuple(
        area
        for area in _areas(bench)
        if standing(bench.before, area, bench.seen[area], head_sha, stale_on).state
        is not State.SIGNED_OFF
    )


def _refuses(bench: Bench, entry: Entry) -> bool:
    """Whether the approval's reviewer asked for changes after it, however late it arrived."""
    return (
        ":changes_requested#" in entry.id
        and same_login(entry.speaker, bench.said.speaker)
        and entry.said_at >= bench.said.said_at
    )


def _signed(bench: Bench, areas: Iterable[str], note: str) -> tuple[Judged, ...]:
    return merged(_sign(bench, area, note) for area in areas)


def _sign(bench: Bench, area: str, note: str) -> Judged:
    right = bench.right(area)
    if not right:
        return bench.no_right("not_reviewer", area)
    own = barred(bench, area)
    if own:
        return own
    open_musts = ", ".join(_open_musts(bench, area))
    if open_musts and bench.policy.require_answers == "must":
        return Refusal("open_musts", open_musts)
    signed = bench.done(Verb.SIGN_OFF, area, right, note, bench.seen[area])
    return replace(signed, detail=open_musts)


def barred(bench: Bench, area: str) -> Refusal | None:
    """Why someone with the right may still not sign or waive: it is their own change."""
    if bench.policy.allow_author:
        return None
    if bench.by_author:
        return Refusal("author")
    for head_sha, logins in _pushes_since_sign_off(bench, area):
        if same_login(bench.said.speaker, *logins):
            return Refusal("pushed", head_sha[:7])
        if not logins:
            return Refusal("pusher_unknown", head_sha[:7])
    return None


def _pushes_since_sign_off(bench: Bench, area: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """The heads after the area's last sign-off, to the seen one, and who pushed each.

    All up to the seen one, where a push has brought back a head from before that sign-off, or
    where the signed head has had another diff too, for its base or the policy changed. A waiver
    is no sign-off: nobody has looked.
    """
    pull = bench.facts.pull
    had = heads(bench.past, pull.author, pull.head_sha)
    order = [head for head, _ in had]
    looked = [entry for entry in bench.before if entry.verb is not Verb.WAIVE]
    signed = standing(looked, area, "", "", "never").signed
    first = order.index(signed.head_sha) + 1 if signed and signed.head_sha in order else 0
    seen = order.index(bench.shown.head_sha) + 1 if bench.shown else len(order)
    moved = signed and any(
        one.head_sha == signed.head_sha and one.fingerprints.get(area) != signed.fingerprint
        for one in bench.past.shown
    )
    return had[0 if moved or first > seen else first : seen]


def _open_musts(bench: Bench, area: str) -> tuple[str, ...]:
    """The must items of the area that nothing was said to, of the diff that the speaker saw.

    An item that the present diff no longer asks counts if it may have been a must there: what it
    was is not recorded.
    """
    given = answers(bench.before)
    here = bench.flagged[area].items if area in bench.flagged else ()
    shown = bench.shown.items if bench.shown else {}
    gone = (item for of, item in bench.items.values() if of == area and item.id in shown)
    musts = {item.id: item.severity == "must" or item.must_when is not None for item in gone}
    musts |= {item.id: item.severity == "must" for item in here}
    return tuple(
        id
        for id, is_must in musts.items()
        if is_must and not (id in given and given[id].fingerprint == bench.mark(area, id))
    )


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
