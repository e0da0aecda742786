"""Finds messages whose delivery was lost in the lists of the pull, when it is read back.

Each gets the id that its delivery would have given it, so it is judged only once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from ghapp.core.model import Account, Channel, Message, Pull
from ghapp.core.records import History
from ghapp.core.review.commands import blocks
from ghapp.core.review.comment_text import speaks, ticks
from ghapp.errors import Lag
from ghapp.github.api import Installation, together
from ghapp.github.endpoints import CommentRow, ReviewRow, User
from ghapp.github.events.speech import VERDICTS, of_box, tick
from ghapp.github.payloads import Identity, text

# How many Lags in a row for what may exist and is not listed yet.
UNSEEN_WAITS = 3
# Source: https://docs.github.com/graphql/reference/queries#nodes
MOST_NODES = 100
_EDITS = """
query($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on IssueComment { id lastEditedAt editor { ...who } }
    ... on PullRequestReview { id lastEditedAt editor { ...who } }
    ... on PullRequestReviewComment { id lastEditedAt editor { ...who } }
  }
}
fragment who on Actor { login __typename ... on User { databaseId } }
"""


@dataclass(frozen=True, slots=True)
class Conversation:
    """All that was written on a pull. remarks: the comments beside lines of the diff.

    issues: the comments on the issues of its follow-ups, by their numbers.
    """

    comments: tuple[CommentRow, ...] = ()
    reviews: tuple[ReviewRow, ...] = ()
    remarks: tuple[CommentRow, ...] = ()
    issues: Mapping[int, tuple[CommentRow, ...]] = field(default_factory=dict)


class Editor(msgspec.Struct):
    """login: of a bot without "[bot]"."""

    login: str
    id: int = msgspec.field(name="databaseId", default=0)
    kind: str = msgspec.field(name="__typename", default="User")


class Edits(msgspec.Struct):
    """When and by whom something was last edited; None: never, or GitHub does not say by whom."""

    id: str = ""
    edited_at: datetime | None = msgspec.field(name="lastEditedAt", default=None)
    editor: Editor | None = None


class _Nodes(msgspec.Struct):
    nodes: list[Edits | None] = []


async def edits(api: Installation, node_ids: Iterable[str]) -> Mapping[str, Edits]:
    """Node id -> its last edit, for those that exist and are visible. Raises Gone, Retry, Wait."""
    ids = tuple(dict.fromkeys(node_ids))
    portions = (ids[start : start + MOST_NODES] for start in range(0, len(ids), MOST_NODES))
    found = await together(api.graphql(_EDITS, {"ids": one}, _Nodes) for one in portions)
    nodes = (node for data, _ in found if data for node in data.nodes)
    return {node.id: node for node in nodes if node is not None and node.id}


async def messages(
    api: Installation, history: History, pull: Pull, written: Conversation, us: Identity
) -> tuple[Message, ...]:
    """Messages that were not delivered, oldest first; `edited` if they were changed since.

    If there are any, one request to GraphQL asks for their edits. A message that is listed and then
    cannot be read is waited for, and in the end left out. Raises Gone, Lag, Retry and Wait.
    """
    known = history.judged | {one.id for one in history.messages}
    asked = [pair for pair in _with_commands(written, us) if _counts(pair[0], known, history)]
    verdicts = [one for one in _verdicts(written, pull, known) if _counts(one, known, history)]
    comments = (row for row in written.comments if row.id == history.written.comment_id)
    comment = next(comments, None)
    turned = _turned_boxes(comment, history) if comment else ()
    ids = [node_id for _, node_id in asked] + ([comment.node_id] if comment and turned else [])
    found = await edits(api, ids) if ids else {}
    if len(found) < len(set(ids)) and history.waited < UNSEEN_WAITS:
        reason = f"{pull.key}: something is listed and cannot be read yet"
        raise Lag(reason, after_seconds=2.0**history.waited)
    with_commands = (
        replace(one, edited=found[node_id].edited_at is not None)
        for one, node_id in asked
        if node_id in found
    )
    ticked: tuple[Message, ...] = ()
    edit = found.get(comment.node_id) if comment and turned else None
    # Whoever edited our comment last counts as having turned the boxes, if that is a person.
    if comment and edit and edit.edited_at and edit.editor and edit.editor.kind != "Bot":
        at, editor = edit.edited_at, Account(edit.editor.login, edit.editor.id)
        if not us.did(editor.login):
            ticked = tuple(tick(comment.id, item, on, editor, at) for item, on in turned)
    new = (*verdicts, *with_commands, *(one for one in ticked if one.id not in history.judged))
    return tuple(sorted(new, key=lambda one: one.said_at))


def _with_commands(written: Conversation, us: Identity) -> Iterator[tuple[Message, str]]:
    """Everything by people that may contain commands, each with its node id."""
    channels = (
        (written.comments, Channel.COMMENT, "comment", 0),
        (written.remarks, Channel.REVIEW_COMMENT, "review-comment", 0),
        *((rows, Channel.COMMENT, "comment", number) for number, rows in written.issues.items()),
    )
    for rows, channel, kind, issue in channels:
        for row in rows:
            body, speaker = text(row.body), _person(row.user)
            if speaker and speaks(body) and not us.made(row.performed_via_github_app):
                id = f"{kind}:{row.id}"
                said = Message(id, channel, speaker.login, row.created_at, body, row.id)
                yield replace(said, speaker_id=speaker.id, issue=issue), row.node_id
    for review in written.reviews:
        body, speaker, at = text(review.body), _person(review.user), review.submitted_at
        if speaker and at and speaks(body):
            yield _of_review(review, Channel.REVIEW, "", speaker, at, body), review.node_id


def _verdicts(written: Conversation, pull: Pull, known: frozenset[str]) -> Iterator[Message]:
    """Approvals, requests for changes, and dismissals; they cannot be edited.

    - GitHub does not say here by whom or when a review was dismissed. A dismissal matters only if
      the approval is known.
    - An approval is left out if a later request for changes by its reviewer is known.
    """
    refused = {
        speaker: row.submitted_at
        for row in written.reviews
        if f"review:{row.id}:changes_requested" in known and row.submitted_at
        if (speaker := _person(row.user))
    }
    for row in written.reviews:
        speaker, at = _person(row.user), row.submitted_at
        if not speaker or at is None:
            continue
        if row.state == "APPROVED" and at < refused.get(speaker, at):
            continue
        verdict = row.state.lower()
        if verdict in VERDICTS:
            yield _of_review(row, Channel.APPROVAL, f":{verdict}", speaker, at, verdict)
        elif verdict == "dismissed" and f"review:{row.id}:approved" in known:
            now, id = max(at, pull.updated_at), f"review:{row.id}:dismissed"
            head = row.commit_id or ""
            yield Message(id, Channel.APPROVAL, "", now, "dismissed", head_sha=head)


def _of_review(
    row: ReviewRow, channel: Channel, behind: str, speaker: Account, at: datetime, body: str
) -> Message:
    id, head = f"review:{row.id}{behind}", row.commit_id or ""
    said = Message(id, channel, speaker.login, at, body, row.id, row.node_id, head)
    return replace(said, speaker_id=speaker.id)


def _person(user: User | None) -> Account | None:
    return None if user is None or user.type == "Bot" else Account(user.login, user.id)


def _counts(one: Message, known: frozenset[str], history: History) -> bool:
    """Whether a message is new, and may be meant for ghapp.

    Messages before our first check run count only if they block. The others may be older than the
    App's installation, and would be refused anyway, because nothing was shown yet.
    """
    if one.id in known:
        return False
    if history.shown and one.said_at >= history.shown[0].accepted_at:
        return True
    if one.channel is Channel.APPROVAL:
        return False
    return blocks(one.text)


def _turned_boxes(comment: CommentRow, history: History) -> tuple[tuple[str, bool], ...]:
    """The boxes that are not as we last wrote them, and that no known delivery explains.

    None if we may have written another text since: then they may be our own.
    """
    if history.marks is None or "PutComment" in history.unresolved:
        return ()
    delivered = [one.id for one in history.messages if one.channel is Channel.TICK]
    return tuple(
        (item, ticked)
        for item, ticked in ticks(history.marks.comment, comment.body or "")
        if not any(id.startswith(of_box(comment.id, item, ticked)) for id in delivered)
    )
