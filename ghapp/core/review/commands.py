"""A comment's Markdown -> the commands in it, and what looks like one but is not.

Who may use them is not decided here (`judging`), nor which lines of a comment speak (`spoken.py`).
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from ghapp.core.ledger import Verb
from ghapp.core.markdown import seen
from ghapp.core.review.comment_text import MOST_CHARACTERS, PREFIX, lines, speaks

__all__ = [
    "COMMANDS", "MOST_CHARACTERS", "MOST_COMMANDS", "MOST_SUBJECTS", "PREFIX", "Command", "Misread",
    "Spec", "laid_bare", "nearest", "parse", "resolved", "speaks",
]  # fmt: skip

# One comment is one person's turn; what comes after this many is answered as misread.
MOST_COMMANDS = 20
MOST_SUBJECTS = 100
# Keyboards make one long dash of two; a Japanese one, typed full-width, needs no space behind it.
_DASHES = re.compile(r"(?:^|\s)(?:(?:--|[—–]{1,2})(?=\s|$)|(?:――|ーー|－－|−−)[\u2015ー－−]*)")
_BETWEEN = re.compile(r"[\s,、]+")


@dataclass(frozen=True, slots=True)
class Spec:
    """One command. subjects: areas | items | "" (takes none). who: the key of a text.

    note: what stands behind the dashes: "" (nothing) | may | must | all (no dashes are needed:
    the rest of the line).
    """

    verb: Verb
    usage: str
    who: str
    subjects: str = ""
    needs_subjects: bool = False
    note: str = ""
    takes_due: bool = False  # `until DATE` and `by @owner`


COMMANDS: Mapping[str, Spec] = {
    "done": Spec(Verb.SIGN_OFF, "done [AREA...] [-- note]", "reviewers", "areas", note="may"),
    "undo": Spec(Verb.UNDO, "undo", "speaker_or_reviewers"),
    "hold": Spec(Verb.HOLD, "hold [AREA...] -- reason", "any_reviewer", "areas", note="must"),
    "concern": Spec(Verb.CONCERN, "concern TEXT", "any_reviewer", note="all"),
    "check": Spec(
        Verb.CHECK, "check ITEM... [-- evidence]", "author_or_write", "items", True, "may"
    ),
    "uncheck": Spec(Verb.UNCHECK, "uncheck ITEM...", "author_or_write", "items", True),
    "na": Spec(Verb.NA, "na ITEM... -- reason", "author_or_write", "items", True, "must"),
    "defer": Spec(
        Verb.DEFER,
        "defer ITEM... [until YYYY-MM-DD] [by @owner] -- reason",
        "author_or_reviewers",
        "items",
        True,
        "must",
        takes_due=True,
    ),
    "waive": Spec(Verb.WAIVE, "waive -- reason", "waivers", note="must"),
    "refresh": Spec(Verb.REFRESH, "refresh", "anyone"),
    "explain": Spec(Verb.EXPLAIN, "explain", "anyone"),
    "help": Spec(Verb.HELP, "help", "anyone"),
}


@dataclass(frozen=True, slots=True)
class Command:
    """A command as written. subjects: area or item ids in lower case, each once.

    until, owner: of a deferral, as written but for full-width letters and the owner's "@".
    """

    verb: Verb
    subjects: tuple[str, ...] = ()
    note: str = ""
    until: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Misread:
    """A line that begins like a command and is none.

    reason: key of a text (unknown_command | too_many_commands | subjects_missing |
    subjects_unwanted | too_many_subjects | reason_missing | too_long). detail: what it names.
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
    spoken, rest = lines(body)
    found: list[Command | Misread] = []
    for line in spoken:
        words = line.split(maxsplit=1)
        if not words or words[0].lower() != PREFIX:
            continue
        if len(found) == MOST_COMMANDS:
            return (*found, Misread("too_many_commands", str(MOST_COMMANDS)))
        found.append(_read(words[1] if len(words) > 1 else "help"))
    return (*found, Misread("too_long", str(MOST_CHARACTERS))) if speaks(rest) else tuple(found)


def nearest(word: str, known: tuple[str, ...]) -> str:
    """The known word most like `word`, or "" where none is near."""
    like = difflib.get_close_matches(seen(word[:100]), known, n=1, cutoff=0.6)
    return next(iter(like), "")


def resolved(word: str, known: tuple[str, ...]) -> str:
    """The known id that is meant: the same, or but for `_` in the place of `-`; else ""."""
    if word in known:
        return word
    spelt = word.replace("_", "-")
    return spelt if spelt in known else ""


def laid_bare(word: str, most: int) -> str:
    """The word, cut to `most` characters, with those that cannot be seen written out."""
    bare = (char if seen(char) else f"[U+{ord(char):04X}]" for char in word[:most])
    return "".join(bare)


def _read(rest: str) -> Command | Misread:
    """One command line behind its prefix."""
    name, *more = rest.split(maxsplit=1)
    # Only ASCII: the lower case of other letters may be one of its own (the Kelvin sign's is k).
    spec = COMMANDS.get(name.lower()) if name.isascii() else None
    if spec is None:
        near = nearest(_narrow(name[:100]).lower(), tuple(COMMANDS))
        return Misread("unknown_command", f"{laid_bare(name, 40)} {near or 'help'}")
    line = more[0].strip() if more else ""
    if spec.note == "all":
        dashes = _DASHES.match(line)
        note = line[dashes.end() :].strip() if dashes else line
        return _noted(Command(spec.verb), note, Misread("subjects_missing", spec.usage))
    words, note = _split(line)
    if not spec.note and note:
        words, note = (*words, *_words(note)), ""
    return _command(name.lower(), spec, words, note)


def _command(name: str, spec: Spec, words: tuple[str, ...], note: str) -> Command | Misread:
    due = _due(words) if spec.takes_due else Command(spec.verb, words)
    if due is None:
        return Misread("subjects_unwanted", spec.usage)
    subjects = tuple(dict.fromkeys(word.lower() for word in due.subjects))
    if len(subjects) > MOST_SUBJECTS:
        return Misread("too_many_subjects", f"{name} {MOST_SUBJECTS}")
    if subjects and not spec.subjects:
        return Misread("subjects_unwanted", spec.usage)
    if spec.needs_subjects and not subjects:
        return Misread("subjects_missing", spec.usage)
    command = replace(due, verb=spec.verb, subjects=subjects, note=note)
    if spec.note == "must":
        return _noted(command, note, Misread("reason_missing", spec.usage))
    return command


def _noted(command: Command, note: str, missing: Misread) -> Command | Misread:
    """The command with its note; misread where nothing can be seen of that."""
    return replace(command, note=note) if seen(note).strip() else missing


def _due(words: tuple[str, ...]) -> Command | None:
    """A deferral's items, day and owner, in any order; None where a day or owner is said twice.

    A keyword with nothing behind it is kept as a day or an owner that cannot be read.
    """
    items: list[str] = []
    said: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        key = word.lower()
        if key not in ("until", "by"):
            items.append(word)
        elif key in said:
            return None
        else:
            said[key] = next(rest, key)
    owner = said.get("by", "").removeprefix("@")
    return Command(Verb.DEFER, tuple(items), until=said.get("until", ""), owner=owner)


def _split(rest: str) -> tuple[tuple[str, ...], str]:
    """The words before the dashes, and the note behind them."""
    dashes = _DASHES.search(rest)
    if dashes is None:
        return _words(rest), ""
    return _words(rest[: dashes.start()]), rest[dashes.end() :].strip()


def _words(text: str) -> tuple[str, ...]:
    """Ids, dates and owners: never full-width, without the backticks around them."""
    words = (word.strip("`") for word in _BETWEEN.split(_narrow(text)))
    return tuple(word for word in words if word)


def _narrow(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
