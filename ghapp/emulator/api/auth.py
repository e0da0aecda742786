"""Who calls: the App by its JWT, an installation or a person by a token; and what it may do."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from ghapp.emulator.accounts import Token
from ghapp.emulator.api.answers import Refusal, inaccessible
from ghapp.emulator.github import Emulator

LIFE_SECONDS = 600  # the longest a JWT may live
LEVELS = {"read": 1, "write": 2, "admin": 3}
UNCHECKED = {f"verify_{name}": False for name in ("exp", "iat", "aud", "nbf", "iss")}


def check_app(github: Emulator, authorization: str) -> None:
    """Raises Refusal (401: no JWT, wrong key, expired or too long a life; 404: no such App).

    Sources: https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app,
    https://github.com/octokit/rest.js/issues/218
    """
    claims = _claims(github, bearer(authorization))
    now = github.now()
    expires_at, issued_at = claims.get("exp"), claims.get("iat")
    if not isinstance(expires_at, int | float):
        raise Refusal(401, "Missing 'expiration time' claim ('exp') in assertion")
    if expires_at <= now.timestamp():
        raise Refusal(401, "'Expiration time' claim ('exp') must be a numeric value representing"
                           " the future time at which the assertion expires")  # fmt: skip
    if expires_at > (now + timedelta(seconds=LIFE_SECONDS)).timestamp():
        raise Refusal(401, "'Expiration time' claim ('exp') is too far in the future")
    if isinstance(issued_at, int | float) and issued_at > now.timestamp() + 60:
        raise Refusal(401, "'Issued at' claim ('iat') must be an Integer representing the time"
                           " that the assertion was issued")  # fmt: skip
    if str(claims.get("iss", "")) not in (str(github.app.id), github.addresses.app["client_id"]):
        raise Refusal(404, "Integration not found")


def _claims(github: Emulator, encoded: str) -> dict[str, Any]:
    for private_key in filter(None, (github.private_key, github.former_key)):
        key = _public_key(private_key)
        with contextlib.suppress(jwt.PyJWTError):
            return jwt.decode(encoded, key, algorithms=["RS256"], options=UNCHECKED)  # type: ignore[arg-type]
    raise Refusal(401, "A JSON web token could not be decoded")


@lru_cache(maxsize=8)
def _public_key(private_key: str) -> RSAPublicKey:
    key = serialization.load_pem_private_key(private_key.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return key.public_key()


def known_token(github: Emulator, authorization: str) -> Token:
    """Raises Refusal (401)."""
    name = bearer(authorization)
    if not name:
        raise Refusal(401, "Requires authentication")
    found = github.tokens.get(name)
    if found is None or found.expires_at <= github.now():
        if name.count(".") == 2:  # a JWT, although an installation's token is asked for
            check_app(github, authorization)
            raise inaccessible()
        raise Refusal(401, "Bad credentials")
    return found


def bearer(authorization: str) -> str:
    """The token of a header, "" if there is none."""
    scheme, _, rest = authorization.partition(" ")
    return rest.strip() if scheme.lower() in ("bearer", "token") else ""


def allows(permissions: dict[str, str], needs: tuple[str, ...]) -> bool:
    """Whether any of the needs, as "checks:write", is granted. No need at all always is."""
    pairs = [need.split(":") for need in needs]
    return not needs or any(
        LEVELS.get(permissions.get(name, ""), 0) >= LEVELS[level] for name, level in pairs
    )
