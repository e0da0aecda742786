"""The message for a team's stand-up: as blocks for Slack, as an issue's Markdown, and as text.

What is listed comes from strangers: titles, notes, names. Nothing of it is markup here, and nobody
is mentioned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from ghapp.core.i18n import Words
from ghapp.core.markdown import dotted, link, literal, paragraphs, visible

# Slack's limits, and what it cuts a message to.
# Source: https://docs.slack.dev/reference/block-kit/blocks
MOST_HEADER, MOST_SECTION, MOST_BLOCKS = 150, 3_000, 50
MOST_OF_MESSAGE = 12_000
MOST_LINES = 10  # of each part
MOST_LINE, MOST_NAME, MOST_TITLE, MOST_DETAIL = 600, 120, 100, 120


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to look at, in words that are not escaped. name: what is linked to `url`."""

    name: str
    url: str
    title: str = ""
    details: tuple[str, ...] = ()
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Lines under a title, and how many there are in all."""

    title: str
    lines: tuple[Line, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Digest:
    """What is said, in one language.

    summary: sentences below the heading. closing: sentences at the end. queue: the address of the
    page with all of it, "" if it is not served. opens: the text that is linked to it.
    """

    heading: str
    summary: tuple[str, ...]
    parts: tuple[Part, ...]
    closing: tuple[str, ...] = ()
    queue: str = ""
    opens: str = "digest_open"


def day_named(day: date, words: Words) -> str:
    """The day with its weekday: "Wed 25 Nov"."""
    return words(
        "digest_day",
        weekday=words("digest_weekdays").split("·")[day.weekday()],
        month=words("digest_months").split("·")[day.month - 1],
        day=day.day,
    )


def as_slack(digest: Digest, words: Words) -> dict[str, Any]:
    """The message for an incoming webhook. `text` is what notifications show."""
    blocks: list[dict[str, Any]] = [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": visible(digest.heading, MOST_HEADER)},
        }
    ]
    left = MOST_OF_MESSAGE
    for text in _sections(digest, words):
        if len(text) > left or len(blocks) >= MOST_BLOCKS - 1:
            blocks.append(_section(_escaped(words("digest_cut"))))
            break
        left -= len(text)
        blocks.append(_section(text))
    return {"text": _escaped(f"{digest.heading}: {' '.join(digest.summary)}"), "blocks": blocks}


def _sections(digest: Digest, words: Words) -> Iterator[str]:
    """The texts of the sections, each within Slack's limit."""
    if digest.summary:
        yield _escaped("\n".join(digest.summary))[:MOST_SECTION]
    for part in digest.parts:
        text = f"*{_escaped(visible(part.title, MOST_HEADER))}*"
        for line in _slack_lines(part, words):
            if len(text) + 1 + len(line) > MOST_SECTION:
                yield text
                text = line
            else:
                text += f"\n{line}"
        yield text
    ending = [_escaped(one) for one in digest.closing]
    if digest.queue:
        ending.append(f"<{digest.queue}|{_escaped(words(digest.opens))}>")
    if ending:
        yield " | ".join(ending)[:MOST_SECTION]


def _slack_lines(part: Part, words: Words) -> Iterator[str]:
    for one in part.lines[:MOST_LINES]:
        name = _escaped(visible(one.name, MOST_NAME)).replace("|", "¦")
        linked = f"<{one.url}|{name}>" if one.url else name
        new = f"*{words('digest_new')}* " if one.is_new else ""
        details = (visible(detail, MOST_DETAIL) for detail in one.details)
        rest = dotted(visible(one.title, MOST_TITLE), *details)
        yield f"• {new}{linked} {_escaped(visible(rest, MOST_LINE))}"
    if part.total > len(part.lines[:MOST_LINES]):
        yield _escaped(words("digest_more", count=part.total - len(part.lines[:MOST_LINES])))


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _escaped(text: str) -> str:
    """Slack reads these three as markup, and mentions begin with one of them.

    Source: https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_markdown(digest: Digest, words: Words) -> str:
    """The body of an issue."""
    blocks = [f"## {literal(digest.heading)}", "\n".join(map(literal, digest.summary))]
    for part in digest.parts:
        lines = [
            "- "
            + dotted(
                (f"**{words('digest_new')}** " if one.is_new else "")
                + link(visible(one.name, MOST_NAME), one.url)
                + (f" {literal(one.title, MOST_TITLE)}" if one.title else ""),
                *(literal(detail, MOST_DETAIL) for detail in one.details),
            )
            for one in part.lines[:MOST_LINES]
        ]
        blocks.append("\n".join((f"### {literal(part.title)}", "", *lines, *_more(part, words))))
    blocks += map(literal, digest.closing)
    if digest.queue:
        blocks.append(link(words(digest.opens), digest.queue))
    return paragraphs(*blocks)


def as_text(digest: Digest, words: Words) -> str:
    """For a terminal."""
    blocks = ["\n".join((digest.heading, *digest.summary))]
    for part in digest.parts:
        lines = [
            "  "
            + dotted(
                (f"{words('digest_new')} " if one.is_new else "")
                + visible(f"{one.name} {one.title}", MOST_NAME + MOST_TITLE),
                *(visible(detail, MOST_DETAIL) for detail in one.details),
            )
            for one in part.lines[:MOST_LINES]
        ]
        blocks.append("\n".join((part.title, *lines, *_more(part, words, "  "))))
    blocks += digest.closing
    if digest.queue:
        blocks.append(digest.queue)
    return paragraphs(*blocks)


def _more(part: Part, words: Words, before: str = "- ") -> Iterable[str]:
    left = part.total - len(part.lines[:MOST_LINES])
    return [before + words("digest_more", count=left)] if left > 0 else []
