"""Deliveries as GitHub sends them, signed by hand."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from typing import Any

SECRET = "a secret for tests"
APP_ID = 7


def payload(**more: Any) -> dict[str, Any]:
    """What `pull_request: opened` says, as far as anybody here reads it."""
    return {
        "action": "opened",
        "number": 3,
        "pull_request": {
            "number": 3,
            "updated_at": "2026-04-01T09:00:00Z",
            "changed_files": 2,
            "head": {"sha": "a" * 40, "ref": "feat", "repo": {"id": 11}},
            "base": {"sha": "b" * 40, "ref": "main", "repo": {"id": 11}},
            "user": {"login": "ann", "type": "User"},
        },
        "repository": {"id": 11, "full_name": "acme/shop", "default_branch": "main"},
        "sender": {"login": "ann", "type": "User"},
        "installation": {"id": 1},
        **more,
    }


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def headers(body: bytes, *, event: str = "pull_request", secret: str = SECRET) -> dict[str, str]:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": f"sha256={signature}",
        "Content-Type": "application/json",
    }
