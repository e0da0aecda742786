"""Answers to commands: why one was refused, and the list of commands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from ghapp.core.i18n import Words
from ghapp.core.ledger import Entry, Refusal
from ghapp.core.markdown import code, link
from ghapp.core.model import Channel
from ghapp.core.review.commands import COMMANDS
from ghapp.core.review.review import Review
from ghapp.core.text.status import people, signers

MOST_REFUSALS, SHOWN_FOR = 3, timedelta(days=1)
WITH_USAGE = frozenset({"reason_missing", "subjects_missing", "subjects_unwanted"})
BLOCKING = frozenset({"hold_not_reviewer", "concern_not_reviewer"})
# By the state that a label shows: the commands that set and undo the same.
LABELS: Mapping[str, str] = {
    "hold": "label_of_hold",
    "waived": "label_of_waiver",
    "follow_ups": "label_of_follow_ups",
}


def refusals(review: Review, words: Words) -> str:
    """The latest refusals after which their speaker had no other message accepted, each once.

    Other parts of the same message do not count: it still needs to be fixed. Nobody's refusals
    crowd out another person's, and after a day none is shown.
    """
    pull, now = review.facts.pull, review.facts.now
    recent: dict[tuple[str, Refusal], Entry] = {}
    later: dict[str, set[str]] = {}  # by speaker: later messages with an accepted entry
    for entry in reversed(review.ledger):
        others = later.setdefault(entry.speaker, set())
        if entry.refusal is None:
            others.add(entry.message_id)
        elif entry.replied:
            continue
        elif others <= {entry.message_id} and now - entry.said_at < SHOWN_FOR:
            recent.setdefault((entry.speaker, entry.refusal), entry)
    newest: dict[str, Entry] = {}
    for one in recent.values():
        newest.setdefault(one.speaker, one)
    chosen = [*dict.fromkeys([*newest.values(), *recent.values()])][:MOST_REFUSALS]
    lines = [
        f"- {refusal(one.speaker, one.refusal, review, words, address(one, pull.url), one.note)}"
        for one in review.ledger
        if one in chosen and one.refusal
    ]
    return "\n".join([f"**{words('refusals')}**", "", *lines]) if lines else ""


# By channel, where on the pull's page a message stands.
ANCHORS: Mapping[Channel, str] = {
    Channel.COMMENT: "issuecomment-",
    Channel.REVIEW: "pullrequestreview-",
    Channel.REVIEW_COMMENT: "discussion_r",
}


def address(entry: Entry, url: str) -> str:
    """Where on GitHub the message of an entry stands; "" if that is not known. url: of the pull."""
    anchor = ANCHORS.get(entry.channel, "")
    if entry.issue:
        url = f"{url.rsplit('/', 2)[0]}/issues/{entry.issue}" if url else ""
    return f"{url}#{anchor}{entry.comment_id}" if url and anchor and entry.comment_id else ""


def refusal(
    speaker: str,
    why: Refusal,
    review: Review,
    words: Words,
    address: str = "",
    quoted: str = "",
) -> str:
    """One refusal as a sentence: who asked, what was not done, why and what to do.

    address: of the message, to which the name leads; quoted: the command. Both may be "".
    """
    policy = review.facts.policy
    known = {area.id: area for area in review.areas}
    named = [known[name] for name in why.names if name in known]
    meant = review.areas if why.reason in BLOCKING else review.waiting
    text = reason(
        *(why, words, review.facts.now, policy.labels),
        who=signers(named or meant, review, words),
        waivers=people(policy.waivers, words),
    )
    who = link(speaker, address) if address else speaker
    if quoted:
        return words("refusal_of", who=who, quoted=code(quoted), words=text)
    return words("refusal", who=who, words=text)


def reason(
    why: Refusal,
    words: Words,
    now: datetime,
    labels: Mapping[str, str],
    *,
    who: str,
    waivers: str,
) -> str:
    """Why something was refused and what to do, without whom; Markdown with code spans alone.

    labels: as in Policy. who, waivers: who may sign off, and waive.
    """
    key = f"refused_{why.reason}"
    if why.reason == "state_label":  # GitHub's labels ignore case
        states = {name.casefold(): state for state, name in labels.items()}
        key = LABELS.get(states.get(why.subject.casefold(), ""), key)
    detail = ", ".join(why.names) or why.subject
    if why.reason in WITH_USAGE:
        detail = words("usage_alone", usage=usage(detail, words))
    elif why.reason == "not_at_start":
        detail = usage(detail, words)
    return words(
        key,
        detail=code(detail) if detail else "",
        near=words("refused_near", near=code(why.instead)) if why.instead else "",
        item=code(why.subject),
        choices=code(why.instead),
        example=code(f"/nfr check {why.subject} -- {why.instead or words('a_text')}"),
        who=who,
        waivers=waivers,
        signed_off=code(labels["signed_off"]),
        future=f"{now + timedelta(days=30):%Y-%m-%d}",
    )


# What COMMANDS calls the values of a command; `usage_` and such a word is a key of the texts.
_VALUE = re.compile(r"\b(?:AREA|ITEM|TEXT|URL|note|evidence|reason|owner)\b")


def usage(written: str, words: Words) -> str:
    """The usage of a command with its values named in the language: `na 質問ID... -- 理由`."""
    return _VALUE.sub(lambda value: words(f"usage_{value[0].lower()}"), written)


def commands(words: Words) -> str:
    """The list of commands."""
    return "\n".join(
        words(
            "command",
            usage=code(f"/nfr {usage(spec.usage, words)}"),
            does=words(f"help_{name}"),
            who=words(f"who_{spec.who.key}"),
        )
        for name, spec in COMMANDS.items()
    )
