"""Reviews: the verdict that one carries, and the commands in its body."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ghapp.core.commands import speaks
from ghapp.core.model import Delivery, Door, PullKey, Utterance
from ghapp.github import payloads
from ghapp.github.events.ours import NEVER, Ours, person, refreshes, repository, text
from ghapp.github.payloads import decoded, utc

VERDICTS = frozenset({"approved", "changes_requested"})


def review(delivery: Delivery, ours: Ours) -> Delivery:
    """An edit only says look again: what a review said is what it first said."""
    if delivery.action not in ("submitted", "edited", "dismissed"):
        return delivery
    seen = decoded(delivery.body, payloads.ReviewEvent)
    if ours.did(seen.sender):
        return delivery
    keyed = replace(delivery, keys=(PullKey(repository(seen), seen.pull_request.number),))
    if delivery.action == "edited":
        return keyed
    if delivery.action == "dismissed":
        return replace(keyed, utterances=(_dismissed(seen),))
    said = tuple(_submitted(seen))
    asked = any(one.door is Door.REVIEW and refreshes(one.text) for one in said)
    return replace(keyed, utterances=said, touched=asked) if said else delivery


def _submitted(seen: payloads.ReviewEvent) -> Iterator[Utterance]:
    """The verdict, and the body where it speaks; the judge hears the words before the verdict."""
    one, speaker, body = seen.review, person(seen.review.user, seen.sender), text(seen.review.body)
    if not speaker or one.submitted_at is None:
        return
    at, head, id = utc(one.submitted_at), one.commit_id or "", f"review:{one.id}"
    verdict = one.state.lower()
    if verdict in VERDICTS:
        said_id = f"{id}:{verdict}"
        yield Utterance(said_id, Door.APPROVAL, speaker, at, verdict, one.id, one.node_id, head)
    if speaks(body):
        yield Utterance(id, Door.REVIEW, speaker, at, body, one.id, one.node_id, head)


def _dismissed(seen: payloads.ReviewEvent) -> Utterance:
    """Said by whoever dismissed it, a bot too: it only ever takes back.

    GitHub tells no time of the dismissal itself; the newest that it tells is not before it.
    """
    one, pull = seen.review, seen.pull_request
    told = (utc(time) for time in (one.updated_at, pull.updated_at, one.submitted_at) if time)
    at = max(told, default=NEVER)
    id, head = f"review:{one.id}:dismissed", one.commit_id or ""
    return Utterance(id, Door.APPROVAL, seen.sender.login, at, "dismissed", head_sha=head)
