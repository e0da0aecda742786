"""Headers and bytes of a POST -> a verified Delivery: the keys it concerns, and the messages in it.

Nothing else of the payload is used; state is read fresh. Any input ends as a Delivery or Refused.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping

from ghapp.core.model import Delivery
from ghapp.errors import Refused
from ghapp.github import payloads
from ghapp.github.events import changes, checks, merge_queue, speech
from ghapp.github.payloads import Identity, decoded

GUID = re.compile(r"\A[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
EVENT = re.compile(r"\A[a-z_]{1,64}\Z")


def parse(
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Iterable[str],
    app_id: int,
    bot_login: str = "",
) -> Delivery:
    """The delivery; without keys if it is of no interest.

    secrets: any of them may have signed. Raises Refused (401 not authentic, 400 not readable).
    """
    named = {name.lower(): value for name, value in headers.items()}
    signature = named.get("x-hub-signature-256", "").encode("utf-8", "replace")
    # All secrets are tried, each in constant time. An empty one would let anybody sign.
    digests = (hmac.digest(one.encode(), body, hashlib.sha256).hex() for one in secrets if one)
    signed = [hmac.compare_digest(signature, f"sha256={one}".encode()) for one in digests]
    if not any(signed):
        raise Refused(401, "X-Hub-Signature-256 does not fit the body and GHAPP_WEBHOOK_SECRET")
    guid, event = named.get("x-github-delivery", ""), named.get("x-github-event", "")
    if not GUID.match(guid):
        raise Refused(400, "X-GitHub-Delivery is not a GUID")
    if not EVENT.match(event):
        raise Refused(400, "X-GitHub-Event names no event")
    action = decoded(body, payloads.AnyEvent).action.replace("\0", "")
    delivery = Delivery(id=guid.lower(), event=event, action=action, body=body)
    read = READERS.get(event)
    return read(delivery, Identity(app_id, bot_login)) if read else delivery


READERS: Mapping[str, Callable[[Delivery, Identity], Delivery]] = {
    "pull_request": changes.pull_request,
    "pull_request_review": speech.review,
    "pull_request_review_comment": speech.review_comment,
    "issue_comment": speech.issue_comment,
    "issues": changes.issue,
    "sub_issues": changes.sub_issues,
    "check_run": checks.check_run,
    "check_suite": checks.check_suite,
    "merge_group": merge_queue.merge_group,
    "push": changes.push,
    "repository": changes.repository,
    "label": changes.label,
    "milestone": changes.milestone,
    "installation": changes.installation,
    "installation_repositories": changes.installation_repositories,
    "github_app_authorization": changes.authorization,
}
