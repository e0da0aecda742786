"""Writes an effect, as a rule with one call to GitHub; the functions with more calls say so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ghapp.core.marks import (
    AddLabels,
    CloseIssue,
    EditIssue,
    Effect,
    OpenIssue,
    Outcome,
    PostReply,
    PutCheckRun,
    PutComment,
    React,
    RemoveLabel,
    RequestReview,
)
from ghapp.core.model import ProjectKey, PullKey
from ghapp.errors import Gone, Rejected, Retry, Unanswered
from ghapp.github import endpoints, writes
from ghapp.github.api import Installation
from ghapp.github.endpoints import LabelRow, at
from ghapp.github.errors import AGAIN_SECONDS, PERMISSION_SECONDS, decoded
from ghapp.github.host import Request
from ghapp.github.payloads import Identity
from ghapp.github.rate_limits import Importance
from ghapp.github.readback import normalised, reply_marker
from ghapp.github.writes import edit_existing, give_looks, outcome, quoted, unseen, write

# REST's path of a reaction, by what it is on; only GraphQL reacts to a review.
REACTIONS = {"comment": "issues/comments", "review_comment": "pulls/comments"}
# When to look for what a failed write may have left. Lists lag behind: see `lost_speech`.
LOOKS = (1.0, 2.0, 4.0)
CLOCKS_DIFFER = timedelta(minutes=1)
CONTENTS = {"+1": "THUMBS_UP", "eyes": "EYES", "confused": "CONFUSED"}
REFUSED = frozenset({"FORBIDDEN", "UNPROCESSABLE"})  # as 403 and 422 in REST
_REACT = """
mutation($id: ID!, $content: ReactionContent!) {
  addReaction(input: {subjectId: $id, content: $content}) { clientMutationId }
}
"""


async def apply(
    api: Installation, key: PullKey | ProjectKey, effect: Effect, us: Identity, now: datetime
) -> Outcome:
    """Write it; if it fails and may have taken effect, look for it, and then write it once more.

    now: GitHub's clock.
    Raises Gone (the pull is out of reach), Retry (it may have taken effect), Wait and Rejected (it
    would be refused again); never Rejected for the check run, which ghapp keeps trying to write.
    """
    request = REQUESTS[type(effect)]
    try:
        try:
            return await request(api, key, effect)
        except Unanswered as failed:
            # One that we stopped waiting for may yet take effect: that is left to the next run.
            if type(effect) not in FOUND or failed.after_seconds > AGAIN_SECONDS:
                raise
            for pause in LOOKS:
                await asyncio.sleep(pause)
                if found := await FOUND[type(effect)](api, key, effect, us, now):
                    return found
            return await request(api, key, effect)
    except Gone as gone:
        # Raises Gone if the pull, or the issue, itself is out of reach.
        await endpoints.exists(api, key)
        if not effect.best_effort:
            raise Retry(str(gone), after_seconds=PERMISSION_SECONDS) from gone
        if gone.perhaps:  # the pull is there, so this 404 may only be a lag
            raise Retry(str(gone), after_seconds=AGAIN_SECONDS) from gone
        raise Rejected(str(gone)) from gone


async def _comment(api: Installation, key: PullKey | ProjectKey, effect: PutComment) -> Outcome:
    body = {"body": effect.body}
    if effect.comment_id:
        path = at(key.repository, f"issues/comments/{effect.comment_id}")
        return await edit_existing(api, path, body)
    return await write(api, "POST", at(key.repository, f"issues/{key.number}/comments"), body)


async def _add_labels(api: Installation, key: PullKey | ProjectKey, effect: AddLabels) -> Outcome:
    """With one more call for each label that GitHub had to create, for its colour."""
    names = [name for name, _, _ in effect.described]
    path = at(key.repository, f"issues/{key.number}/labels")
    request = Request("POST", path, {"labels": names}, repeatable=True)
    answer = await api.send(request, Importance.BEST_EFFORT)
    rows = decoded(answer, list[LabelRow], request)
    await give_looks(api, key.repository, effect.described, rows)
    return Outcome(0, answer.date)


async def _remove_label(
    api: Installation, key: PullKey | ProjectKey, effect: RemoveLabel
) -> Outcome:
    path = at(key.repository, f"issues/{key.number}/labels/{quoted(effect.label)}")
    return await write(api, "DELETE", path, fine=(404,), repeatable=True)


async def _react(api: Installation, key: PullKey | ProjectKey, effect: React) -> Outcome:
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
    request = Request("POST", path, {"content": reaction.content}, repeatable=True)
    answer = await api.send(request, Importance.BEST_EFFORT, fine=(404,))
    if answer.status == 404:
        read = Request("GET", path.removesuffix("/reactions"))
        if (await api.send(read, Importance.READ, fine=(404,))).status != 404:
            raise unseen(answer, request)
    return replace(outcome(answer, request), id=0)


async def _reply(api: Installation, key: PullKey | ProjectKey, effect: PostReply) -> Outcome:
    body, id = {"body": _reply_text(effect)}, effect.reply.comment_id
    if id:
        return await edit_existing(api, at(key.repository, f"issues/comments/{id}"), body)
    number = effect.reply.issue or key.number
    return await write(api, "POST", at(key.repository, f"issues/{number}/comments"), body)


async def _request_review(
    api: Installation, key: PullKey | ProjectKey, effect: RequestReview
) -> Outcome:
    """With one more call for reminders: whoever is asked already has to be asked anew.

    Source: https://docs.github.com/rest/pulls/review-requests#request-reviewers-for-a-pull-request
    """
    path = at(key.repository, f"pulls/{key.number}/requested_reviewers")
    again = {
        "reviewers": effect.names("user", reminded=True),
        "team_reviewers": effect.names("team", reminded=True),
    }
    if any(again.values()):  # 422: of one who is not asked any more
        request = Request("DELETE", path, again, repeatable=True)
        await api.send(request, Importance.BEST_EFFORT, fine=(422,))
    body = {"reviewers": effect.names("user"), "team_reviewers": effect.names("team")}
    return await write(api, "POST", path, body, repeatable=True)


def _reply_text(effect: PostReply) -> str:
    return f"{reply_marker(effect.reply)}\n{effect.reply.body}"


async def _found_run(
    api: Installation, key: PullKey | ProjectKey, effect: PutCheckRun, us: Identity, now: datetime
) -> Outcome | None:
    run = await endpoints.newest_run(api, key.repository, effect.check_run.head_sha, us.app_id)
    if run is None or run.started_at is None or run.started_at < now - CLOCKS_DIFFER:
        return None
    same = endpoints.check_run(run, key.number) == effect.check_run
    return Outcome(run.id, run.started_at) if same else None


async def _found_comment(
    api: Installation, key: PullKey | ProjectKey, effect: PutComment, us: Identity, now: datetime
) -> Outcome | None:
    return await _found(api, key, effect.body, us)


async def _found_reply(
    api: Installation, key: PullKey | ProjectKey, effect: PostReply, us: Identity, now: datetime
) -> Outcome | None:
    where = ProjectKey(key.repository, effect.reply.issue) if effect.reply.issue else key
    return await _found(api, where, _reply_text(effect), us)


async def _found(
    api: Installation, key: PullKey | ProjectKey, body: str, us: Identity
) -> Outcome | None:
    """Our newest comment with this body."""
    rows = await endpoints.comments(api, key)
    ours = [row for row in rows if us.made(row.performed_via_github_app)]
    same = [row for row in ours if normalised(row.body or "") == normalised(body)]
    return Outcome(same[-1].id, same[-1].created_at) if same else None


# How to find out whether a write that leaves a trace has taken effect.
FOUND: Mapping[type[Effect], Callable[..., Awaitable[Outcome | None]]] = {
    PutCheckRun: _found_run,
    PutComment: _found_comment,
    PostReply: _found_reply,
}
REQUESTS: Mapping[type[Effect], Callable[[Installation, Any, Any], Awaitable[Outcome]]] = {
    PutCheckRun: writes.put,
    AddLabels: _add_labels,
    RemoveLabel: _remove_label,
    PutComment: _comment,
    React: _react,
    PostReply: _reply,
    RequestReview: _request_review,
    OpenIssue: writes.open_issue,
    EditIssue: writes.edit_issue,
    CloseIssue: writes.close_issue,
}
