"""Events of our check run and its suite: a re-run was requested, or a button pressed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from ghapp.core.marks import POLICY
from ghapp.core.model import (
    Channel,
    Delivery,
    Key,
    Lookup,
    Message,
    PolicyKey,
    PullKey,
    QueueKey,
    Repository,
    RepositoryKey,
)
from ghapp.core.review.commands import BUTTONS
from ghapp.github import payloads
from ghapp.github.events import merge_queue
from ghapp.github.payloads import MOST_KEYS, NEVER, Identity, decoded, utc

_EXTERNAL_ID = re.compile(r"\Av1:([1-9][0-9]{0,8}):")


def check_run(delivery: Delivery, us: Identity) -> Delivery:
    payload = decoded(delivery.body, payloads.CheckRun)
    run, place = payload.check_run, payload.where
    if delivery.action not in ("rerequested", "requested_action") or not us.made(run.app):
        return delivery
    queue = _queue(place, run.check_suite, run.head_sha)
    if queue:
        return _queued(delivery, queue)
    # The pull that the check run was written for: for a fork's pull, GitHub names none.
    found = _EXTERNAL_ID.match(run.external_id or "")
    if run.name == POLICY:
        asked = (PolicyKey(place, int(found.group(1))),) if found else ()
        return replace(delivery, keys=asked, touched=True)
    named: tuple[Key, ...] = (PullKey(place, int(found.group(1))),) if found else ()
    keys = _pulls(place, run.pull_requests) or named
    suite_at = run.check_suite.updated_at if run.check_suite else None
    if delivery.action == "rerequested":
        times = suite_at, run.completed_at, run.started_at
        return _rerun(delivery, payload, keys, run.head_sha, times)
    if not keys:
        return delivery
    # If several pulls have this head, the button is about the pull that the check run is for.
    keys, button = named or keys, payload.requested_action
    name = button.identifier if button else ""
    if name not in BUTTONS or payload.sender.is_bot or not run.head_sha:
        return replace(delivery, keys=keys, touched=True)
    # GitHub gives no time of the press, so the newest time of the check run stands for it. And it
    # gives no id but the delivery's, which is not signed: a recorded press would count again under
    # another one. So the id is a digest of the signed body. That contains the check run as it was,
    # so it differs once the press has changed something.
    known = (utc(time) for time in (suite_at, run.completed_at, run.started_at) if time)
    at, id = max(known, default=NEVER), f"button:{sha256(delivery.body).hexdigest()}"
    who, head_sha = payload.sender, run.head_sha
    message = Message(id, Channel.BUTTON, who.login, at, name, head_sha=head_sha, speaker_id=who.id)
    return replace(delivery, keys=keys, messages=(message,), touched=name == "refresh")


def check_suite(delivery: Delivery, us: Identity) -> Delivery:
    payload = decoded(delivery.body, payloads.CheckSuite)
    suite, place = payload.check_suite, payload.where
    if delivery.action not in ("requested", "rerequested") or not us.made(suite.app):
        return delivery
    queue = _queue(place, suite, suite.head_sha)
    if queue:
        return _queued(delivery, queue)
    keys = _pulls(place, suite.pull_requests)
    if delivery.action == "rerequested":
        return _rerun(delivery, payload, keys, suite.head_sha, (suite.updated_at,))
    return replace(delivery, keys=keys)


def _queue(
    place: Repository, suite: payloads.Suite | None, head_sha: str | None
) -> QueueKey | None:
    """The queue's head that this is, if any, even if GitHub names pulls as well."""
    return merge_queue.head(place, suite.head_branch if suite else None, head_sha)


def _queued(delivery: Delivery, key: QueueKey) -> Delivery:
    """A re-run for a queue's head; its first check run is requested by `merge_group`."""
    if delivery.action != "rerequested":
        return delivery
    return replace(delivery, keys=(key,), touched=True)


def _rerun(
    delivery: Delivery,
    payload: payloads.Where,
    keys: tuple[Key, ...],
    head_sha: str | None,
    times: Iterable[datetime | None],
) -> Delivery:
    """A re-run. times: best first; GitHub does not give the time of the request.

    keys: if GitHub names none, as for a fork's pull, our record may know who has the head.
    """
    if not keys and not head_sha:
        return delivery
    at, sender = next((utc(time) for time in times if time), NEVER), payload.sender
    message = Message(
        f"rerun:{delivery.id}", Channel.RERUN, sender.login, at, "", speaker_id=sender.id
    )
    lookup = Lookup(payload.where, head_sha) if head_sha and not keys else None
    return replace(delivery, keys=keys, lookup=lookup, messages=(message,), touched=True)


def _pulls(place: Repository, refs: Iterable[payloads.PullRef]) -> tuple[Key, ...]:
    """The pulls of this repository, without other repositories'. If too many, the repository."""
    numbers = {ref.number for ref in refs if ref.base.repo.id == place.id}
    if len(numbers) > MOST_KEYS:
        return (RepositoryKey(place),)
    return tuple(PullKey(place, number) for number in sorted(numbers))
