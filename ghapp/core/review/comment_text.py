"""A comment's Markdown -> the lines that may be commands, as GitHub shows them; and its boxes.

Such a line is in an ordinary paragraph and begins with plain text: never in quotes, lists, code,
tables or HTML. `commands.py` reads the commands.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

# Keyboards for Japanese write the slash and the letters in full width.
PREFIX = r"[/／][nNｎＮ][fFｆＦ][rRｒＲ]"
_PREFIX = re.compile(PREFIX)
# Not in a quote, a path or code.
_SPEAKS = re.compile(rf"^(?![ \t]*>)(?:.*[\s、。，．,.!?！？（(])?{PREFIX}", re.MULTILINE)
# Markdown costs up to 60 µs a line and 6 µs a character: a hostile comment of 64 KB took 2 s.
MOST_CHARACTERS = 8_192
MOST_LINES = 400
# Deeper blocks are skipped by the parser; a list in a list is two levels deeper.
MOST_NESTED = 12
_DELIMITERS = re.compile(r"(?=.*\|)(?=.*-)[|:\- \t]+")
# What nobody sees as it is written. Below these, a mail holds what it answers, mostly folded away.
_MAIL = re.compile(
    r"^[ \t*_]*(?:from|差出人)[*_ \t]*[:：].*\n(?:.*\n){0,6}?[ \t*_]*(?:subject|件名)[*_ \t]*[:：]"
    r"|^.*\breply to this email directly\b|^[ \t]*-{3,} ?original message ?-{3,}",
    re.IGNORECASE | re.MULTILINE,
)
_FOOTNOTE = re.compile(r" {0,3}\[\^[^\]\s]+\]:")  # left out if nothing refers to it
_NO_BREAK = re.compile(r"[^\n]")
_FORMULA = re.compile(r"\$\$.*?\$\$", re.DOTALL)
_WEB = re.compile(r"https?://\S+", re.IGNORECASE)


def speaks(body: str) -> bool:
    """Whether a comment may hold a command at all: a cheap check before parsing Markdown."""
    return _SPEAKS.search(body) is not None


def lines(body: str) -> tuple[Iterator[str], str]:
    """The lines that may be commands, and the rest of a long comment, which is not read."""
    text = body.replace("\r\n", "\n")
    if mail := _MAIL.search(text):
        text = text[: mail.start()]
    head, rest = text, ""
    if len(text) > MOST_CHARACTERS or text.count("\n") >= MOST_LINES:
        whole = text[:MOST_CHARACTERS].split("\n", MOST_LINES)[:-1]
        head = "".join(f"{line}\n" for line in whole)
        rest = text[len(head) :]
    paragraphs = [
        (opening.map or [0, 0], inline.content)
        for opening, inline in itertools.pairwise(_blocks().parse(head))
        if opening.type == "paragraph_open" and opening.level == 0
    ]
    # What follows the cut may make a heading or a table of the paragraph before it, so that
    # paragraph is not read either.
    end = head.count("\n") if rest else -1
    cut = "".join(f"{text}\n" for span, text in paragraphs if span[1] == end)
    read = (_visible(text) for span, text in paragraphs if span[1] != end)
    return itertools.chain.from_iterable(read), cut + rest


@cache
def _blocks() -> MarkdownIt:
    """Block structure alone. No tables: a narrow row in a wide one costs as much as a full one."""
    return MarkdownIt("commonmark", {"html": True, "maxNesting": MOST_NESTED}).disable("inline")


@cache
def _inline() -> MarkdownIt:
    # An image inside a link is two levels; a third would be spent on brackets left open.
    markdown = MarkdownIt("commonmark", {"html": True, "maxNesting": 2})
    return markdown.enable("strikethrough")


def _visible(paragraph: str) -> Iterator[str]:
    """The visible text of each line that opens with plain text and is not in a table."""
    rows = _FORMULA.sub(_blotted, paragraph).split("\n")
    notes = next((at for at, row in enumerate(rows) if _FOOTNOTE.match(row)), len(rows))
    rows = rows[:notes]
    tables = (at for at, row in enumerate(rows) if at and _DELIMITERS.fullmatch(row))
    text = "\n".join(rows[: next(tables, len(rows) + 1) - 1])
    if not speaks(text):
        return
    line: list[str] = []
    plain = True  # whether the line's first token is plain text, not code or HTML
    address = ""  # where the link that is open leads
    for token in _inline().parseInline(text)[0].children or []:
        if token.type in ("softbreak", "hardbreak"):
            if plain:
                yield "".join(line)
            line, plain = [], True
            continue
        if token.type == "text" and not token.content:
            continue
        plain = plain and (bool(line) or token.type == "text")
        if token.type == "link_open":
            address = str(token.attrs.get("href", ""))
        line.append(_shown(token, address, line))
    if plain:
        yield "".join(line)


def _blotted(formula: re.Match[str]) -> str:
    """A formula of several lines, so that no line begins in it."""
    return _NO_BREAK.sub("$", formula[0]) if "\n" in formula[0] else formula[0]


def _shown(token: Token, address: str, line: list[str]) -> str:
    """What is seen of a token, and the address of a link or image, which may be evidence."""
    if token.type == "html_inline":
        return ""
    if token.type == "code_inline":  # it is talked about, not given
        return _PREFIX.sub(lambda prefix: f"{prefix[0][0]}\u2060{prefix[0][1:]}", token.content)
    leads = {"link_close": address, "image": str(token.attrs.get("src", ""))}.get(token.type, "")
    bare = token.markup == "autolink" or line[-1:] == [leads]
    return token.content if bare or not _WEB.fullmatch(leads) else f"{token.content} {leads}"


# As we rendered it: GitHub changes only the mark between the brackets. In the bold question, a
# backslash stands before each asterisk.
_LINE = re.compile(
    r"^\s*- \[([ xX])\] (?:(?:~~)?\*\*(?:[^*\\]|\\.)*\*\*(?:~~)? )?`([A-Za-z0-9._-]{1,100})`"
)


def boxes(comment: str) -> dict[str, bool]:
    """Item id -> whether its box is ticked, in the order of the comment."""
    found = (_LINE.search(line[:2000]) for line in comment.splitlines())
    return {match.group(2): match.group(1) != " " for match in found if match}


def ticks(before: str, after: str) -> tuple[tuple[str, bool], ...]:
    """The items whose box an edit ticked or cleared, with its new state; new boxes do not count."""
    was = boxes(before)
    return tuple(
        (item, ticked)
        for item, ticked in boxes(after).items()
        if item in was and was[item] != ticked
    )
