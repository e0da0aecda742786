"""An input -> one that is like it: its structure kept, something in it made worse."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.fuzz.seeds import seeds

JUNK: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**31, 2**63, 1e308, "", "\0", "..", "a/b", "acme/..", "x" * 300, [], {},
    [[]], "ghapp[bot]", "@everyone", "\u202e\u200b", "\ud800", "9999-12-31T23:59:59+14:00",
    "0001-01-01T00:00:00Z", "/nfr done", "<!-- ghapp:nfr -->", "\n" * 50, "v1:0:", "0" * 40,
)  # fmt: skip
# What means something to those who read: Markdown and HTML, YAML, regular expressions, diffs.
WORDS = (
    "/nfr ", "/NFR done", "> ", "```", "~~~", "`", "<!--", "-->", "<b>", "</details>", "<script>",
    "- [ ] `a`", "- [x] `a`", "|", "|---|", "[a](b)", "![a](b)", "<http://a>", "\\", "&#64;",
    "@ann", "  ", "    ", "\t", "\n\n", "\r", "\r\n", "\0", "\u2028", "\u0085", "\x0c", "\u200b",
    "\u202e", "\ufeff", "\x1b[31m", "---", "&a ", "*a ", "!!python/object ", "<<: ", "{", "}", "[",
    "]", ": ", ", ", "# ", "'", '"', "|-", ">-", "? ", "- ", "true", "~", "0x1F", "1e9", "12:30",
    "(?i)", "(?P<a>", "(a+)+$", ".{1000}", "\\C", "\\z", "(?-m)", "[^\\n]", "**/", "../", "*.yml",
    "@@ -1 +1 @@", "@@ -9,0 +9999999999 @@", "\n+", "\n-", "\n ", "+++ b/x", "\\ No newline",
)  # fmt: skip


def mutated(target: str, data: bytes, random: Random) -> bytes:
    """The input after one to four changes."""
    change = _json if target == "delivery" else _text
    for _ in range(random.randint(1, 4)):
        data = change(target, data, random)
    return data


def _json(target: str, data: bytes, random: Random) -> bytes:
    """One value somewhere in the payload replaced, gone, doubled, or taken from another payload."""
    try:
        payload = json.loads(data[1:])
    except (ValueError, RecursionError):
        return _bytes(data, random)
    event = data[:1] if random.random() < 0.9 else bytes([random.randrange(256)])
    if isinstance(payload, dict) and payload:
        _spoil(target, payload, random)
    return event + json.dumps(payload).encode()


def _spoil(target: str, payload: dict[str, Any], random: Random) -> None:
    """Most of a payload is not read, so that most changes are made in what is."""
    inside: Any = payload
    while isinstance(inside, dict) and inside:
        name = random.choice(sorted(inside))
        if not isinstance(inside[name], dict) or random.random() < 0.2:
            break
        inside = inside[name]
    if not isinstance(inside, dict) or not inside:
        return
    acts: tuple[Callable[[], Any], ...] = (
        lambda: random.choice(JUNK),
        lambda: random.choice(JUNK),
        lambda: [inside[name], inside[name]],
        lambda: random.choice([*inside.values()]),
        lambda: _worded(str(inside[name]), random),
        lambda: json.loads(random.choice(seeds(target))[1:]).get(name),
    )
    worse = random.choice(acts)()
    if worse is None and random.random() < 0.5:
        del inside[name]
    else:
        inside[name] = worse


def _text(target: str, data: bytes, random: Random) -> bytes:
    acts: tuple[Callable[[], bytes], ...] = (
        lambda: _bytes(data, random),
        lambda: _worded(data.decode("utf-8", "replace"), random).encode(),
        lambda: _worded(data.decode("utf-8", "replace"), random).encode(),
        lambda: _lines(data, data, random),
        lambda: _lines(data, random.choice(seeds(target)), random),
    )
    return random.choice(acts)()


def _bytes(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    gone = random.choice((0, 0, 1, 4, 100))
    return data[:at] + random.randbytes(random.choice((0, 1, 3))) + data[at + gone :]


def _worded(text: str, random: Random) -> str:
    """A word put in, now and then so often that only the square of it would show."""
    at, word = random.randrange(len(text) + 1), random.choice(WORDS)
    return text[:at] + word * random.choice((1, 1, 1, 2, 30, 3_000)) + text[at:]


def _lines(data: bytes, other: bytes, random: Random) -> bytes:
    """Some lines of the one put between those of the other."""
    mine, theirs = data.split(b"\n"), other.split(b"\n")
    begin = random.randrange(len(theirs))
    some = theirs[begin : begin + random.choice((1, 2, 8))]
    at = random.randrange(len(mine) + 1)
    gone = random.choice((0, 0, 1, 3))
    return b"\n".join((*mine[:at], *some, *mine[at + gone :]))
