"""Deliveries as GitHub sends them, signed and read."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from ghapp.core.model import Channel, Delivery, Message, PullKey, Repository
from ghapp.core.text.render import MARKER
from ghapp.github.webhook import parse

SECRET, APP_ID, BOT = "rotated-in", 7, "ghapp[bot]"
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
SHOP = Repository(1, 11, "acme/shop")
HEAD = "a" * 40
AT = datetime(2026, 4, 1, 9, 30, tzinfo=UTC)
ANN: dict[str, Any] = {"login": "ann", "id": 5, "type": "User"}
OUR_BOT: dict[str, Any] = {"login": BOT, "id": 6, "type": "Bot"}


def signed(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def read(event: str, body: bytes, **more: Any) -> Delivery:
    headers = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": GUID,
        "X-Hub-Signature-256": signed(body),
    }
    known: dict[str, Any] = {"secrets": ("rotated-out", SECRET), "app_id": APP_ID, "bot_login": BOT}
    return parse(headers, body, **(known | more))


def told(event: str, action: str | None = None, /, **parts: Any) -> Delivery:
    payload: dict[str, Any] = {
        "repository": {"id": 11, "full_name": "acme/shop", "default_branch": "main"},
        "installation": {"id": 1},
        "sender": ANN,
        **parts,
    }
    if action:
        payload["action"] = action
    return read(event, json.dumps(payload).encode())


def pull(action: str, **parts: Any) -> Delivery:
    about = {
        "head": {"sha": HEAD, "ref": "feat"},
        "updated_at": "2026-04-01T09:30:00Z",
        "changed_files": 3,
    }
    return told("pull_request", action, **{"number": 4, "pull_request": about, **parts})


def comment(action: str, body: str = "/nfr done", **parts: Any) -> Delivery:
    said = {
        "id": 99,
        "body": body,
        "user": parts.pop("user", ANN),
        "created_at": "2026-04-01T09:30:00Z",
        "updated_at": "2026-04-01T09:30:00Z",
        "performed_via_github_app": parts.pop("via", None),
    }
    issue = {"number": 4, "pull_request": {"url": "https://api.github.com/..."}}
    return told("issue_comment", action, **{"issue": issue, "comment": said, **parts})


KEY = PullKey(SHOP, 4)
LIST = f"{MARKER}\n- [ ] `dbm-lock` Locks?\n- [x] `dbm-back` Way back?\n"
ROBOT = {"login": "renovate[bot]", "type": "Bot"}
EVE = {"login": "eve", "type": "User"}
LATER = AT + timedelta(minutes=5)


def review(action: str = "submitted", body: str | None = None, **parts: Any) -> Delivery:
    about = {
        "id": 77,
        "node_id": "PRR_77",
        "body": body,
        "user": parts.pop("user", ANN),
        "state": parts.pop("state", "commented"),
        "commit_id": parts.pop("commit_id", HEAD),
        "submitted_at": AT.isoformat(),
    }
    pull = {"number": 4, "updated_at": LATER.isoformat()}
    return told("pull_request_review", action, **{"review": about, "pull_request": pull, **parts})


def said(id: str, channel: Channel, text: str) -> Message:
    values: dict[str, Any] = {"comment_id": 77, "node_id": "PRR_77", "head_sha": HEAD}
    return Message(id, channel, "ann", AT, text, speaker_id=5, **values)


def remark(action: str = "created", body: str = "/nfr done", **parts: Any) -> Delivery:
    about = {
        "id": 88,
        "body": body,
        "user": parts.pop("user", ANN),
        "created_at": AT.isoformat(),
        "updated_at": AT.isoformat(),
        "performed_via_github_app": parts.pop("via", None),
    }
    more = {"comment": about, "pull_request": {"number": 4}, **parts}
    return told("pull_request_review_comment", action, **more)


def ref(number: int, repository_id: int = 11) -> dict[str, Any]:
    return {"number": number, "base": {"ref": "main", "repo": {"id": repository_id}}}


def run(action: str, **parts: Any) -> Delivery:
    about = {
        "app": {"id": APP_ID},
        "external_id": "v1:8:abc",
        "pull_requests": [],
        "started_at": "2026-04-01T09:30:00Z",
        "completed_at": None,
        **parts,
    }
    return told("check_run", action, check_run=about)


def branch_push(pushed_at: object = 1, **parts: Any) -> Delivery:
    about = {"id": 11, "full_name": "acme/shop", "default_branch": "main", "pushed_at": pushed_at}
    head = {"timestamp": "2000-01-01T00:00:00Z"}  # the author's clock, which may say anything
    told_ = {"ref": "refs/heads/feat", "after": HEAD, "head_commit": head, "repository": about}
    return told("push", **told_ | parts)
