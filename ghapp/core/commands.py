"""A comment's Markdown -> the commands in it, and what looks like one but is not.

Commands stand at the start of a line of an ordinary paragraph, as GitHub renders it: never in
quotes, lists, code, tables or HTML. Who may use them is not decided here (`signoff.py`).
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ghapp.core.memory import Verb

PREFIX = "/nfr"
# One comment is one person's turn; what comes after this many is answered as misread.
MOST_COMMANDS = 20
MOST_SUBJECTS = 100
# Markdown costs up to 60 µs a line and 6 µs a character: a hostile comment of 64 KB took 2 s.
MOST_CHARACTERS = 8_192
MOST_LINES = 400
# Beyond it the parser skips all that follows, and a list in a list is two levels deeper.
MOST_NESTED = 12
_DELIMITERS = re.compile(r"(?=.*\|)(?=.*-)[|:\- \t]+")
_NOTE = re.compile(r"(?:^|\s)(?:--|—|――|ーー)(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Spec:
    """One command. subjects: areas | items | "" (takes none). who: the key of a text."""

    verb: Verb
    usage: str
    who: str
    subjects: str = ""
    needs_subjects: bool = False
    takes_note: bool = False


COMMANDS: Mapping[str, Spec] = {
    "done": Spec(Verb.SIGN_OFF, "done [AREA...] [-- note]", "reviewers", "areas", takes_note=True),
    "undo": Spec(Verb.UNDO, "undo", "speaker_or_reviewers"),
    "check": Spec(
        Verb.CHECK,
        "check ITEM... [-- evidence]",
        "author_or_write",
        "items",
        needs_subjects=True,
        takes_note=True,
    ),
    "uncheck": Spec(
        Verb.UNCHECK, "uncheck ITEM...", "author_or_write", "items", needs_subjects=True
    ),
    "refresh": Spec(Verb.REFRESH, "refresh", "anyone"),
    "help": Spec(Verb.HELP, "help", "anyone"),
}


@dataclass(frozen=True, slots=True)
class Command:
    """A command as written. subjects: area or item ids in lower case, each once."""

    verb: Verb
    subjects: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Misread:
    """A line that begins like a command and is none.

    reason: key of a text (unknown_command | too_many_commands | subjects_missing |
    subjects_unwanted | too_many_subjects | too_long). detail: what the text names.
    """

    reason: str
    detail: str


@lru_cache(maxsize=64)
def parse(body: str) -> tuple[Command | Misread, ...]:
    """The commands and misread lines of a comment, in order; never fails.

    Of a long comment the beginning is read; a command behind it is misread as too_long.
    """
    if not speaks(body):
        return ()
    head, rest = _within(body.replace("\r\n", "\n"))
    whole, rest = _paragraphs(head, rest)
    found: list[Command | Misread] = []
    for line in itertools.chain.from_iterable(map(_lines, whole)):
        words = line.split(maxsplit=1)
        if not words or words[0].lower() != PREFIX:
            continue
        if len(found) == MOST_COMMANDS:
            return (*found, Misread("too_many_commands", str(MOST_COMMANDS)))
        found.append(_read(words[1] if len(words) > 1 else "help"))
    return (*found, Misread("too_long", str(MOST_CHARACTERS))) if speaks(rest) else tuple(found)


def speaks(body: str) -> bool:
    """Whether a comment may hold a command at all: a cheap look before parsing Markdown."""
    return any(line.lstrip()[: len(PREFIX)].lower() == PREFIX for line in body.splitlines())


def nearest(word: str, known: tuple[str, ...]) -> str:
    """The known word most like `word`, or "" where none is near."""
    return next(iter(difflib.get_close_matches(word[:100], known, n=1, cutoff=0.6)), "")


def _read(rest: str) -> Command | Misread:
    """One command line behind its prefix."""
    name, *more = rest.split(maxsplit=1)
    spec = COMMANDS.get(name.lower())
    if spec is None:
        near = nearest(name.lower(), tuple(COMMANDS))
        return Misread("unknown_command", f"{name[:40]} {near or 'help'}")
    words, _, note = _split(more[0] if more else "")
    if not spec.takes_note and note:
        words = (*words, *note.split())
    subjects = tuple(dict.fromkeys(word.strip("`,、").lower() for word in words))
    if len(subjects) > MOST_SUBJECTS:
        return Misread("too_many_subjects", f"{name.lower()} {MOST_SUBJECTS}")
    if subjects and not spec.subjects:
        return Misread("subjects_unwanted", spec.usage)
    if spec.needs_subjects and not subjects:
        return Misread("subjects_missing", spec.usage)
    return Command(spec.verb, subjects, note if spec.takes_note else "")


def _split(rest: str) -> tuple[tuple[str, ...], bool, str]:
    """The words before the dashes, whether there are dashes, and the note behind them."""
    dashes = _NOTE.search(rest)
    if dashes is None:
        return tuple(rest.split()), False, ""
    return tuple(rest[: dashes.start()].split()), True, rest[dashes.end() :].strip()


def _within(text: str) -> tuple[str, str]:
    """The whole lines that are read, and what stands behind them."""
    if len(text) <= MOST_CHARACTERS and text.count("\n") < MOST_LINES:
        return text, ""
    lines = text[:MOST_CHARACTERS].split("\n", MOST_LINES)[:-1]
    head = "".join(f"{line}\n" for line in lines)
    return head, text[len(head) :]


@cache
def _blocks() -> MarkdownIt:
    """Block structure alone. No tables: a narrow row in a wide one costs as much as a full one."""
    return MarkdownIt("commonmark", {"html": True, "maxNesting": MOST_NESTED}).disable("inline")


@cache
def _inline() -> MarkdownIt:
    # An image inside a link is two levels; a third would be spent on brackets left open.
    markdown = MarkdownIt("commonmark", {"html": True, "maxNesting": 2})
    return markdown.enable("strikethrough")


def _paragraphs(head: str, rest: str) -> tuple[list[str], str]:
    """The top-level paragraphs of the head, and the rest with the one that is cut in two."""
    end = head.count("\n") if rest else -1
    found = [
        (opening.map or [0, 0], inline.content)
        for opening, inline in itertools.pairwise(_blocks().parse(head))
        if opening.type == "paragraph_open" and opening.level == 0
    ]
    # What follows may turn its lines into a heading, a table or a comment.
    cut = "".join(f"{text}\n" for lines, text in found if lines[1] == end)
    return [text for lines, text in found if lines[1] != end], cut + rest


def _lines(paragraph: str) -> Iterator[str]:
    """The visible text of each line that opens with plain text and is in no table."""
    lines = paragraph.split("\n")
    tables = (at for at, line in enumerate(lines) if at and _DELIMITERS.fullmatch(line))
    text = "\n".join(lines[: next(tables, len(lines) + 1) - 1])
    if speaks(text):
        yield from _visible(_inline().parseInline(text)[0].children or [])


def _visible(children: list[Token]) -> Iterator[str]:
    line: list[str] = []
    plain = True  # whether the line's first token is plain text, not code or HTML
    for token in children:
        if token.type in ("softbreak", "hardbreak"):
            if plain:
                yield "".join(line)
            line, plain = [], True
        else:
            plain = plain and (bool(line) or token.type == "text")
            line.append("" if token.type == "html_inline" else token.content)
    if plain:
        yield "".join(line)
