"""What commands are answered with: why one was refused, and which commands there are."""

from __future__ import annotations

from collections.abc import Mapping

from ghapp.core.i18n import Words
from ghapp.core.ledger import Entry, Verb
from ghapp.core.markdown import code
from ghapp.core.review.commands import COMMANDS
from ghapp.core.review.review import Review
from ghapp.core.text.status import people, signers

MOST_REFUSALS = 3
NEAR = frozenset({"unknown_area", "unknown_item", "unknown_command"})
BLOCKING = frozenset({"hold_not_reviewer", "concern_not_reviewer"})
# By the state that a label shows: the commands that set and undo the same.
LABELS: Mapping[str, str] = {
    "hold": "label_of_hold",
    "waived": "label_of_waiver",
    "follow_ups": "label_of_follow_ups",
}


def refusals(review: Review, words: Words) -> str:
    """The latest refusals that their speaker has not fixed since, each reason once.

    What else the same message did fixes nothing: a reaction says that part of it failed.
    """
    recent: dict[tuple[str, str, str], Entry] = {}
    later: dict[str, set[str]] = {}  # by speaker: the messages with an entry that is not refused
    for entry in reversed(review.ledger):
        message, others = entry.id.partition("#")[0], later.setdefault(entry.speaker, set())
        if entry.verb is not Verb.REFUSED:
            others.add(message)
        elif others <= {message}:
            recent.setdefault((entry.speaker, entry.note, entry.detail), entry)
        if len(recent) == MOST_REFUSALS:
            break
    lines = [f"- {refusal(entry, review, words)}" for entry in reversed(recent.values())]
    return "\n".join([f"**{words('refusals')}**", "", *lines]) if lines else ""


def refusal(entry: Entry, review: Review, words: Words) -> str:
    """One refusal as a sentence: who asked, what was not done, why and what to do.

    Two things that it names are separated by the first blank.
    """
    policy, reason, detail = review.facts.policy, entry.note, entry.detail
    key = f"refused_{reason}"
    if reason == "state_label":  # GitHub's labels ignore case
        states = {name.casefold(): state for state, name in policy.labels.items()}
        key = LABELS.get(states.get(detail.casefold(), ""), key)
    first, _, rest = detail.partition(" ")
    known = {area.id: area for area in review.areas}
    named = [known[name] for name in detail.split(", ") if name in known]
    meant = review.areas if reason in BLOCKING else review.waiting
    text = words(
        key,
        detail=code(first if reason in NEAR else detail) if detail else "",
        near=words("refused_near", near=code(rest)) if reason in NEAR and rest else "",
        item=code(first),
        choices=code(rest),
        example=code(f"/nfr check {first} -- {rest or words('a_text')}"),
        who=signers(named or meant, review, words),
        waivers=people(policy.waivers, words),
        signed_off=code(policy.labels["signed_off"]),
    )
    return words("refusal", who=entry.speaker, words=text)


def commands(words: Words) -> str:
    """The list of commands, from the table that reads them."""
    return "\n".join(
        words(
            "command",
            usage=code(f"/nfr {spec.usage}"),
            does=words(f"help_{name}"),
            who=words(f"who_{spec.who}"),
        )
        for name, spec in COMMANDS.items()
    )
