from __future__ import annotations

import pytest

from ghapp.core.review.comment_text import MOST_CHARACTERS, lines, speaks


def heard(body: str) -> list[str]:
    """The lines that begin like a command, of all that may be one."""
    return [line for line in lines(body)[0] if speaks(line)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("/nfr done", ["/nfr done"]),
        ("hello\n\n/nfr done\n/nfr undo", ["/nfr done", "/nfr undo"]),
        ("> /nfr done", []),
        ("```\n/nfr done\n```", []),
        ("/nfr na x -- <b>bold</b> *words* `code`", ["/nfr na x -- bold words code"]),
        # where a link and an image lead is part of what they say: it may be the evidence
        (
            "/nfr check x -- [board](https://g.example/d/1)",
            ["/nfr check x -- board https://g.example/d/1"],
        ),
        ("/nfr check x -- <https://g.example/d>", ["/nfr check x -- https://g.example/d"]),
        ("/nfr check x -- https://g.example/d", ["/nfr check x -- https://g.example/d"]),
        (
            "/nfr check x -- [https://g.example](https://g.example)",
            ["/nfr check x -- https://g.example"],
        ),
        (
            "/nfr check x -- [https://g.example](https://e.example)",
            ["/nfr check x -- https://g.example https://e.example"],
        ),
        (
            "/nfr check x -- ![p99](https://g.example/p.png)",
            ["/nfr check x -- p99 https://g.example/p.png"],
        ),
        ("/nfr check x -- [file](docs/a.md)", ["/nfr check x -- file"]),
        ("[/nfr](https://g.example) done", []),
        ("`x` /nfr done\\\n*y* /nfr done", []),
    ],
)
def test_a_line_is_what_github_shows_of_it(body: str, expected: list[str]) -> None:
    assert heard(body) == expected


def test_what_is_not_read_is_told() -> None:
    found, rest = lines("/nfr done\n\n" + "words\n" * MOST_CHARACTERS)
    assert next(found) == "/nfr done"
    assert rest.endswith("words\n")
    assert lines("/nfr done")[1] == ""
