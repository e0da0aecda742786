"""The issues of follow-ups: closing one closes its follow-up, so its pull is looked at again."""

from __future__ import annotations

from dataclasses import replace

from ghapp.core.model import Delivery, PullKey
from ghapp.core.words.issues import read_marker
from ghapp.github import payloads
from ghapp.github.events.ours import Ours, repository
from ghapp.github.payloads import MOST_NUMBER, decoded

ACTIONS = frozenset({"closed", "reopened", "deleted", "transferred"})


def issue(delivery: Delivery, ours: Ours) -> Delivery:
    if delivery.action not in ACTIONS:
        return delivery
    seen = decoded(delivery.body, payloads.IssueEvent)
    found = read_marker(seen.issue.body or "")
    if ours.did(seen.sender) or not ours.made(seen.issue.performed_via_github_app) or not found:
        return delivery
    number, _ = found
    if not 0 < number <= MOST_NUMBER:  # people can edit the body
        return delivery
    return replace(delivery, keys=(PullKey(repository(seen), number),), touched=True)
