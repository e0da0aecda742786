"""Events of merge queues: a head needs its check, or the queue is done with it.

Source: https://docs.github.com/webhooks/webhook-events-and-payloads#merge_group
"""

from __future__ import annotations

import re
from dataclasses import replace

from ghapp.core.model import Delivery, QueueKey, Repository
from ghapp.github import payloads
from ghapp.github.payloads import Identity, decoded

# The branches that GitHub creates for queues; the base branch may contain slashes.
_BRANCH = re.compile(r"\Agh-readonly-queue/(.{1,255})/pr-\d+-[0-9a-f]{40,64}\Z")


def merge_group(delivery: Delivery, us: Identity) -> Delivery:
    """A new head, or the end of one: `destroyed` is also sent when a head is merged."""
    if delivery.action not in ("checks_requested", "destroyed"):
        return delivery
    payload = decoded(delivery.body, payloads.MergeGroup)
    base_ref = payload.merge_group.base_ref.removeprefix("refs/heads/")
    key = QueueKey(payload.where, base_ref, payload.merge_group.head_sha)
    if delivery.action == "destroyed":
        return replace(delivery, ended=(key,))
    return replace(delivery, keys=(key,))


def head(place: Repository, branch: str | None, head_sha: str | None) -> QueueKey | None:
    """The key of a queue's head; None if the branch is not a queue's."""
    found = _BRANCH.match(branch or "")
    return QueueKey(place, found.group(1), head_sha) if found and head_sha else None
