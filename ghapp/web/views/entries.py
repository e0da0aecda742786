"""Entries of a ledger -> the timeline of a page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ghapp.core.i18n import Words
from ghapp.core.ledger import Entry
from ghapp.core.markdown import code, dotted, literal, visible
from ghapp.core.policy.policy import DEFAULT_LABELS
from ghapp.core.records import Overview
from ghapp.core.text.places import Place
from ghapp.core.text.replies import address, reason
from ghapp.core.text.turns import reviewers
from ghapp.web.views.parts import MOST_NAME, MOST_NOTE, time_of


@dataclass(frozen=True, slots=True)
class EntryView:
    """One entry of the ledger, or a write of ghapp, with neither channel nor verb.

    refusal: why it was not done; "" if it was. refusal_text: the same in a sentence, as Markdown
    with code spans. url: of the message on GitHub.
    """

    at: datetime
    who: str
    right: str
    channel: str
    verb: str
    what: str
    subject: str
    head_sha: str
    note: str
    refusal: str
    refusal_text: str = ""
    url: str = ""


def entry_view(entry: Entry, overview: Overview | None, url: str, words: Words) -> EntryView:
    refusal, sentence = entry.refusal, ""
    if refusal:
        areas = overview.areas if overview else ()
        named = [one for one in areas if one.id in refusal.names]
        meant = named or [one for one in areas if not one.settled]
        waivers = [visible(one, MOST_NAME) for one in (overview.waivers if overview else ())]
        sentence = reason(
            *(refusal, words, entry.said_at, (overview and overview.labels) or DEFAULT_LABELS),
            who=words.joined(dict.fromkeys(reviewers(one, words) for one in meant))
            or words("who_maintain"),
            waivers=words.joined(waivers) or words("who_maintain"),
        )
    return EntryView(
        entry.said_at,
        visible(entry.speaker, MOST_NAME),
        visible(entry.right, MOST_NAME),
        entry.channel.value,
        entry.verb.value,
        words(f"page_verb_{entry.verb.value}"),
        visible(entry.subject or (refusal.subject if refusal else ""), MOST_NAME),
        entry.head_sha,
        visible(entry.note, MOST_NOTE),
        refusal.reason if refusal else "",
        sentence,
        address(entry, url),
    )


def entries_markdown(entries: Iterable[EntryView], place: Place) -> list[str]:
    return [
        "- "
        + dotted(
            time_of(one.at, place),
            literal(one.who),
            one.what,
            code(one.subject) if one.subject else "",
            literal(one.right),
            one.channel,
            code(one.head_sha[:7]) if one.head_sha else "",
            literal(one.note),
            one.refusal_text,
        )
        for one in entries
    ]
