"""Making an App from a manifest: what GitHub refuses, and the code that is exchanged for secrets.

Source: https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

# permission -> events that GitHub offers with it
# Source: https://docs.github.com/webhooks/webhook-events-and-payloads
OFFERED = {
    "checks": ("check_run", "check_suite"),
    "contents": ("commit_comment", "create", "delete", "fork", "gollum", "push", "release"),
    "issues": ("issue_comment", "issues", "milestone", "sub_issues"),
    "members": ("member", "membership", "organization", "team", "team_add"),
    "merge_queues": ("merge_group",),
    "metadata": ("label", "meta", "public", "repository", "star", "watch"),
    "pull_requests": (
        "pull_request", "pull_request_review", "pull_request_review_comment",
        "pull_request_review_thread",
    ),
}  # fmt: skip
CODE_LIVES = timedelta(hours=1)


class BadManifest(Exception):
    """GitHub refuses the manifest: why."""


class HookAttributes(BaseModel):
    url: str
    active: bool = True


class Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=34)
    url: str
    hook_attributes: HookAttributes
    redirect_url: str
    setup_url: str = ""
    callback_urls: list[str] = []
    description: str = ""
    public: bool = False
    default_events: list[str] = []
    default_permissions: dict[str, Literal["read", "write"]] = {}
    request_oauth_on_install: bool = False
    setup_on_update: bool = False

    @property
    def slug(self) -> str:
        return "-".join(self.name.lower().split())


def parsed(text: str) -> Manifest:
    """The manifest. Raises BadManifest, as GitHub refuses it as a whole."""
    try:
        found = Manifest.model_validate_json(text)
    except ValidationError as error:
        row = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, row["loc"]))
        raise BadManifest(f"Error: {where} {row['msg']}") from None
    for name in found.default_permissions:
        if name not in OFFERED:
            raise BadManifest(f"Default permission records resource {name} is not valid")
    for event in found.default_events:
        if not any(event in OFFERED[name] for name in found.default_permissions):
            raise BadManifest(
                f"Default events unsupported: {event}; Default events are not supported by "
                "permissions"
            )
    return found


@dataclass(slots=True)
class Registration:
    """The manifest that made the App, None if none did; and codes that are good until a time.

    callback_urls: where people may be sent back to once they have signed in.
    """

    manifest: Manifest | None = None
    client_secret: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    codes: dict[str, datetime] = field(default_factory=dict)
    callback_urls: list[str] = field(default_factory=list)

    def begin(self, manifest: Manifest, now: datetime) -> str:
        self.manifest, self.client_secret = manifest, secrets.token_hex(20)
        self.callback_urls = list(manifest.callback_urls)
        code = secrets.token_hex(20)
        self.codes[code] = now + CODE_LIVES
        return code

    def spend(self, code: str, now: datetime) -> bool:
        """Whether the code was good; it no longer is."""
        until = self.codes.pop(code, None)
        return until is not None and now < until
