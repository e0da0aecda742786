"""Our check run and its suite: asked for again, or one of its buttons pressed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from ghapp.core.model import (
    Channel,
    Delivery,
    Key,
    Message,
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
    # The pull that the run was written for: of a fork's, GitHub names none.
    found = _EXTERNAL_ID.match(run.external_id or "")
    named: tuple[Key, ...] = (PullKey(place, int(found.group(1))),) if found else ()
    keys = _pulls(place, run.pull_requests) or named
    if not keys:
        return delivery
    suite_at = run.check_suite.updated_at if run.check_suite else None
    if delivery.action == "rerequested":
        messages = _rerun(delivery, payload.sender, (suite_at, run.completed_at, run.started_at))
        return replace(delivery, keys=keys, messages=messages, touched=True)
    # Of several pulls with this head, the button speaks of the pull whose run it belongs to.
    keys, button = named or keys, payload.requested_action
    name = button.identifier if button else ""
    if name not in BUTTONS or payload.sender.is_bot or not run.head_sha:
        return replace(delivery, keys=keys, touched=True)
    # GitHub gives no time of the pressing, only when the run came to be: the newest such time
    # stands for it. Nor has it an id but the delivery's, which nothing signs: a press that somebody
    # has recorded would count again under another one. So it is known by what is signed, which
    # shows the run as it was, and so differs once something has come of the press.
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
    again = delivery.action == "rerequested" and bool(keys)
    messages = _rerun(delivery, payload.sender, (suite.updated_at,)) if again else ()
    return replace(delivery, keys=keys, messages=messages, touched=again)


def _queue(
    place: Repository, suite: payloads.Suite | None, head_sha: str | None
) -> QueueKey | None:
    """The merge queue whose head this is, whatever pulls GitHub may name beside it."""
    return merge_queue.head(place, suite.head_branch if suite else None, head_sha)


def _queued(delivery: Delivery, key: QueueKey) -> Delivery:
    """A fresh answer for a queue's head; that it needs its first one, another event says."""
    if delivery.action != "rerequested":
        return delivery
    return replace(delivery, keys=(key,), touched=True)


def _rerun(
    delivery: Delivery, sender: payloads.User, times: Iterable[datetime | None]
) -> tuple[Message, ...]:
    """Somebody asked for a fresh run. times: best first; GitHub gives none of the asking itself."""
    at = next((utc(time) for time in times if time), NEVER)
    id = f"rerun:{delivery.id}"
    return (Message(id, Channel.RERUN, sender.login, at, "", speaker_id=sender.id),)


def _pulls(place: Repository, refs: Iterable[payloads.PullRef]) -> tuple[Key, ...]:
    """The pulls of this repository: others may have the same head. If too many, the repository."""
    numbers = {ref.number for ref in refs if ref.base.repo.id == place.id}
    if len(numbers) > MOST_KEYS:
        return (RepositoryKey(place),)
    return tuple(PullKey(place, number) for number in sorted(numbers))
