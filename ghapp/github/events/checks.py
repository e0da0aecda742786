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
from ghapp.github.events.speech import MOST_KEYS, NEVER, Ours, repository
from ghapp.github.payloads import decoded, utc

_EXTERNAL_ID = re.compile(r"\Av1:([1-9][0-9]{0,8}):")


def check_run(delivery: Delivery, ours: Ours) -> Delivery:
    seen = decoded(delivery.body, payloads.CheckRun)
    run, place = seen.check_run, repository(seen)
    if delivery.action not in ("rerequested", "requested_action") or not ours.made(run.app):
        return delivery
    queue = _queue(place, run.check_suite, run.head_sha)
    if queue:
        return _queued(delivery, queue)
    named = _named(place, run.external_id or "")
    keys = _pulls(place, run.pull_requests) or named
    if not keys:
        return delivery
    if delivery.action == "requested_action":
        # Of several pulls with this head, the button speaks of the one whose run it stands on.
        keys, said = named or keys, _pressed(delivery, seen)
        look = not said or said[0].text == "refresh"
        return replace(delivery, keys=keys, messages=said, touched=look)
    suite_at = run.check_suite.updated_at if run.check_suite else None
    said = _rerun(delivery, seen.sender, (suite_at, run.completed_at, run.started_at))
    return replace(delivery, keys=keys, messages=said, touched=True)


def check_suite(delivery: Delivery, ours: Ours) -> Delivery:
    seen = decoded(delivery.body, payloads.CheckSuite)
    suite = seen.check_suite
    if delivery.action not in ("requested", "rerequested") or not ours.made(suite.app):
        return delivery
    place = repository(seen)
    queue = _queue(place, suite, suite.head_sha)
    if queue:
        return _queued(delivery, queue)
    keys = _pulls(place, suite.pull_requests)
    again = delivery.action == "rerequested" and bool(keys)
    said = _rerun(delivery, seen.sender, (suite.updated_at,)) if again else ()
    return replace(delivery, keys=keys, messages=said, touched=again)


def _queue(
    place: Repository, suite: payloads.Suite | None, head_sha: str | None
) -> QueueKey | None:
    """The merge queue whose head this is, whatever pulls GitHub may name beside it."""
    return merge_queue.head(place, suite.head_branch if suite else None, head_sha)


def _queued(delivery: Delivery, key: QueueKey) -> Delivery:
    """Of a queue's head a fresh answer; that it needs one at first, another event tells."""
    if delivery.action != "rerequested":
        return delivery
    return replace(delivery, keys=(key,), touched=True)


def _pressed(delivery: Delivery, seen: payloads.CheckRun) -> tuple[Message, ...]:
    """A button of ours that a person pressed.

    GitHub tells no time of the pressing, only when what was pressed came to be: the newest such
    time stands for it. Nor has it an id but the delivery's, which nothing signs: a press that
    somebody has recorded would count again under another one. So it is known by what is signed,
    which tells of the run as it stood, and so differs once something has come of the press.
    """
    run, button = seen.check_run, seen.requested_action.identifier if seen.requested_action else ""
    if button not in BUTTONS or seen.sender.is_bot or not run.head_sha:
        return ()
    suite_at = run.check_suite.updated_at if run.check_suite else None
    known = (utc(time) for time in (suite_at, run.completed_at, run.started_at) if time)
    at, id = max(known, default=NEVER), f"button:{sha256(delivery.body).hexdigest()}"
    return (Message(id, Channel.BUTTON, seen.sender.login, at, button, head_sha=run.head_sha),)


def _rerun(
    delivery: Delivery, sender: payloads.User, times: Iterable[datetime | None]
) -> tuple[Message, ...]:
    """Somebody asked for a fresh run.

    times: best first; GitHub tells none of the asking itself.
    """
    at = next((utc(time) for time in times if time), NEVER)
    return (Message(f"rerun:{delivery.id}", Channel.RERUN, sender.login, at, ""),)


def _pulls(place: Repository, refs: Iterable[payloads.PullRef]) -> tuple[Key, ...]:
    """Those of this repository: others may have the same head. Of too many, the repository."""
    numbers = {ref.number for ref in refs if ref.base.repo.id == place.id}
    if len(numbers) > MOST_KEYS:
        return (RepositoryKey(place),)
    return tuple(PullKey(place, number) for number in sorted(numbers))


def _named(place: Repository, external_id: str) -> tuple[Key, ...]:
    """The pull that our run was written for: of a fork's, GitHub names none."""
    found = _EXTERNAL_ID.match(external_id)
    return (PullKey(place, int(found.group(1))),) if found else ()
