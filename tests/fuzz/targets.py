"""What has to hold of any bytes, one function for each of ghapp's channels to strangers.

Each takes the input of a fuzzer, gives nothing, and fails where something does not hold. The same
functions are driven by hypothesis, by atheris, and by the cases that were found and kept.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from markdown_it import MarkdownIt

from ghapp.builtin_packs import builtin, references, rules
from ghapp.core.areas import Area
from ghapp.core.ledger import Refusal
from ghapp.core.markdown import code, literal, plain
from ghapp.core.model import (
    Channel,
    Delivery,
    File,
    Problem,
    Pull,
    PullKey,
    Repository,
    RepositoryKey,
)
from ghapp.core.policy import pack_files, packs
from ghapp.core.policy.policy import POLICY_PATH, Policy, effective
from ghapp.core.policy.yaml import MAX_PROBLEMS
from ghapp.core.records import PackFile, PolicySource
from ghapp.core.review.case import Command
from ghapp.core.review.commands import MOST_COMMANDS, parse
from ghapp.core.review.comment_text import MOST_CHARACTERS, boxes, speaks, ticks
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.patch import changed_file, searched_lines
from ghapp.core.scan.scan import scan
from ghapp.errors import Refused
from ghapp.github import webhook as deliveries
from ghapp.github.events.speech import refreshes
from ghapp.github.payloads import MOST_KEYS

SECRET, APP_ID, BOT = "a secret for fuzzing", 7, "ghapp[bot]"
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
EVENTS = (*sorted(deliveries.READERS), "merge_group", "ping")
# Some hundred times what the slowest takes, for machines are busy; the square of an input's
# length, or worse, goes beyond it.
MOST_SECONDS = 5.0
TOO_LONG = Refusal("too_long", str(MOST_CHARACTERS))  # said of what was not looked at
RULES = rules("enforce")
PULL = Pull(
    key=PullKey(Repository(1, 2, "acme/shop"), 3),
    title="feat: points",
    author="ann",
    head_sha="a" * 40,
    head_ref="feat/points",
    base_ref="main",
    updated_at=datetime(2026, 4, 1, tzinfo=UTC),
)


@contextmanager
def soon() -> Iterator[None]:
    """What is done inside takes no longer than it may, of this thread's own time."""
    began = time.thread_time()
    yield
    took = time.thread_time() - began
    assert took < MOST_SECONDS, f"took {took:.1f} s"


# --- deliveries --------------------------------------------------------------------------


def delivery(data: bytes) -> None:
    """The first byte chooses the event, the rest is the signed body."""
    event, body = EVENTS[data[0] % len(EVENTS)] if data else "ping", data[1:]
    with soon():
        once, again = _delivered(event, body, SECRET), _delivered(event, body, SECRET)
    assert once == again
    assert _delivered(event, body, "another secret") == 401
    if isinstance(once, Delivery):
        _storable(once)
    else:
        assert once == 400


def _delivered(event: str, body: bytes, secret: str) -> Delivery | int:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "x-github-event": event,
        "x-github-delivery": GUID,
        "x-hub-signature-256": f"sha256={signature}",
    }
    try:
        return deliveries.parse(headers, body, secrets=(SECRET,), app_id=APP_ID, bot_login=BOT)
    except Refused as refused:
        return refused.status if len(str(refused).splitlines()) == 1 else 0


def _storable(one: Delivery) -> None:
    """Within what every database takes; a bot says no more than to look again, or takes back."""
    assert len(one.keys) <= MOST_KEYS
    for key in one.keys:
        if isinstance(key, PullKey):
            assert 0 < key.number < 2**31
        if isinstance(key, PullKey | RepositoryKey):
            owner, _, name = key.repository.full_name.partition("/")
            assert owner and name not in ("", ".", "..") and "/" not in name
    for said in one.messages:
        assert said.said_at.tzinfo is UTC
        harmless = said.channel is Channel.RERUN or said.text == "dismissed"
        assert harmless or said.speaker.casefold() != BOT
        assert "\0" not in f"{said.id}{said.text}{said.speaker}{said.node_id}"
        assert not any(char.isspace() for char in said.speaker)
    assert one.fresh_at is None or one.fresh_at.tzinfo is UTC
    assert "\0" not in one.action


# --- what people write -------------------------------------------------------------------


def comment(data: bytes) -> None:
    """A comment: its commands, its boxes, and its words where we show them."""
    body = data.decode("utf-8", "replace")
    with soon():
        found = parse(body)
        refreshes(body)
        ticks(body, body.swapcase())
        for shown in (code(body), literal(body)):
            _shows_words_only(shown)
    assert not {"<", ">", "@", "\n"} & {*plain(body)}
    assert found == parse(body)
    assert len(found) <= MOST_COMMANDS + 2
    assert not found or speaks(body)
    assert all(isinstance(one, Command | Refusal) for one in found)
    assert all("\n" not in f"{one}" for one in boxes(body))
    for hidden in _hidden(body):
        assert set(parse(hidden)) <= {TOO_LONG}, hidden


def _hidden(body: str) -> Iterator[str]:
    """The comment where GitHub shows it as no words of its author's."""
    told = body.splitlines()
    yield "\n".join(f"> {line}" for line in told)
    yield "\n".join(f"    {line}" for line in told)
    yield "\n".join(("~~~", *(line.replace("~", "-") for line in told), "~~~"))
    yield "\n".join(("<!--", *(line.replace(">", ")") for line in told), "-->"))


def _shows_words_only(shown: str) -> None:
    """No markup comes of it: no link, image, HTML or list, and no mention outside of code."""
    rendered = MarkdownIt("commonmark", {"html": True}).enable("strikethrough").parse(f"x {shown}")
    assert [one.type for one in rendered] in ([], ["paragraph_open", "inline", "paragraph_close"])
    inner = [child for token in rendered for child in token.children or []]
    assert {one.type for one in inner}.isdisjoint({"html_inline", "softbreak", "hardbreak"})
    assert not shown.count("\n")
    if not any(one.type == "code_inline" for one in inner):
        assert "@" not in shown and "<" not in shown


# --- policies and packs ------------------------------------------------------------------


def policy(data: bytes) -> None:
    """A policy, and behind a NUL a pack that it may name."""
    text, _, pack = data.partition(b"\0")
    written = text.decode("utf-8", "replace")
    beside = pack.decode("utf-8", "replace").replace("\0", "\x01")
    files = (PackFile(".github/nfr/a.yml", "1", len(beside), text=beside),) if pack else ()
    with soon():
        named = pack_files.named(written)
        chosen = pack_files.chosen(named, dict.fromkeys(pack_files.folders(named), files))
        kept = tuple(replace(one, text=beside) for one in chosen)
        found = effective(PolicySource(text=written, packs=kept), RULES)
    _told(found.problems)
    assert not any(map(pack_files.fault, named))
    assert (found.standing == "good") == (not found.problems)
    assert all(name not in (".", "..") for name in _names(found))
    labels = [name.casefold() for name in found.labels.values()]
    assert len(set(labels)) == len(labels)


def _names(found: Policy) -> Iterator[str]:
    """What becomes a part of an address."""
    yield from found.labels.values()
    for who in (found.reviewers, found.waivers, *(area.reviewers for area in found.areas)):
        yield from (*who.users, *who.teams)


def pack(data: bytes) -> None:
    """A pack alone."""
    with soon():
        found = packs.parse(data, "a.yml", references())
    if isinstance(found, Area):
        seen = replace(PULL, files=(File("a/b.py", "added", 1, patch="@@ -0,0 +1 @@\n+x = 1"),))
        with soon():
            scan(seen, Policy(areas=(found,)))
    else:
        assert found
        _told(found)


def _told(problems: tuple[Problem, ...]) -> None:
    """Each has a place and one line of words, and they are not without end."""
    assert len(problems) <= 10 * MAX_PROBLEMS
    for one in problems:
        assert one.line >= 0 and one.column >= 0
        assert one.text and len(one.text.splitlines()) == 1, one
        assert one.path in (POLICY_PATH, "a.yml", ".github/nfr/a.yml")


# --- diffs -------------------------------------------------------------------------------


def diff(data: bytes) -> None:
    """The first line is the path of a file, the rest its patch."""
    name, _, rest = data.partition(b"\n")
    path, patch = name.decode("utf-8", "replace") or "a", rest.decode("utf-8", "replace")
    file = File(path, "modified", patch.count("\n+"), patch.count("\n-"), patch, "b" * 40)
    with soon():
        parted, seen = changed_file(file), searched_lines(patch)
    added = [line.text for line in seen if line.sign == "+"]
    assert parted.added.count(b"\n") == max(len(added) - 1, 0)
    assert all(line.number >= 0 and line.hunk >= 0 for line in seen)
    rules = Policy(areas=builtin(), mode="enforce")
    pull = replace(PULL, files=(file,), changed_files=1)
    with soon():
        looked = scan(pull, rules)
        found = findings(looked.suspicion, {one.path: None for one in looked.wanted})
        asked = checklist(looked, rules, found)
    assert all(one.path == path and one.line >= 0 for one in found)
    assert asked == checklist(scan(pull, rules), rules, found)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "delivery": delivery,
    "comment": comment,
    "policy": policy,
    "pack": pack,
    "diff": diff,
}
