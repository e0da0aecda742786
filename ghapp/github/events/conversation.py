"""Comments on a pull and beside its lines: commands, boxes ticked, our own comment changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ghapp.core.commands import speaks
from ghapp.core.model import Delivery, Door, PullKey, Utterance
from ghapp.core.ticks import ticks
from ghapp.core.words.render import MARKER
from ghapp.github import payloads
from ghapp.github.events.ours import Ours, person, refreshes, repository, text
from ghapp.github.payloads import decoded, utc


def issue_comment(delivery: Delivery, ours: Ours) -> Delivery:
    seen = decoded(delivery.body, payloads.IssueComment)
    if seen.issue.pull_request is None or ours.did(seen.sender):
        return delivery
    key, comment = PullKey(repository(seen), seen.issue.number), seen.comment
    if not ours.made(comment.performed_via_github_app):
        return _spoken(delivery, key, comment, seen.sender, Door.COMMENT, "comment")
    if delivery.action in ("edited", "deleted"):
        said = _ticks(seen) if delivery.action == "edited" else ()
        return replace(delivery, keys=(key,), utterances=said, touched=True)
    return delivery


def review_comment(delivery: Delivery, ours: Ours) -> Delivery:
    seen = decoded(delivery.body, payloads.ReviewComment)
    if ours.did(seen.sender) or ours.made(seen.comment.performed_via_github_app):
        return delivery
    key = PullKey(repository(seen), seen.pull_request.number)
    door = Door.REVIEW_COMMENT
    return _spoken(delivery, key, seen.comment, seen.sender, door, "review-comment")


def _spoken(
    delivery: Delivery,
    key: PullKey,
    comment: payloads.Comment,
    sender: payloads.User,
    door: Door,
    kind: str,
) -> Delivery:
    """With what a person's new comment says to us; as it was where that is nothing."""
    speaker, body = person(comment.user, sender), text(comment.body)
    if delivery.action != "created" or not speaker or not speaks(body):
        return delivery
    at, id = utc(comment.created_at), f"{kind}:{comment.id}"
    said = Utterance(id, door, speaker, at, body, comment_id=comment.id)
    return replace(delivery, keys=(key,), utterances=(said,), touched=refreshes(body))


def _ticks(seen: payloads.IssueComment) -> tuple[Utterance, ...]:
    """The boxes that a person turned in our one comment; whoever edits it may."""
    before = seen.changes.body.before if seen.changes and seen.changes.body else ""
    if seen.sender.is_bot or not before.startswith(MARKER):
        return ()
    comment, at = seen.comment, utc(seen.comment.updated_at)
    turned = ticks(before, comment.body or "")
    return tuple(tick(comment.id, item, on, seen.sender.login, at) for item, on in turned)


def tick(comment_id: int, item: str, ticked: bool, speaker: str, at: datetime) -> Utterance:
    """A box of our comment turned by an edit at that time."""
    id = f"{of_box(comment_id, item, ticked)}{at:%Y-%m-%dT%H:%M:%SZ}"
    return Utterance(id, Door.TICK, speaker, at, f"{'+' if ticked else '-'}{item}")


def of_box(comment_id: int, item: str, ticked: bool) -> str:
    """How the identity of every turn of this box to this side begins."""
    return f"tick:{comment_id}:{item}:{'on' if ticked else 'off'}:"
