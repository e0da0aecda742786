"""GitHub Flavoured Markdown as safe HTML: tables, task lists, strikethrough, details."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

TASK = re.compile(r"\[([ xX])\] ")
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
TAG = re.compile(r"<[^>]*>?")
SAFE_TAG = re.compile(
    r"</?(?:details|summary|sub|sup|kbd|b|i|em|strong|code|del|ins|p|div|ul|ol|li|br|hr"
    r"|table|thead|tbody|tr|th|td|blockquote|pre|h[1-6])(?:\s+open(?:=\"\")?)?\s*/?>",
    re.IGNORECASE,
)
Box = Callable[[int, bool], str]


def plain_box(_line: int, ticked: bool) -> str:
    """A box that nobody can tick."""
    return f'<input type="checkbox" disabled{" checked" if ticked else ""}> '


def to_html(text: str, box: Box = plain_box) -> str:
    """box: the HTML of a task's box, by its line in `text` (from 0) and whether it is ticked."""
    # Unlike in files, GitHub keeps the line breaks of comments.
    parser = MarkdownIt("commonmark", {"html": True, "breaks": True})
    parser.enable(["table", "strikethrough"])
    parser.add_render_rule("html_inline", _raw)
    parser.add_render_rule("html_block", _raw)
    parser.add_render_rule("task_box", _made)
    tokens = parser.parse(text)
    for before, token in pairwise(tokens):
        if token.type == "inline" and before.type == "paragraph_open":
            _set_box(token, box)
    return str(parser.renderer.render(tokens, parser.options, {}))


def tick(text: str, line: int) -> str:
    """The text with the task on this line (from 0) ticked, or no longer ticked."""
    lines = text.split("\n")
    found = TASK.search(lines[line])
    if found:
        turned = "[ ]" if found[1] in "xX" else "[x]"
        lines[line] = lines[line][: found.start()] + turned + lines[line][found.end() - 1 :]
    return "\n".join(lines)


def _set_box(token: Token, box: Box) -> None:
    found = TASK.match(token.content)
    if not found or not token.children or token.map is None or token.level < 3:
        return
    first = token.children[0]
    first.content = first.content[found.end() :]
    made = Token("task_box", "", 0, content=box(token.map[0], found[1] in "xX"))
    token.children.insert(0, made)


def _raw(_renderer: Any, tokens: Sequence[Token], at: int, _options: Any, _env: Any) -> str:
    """Raw HTML, with all but a few tags without attributes shown as text."""
    text = COMMENT.sub("", tokens[at].content)
    return TAG.sub(
        lambda found: found[0] if SAFE_TAG.fullmatch(found[0]) else html.escape(found[0]),
        text,
    )


def _made(_renderer: Any, tokens: Sequence[Token], at: int, _options: Any, _env: Any) -> str:
    return tokens[at].content
