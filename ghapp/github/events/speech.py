"""Events of comments and reviews: commands, ticked boxes, changes of our own comment."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from ghapp.core.model import (
    Account,
    Channel,
    ConfigurationKey,
    Delivery,
    Message,
    ProjectKey,
    PullKey,
)
from ghapp.core.review.comment_text import PREFIX, speaks, ticks
from ghapp.core.text.configuration import marked
from ghapp.core.text.follow_ups import read_marker
from ghapp.core.text.render import MARKER
from ghapp.github import payloads
from ghapp.github.payloads import MOST_NUMBER, NEVER, Identity, decoded, text, utc

VERDICTS = frozenset({"approved", "changes_requested"})
# Spaces without line breaks: otherwise thousands of empty lines would take quadratic time.
_REFRESH = re.compile(rf"^[^\S\n]*{PREFIX}(?:[^\S\n]+|[-:])refresh\b", re.IGNORECASE | re.MULTILINE)


def issue_comment(delivery: Delivery, us: Identity) -> Delivery:
    payload = decoded(delivery.body, payloads.IssueComment)
    comment = payload.comment
    if us.did(payload.sender.login):
        return delivery
    key: PullKey | ProjectKey = PullKey(payload.where, payload.issue.number)
    if payload.issue.pull_request is None:
        key = ProjectKey(payload.where, payload.issue.number)
        ours = us.made(payload.issue.performed_via_github_app)
        if ours and marked(payload.issue.body or ""):
            speaker, place = payload.person(comment.user), ConfigurationKey(payload.where)
            return _with_message(
                *(delivery, place, comment, speaker, Channel.COMMENT),
                *("comment", payload.issue.number),
            )
        marker = read_marker(payload.issue.body or "") if ours else None
        if marker and marker[0] <= MOST_NUMBER:
            pull, number = PullKey(payload.where, marker[0]), payload.issue.number
            if us.made(comment.performed_via_github_app):
                return delivery
            return _with_message(
                *(delivery, pull, comment, payload.person(comment.user), Channel.COMMENT),
                *("comment", number),
            )
    if not us.made(comment.performed_via_github_app):
        speaker = payload.person(comment.user)
        return _with_message(delivery, key, comment, speaker, Channel.COMMENT, "comment")
    if delivery.action not in ("edited", "deleted"):
        return delivery
    if isinstance(key, ProjectKey) and not _was_ours(payload):
        return delivery
    ticked: tuple[Message, ...] = ()
    before = payload.changes.body.before if payload.changes and payload.changes.body else ""
    # An edit of our one comment may be ticks; our replies have no boxes.
    if delivery.action == "edited" and not payload.sender.is_bot and before.startswith(MARKER):
        at, sender = utc(comment.updated_at), payload.sender.account
        turned = ticks(before, comment.body or "")
        ticked = tuple(tick(comment.id, item, on, sender, at) for item, on in turned)
    return replace(delivery, keys=(key,), messages=ticked, touched=True)


def _was_ours(payload: payloads.IssueComment) -> bool:
    """Whether a comment on an issue is that of a project, or a reply: its first line says so."""
    before = payload.changes.body.before if payload.changes and payload.changes.body else ""
    return (before or payload.comment.body or "").startswith("<!-- ghapp:")


def review_comment(delivery: Delivery, us: Identity) -> Delivery:
    payload = decoded(delivery.body, payloads.ReviewComment)
    comment = payload.comment
    if us.did(payload.sender.login) or us.made(comment.performed_via_github_app):
        return delivery
    key, speaker = PullKey(payload.where, payload.pull_request.number), payload.person(comment.user)
    return _with_message(delivery, key, comment, speaker, Channel.REVIEW_COMMENT, "review-comment")


def _with_message(
    delivery: Delivery,
    key: PullKey | ProjectKey | ConfigurationKey,
    comment: payloads.Comment,
    speaker: Account | None,
    channel: Channel,
    kind: str,
    issue: int = 0,
) -> Delivery:
    """The delivery with a person's new comment as a message, if it speaks to ghapp."""
    body = text(comment.body)
    if delivery.action != "created" or not speaker or not speaks(body):
        return delivery
    at, id = utc(comment.created_at), f"{kind}:{comment.id}"
    message = Message(
        id,
        channel,
        speaker.login,
        at,
        body,
        comment_id=comment.id,
        speaker_id=speaker.id,
        issue=issue,
    )
    return replace(delivery, keys=(key,), messages=(message,), touched=refreshes(body))


def tick(comment_id: int, item: str, ticked: bool, speaker: Account, at: datetime) -> Message:
    """The message that a box of our comment was turned by an edit at that time."""
    id = f"{of_box(comment_id, item, ticked)}{at:%Y-%m-%dT%H:%M:%SZ}"
    text = f"{'+' if ticked else '-'}{item}"
    return Message(id, Channel.TICK, speaker.login, at, text, speaker_id=speaker.id)


def of_box(comment_id: int, item: str, ticked: bool) -> str:
    """How the id of every message begins that this box was turned this way."""
    return f"tick:{comment_id}:{item}:{'on' if ticked else 'off'}:"


def review(delivery: Delivery, us: Identity) -> Delivery:
    """The messages of a review: its verdict, then its body if it speaks to ghapp.

    - An edit only leads to a re-check: only the first version of a review is a message.
    - A dismissal may be a bot's, because it only undoes. GitHub does not give its time, so the
      newest time in the payload stands for it.
    """
    if delivery.action not in ("submitted", "edited", "dismissed"):
        return delivery
    payload = decoded(delivery.body, payloads.ReviewEvent)
    if us.did(payload.sender.login):
        return delivery
    one, pull = payload.review, payload.pull_request
    keyed = replace(delivery, keys=(PullKey(payload.where, pull.number),))
    head, id, speaker = one.commit_id or "", f"review:{one.id}", payload.person(one.user)
    if delivery.action == "edited":
        return keyed
    if delivery.action == "dismissed":
        known = (utc(time) for time in (one.updated_at, pull.updated_at, one.submitted_at) if time)
        at, sender = max(known, default=NEVER), payload.sender
        by, channel = f"{id}:dismissed", Channel.APPROVAL
        message = Message(
            by, channel, sender.login, at, "dismissed", head_sha=head, speaker_id=sender.id
        )
        return replace(keyed, messages=(message,))
    if not speaker or one.submitted_at is None:
        return delivery
    messages, at, body, verdict = [], utc(one.submitted_at), text(one.body), one.state.lower()
    said = Message(id, Channel.REVIEW, speaker.login, at, body, one.id, one.node_id, head)
    said = replace(said, speaker_id=speaker.id)
    if verdict in VERDICTS:
        by = f"{id}:{verdict}"
        messages.append(replace(said, id=by, channel=Channel.APPROVAL, text=verdict))
    if speaks(body):
        messages.append(said)
    if not messages:
        return delivery
    asked = speaks(body) and refreshes(body)
    return replace(keyed, messages=tuple(messages), touched=asked)


def refreshes(body: str) -> bool:
    """Whether somebody asks to re-check everything, including our own marks."""
    return bool(_REFRESH.search(body))
