"""What several views share: bounds of texts, times, notes and lists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ghapp.core.i18n import Words
from ghapp.core.markdown import visible
from ghapp.core.records import Note
from ghapp.core.text.places import Place

MOST_TITLE, MOST_NOTE, MOST_NAME, MOST_WHY = 200, 500, 100, 1_000


@dataclass(frozen=True, slots=True)
class NoteView:
    """what: the verb in words."""

    verb: str
    what: str
    who: str
    at: datetime
    text: str
    head_sha: str
    until: str


def note_view(note: Note, words: Words) -> NoteView:
    return NoteView(
        note.verb.value,
        words(f"page_verb_{note.verb.value}"),
        visible(note.who, MOST_NAME),
        note.at,
        visible(note.text, MOST_NOTE),
        note.head_sha,
        note.until,
    )


def listed(title: str, total: int, lines: list[str], words: Words) -> str:
    more = [f"- {words('page_more', count=total - len(lines))}"] if total > len(lines) else []
    return "\n".join((f"### {title} ({total})", "", *(lines or [words("page_none")]), *more))


def time_of(at: datetime, place: Place) -> str:
    return at.astimezone(place.zone).strftime("%Y-%m-%d %H:%M %Z")
