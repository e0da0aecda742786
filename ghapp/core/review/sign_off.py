"""What reviewers do: sign off and waive areas, hold them, raise concerns, and undo all of that.

A sign-off or a waiver is bound to the head and the diff that its speaker saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ghapp.core.ledger import (
    Entry,
    Refusal,
    State,
    Verb,
    answers,
    concerns,
    holds,
    standing,
    when,
)
from ghapp.core.model import Channel, Message
from ghapp.core.releases import frozen
from ghapp.core.review.case import Case, Command, Judged, known, merged
from ghapp.core.review.projects import holding, inherited
from ghapp.core.review.pushes import bar

# A channel's name in the policy's `sign_off.by`.
CHANNELS: Mapping[Channel, str] = {
    Channel.COMMENT: "command",
    Channel.REVIEW: "command",
    Channel.REVIEW_COMMENT: "command",
    Channel.LABEL: "label",
    Channel.BUTTON: "button",
    Channel.APPROVAL: "review",
}
# What a reviewer did -> the verb that undoes it, and by which right its own author may undo it.
UNDOES: Mapping[Verb, tuple[Verb, str]] = {
    Verb.SIGN_OFF: (Verb.UNDO, "signer"),
    Verb.WAIVE: (Verb.UNDO, "signer"),
    Verb.HOLD: (Verb.RELEASE, "holder"),
    Verb.CONCERN: (Verb.WITHDRAW, "raiser"),
}


def sign_off(case: Case, command: Command) -> tuple[Judged, ...]:
    """Signs off the areas named; without any, all that wait for the speaker."""
    closed = closed_channel(case)
    if closed:
        return (closed,)
    if command.subjects:
        areas, strange = known(command.subjects, case.fingerprints, "unknown_area")
        return (*_signed(case, areas, command.note), *strange)
    waiting = _waiting(case)
    if not waiting:
        return (Refusal("nothing_waiting"),)
    own = [area for area in waiting if case.right(area)]
    return _signed(case, own or waiting, command.note)


def approve(case: Case) -> tuple[Judged, ...]:
    """An approving review signs off all that waits for the speaker, if the policy accepts reviews.

    For anybody who is not a reviewer it does nothing. Neither does an approval that was dismissed,
    or followed by a request for changes, before its delivery arrived.
    """
    message = case.message
    review = message.id.rpartition(":")[0]
    is_dismissed = f"{review}:dismissed" in case.history.judged
    is_refused = any(
        entry.message_id.endswith(":changes_requested")
        and entry.account.among((message.account,))
        and entry.said_at >= message.said_at
        for entry in case.ledger
    )
    if is_dismissed or is_refused or case.policy.standing == "unreadable":
        return ()
    waiting = _waiting(case)
    own = [area for area in waiting or case.flagged if case.right(area)]
    if closed_channel(case):  # once: approving the code is ordinary work
        signs_nothing = waiting and own and not knows_channel(case.ledger, message)
        return (Refusal("approval_signs_nothing"),) if signs_nothing else ()
    if case.shown is None:
        return (Refusal("not_shown", message.head_sha[:7]),) if own else ()
    return _signed(case, own if waiting else (), "")


def waive(case: Case, command: Command) -> tuple[Judged, ...]:
    """Waives all areas that are not signed off; if a hold or freeze is in the way, all areas."""
    right = case.right_of(case.policy.waivers)
    if not right:
        return (case.no_right("not_waiver"),)
    areas, plan = _waiting(case), case.policy.release
    zone = case.policy.working_time.zone
    freeze = frozen(plan.freezes, case.message.said_at, zone) if plan.freeze == "hold" else None
    if freeze or (not areas and holds(case.before)):
        areas = _shown(case)
    if not areas:
        return (Refusal("nothing_to_waive"),)
    return merged(
        _unless_barred(
            case, case.done(Verb.WAIVE, area, right, command.note, case.fingerprints[area])
        )
        for area in areas
    )


def knows_channel(ledger: Iterable[Entry], message: Message) -> bool:
    """Whether somebody knows already that approving reviews sign nothing off here."""
    return any(
        entry.refusal is not None
        and entry.refusal.reason == "approval_signs_nothing"
        and entry.account.among((message.account,))
        for entry in ledger
    )


def closed_channel(case: Case) -> Refusal | None:
    """The refusal if the policy accepts no sign-off through this message's channel."""
    channel = CHANNELS[case.message.channel]
    return None if channel in case.policy.sign_off_by else Refusal("channel_closed", channel)


def barred(case: Case, area: str) -> Refusal | None:
    """Why somebody with the right may still not settle this: it is, or may be, their own change."""
    if case.policy.allow_author:
        return None
    if case.by_author:
        return Refusal("author")
    pull = case.facts.pull
    head_sha = case.shown.head_sha if case.shown else pull.head_sha
    return bar(case.history, pull, case.message.account, area, head_sha, case.before)


def _unless_barred(case: Case, done: Entry) -> Judged:
    """What is done, or why it is not; if that is because of a pusher not known yet, both."""
    why = barred(case, done.subject)
    if why and why.reason == "pusher_unknown":
        return replace(done, verb=Verb.REFUSED, refusal=why, pending=done.verb)
    return why or done


def _shown(case: Case) -> tuple[str, ...]:
    """The areas in the check run that the speaker saw, as far as they are still in force."""
    prints = case.shown.fingerprints if case.shown else {}
    return tuple(area for area in prints if area in case.reviewers and area in case.fingerprints)


def _waiting(case: Case) -> tuple[str, ...]:
    """The areas without a sign-off for the diff that the speaker saw; a waiver is not one."""
    stale_on, head_sha = case.policy.stale_on, case.shown.head_sha if case.shown else ""
    return tuple(
        area
        for area in _shown(case)
        if standing(case.before, area, case.fingerprints[area], head_sha, stale_on).state
        is not State.SIGNED_OFF
    )


def _signed(case: Case, areas: Iterable[str], note: str) -> tuple[Judged, ...]:
    """Each area signed off, or why it is not."""
    outcomes: list[Judged] = []
    for area in areas:
        right = case.right(area)
        if not right:
            outcomes.append(case.no_right("not_reviewer", area))
            continue
        done = case.done(Verb.SIGN_OFF, area, right, note, case.fingerprints[area])
        signed = _unless_barred(case, done)
        if isinstance(signed, Refusal):
            outcomes.append(signed)
            continue
        open_musts = _open_musts(case, area)
        if open_musts and case.policy.require_answers == "must":
            outcomes.append(Refusal("open_musts", names=open_musts))
            continue
        outcomes.append(replace(signed, open_musts=open_musts))
    return merged(outcomes)


def _open_musts(case: Case, area: str) -> tuple[str, ...]:
    """The must items of the area without an answer to the diff that the speaker saw.

    An item that was shown there but is not asked now counts if it may have been a must: its
    severity there is not recorded.
    """
    given = answers(case.before)
    here = case.flagged[area].items if area in case.flagged else ()
    flagged = case.flagged.get(area)
    of_project = holding(inherited(case.facts, flagged, case.before)) if flagged else {}
    shown = case.shown.items if case.shown else {}
    gone = (item for of, item in case.items.values() if of == area and item.id in shown)
    musts = {item.id: item.severity == "must" or item.must_when is not None for item in gone}
    musts |= {item.id: item.severity == "must" for item in here}
    return tuple(
        id
        for id, is_must in musts.items()
        if is_must
        and id not in of_project
        and not (id in given and given[id].fingerprint == case.mark(area, id))
    )


def hold(case: Case, command: Command) -> tuple[Judged, ...]:
    """Holds the areas named, or the whole pull. A hold is bound to no diff and outlives pushes."""
    if not command.subjects:
        right = case.right_to_pull()
        done = case.done(Verb.HOLD, "", right, command.note)
        return (done if right else case.no_right("hold_not_reviewer"),)
    areas, strange = known(command.subjects, case.areas, "unknown_area")
    rights = {area: case.right(area) for area in areas}
    held = merged(
        case.done(Verb.HOLD, area, right, command.note)
        if right
        else case.no_right("hold_not_reviewer", area)
        for area, right in rights.items()
    )
    return (*held, *strange)


def concern(case: Case, command: Command) -> tuple[Judged, ...]:
    """Adds an area to this pull alone. Its number is never used again, even once withdrawn."""
    right = case.right_to_pull()
    if not right:
        return (case.no_right("concern_not_reviewer"),)
    number = 1 + sum(entry.verb is Verb.CONCERN for entry in case.ledger)
    return (case.done(Verb.CONCERN, f"concern-{number}", right, command.note),)


def undo(case: Case, command: Command) -> tuple[Judged, ...]:
    """Undoes the speaker's own latest act; without one, the latest act in areas of the speaker.

    An act is everything that one message did. Removing the label undoes all sign-offs at once.
    """
    del command  # it has no arguments
    by_label = case.message.channel is Channel.LABEL
    closed = closed_channel(case) if by_label else None
    if closed:
        return (closed,)
    acts = [one for one in _acts(case) if one.verb is Verb.SIGN_OFF or not by_label]
    if not acts:
        # Recorded in case a sign-off that was sent before this is delivered after it.
        rights = {area: case.right(area) for area in case.fingerprints}
        ahead = (case.done(Verb.UNDO, area, right) for area, right in rights.items() if right)
        return (Refusal("nothing_to_undo"), *ahead)
    own = [one for one in acts if one.account.among((case.message.account,))]
    reviewed = [one for one in acts if _right_over(case, one)]
    if by_label:
        undone = [one for one in acts if one in own or one in reviewed]
    else:
        found = own or reviewed
        undone = [one for one in found if one.message_id == found[-1].message_id]
    if not undone:
        return (case.no_right("not_yours"),)
    return tuple(_undo(case, one, _right_over(case, one) or UNDOES[one.verb][1]) for one in undone)


def retract(case: Case) -> tuple[Judged, ...]:
    """Undoes the sign-offs of a review that was dismissed, or followed by a request for changes.

    A request for changes without such sign-offs is recorded, too: an approval that was given before
    may arrive after it. That entry names no area and is not acknowledged.
    """
    signed = [one for one in _acts(case) if one.channel is Channel.APPROVAL]
    if case.message.text == "dismissed":
        approval = f"{case.message.id.rpartition(':')[0]}:approved"
        gone = [one for one in signed if one.message_id == approval]
        return tuple(_undo(case, one, "dismissal") for one in gone)
    own = [one for one in signed if one.account.among((case.message.account,))]
    if own:
        return tuple(_undo(case, one, "signer") for one in own)
    right = next(filter(None, map(case.right, case.areas)), "")
    if not right or closed_channel(case):
        return ()
    return (replace(case.done(Verb.UNDO, "", right), comment_id=0, node_id=""),)


def _acts(case: Case) -> list[Entry]:
    """The sign-offs (also stale), waivers, holds and concerns in force, oldest first."""
    raised = concerns(case.before)
    gone = {e.subject for e in case.before if e.verb is Verb.CONCERN} - {e.subject for e in raised}
    by_area: dict[str, list[Entry]] = {}  # so that a long ledger is read once
    for one in case.before:
        if one.verb in (Verb.SIGN_OFF, Verb.WAIVE, Verb.UNDO) and one.subject not in gone:
            by_area.setdefault(one.subject, []).append(one)
    signed = (standing(entries, area, "", "", "never").signed for area, entries in by_area.items())
    acts = {*filter(None, signed), *holds(case.before), *raised}
    return sorted((one for one in case.before if one in acts), key=when)


def _right_over(case: Case, act: Entry) -> str:
    """By which right the speaker may undo what others did, or "".

    Whoever may not sign off the change may not remove what blocks it, either.
    """
    if act.verb in (Verb.HOLD, Verb.CONCERN) and barred(case, act.subject):
        return ""
    if act.verb is Verb.HOLD and act.subject not in case.reviewers:
        return case.right_to_pull()  # of the whole pull, or of an area that is no longer flagged
    right = case.right(act.subject)
    waived = act.verb is Verb.WAIVE
    return right or (case.right_of(case.policy.waivers) if waived else "")


def _undo(case: Case, act: Entry, right: str) -> Entry:
    entry = case.done(UNDOES[act.verb][0], act.subject, right)
    whose = replace(entry, whose=act.speaker, whose_id=act.speaker_id)
    return whose if act.verb is Verb.HOLD else entry
