"""A new App, made from a manifest: what it asks for, and its credentials in exchange for a code.

Sources: https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest,
https://docs.github.com/rest/apps/apps#create-a-github-app-from-a-manifest
"""

from __future__ import annotations

import re
import secrets
from typing import Annotated, Any
from urllib.parse import quote

import msgspec

from ghapp.errors import Gone, Retry, WrongSetting
from ghapp.github.caller import Caller
from ghapp.github.errors import decoded, refusal
from ghapp.github.host import fingerprint
from ghapp.github.requirements import PERMISSIONS, offered
from ghapp.settings import Credentials, Endpoint

CODE = re.compile(r"[\w-]{1,200}", re.ASCII)
MOST_NAME = 34  # characters that GitHub accepts in the name of an App


class _Converted(msgspec.Struct):
    """webhook_secret: None if the webhook is not active."""

    id: Annotated[int, msgspec.Meta(gt=0)]
    slug: str
    html_url: str
    client_id: str
    client_secret: str
    pem: str
    webhook_secret: str | None = None


def manifest(
    base: str, account: str, *, is_reachable: bool, is_server: bool = False
) -> dict[str, Any]:
    """The manifest. base: where ghapp answers. account: a login, "" if it is not known.

    is_reachable: GitHub can deliver to `base`. is_server: it is an Enterprise Server. Events that
    every App gets are not named, for GitHub refuses a manifest that names them.
    """
    return {
        "name": f"ghapp-{account}"[:MOST_NAME].rstrip("-") if account else "ghapp",
        "url": base,
        "public": False,
        "redirect_url": f"{base}/setup/created",
        "callback_urls": [f"{base}/login/callback"],
        "setup_url": f"{base}/setup/installed",
        "setup_on_update": False,
        "request_oauth_on_install": False,
        "hook_attributes": {"url": f"{base}/webhook", "active": is_reachable},
        "default_permissions": {name: need.level for name, need in PERMISSIONS.items()},
        "default_events": list(offered(is_server=is_server)),
    }


def address(web_url: str, organisation: str, state: str) -> str:
    """Where a form posts the manifest, so that GitHub asks whether to make the App.

    organisation: its login, "" for the personal account of whoever asks.
    """
    of = f"/organizations/{quote(organisation, safe='')}" if organisation else ""
    return f"{web_url}{of}/settings/apps/new?state={quote(state, safe='')}"


async def converted(endpoint: Endpoint, code: str) -> Credentials:
    """The credentials of the App that was just made. The code works once, within an hour.

    Raises Gone (GitHub does not know the code), Retry (no answer; the code may be spent), Wait, and
    WrongSetting (the CAs cannot be read).
    """
    named = "POST app-manifests/CODE/conversions"  # the code is a secret
    if not CODE.fullmatch(code):
        raise Gone("this is not a code of GitHub's")
    async with Caller(endpoint) as caller:
        path = f"app-manifests/{quote(code, safe='')}/conversions"
        answer = await caller.send("POST", path)
    if answer.status in (404, 422):
        raise Gone("GitHub does not know this code: it works once, and for an hour")
    if answer.status >= 400:
        raise refusal(answer, named)
    found = decoded(answer, _Converted, named)
    try:
        fingerprint(found.pem)
    except WrongSetting:
        raise Retry(f"{named}: the private key cannot be read", after_seconds=0) from None
    return Credentials(
        app_id=found.id,
        slug=found.slug,
        html_url=found.html_url,
        client_id=found.client_id,
        client_secret=found.client_secret,
        webhook_secret=found.webhook_secret or secrets.token_hex(32),
        private_key=found.pem,
    )
