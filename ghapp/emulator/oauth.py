"""Signing in with GitHub: a person lets the App know who they are, and a code becomes a token.

Source: https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/
generating-a-user-access-token-for-a-github-app
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from ghapp.emulator.accounts import Site, Token, User
from ghapp.emulator.registration import Registration

CODE_LIVES, TOKEN_LIVES = timedelta(minutes=10), timedelta(hours=8)
REFRESH_SECONDS = 15_897_600
Query = Mapping[str, str]


class Refused(Exception):
    """GitHub's page says why it sends nobody back."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a code stands for, until a time."""

    user: User
    redirect_uri: str
    challenge: str
    until: datetime


@dataclass(slots=True)
class OAuth:
    """The sign-ins of one App."""

    site: Site
    registration: Registration
    codes: dict[str, Granted] = field(default_factory=dict)

    def check(self, asked: Query, client_id: str) -> str:
        """Where the person is sent back to. Raises Refused."""
        if asked.get("client_id") != client_id:
            raise Refused("404: no App has this client_id")
        given, known = asked.get("redirect_uri", ""), self.registration.callback_urls
        if not any(_is_below(given, one) for one in known):
            raise Refused("The redirect_uri is not associated with this application.")
        return given

    def allow(self, asked: Query, login: str) -> str:
        """The person lets the App know who they are; where they are sent, with a code."""
        code = secrets.token_hex(10)
        self.codes[code] = Granted(
            self.site.user(login),
            asked["redirect_uri"],
            asked.get("code_challenge", "") if asked.get("code_challenge_method") == "S256" else "",
            self.site.now() + CODE_LIVES,
        )
        return _back(asked, code=code)

    def decline(self, asked: Query) -> str:
        """The person does not; where they are sent."""
        why = "The user has denied your application access."
        return _back(asked, error="access_denied", error_description=why)

    def token(self, given: Query, client_id: str) -> dict[str, object]:
        """The answer to an exchange, whose status is always 200."""
        client = given.get("client_id"), given.get("client_secret")
        if client != (client_id, self.registration.client_secret):
            return {"error": "incorrect_client_credentials"}
        granted = self.codes.pop(given.get("code", ""), None)
        if granted is None or self.site.now() >= granted.until:
            return {"error": "bad_verification_code"}
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        if granted.challenge != base64.urlsafe_b64encode(digest).decode().rstrip("="):
            return {"error": "bad_verification_code"}
        if given.get("redirect_uri", granted.redirect_uri) != granted.redirect_uri:
            return {"error": "redirect_uri_mismatch"}
        name = "ghu_" + secrets.token_urlsafe(27)
        permissions = dict(self.site.app.permissions)
        self.site.tokens[name] = Token(
            None, permissions, self.site.now() + TOKEN_LIVES, user=granted.user
        )
        return {
            "access_token": name,
            "expires_in": int(TOKEN_LIVES.total_seconds()),
            "refresh_token": "ghr_" + secrets.token_urlsafe(54),
            "refresh_token_expires_in": REFRESH_SECONDS,
            "scope": "",
            "token_type": "bearer",
        }


def _is_below(given: str, known: str) -> bool:
    """Whether an address is a callback URL, or a path below it."""
    one, other = urlsplit(given), urlsplit(known)
    same = (one.scheme, one.netloc) == (other.scheme, other.netloc)
    return same and f"{one.path}/".startswith(f"{other.path.rstrip('/')}/")


def _back(asked: Query, **more: str) -> str:
    state = {"state": asked["state"]} if "state" in asked else {}
    return f"{asked['redirect_uri']}?{urlencode({**more, **state})}"
