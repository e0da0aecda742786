"""Sign-offs and waivers: both are of areas, bound to the head and the diff their speaker saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ghapp.core.ledger import Entry, State, Verb, answers, concerns, holds, standing, when
from ghapp.core.model import Channel
from ghapp.core.review.case import Case, Judged, Refusal, known, merged
from ghapp.core.review.commands import Command
from ghapp.core.review.permissions import WRITTEN, heads, same_login

# A channel's name in the policy's `sign_off.by`.
CHANNELS: Mapping[Channel, str] = dict.fromkeys(WRITTEN, "command") | {
    Channel.LABEL: "label",
    Channel.BUTTON: "button",
    Channel.APPROVAL: "review",
}


def sign_off(case: Case, part: Command) -> tuple[Judged, ...]:
    """The areas named, or all that wait for the speaker: those of others are not their business."""
    closed = closed_channel(case)
    if closed:
        return (closed,)
    if part.subjects:
        areas, strange = known(part.subjects, case.seen, "unknown_area")
        return (*_signed(case, areas, part.note), *strange)
    waiting = _waiting(case)
    if not waiting:
        return (Refusal("nothing_waiting"),)
    mine = [area for area in waiting if case.right(area)]
    return _signed(case, mine or waiting, part.note)


def approve(case: Case) -> tuple[Judged, ...]:
    """An approving review, as a sign-off of all that waits for the speaker, where that is wanted.

    An approval by others is ordinary work, and so is one that was dismissed, or followed by a
    request for changes, before we heard of it.
    """
    review = case.said.id.rpartition(":")[0]
    gone = f"{review}:dismissed" in case.history.heard
    refused = any(_refuses(case, entry) for entry in case.ledger)
    if gone or refused or closed_channel(case) or case.policy.standing == "unreadable":
        return ()
    waiting = _waiting(case)
    mine = [area for area in waiting or case.flagged if case.right(area)]
    if case.shown is None:
        return (Refusal("not_shown", case.said.head_sha[:7]),) if mine else ()
    return _signed(case, mine if waiting else (), "")


def waive(case: Case, part: Command) -> tuple[Judged, ...]:
    """All that is not signed off; where nothing but a hold is in the way, all there is."""
    right = case.right_of(case.policy.waivers)
    if not right:
        return (case.no_right("not_waiver"),)
    areas = _waiting(case)
    if not areas and holds(case.before):
        areas = _areas(case)
    if not areas:
        return (Refusal("nothing_to_waive"),)
    return merged(
        barred(case, area) or case.done(Verb.WAIVE, area, right, part.note, case.seen[area])
        for area in areas
    )


def closed_channel(case: Case) -> Refusal | None:
    """Where the policy takes no sign-off by the way this one came."""
    channel = CHANNELS[case.said.channel]
    return None if channel in case.policy.sign_off_by else Refusal("channel_closed", channel)


def _areas(case: Case) -> tuple[str, ...]:
    """Those of the check run the speaker saw that are still in force."""
    prints = case.shown.fingerprints if case.shown else {}
    return tuple(area for area in prints if area in case.reviewers and area in case.seen)


def _waiting(case: Case) -> tuple[str, ...]:
    """Those that were not signed off for the diff that the speaker saw; waived ones are not."""
    stale_on, head_sha = case.policy.stale_on, case.shown.head_sha if case.shown else ""
    return tuple(
        area
        for area in _areas(case)
        if standing(case.before, area, case.seen[area], head_sha, stale_on).state
        is not State.SIGNED_OFF
    )


def _refuses(case: Case, entry: Entry) -> bool:
    """Whether the approval's reviewer asked for changes after it, however late it arrived."""
    return (
        ":changes_requested#" in entry.id
        and same_login(entry.speaker, case.said.speaker)
        and entry.said_at >= case.said.said_at
    )


def _signed(case: Case, areas: Iterable[str], note: str) -> tuple[Judged, ...]:
    return merged(_sign(case, area, note) for area in areas)


def _sign(case: Case, area: str, note: str) -> Judged:
    right = case.right(area)
    if not right:
        return case.no_right("not_reviewer", area)
    own = barred(case, area)
    if own:
        return own
    open_musts = ", ".join(_open_musts(case, area))
    if open_musts and case.policy.require_answers == "must":
        return Refusal("open_musts", open_musts)
    signed = case.done(Verb.SIGN_OFF, area, right, note, case.seen[area])
    return replace(signed, detail=open_musts)


def barred(case: Case, area: str) -> Refusal | None:
    """Why someone with the right may still not sign or waive: it is their own change."""
    if case.policy.allow_author:
        return None
    if case.by_author:
        return Refusal("author")
    for head_sha, logins in _pushes_since_sign_off(case, area):
        if same_login(case.said.speaker, *logins):
            return Refusal("pushed", head_sha[:7])
        if not logins:
            return Refusal("pusher_unknown", head_sha[:7])
    return None


def _pushes_since_sign_off(case: Case, area: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """The heads after the area's last sign-off, to the seen one, and who pushed each.

    All up to the seen one, where a push has brought back a head from before that sign-off, or
    where the signed head has had another diff too, for its base or the policy changed. A waiver
    is no sign-off: nobody has looked.
    """
    pull = case.facts.pull
    had = heads(case.history, pull.author, pull.head_sha)
    order = [head for head, _ in had]
    looked = [entry for entry in case.before if entry.verb is not Verb.WAIVE]
    signed = standing(looked, area, "", "", "never").signed
    first = order.index(signed.head_sha) + 1 if signed and signed.head_sha in order else 0
    seen = order.index(case.shown.head_sha) + 1 if case.shown else len(order)
    moved = signed and any(
        one.head_sha == signed.head_sha and one.fingerprints.get(area) != signed.fingerprint
        for one in case.history.shown
    )
    return had[0 if moved or first > seen else first : seen]


def _open_musts(case: Case, area: str) -> tuple[str, ...]:
    """The must items of the area that nothing was said to, of the diff that the speaker saw.

    An item that the present diff no longer asks counts if it may have been a must there: what it
    was is not recorded.
    """
    given = answers(case.before)
    here = case.flagged[area].items if area in case.flagged else ()
    shown = case.shown.items if case.shown else {}
    gone = (item for of, item in case.items.values() if of == area and item.id in shown)
    musts = {item.id: item.severity == "must" or item.must_when is not None for item in gone}
    musts |= {item.id: item.severity == "must" for item in here}
    return tuple(
        id
        for id, is_must in musts.items()
        if is_must and not (id in given and given[id].fingerprint == case.mark(area, id))
    )


# act -> the verb that takes it back, and the right of who did it
BACK = {
    Verb.SIGN_OFF: (Verb.UNDO, "signer"),
    Verb.WAIVE: (Verb.UNDO, "signer"),
    Verb.HOLD: (Verb.RELEASE, "holder"),
    Verb.CONCERN: (Verb.WITHDRAW, "raiser"),
}


def undo(case: Case, part: Command) -> tuple[Judged, ...]:
    """The latest of the speaker's own acts, else of anyone's where the speaker is a reviewer.

    An act is all that one message did. The label stands for all sign-offs at once.
    """
    del part  # it takes nothing
    by_label = case.said.channel is Channel.LABEL
    closed = closed_channel(case) if by_label else None
    if closed:
        return (closed,)
    acts = [one for one in _acts(case) if one.verb is Verb.SIGN_OFF or not by_label]
    if not acts:
        return (Refusal("nothing_to_undo"), *_undo_ahead(case))
    own = [one for one in acts if same_login(case.said.speaker, one.speaker)]
    reviewable = [one for one in acts if _right_over(case, one)]
    if by_label:
        taken = [one for one in acts if one in own or one in reviewable]
    else:
        taken = _latest(own or reviewable)
    if not taken:
        return (case.no_right("not_yours"),)
    return tuple(_back(case, one, _right_over(case, one) or BACK[one.verb][1]) for one in taken)


def retract(case: Case) -> tuple[Judged, ...]:
    """The sign-offs that a review made which is dismissed, or followed by a request for changes."""
    review = case.said.id.rpartition(":")[0]
    signed = [one for one in _acts(case) if one.channel is Channel.APPROVAL]
    if case.said.text == "dismissed":
        approval = f"{review}:approved"
        gone = [one for one in signed if _message(one) == approval]
        return tuple(_back(case, one, "dismissal") for one in gone)
    own = [one for one in signed if same_login(case.said.speaker, one.speaker)]
    return tuple(_back(case, one, "signer") for one in own) or _kept(case)


def _kept(case: Case) -> tuple[Entry, ...]:
    """Of no area, and answered by nothing: for an approval given before that comes after this."""
    areas = dict.fromkeys([*case.flagged, *case.seen])
    right = next(filter(None, map(case.right, areas)), "")
    if not right or closed_channel(case):
        return ()
    return (replace(case.done(Verb.UNDO, "", right), comment_id=0, node_id=""),)


def _acts(case: Case) -> list[Entry]:
    """What is in force, in the order of speaking: sign-offs (stale ones too), waivers, holds,
    concerns.
    """
    raised = concerns(case.before)
    gone = {e.subject for e in case.before if e.verb is Verb.CONCERN} - {e.subject for e in raised}
    said: dict[str, list[Entry]] = {}  # by area, so that a long ledger is read once
    for one in case.before:
        if one.verb in (Verb.SIGN_OFF, Verb.WAIVE, Verb.UNDO) and one.subject not in gone:
            said.setdefault(one.subject, []).append(one)
    standings = (standing(entries, area, "", "", "never") for area, entries in said.items())
    signed = [one.signed for one in standings if one.signed]
    acts = {*signed, *holds(case.before), *raised}
    return sorted((one for one in case.before if one in acts), key=when)


def _latest(acts: list[Entry]) -> list[Entry]:
    """All that the last message among them did."""
    return [one for one in acts if _message(one) == _message(acts[-1])]


def _message(entry: Entry) -> str:
    return entry.id.partition("#")[0]


def _right_over(case: Case, act: Entry) -> str:
    """By which right the speaker takes back what others did, or "".

    Who may not sign the change off does not clear out of its way what stops it, either.
    """
    if act.verb is Verb.HOLD and case.by_author and not case.policy.allow_author:
        return ""
    if act.verb is Verb.CONCERN and barred(case, act.subject):
        return ""
    if act.verb is Verb.HOLD and act.subject not in case.reviewers:
        return case.right_to_pull()  # of the whole pull, or of an area that is no more
    right = case.right(act.subject)
    waived = act.verb is Verb.WAIVE
    return right or (case.right_of(case.policy.waivers) if waived else "")


def _back(case: Case, act: Entry, right: str) -> Entry:
    entry = case.done(BACK[act.verb][0], act.subject, right)
    return replace(entry, whose=act.speaker) if act.verb is Verb.HOLD else entry


def _undo_ahead(case: Case) -> Iterable[Entry]:
    """Kept for a sign-off that was said before and whose delivery comes after this one."""
    rights = {area: case.right(area) for area in case.seen}
    return (case.done(Verb.UNDO, area, right) for area, right in rights.items() if right)
