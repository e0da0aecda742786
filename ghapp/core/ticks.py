"""Our own comment's Markdown -> the boxes people ticked in it.

An item's line is `- [ ] `, its id in code style, then the question; only such lines count.
"""

from __future__ import annotations

import re

# The id is what we rendered; GitHub changes only the mark between the brackets.
_LINE = re.compile(r"^\s*- \[([ xX])\] `([A-Za-z0-9._-]{1,100})`")


def boxes(comment: str) -> dict[str, bool]:
    """Item id -> whether its box is ticked, in the order of the comment."""
    found = (_LINE.search(line[:2000]) for line in comment.splitlines())
    return {match.group(2): match.group(1) != " " for match in found if match}


def ticks(before: str, after: str) -> tuple[tuple[str, bool], ...]:
    """The items whose box an edit turned, with what it says now; added and gone ones not."""
    was = boxes(before)
    return tuple(
        (item, ticked)
        for item, ticked in boxes(after).items()
        if item in was and was[item] != ticked
    )
