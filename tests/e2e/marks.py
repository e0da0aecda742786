"""What people see of ghapp on a pull request, and what they do to it."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from ghapp.emulator.conversation import Comment
from ghapp.emulator.repository import Pull

CHECK_RUN = "NFR review"
# Values of `marks`.
WAITING = ("in progress", {"needs sign-off"})
SIGNED = ("success", {"signed off"})
HELD = ("action_required", {"on hold"})


def conclusion(pull: Pull, head_sha: str | None = None) -> str:
    """Of the newest check run on the head: a conclusion, "in progress" or "missing"."""
    runs = [run for run in pull.check_runs(head_sha) if run.name == CHECK_RUN]
    return (runs[-1].conclusion or "in progress") if runs else "missing"


def marks(pull: Pull) -> tuple[str, frozenset[str]]:
    """The conclusion, and the labels that show a state, without their prefix."""
    names = [name for name in pull.labels if name.startswith("nfr: ")]
    return conclusion(pull), frozenset(name.removeprefix("nfr: ") for name in names)


def title(pull: Pull) -> str:
    """Of the newest check run on the head."""
    return [run for run in pull.check_runs() if run.name == CHECK_RUN][-1].title or ""


def comments(pull: Pull) -> list[str]:
    """The bodies of the App's comments."""
    return [one.body for one in pull.comments if one.via_app]


def comment(pull: Pull) -> Comment:
    """The App's only comment."""
    (one,) = [one for one in pull.comments if one.via_app]
    return one


def body(pull: Pull) -> str:
    """Of the App's only comment."""
    return comment(pull).body


def boxes(pull: Pull) -> dict[str, bool]:
    """The questions in the App's comment, and whether they are ticked."""
    lines = [line for line in body(pull).splitlines() if line[:5] in ("- [ ]", "- [x]")]
    found = (re.search(r"`([a-z0-9-]+)` · ", line) for line in lines)
    return {one[1]: line[3] == "x" for one, line in zip(found, lines, strict=True) if one}


def box(pull: Pull, item: str) -> str:
    """The line of a question in the App's comment."""
    return line(pull, f"`{item}` · ")


def line(pull: Pull, part: str) -> str:
    """The only line of the App's comment that contains this."""
    (found,) = [one for one in body(pull).splitlines() if part in one]
    return found


def refused(pull: Pull, who: str) -> str:
    """The only line of the App's comment that says what was not done for somebody."""
    (found,) = [one for one in body(pull).splitlines() if re.match(rf"- \[?{who}[:\]]", one)]
    return found


def reactions(pull: Pull, id: int) -> list[str]:
    """The App's answers to a comment, a review or a comment of a review."""
    (answered,) = [one for one in pull.conversation() if one.id == id]
    return [one.content for one in answered.reactions]


def tick(pull: Pull, item: str, by: str, *, on: bool = True) -> None:
    """Tick the box of a question, or remove the tick."""
    was, now = ("- [ ]", "- [x]") if on else ("- [x]", "- [ ]")
    one, asked = comment(pull), box(pull, item)
    assert asked.startswith(was)
    pull.edit_comment(one.id, one.body.replace(asked, asked.replace(was, now)), by)


def press(pull: Pull, identifier: str, by: str) -> None:
    """Press a button of the newest check run."""
    pull.repository.press(pull.check_runs()[-1].id, identifier, by)


def outside_code(markdown: str) -> str:
    """The words, HTML and addresses of a text, without its code."""
    kept = []
    tokens = MarkdownIt("commonmark").parse(markdown)
    for one in (*tokens, *(child for token in tokens for child in token.children or ())):
        kept += [one.content] if one.type in ("text", "html_block", "html_inline") else []
        kept += [f"{one.type} {value}" for value in one.attrs.values()]
    return "\n".join(kept)
