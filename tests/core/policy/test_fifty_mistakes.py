"""Fifty kinds of mistakes in one policy are all reported, each on its line, with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from ghapp.builtin_packs import rules
from ghapp.core.policy.policy import problems_of

TEXT = Path(__file__).with_name("fifty_mistakes.yml").read_text(encoding="utf-8")
EXPECTED = {
    number: words
    for number, line in enumerate(TEXT.splitlines(), 1)
    for _, mark, words in [line.partition("  #! ")]
    if mark
}
FOUND = {problem.line: problem for problem in problems_of(TEXT, rules("advise"))}


def test_all_of_them_are_reported_at_once_and_nothing_else() -> None:
    assert len(EXPECTED) >= 50
    assert sorted(FOUND) == sorted(EXPECTED)


@pytest.mark.parametrize("line", EXPECTED)
def test_a_mistake_is_reported_where_it_is_with_what_to_write_instead(line: int) -> None:
    problem, written = FOUND[line], TEXT.splitlines()[line - 1]
    assert EXPECTED[line] in problem.text
    before, at = written[: problem.column - 1], written[problem.column - 1 :]
    assert not at.startswith((" ", "#")), (before, at)
