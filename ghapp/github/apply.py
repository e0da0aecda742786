"""One effect -> one call to GitHub, a second one only if said here -> its outcome."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ghapp.core.marks import (
    AddLabels,
    EditIssue,
    Effect,
    OpenIssue,
    Outcome,
    PostReply,
    PutCheckRun,
    PutComment,
    React,
    Reaction,
    RemoveLabel,
)
from ghapp.core.model import PullKey
from ghapp.errors import Gone, Rejected, Retry
from ghapp.github import endpoints, writes
from ghapp.github.api import Installation
from ghapp.github.endpoints import LabelRow, at
from ghapp.github.errors import AGAIN_SECONDS, PERMISSION_SECONDS, decoded
from ghapp.github.host import Request
from ghapp.github.rate_limits import Importance
from ghapp.github.readback import reply_marker
from ghapp.github.writes import edit_existing, give_looks, outcome, quoted, unseen, write

# How REST reacts, by what the reaction is on; only GraphQL reacts to a review.
REACTIONS = {"comment": "issues/comments", "review_comment": "pulls/comments"}
CONTENTS = {"+1": "THUMBS_UP", "eyes": "EYES", "confused": "CONFUSED"}
REFUSED = frozenset({"FORBIDDEN", "UNPROCESSABLE"})  # as 403 and 422 in REST
_REACT = """
mutation($id: ID!, $content: ReactionContent!) {
  addReaction(input: {subjectId: $id, content: $content}) { clientMutationId }
}
"""


async def apply(api: Installation, key: PullKey, effect: Effect) -> Outcome:
    """Write it.

    Raises Gone (the pull is out of reach), Retry (it may have taken effect) and Rejected (it would
    be refused again); never Rejected for the check run, which ghapp keeps trying to write.
    """
    try:
        return await _applied(api, key, effect)
    except Gone as gone:
        await endpoints.pull(api, key)  # raises Gone itself, unless only the write was refused
        if isinstance(effect, PutCheckRun):
            raise Retry(str(gone), after_seconds=PERMISSION_SECONDS) from gone
        if gone.perhaps:  # we see the pull, so it is there: GitHub is behind itself
            raise Retry(str(gone), after_seconds=AGAIN_SECONDS) from gone
        raise Rejected(str(gone)) from gone


async def _applied(api: Installation, key: PullKey, effect: Effect) -> Outcome:
    issue = f"issues/{key.number}"
    match effect:
        case PutCheckRun():
            return await writes.put(api, key, effect)
        case PutComment(comment_id=0):
            return await write(
                api, "POST", at(key.repository, f"{issue}/comments"), {"body": effect.body}
            )
        case PutComment():
            path = at(key.repository, f"issues/comments/{effect.comment_id}")
            return await edit_existing(api, path, {"body": effect.body})
        case AddLabels():
            # One more call for each label that GitHub had to make, to give it its looks.
            names = [name for name, _, _ in effect.described]
            request = Request("POST", at(key.repository, f"{issue}/labels"), {"labels": names})
            answer = await api.send(request, Importance.BEST_EFFORT)
            rows = decoded(answer, list[LabelRow], request)
            await give_looks(api, key.repository, effect.described, rows)
            return Outcome(0, answer.date)
        case RemoveLabel():
            path = at(key.repository, f"{issue}/labels/{quoted(effect.name)}")
            return await write(api, "DELETE", path, fine=(404,))
        case React():
            return await _react(api, key, effect.reaction)
        case PostReply():
            text = f"{reply_marker(effect.reply.message_id)}\n{effect.reply.body}"
            return await write(api, "POST", at(key.repository, f"{issue}/comments"), {"body": text})
        case OpenIssue():
            return await writes.open(api, key.repository, effect.issue)
        case EditIssue():
            return await writes.edit(api, key.repository, effect.issue, effect.number)


async def _react(api: Installation, key: PullKey, reaction: Reaction) -> Outcome:
    """A message that is deleted needs no acknowledgement; one more read shows whether it is.

    Raises Retry also if it exists after all, and was too new to be seen.
    """
    if reaction.on == "review":
        variables = {"id": reaction.node_id, "content": CONTENTS[reaction.content]}
        _, answer = await api.graphql(
            _REACT, variables, dict[str, Any], Importance.BEST_EFFORT, refused=REFUSED
        )
        return Outcome(0, answer.date)
    path = at(key.repository, f"{REACTIONS[reaction.on]}/{reaction.comment_id}/reactions")
    request = Request("POST", path, {"content": reaction.content})
    answer = await api.send(request, Importance.BEST_EFFORT, fine=(404,))
    if answer.status == 404:
        read = Request("GET", path.removesuffix("/reactions"))
        if (await api.send(read, Importance.READ, fine=(404,))).status != 404:
            raise unseen(answer, request)
    return replace(outcome(answer, request), id=0)
