"""Deliveries as somebody sends them who is not GitHub, or who only speaks to it."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import pytest

from ghapp.errors import Refused
from ghapp.github.webhook import READERS, parse
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import APP_ID, BOT, EVENTS
from tests.web.posting import SECRET, encoded, headers, payload

WHERE: dict[str, Any] = {
    "repository": {"id": 11, "full_name": "acme/shop"},
    "installation": {"id": 1},
    "sender": {"login": "eve", "type": "User"},
}


def said(body: bytes, event: str) -> list[str]:
    """The messages of a signed body, or nothing where it is refused."""
    head = headers(body, event=event)
    try:
        found = parse(head, body, secrets=[SECRET], app_id=APP_ID, bot_login=BOT)
    except Refused:
        return []
    return [f"{one.speaker}: {one.text}" for one in found.messages]


def commented(text: str, **more: Any) -> bytes:
    comment = {
        "id": 9,
        "body": text,
        "user": {"login": "eve", "type": "User"},
        "created_at": "2026-04-01T09:30:00Z",
        "updated_at": "2026-04-01T09:30:00Z",
        **more,
    }
    issue = {"number": 4, "pull_request": {}}
    return encoded({**WHERE, "action": "created", "issue": issue, "comment": comment})


def test_the_signature_is_checked_before_anything_is_parsed() -> None:
    for body in (b"\xff\x00 no JSON", b"[" * 1_000_000, encoded(payload())):
        head = headers(body, secret="not ours") | {"X-GitHub-Delivery": "no guid"}
        with pytest.raises(Refused) as refused:
            parse(head, body, secrets=[SECRET], app_id=APP_ID)
        assert refused.value.status == 401


def test_the_signature_is_of_the_very_bytes() -> None:
    body = encoded(payload())
    same = json.dumps(payload(), indent=1).encode()
    with pytest.raises(Refused) as refused:
        parse(headers(body), same, secrets=[SECRET], app_id=APP_ID)
    assert refused.value.status == 401


def test_a_packed_body_is_not_unpacked() -> None:
    bomb = gzip.compress(b"[" * 50_000_000)
    head = headers(bomb) | {"Content-Encoding": "gzip"}
    began = time.thread_time()
    with pytest.raises(Refused) as refused:
        parse(head, bomb, secrets=[SECRET], app_id=APP_ID)
    assert refused.value.status == 400
    assert time.thread_time() - began < 0.1


def test_another_event_in_the_unsigned_header_makes_nobody_say_more() -> None:
    for seed in seeds("delivery"):
        own = EVENTS[seed[0]]
        for event in READERS:
            assert event == own or said(seed[1:], event) == []


def test_nobody_speaks_but_who_wrote_it_and_sent_it() -> None:
    assert said(commented("/nfr done"), "issue_comment") == ["eve: /nfr done"]
    other = {"login": "sam", "type": "User"}
    assert said(commented("/nfr done", user=other), "issue_comment") == []
    assert said(commented("/nfr done", user=None), "issue_comment") == []
    robot = {"login": "eve", "type": "Bot"}
    assert said(commented("/nfr done", user=robot), "issue_comment") == []


def test_a_login_is_no_step_of_a_path() -> None:
    for login in ("..", "."):
        body = commented("/nfr done").replace(b'"eve"', f'"{login}"'.encode())
        with pytest.raises(Refused) as refused:
            parse(headers(body, event="issue_comment"), body, secrets=[SECRET], app_id=APP_ID)
        assert refused.value.status == 400


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 64_000 + "/nfr done",
        "\n/nfr" * 13_000 + " done",
        "/nfr" + " " * 65_000 + "done",
        "> " * 30_000 + "\n/nfr done",
        "/nfr done -- " + "`" * 65_000,
        "/nfr done\n" + "[" * 65_000,
        "- [ ] `a`\n" * 6_000 + "/nfr check a",
        "/nfr\u2028" * 13_000,
    ],
)
def test_a_hostile_comment_holds_nobody_up(text: str) -> None:
    body = commented(text)
    began = time.thread_time()
    said(body, "issue_comment")
    assert time.thread_time() - began < 0.5
