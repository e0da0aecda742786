"""What holds of what reviewers said: sign-offs, waivers and holds, as Markdown."""

from __future__ import annotations

from ghapp.core.markdown import code, link
from ghapp.core.memory import Entry, Verb
from ghapp.core.review import AreaReview, PullState, Review
from ghapp.core.standing import State, when
from ghapp.core.words import parts
from ghapp.core.words.parts import BETWEEN
from ghapp.core.words.texts import joined, say

MOST_REASON = 1_000  # characters


def signed(area: AreaReview, seen: Review) -> str:
    """Who settled the area, struck through where the diff has changed since; or took it back."""
    stood, language = area.standing, seen.facts.policy.language
    if stood.undone:
        return _undone(stood.undone, seen)
    if stood.signed is None:
        return ""
    entry = stood.signed
    kind = "waived_by" if entry.verb is Verb.WAIVE else "signed_by"
    words = [say(language, kind, who=entry.speaker, sha=code(entry.head_sha[:7]))]
    if stood.state is State.STALE:
        key = "stale_by" if area.changed_by else "stale_otherwise"
        change, compared = code(area.changed_by[:7]), _compared(entry, area, seen)
        return say(language, key, signed=words[0], change=change, compared=compared)
    if entry.detail:
        words.append(say(language, "accepted_open", items=code(entry.detail)))
    if entry.note and entry.verb is Verb.SIGN_OFF:  # a waiver's reason stands at the top
        words.append(code(entry.note))
    return BETWEEN.join(words)


def waivers(seen: Review) -> str:
    """Who waived what and why, each waiver once; what it covers has not changed since."""
    language = seen.facts.policy.language
    said: dict[str, list[tuple[Entry, str]]] = {}
    for area in seen.areas:
        entry = area.standing.signed
        if entry and area.waived:
            name = entry.id.partition("#")[0]
            said.setdefault(name, []).append((entry, parts.title(area, language)))
    return "\n".join(
        say(
            language,
            "waiver",
            who=found[0][0].speaker,
            sha=code(found[0][0].head_sha[:7]),
            reason=code(found[0][0].note, MOST_REASON),
            areas=joined(language, tuple(title for _, title in found)),
        )
        for found in said.values()
    )


def holds(seen: Review) -> str:
    """Each hold in force: by whom, on what and why."""
    key = "hold_overridden" if seen.state is PullState.WAIVED else "hold"
    language = seen.facts.policy.language
    return "\n".join(
        say(
            language,
            key,
            who=one.speaker,
            on=held(one, seen),
            reason=code(one.note, MOST_REASON),
        )
        for one in seen.holds
    )


def held(hold: Entry, seen: Review) -> str:
    """What a hold is on, in words; an area that is flagged no more goes by its id."""
    language = seen.facts.policy.language
    if not hold.subject:
        return say(language, "whole_pull")
    titles = (parts.title(area, language) for area in seen.areas if area.id == hold.subject)
    return next(titles, code(hold.subject))


def _undone(undo: Entry, seen: Review) -> str:
    """Who took it back, and what. speaker: "" of a dismissed review whose delivery was lost."""
    before = [
        one
        for one in seen.ledger
        if one.subject == undo.subject
        and one.verb in (Verb.SIGN_OFF, Verb.WAIVE)
        and when(one) <= when(undo)
    ]
    waived = bool(before) and max(before, key=when).verb is Verb.WAIVE
    key = "waiver_undone_by" if waived else "undone_by"
    who = undo.speaker
    return say(seen.facts.policy.language, key if who else "undone_by_nobody", who=who)


def _compared(signed: Entry, area: AreaReview, seen: Review) -> str:
    """A link to what has changed since; "" where no page shows that, or not by https.

    GitHub links what a force-push replaced with two dots as well.
    """
    pull = seen.facts.pull
    base, found, _ = pull.url.partition("/pull/")
    if not (found and area.changed_by and base.startswith("https://")):
        return ""
    address = f"{base}/compare/{signed.head_sha}..{pull.head_sha}"
    language = seen.facts.policy.language
    return say(language, "compared", link=link(say(language, "what_changed"), address))
