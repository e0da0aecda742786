"""What people said and no delivery told us: found in the pull's own lists when we read it back.

It gets the identity that its delivery would have given it, so it is judged once whichever comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from ghapp.core.model import Channel, Message, Pull
from ghapp.core.records import History
from ghapp.core.review.commands import blocks
from ghapp.core.review.comment_text import speaks, ticks
from ghapp.core.review.permissions import same_login
from ghapp.errors import Retry
from ghapp.github.api import Installation, together
from ghapp.github.endpoints import CommentRow, ReviewRow, User
from ghapp.github.events.speech import VERDICTS, of_box, text, tick

# So often what may be there is waited for where reads show nothing of it.
UNSEEN_WAITS = 3
# Source: https://docs.github.com/graphql/reference/queries#nodes
MOST_NODES = 100
_EDITS = """
query($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on IssueComment { id lastEditedAt editor { login __typename } }
    ... on PullRequestReview { id lastEditedAt editor { login __typename } }
    ... on PullRequestReviewComment { id lastEditedAt editor { login __typename } }
  }
}
"""


class Editor(msgspec.Struct):
    """login: of a bot without "[bot]"."""

    login: str
    kind: str = msgspec.field(name="__typename", default="User")


class Edits(msgspec.Struct):
    """Whether and by whom something written was edited; None: never, or by nobody known."""

    id: str = ""
    edited_at: datetime | None = msgspec.field(name="lastEditedAt", default=None)
    editor: Editor | None = None


class _Nodes(msgspec.Struct):
    nodes: list[Edits | None] = []


@dataclass(frozen=True, slots=True)
class Conversation:
    """All that was written on a pull. remarks: the comments beside lines of the diff."""

    comments: tuple[CommentRow, ...] = ()
    reviews: tuple[ReviewRow, ...] = ()
    remarks: tuple[CommentRow, ...] = ()


async def said(
    api: Installation,
    history: History,
    pull: Pull,
    there: Conversation,
    app_id: int,
    bot_login: str,
) -> tuple[Message, ...]:
    """What people said and was not heard, oldest first; `edited` where it was changed since.

    One request to GraphQL where there is anything to ask about; what is gone by then, for more than
    a moment, was not said. Raises Gone and Retry.
    """
    known = history.heard | {one.id for one in history.messages}
    asked = [pair for pair in _written(there, app_id) if _new(pair[0], known, history)]
    verdicts = [one for one in _verdicts(there, pull, known) if _new(one, known, history)]
    ours = _our_comment(there, history)
    turned = _turned(ours, history)
    ids = [node_id for _, node_id in asked] + ([ours.node_id] if ours and turned else [])
    found = await edits(api, ids) if ids else {}
    if len(found) < len(set(ids)) and history.waited < UNSEEN_WAITS:
        text = f"{pull.key}: something is listed and cannot be looked at yet"
        raise Retry(text, after_seconds=2.0**history.waited, counts=False, lags=True)
    spoken = [
        replace(one, edited=found[node_id].edited_at is not None)
        for one, node_id in asked
        if node_id in found
    ]
    boxes = _ticks(ours, turned, found, history, bot_login) if ours else ()
    return tuple(sorted((*verdicts, *spoken, *boxes), key=lambda one: one.said_at))


def _written(there: Conversation, app_id: int) -> Iterator[tuple[Message, str]]:
    """Everything by people that may hold commands, with its node id."""
    channels = (
        (there.comments, Channel.COMMENT, "comment"),
        (there.remarks, Channel.REVIEW_COMMENT, "review-comment"),
    )
    for rows, channel, kind in channels:
        for row in rows:
            via, body, speaker = row.performed_via_github_app, text(row.body), _person(row.user)
            if speaker and speaks(body) and not (via and via.id == app_id):
                id = f"{kind}:{row.id}"
                yield Message(id, channel, speaker, row.created_at, body, row.id), row.node_id
    for review in there.reviews:
        body, speaker, at = text(review.body), _person(review.user), review.submitted_at
        if speaker and at and speaks(body):
            yield _by_review(review, Channel.REVIEW, "", speaker, at, body), review.node_id


def _verdicts(there: Conversation, pull: Pull, known: frozenset[str]) -> Iterator[Message]:
    """What the states of reviews say; they cannot be edited.

    Of one that was dismissed GitHub tells here neither by whom nor when. It matters only where
    its approval was heard. An approval comes too late once its reviewer was heard to
    ask for changes.
    """
    refused = {
        _person(row.user): row.submitted_at
        for row in there.reviews
        if f"review:{row.id}:changes_requested" in known and row.submitted_at
    }
    for row in there.reviews:
        speaker, at = _person(row.user), row.submitted_at
        if not speaker or at is None:
            continue
        if row.state == "APPROVED" and at < refused.get(speaker, at):
            continue
        verdict = row.state.lower()
        if verdict in VERDICTS:
            yield _by_review(row, Channel.APPROVAL, f":{verdict}", speaker, at, verdict)
        elif verdict == "dismissed" and f"review:{row.id}:approved" in known:
            now, id = max(at, pull.updated_at), f"review:{row.id}:dismissed"
            head = row.commit_id or ""
            yield Message(id, Channel.APPROVAL, "", now, "dismissed", head_sha=head)


def _by_review(
    row: ReviewRow, channel: Channel, behind: str, speaker: str, at: datetime, body: str
) -> Message:
    id, head = f"review:{row.id}{behind}", row.commit_id or ""
    return Message(id, channel, speaker, at, body, row.id, row.node_id, head)


def _person(user: User | None) -> str:
    return "" if user is None or user.type == "Bot" else user.login


def _new(one: Message, known: frozenset[str], history: History) -> bool:
    return one.id not in known and _timely(one, history)


def _timely(one: Message, history: History) -> bool:
    """Whether it may have been said to us: from our first check run on, or to stop the review.

    What was said before is as old as the pull, which may be older than we are here: it would only
    be refused, for nothing was shown.
    """
    if history.shown and one.said_at >= history.shown[0].accepted_at:
        return True
    if one.channel is Channel.APPROVAL:
        return False
    return blocks(one.text)


def _our_comment(there: Conversation, history: History) -> CommentRow | None:
    known = history.written.comment_id
    return next((row for row in there.comments if row.id == known), None)


def _turned(ours: CommentRow | None, history: History) -> tuple[tuple[str, bool], ...]:
    """The boxes that are not as we last wrote them, and that no delivery we know of turned.

    Where we may have written another text since, they may be our own.
    """
    if ours is None or history.marks is None or "PutComment" in history.unresolved:
        return ()
    told = [one.id for one in history.messages if one.channel is Channel.TICK]
    return tuple(
        (item, ticked)
        for item, ticked in ticks(history.marks.comment, ours.body or "")
        if not any(id.startswith(of_box(ours.id, item, ticked)) for id in told)
    )


def _ticks(
    ours: CommentRow,
    turned: Iterable[tuple[str, bool]],
    found: Mapping[str, Edits],
    history: History,
    bot_login: str,
) -> tuple[Message, ...]:
    """The boxes as turned by who edited our comment last; nobody's where that is no person."""
    edits = found.get(ours.node_id)
    if edits is None or edits.edited_at is None or edits.editor is None:
        return ()
    editor, at = edits.editor, edits.edited_at
    if editor.kind == "Bot" or same_login(editor.login, bot_login):
        return ()
    said = (tick(ours.id, item, ticked, editor.login, at) for item, ticked in turned)
    return tuple(one for one in said if one.id not in history.heard)


async def edits(api: Installation, node_ids: Iterable[str]) -> Mapping[str, Edits]:
    """By node id, of those that are there and may be seen. Raises Gone and Retry."""
    ids = tuple(dict.fromkeys(node_ids))
    portions = (ids[start : start + MOST_NODES] for start in range(0, len(ids), MOST_NODES))
    found = await together(api.graphql(_EDITS, {"ids": one}, _Nodes) for one in portions)
    return {
        node.id: node
        for data, _ in found
        for node in (data.nodes if data else ())
        if node is not None and node.id
    }
