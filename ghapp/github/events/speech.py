"""Comments on a pull and beside its lines: commands, boxes ticked, our own comment changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ghapp.core.model import Channel, Delivery, Message, PullKey, Repository
from ghapp.core.review.comment_text import speaks, ticks
from ghapp.core.review.permissions import same_login
from ghapp.core.text.render import MARKER
from ghapp.github import payloads
from ghapp.github.payloads import decoded, utc


def issue_comment(delivery: Delivery, ours: Ours) -> Delivery:
    seen = decoded(delivery.body, payloads.IssueComment)
    if seen.issue.pull_request is None or ours.did(seen.sender):
        return delivery
    key, comment = PullKey(repository(seen), seen.issue.number), seen.comment
    if not ours.made(comment.performed_via_github_app):
        return _spoken(delivery, key, comment, seen.sender, Channel.COMMENT, "comment")
    if delivery.action in ("edited", "deleted"):
        said = _ticks(seen) if delivery.action == "edited" else ()
        return replace(delivery, keys=(key,), messages=said, touched=True)
    return delivery


def review_comment(delivery: Delivery, ours: Ours) -> Delivery:
    seen = decoded(delivery.body, payloads.ReviewComment)
    if ours.did(seen.sender) or ours.made(seen.comment.performed_via_github_app):
        return delivery
    key = PullKey(repository(seen), seen.pull_request.number)
    channel = Channel.REVIEW_COMMENT
    return _spoken(delivery, key, seen.comment, seen.sender, channel, "review-comment")


def _spoken(
    delivery: Delivery,
    key: PullKey,
    comment: payloads.Comment,
    sender: payloads.User,
    channel: Channel,
    kind: str,
) -> Delivery:
    """With what a person's new comment says to us; as it was where that is nothing."""
    speaker, body = person(comment.user, sender), text(comment.body)
    if delivery.action != "created" or not speaker or not speaks(body):
        return delivery
    at, id = utc(comment.created_at), f"{kind}:{comment.id}"
    said = Message(id, channel, speaker, at, body, comment_id=comment.id)
    return replace(delivery, keys=(key,), messages=(said,), touched=refreshes(body))


def _ticks(seen: payloads.IssueComment) -> tuple[Message, ...]:
    """The boxes that a person turned in our one comment; whoever edits it may."""
    before = seen.changes.body.before if seen.changes and seen.changes.body else ""
    if seen.sender.is_bot or not before.startswith(MARKER):
        return ()
    comment, at = seen.comment, utc(seen.comment.updated_at)
    turned = ticks(before, comment.body or "")
    return tuple(tick(comment.id, item, on, seen.sender.login, at) for item, on in turned)


def tick(comment_id: int, item: str, ticked: bool, speaker: str, at: datetime) -> Message:
    """A box of our comment turned by an edit at that time."""
    id = f"{of_box(comment_id, item, ticked)}{at:%Y-%m-%dT%H:%M:%SZ}"
    return Message(id, Channel.TICK, speaker, at, f"{'+' if ticked else '-'}{item}")


def of_box(comment_id: int, item: str, ticked: bool) -> str:
    """How the identity of every turn of this box to this side begins."""
    return f"tick:{comment_id}:{item}:{'on' if ticked else 'off'}:"


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
        return replace(keyed, messages=(_dismissed(seen),))
    said = tuple(_submitted(seen))
    asked = any(one.channel is Channel.REVIEW and refreshes(one.text) for one in said)
    return replace(keyed, messages=said, touched=asked) if said else delivery


def _submitted(seen: payloads.ReviewEvent) -> Iterator[Message]:
    """The verdict, and the body where it speaks; the judge hears the words before the verdict."""
    one, speaker, body = seen.review, person(seen.review.user, seen.sender), text(seen.review.body)
    if not speaker or one.submitted_at is None:
        return
    at, head, id = utc(one.submitted_at), one.commit_id or "", f"review:{one.id}"
    verdict = one.state.lower()
    if verdict in VERDICTS:
        said_id = f"{id}:{verdict}"
        yield Message(said_id, Channel.APPROVAL, speaker, at, verdict, one.id, one.node_id, head)
    if speaks(body):
        yield Message(id, Channel.REVIEW, speaker, at, body, one.id, one.node_id, head)


def _dismissed(seen: payloads.ReviewEvent) -> Message:
    """Said by whoever dismissed it, a bot too: it only ever takes back.

    GitHub tells no time of the dismissal itself; the newest that it tells is not before it.
    """
    one, pull = seen.review, seen.pull_request
    told = (utc(time) for time in (one.updated_at, pull.updated_at, one.submitted_at) if time)
    at = max(told, default=NEVER)
    id, head = f"review:{one.id}:dismissed", one.commit_id or ""
    return Message(id, Channel.APPROVAL, seen.sender.login, at, "dismissed", head_sha=head)


# One delivery marks no more keys; beyond that, the key of what they all belong to.
MOST_KEYS = 1_000
NEVER = datetime.min.replace(tzinfo=UTC)  # where GitHub tells no time at all
# Within one line: over line breaks, thousands of empty ones take the square of their number.
_REFRESH = re.compile(r"^[^\S\n]*/nfr[^\S\n]+refresh\b", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ours:
    """By what our own deeds are known. bot_login: "" where it is not known yet."""

    app_id: int
    bot_login: str = ""

    def did(self, user: payloads.User) -> bool:
        return bool(self.bot_login) and same_login(user.login, self.bot_login)

    def made(self, app: payloads.App | None) -> bool:
        return app is not None and app.id == self.app_id


def repository(seen: payloads.Place) -> Repository:
    return Repository(seen.installation.id, seen.repository.id, seen.repository.full_name)


def person(author: payloads.User | None, sender: payloads.User) -> str:
    """The login of who wrote it, where that is a person and the very one who sent it; else ""."""
    if author is None or author.is_bot or not same_login(author.login, sender.login):
        return ""
    return author.login


def text(body: str | None) -> str:
    """What a person wrote, as every database can hold it."""
    return (body or "").replace("\0", "")


def refreshes(body: str) -> bool:
    """Whether somebody asks to look again at everything, our own marks included."""
    return bool(_REFRESH.search(body))
