"""Writes an effect, as a rule with one call to GitHub; the functions with more calls say so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
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

# REST's path of a reaction, by what it is on; only GraphQL reacts to a review.
REACTIONS = {"comment": "issues/comments", "review_comment": "pulls/comments"}
CONTENTS = {"+1": "THUMBS_UP", "eyes": "EYES", "confused": "CONFUSED"}
REFUSED = frozenset({"FORBIDDEN", "UNPROCESSABLE"})  # as 403 and 422 in REST
_REACT = """
mutation($id: ID!, $content: ReactionContent!) {
  addReaction(input: {subjectId: $id, content: $content}) { clientMutationId }
}
"""


async def apply(api: Installation, key: PullKey, effect: Effect) -> Outcome:
    """Write the effect.

    Raises Gone (the pull is out of reach), Retry (it may have taken effect), Wait, and Rejected (it
    would be refused again; never for the check run, which is tried again and again).
    """
    try:
        return await REQUESTS[type(effect)](api, key, effect)
    except Gone as gone:
        await endpoints.pull(api, key)  # raises Gone if the pull itself is out of reach
        if not effect.best_effort:
            raise Retry(str(gone), after_seconds=PERMISSION_SECONDS) from gone
        if gone.perhaps:  # the pull is there, so this 404 may only be a lag
            raise Retry(str(gone), after_seconds=AGAIN_SECONDS) from gone
        raise Rejected(str(gone)) from gone


async def _comment(api: Installation, key: PullKey, effect: PutComment) -> Outcome:
    body = {"body": effect.body}
    if effect.comment_id:
        path = at(key.repository, f"issues/comments/{effect.comment_id}")
        return await edit_existing(api, path, body)
    return await write(api, "POST", at(key.repository, f"issues/{key.number}/comments"), body)


async def _add_labels(api: Installation, key: PullKey, effect: AddLabels) -> Outcome:
    """With one more call for each label that GitHub had to create, for its colour."""
    names = [name for name, _, _ in effect.described]
    path = at(key.repository, f"issues/{key.number}/labels")
    request = Request("POST", path, {"labels": names})
    answer = await api.send(request, Importance.BEST_EFFORT)
    rows = decoded(answer, list[LabelRow], request)
    await give_looks(api, key.repository, effect.described, rows)
    return Outcome(0, answer.date)


async def _remove_label(api: Installation, key: PullKey, effect: RemoveLabel) -> Outcome:
    path = at(key.repository, f"issues/{key.number}/labels/{quoted(effect.label)}")
    return await write(api, "DELETE", path, fine=(404,))


async def _react(api: Installation, key: PullKey, effect: React) -> Outcome:
    """With one more read if the message is answered 404: a deleted one needs no reaction.

    Raises Retry also if the message exists: it was too new to be visible.
    """
    reaction = effect.reaction
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


async def _reply(api: Installation, key: PullKey, effect: PostReply) -> Outcome:
    path = at(key.repository, f"issues/{key.number}/comments")
    text = f"{reply_marker(effect.reply.message_id)}\n{effect.reply.body}"
    return await write(api, "POST", path, {"body": text})


REQUESTS: Mapping[type[Effect], Callable[[Installation, PullKey, Any], Awaitable[Outcome]]] = {
    PutCheckRun: writes.put,
    AddLabels: _add_labels,
    RemoveLabel: _remove_label,
    PutComment: _comment,
    React: _react,
    PostReply: _reply,
    OpenIssue: writes.open_issue,
    EditIssue: writes.edit_issue,
}
