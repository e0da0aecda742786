"""What only GraphQL can do: one document out, its data or our own errors back.

GraphQL answers 200 where REST would refuse, and says in `errors` what went wrong.
Source: https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from ghapp.errors import Rejected, Retry
from ghapp.github.api import Installation, decoded, together
from ghapp.github.errors import reset_seconds
from ghapp.github.rate_limits import Importance
from ghapp.github.wire import AGAIN_SECONDS, Answer, Request

# Source: https://docs.github.com/graphql/reference/queries#nodes
MOST_NODES = 100
REFUSED = frozenset({"FORBIDDEN", "UNPROCESSABLE"})  # as 403 and 422 in REST
_REACT = """
mutation($id: ID!, $content: ReactionContent!) {
  addReaction(input: {subjectId: $id, content: $content}) { clientMutationId }
}
"""
_EDITS = """
query($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on IssueComment { id lastEditedAt editor { login __typename } }
    ... on PullRequestReview { id lastEditedAt editor { login __typename } }
    ... on PullRequestReviewComment { id lastEditedAt editor { login __typename } }
  }
}
"""
CONTENTS: Mapping[str, str] = {"+1": "THUMBS_UP", "eyes": "EYES", "confused": "CONFUSED"}


class Editor(msgspec.Struct):
    """login: of a bot without "[bot]"."""

    login: str
    kind: str = msgspec.field(name="__typename", default="User")


class Edits(msgspec.Struct):
    """Whether and by whom something written was edited; None: never, or by nobody known."""

    id: str = ""
    edited_at: datetime | None = msgspec.field(name="lastEditedAt", default=None)
    editor: Editor | None = None


class Error(msgspec.Struct):
    message: str = ""
    type: str = ""


class _Nodes(msgspec.Struct):
    nodes: list[Edits | None] = []


class _Read(msgspec.Struct):
    data: _Nodes | None = None
    errors: list[Error] = []


class _Done(msgspec.Struct):
    errors: list[Error] = []


async def react(api: Installation, node_id: str, content: str) -> datetime:
    """React to a node; GitHub's clock. One that is gone needs no answer, and is no error.

    content: as in REST. Raises Gone, Retry and Rejected.
    """
    variables = {"id": node_id, "content": CONTENTS[content]}
    request = request_of(api, _REACT, variables, reads=False)
    answer = await api.send(request, Importance.BEST_EFFORT)
    raise_from(decoded(answer, _Done, request).errors, answer, refused=REFUSED)
    return answer.date


async def edits(api: Installation, node_ids: Iterable[str]) -> Mapping[str, Edits]:
    """By node id, of those that are there and may be seen. Raises Gone and Retry."""
    ids = tuple(dict.fromkeys(node_ids))
    portions = [ids[at : at + MOST_NODES] for at in range(0, len(ids), MOST_NODES)]
    found = await together(_edits(api, portion) for portion in portions)
    return {one.id: one for portion in found for one in portion}


async def _edits(api: Installation, ids: tuple[str, ...]) -> list[Edits]:
    request = request_of(api, _EDITS, {"ids": ids}, reads=True)
    answer = await api.send(request, Importance.LOOK)
    read = decoded(answer, _Read, request)
    raise_from(read.errors, answer)
    if read.data is None:
        text = f"{request}: GitHub answers without data"
        raise Retry(text, after_seconds=AGAIN_SECONDS)
    return [one for one in read.data.nodes if one is not None and one.id]


def request_of(
    api: Installation, document: str, variables: Mapping[str, Any], *, reads: bool
) -> Request:
    body = {"query": document, "variables": variables}
    return Request("POST", api.graphql_url, body, reads=reads)


def raise_from(
    errors: Iterable[Error], answer: Answer, *, refused: frozenset[str] = frozenset()
) -> None:
    """Raises Rejected (only kinds in `refused`) and Retry (all others but what is gone)."""
    bad = [error for error in errors if error.type != "NOT_FOUND"]
    if not bad:
        return
    said = "; ".join(f"{error.type} {error.message}".strip() for error in bad)[:500]
    text = f"GraphQL: GitHub answers {said}"
    kinds = {error.type for error in bad}
    if "RATE_LIMITED" in kinds:
        raise Retry(text, after_seconds=reset_seconds(answer), counts=False)
    if kinds <= refused:
        raise Rejected(text)
    raise Retry(text, after_seconds=AGAIN_SECONDS)
