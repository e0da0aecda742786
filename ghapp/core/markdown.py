"""Text from people -> Markdown that shows it and does nothing else.

Whatever comes from a pull request is put into a code span: GitHub makes no mention, link, image
or HTML of it there, and it cannot close our markers.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator

# GitHub's limits, in characters: of a comment, summary or text, and of a title in a check run.
MOST_TEXT = 65_535
MOST_TITLE = 255
# Control, format, surrogate and separating characters; below, letters that are drawn as nothing.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_FILLERS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]")
_BREAKS = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
_SPECIAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"})
_FOLD = re.compile(r"^\s*<(/?)details>", re.MULTILINE)
_CLOSED = "\n\n</details>"
_TICKS = re.compile(r"`+")
# On GitHub an underscore between letters or digits is not markup. A name in a code span is kept,
# since nothing in it can be markup.
_MARKUP = re.compile(r"(`\w+`)|[\\`*~\[\]|]|(?<![^\W_])_|_(?![^\W_])")
# Passwords in addresses, tokens of GitHub and others, signed claims.
# Source: https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app
_CREDENTIAL = re.compile(
    r"(?<=://)[^\s/@'\"]{1,200}(?=@)"
    r"|\b(?:gh[a-z]_|github_pat_|AKIA|xox[a-z]-|sk_live_|eyJ)[A-Za-z0-9_.+/=-]{8,}"
)
_ADDRESS = re.compile(r"https://[A-Za-z0-9._~:/?#!$&'*+,;=%-]{1,1000}")


def seen(text: str) -> str:
    """The text on one line: line breaks become a space, invisible characters are removed."""
    if text.isprintable() and not _FILLERS.search(text):  # true for nearly every text
        return text
    line = _FILLERS.sub("", _BREAKS.sub(" ", text))
    return "".join(char for char in line if unicodedata.category(char) not in _INVISIBLE)


def visible(text: str, most: int = 200) -> str:
    """The text on one line without invisible characters, cut to `most` characters."""
    line = seen(text).strip()
    return line if len(line) <= most else f"{line[: most - 1]}…"


def without_credentials(text: str) -> str:
    """The text with `***` in the place of what looks like a credential."""
    return _CREDENTIAL.sub("***", text)


def plain(text: str) -> str:
    """Words of a policy inside Markdown: one line that holds no HTML and mentions nobody."""
    return seen(text).strip().translate(_SPECIAL)


def literal(text: str, most: int = 1_000) -> str:
    """Words of a pack inside Markdown; the only markup in them is a name as a code span."""
    return _MARKUP.sub(lambda found: found[1] or f"\\{found[0]}", plain(visible(text, most)))


def login(name: str) -> str:
    """A login as plain text, which mentions nobody."""
    return literal(name, 60)


def link(title: str, address: str) -> str:
    """A link, or only the title if the address is not safe to follow."""
    if not _ADDRESS.fullmatch(address):
        return literal(title, 120)
    return f"[{literal(title, 120)}]({address.replace('&', '&amp;')})"


def code(text: str, most: int = 200) -> str:
    """The text as a code span, whatever backticks it holds."""
    line = visible(text, most) or " "
    fence = "`" * (max((len(run) for run in _TICKS.findall(line)), default=0) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def dotted(*parts: str) -> str:
    """The parts that are not empty on one line: "a · b"."""
    return " · ".join(filter(None, parts))


def paragraphs(*blocks: str) -> str:
    """The blocks that are not empty, with an empty line between them."""
    return "\n\n".join(filter(None, blocks))


def folded(summary: str, lines: Iterable[str]) -> tuple[str, ...]:
    """A block that opens on a click. Without the empty lines GitHub renders no Markdown in it."""
    return (f"<details><summary>{summary}</summary>", "", *lines, "", "</details>")


def cut(text: str, note: str) -> str:
    """The text within GitHub's limit: whole lines, and the note if anything is missing.

    Folded blocks that the cut leaves open are closed before the note.
    """
    if len(text) <= MOST_TEXT:
        return text
    deepest = max(itertools.accumulate(_fold_steps(text)), default=0)
    room = MOST_TEXT - len(note) - 2 - len(_CLOSED) * deepest
    head = text[:room].rpartition("\n")[0]
    return f"{head}{_CLOSED * sum(_fold_steps(head))}\n\n{note}"


def _fold_steps(text: str) -> Iterator[int]:
    """1 for each folded block that opens, -1 for each that closes, in their order."""
    return (-1 if end else 1 for end in _FOLD.findall(text))
