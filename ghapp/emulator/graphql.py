"""GraphQL, as far as ghapp uses it: the emulator answers these documents and refuses all others.

The documents have to equal the App's, except for white space; the tests hold them to GitHub's
schema. Sources: https://docs.github.com/graphql/guides/forming-calls-with-graphql,
https://docs.github.com/graphql/guides/using-global-node-ids
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from pydantic import ValidationError
from starlette.responses import Response

from ghapp.emulator.api.answers import INACCESSIBLE, Refusal, ok
from ghapp.emulator.api.call import Body, Call
from ghapp.emulator.conversation import Comment, Message, Review, ReviewComment
from ghapp.emulator.issue import Thread
from ghapp.emulator.json import Json, iso
from ghapp.emulator.json.issues import page

NODES_LIMIT, ENTRIES_LIMIT = 100, 100
PERMISSIONS: Mapping[type[Message], tuple[str, ...]] = {  # any of them
    Comment: ("issues", "pull_requests"),
    Review: ("pull_requests",),
    ReviewComment: ("pull_requests",),
}
# Source: https://docs.github.com/graphql/reference/enums#reactioncontent
CONTENTS = {
    "THUMBS_UP": "+1", "THUMBS_DOWN": "-1", "LAUGH": "laugh", "HOORAY": "hooray",
    "CONFUSED": "confused", "HEART": "heart", "ROCKET": "rocket", "EYES": "eyes",
}  # fmt: skip


class Failed(Exception):
    """A field is null, and an error says why. kind: NOT_FOUND, FORBIDDEN ..."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def error(self, *path: str | int) -> Json:
        return {"type": self.kind, "path": list(path), "message": str(self)}


def answer(call: Call) -> Response:
    """200 with data, errors or both; the budget is another than that of REST."""
    try:
        body = msgspec.json.decode(call.content or b"{}", type=dict[str, Any])
    except msgspec.ValidationError:
        raise Refusal(400, "Body should be a JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal(400, "Problems parsing JSON") from None
    made = _answered(call, body.get("query"), body.get("variables") or {})
    return ok(made, headers={"x-ratelimit-resource": "graphql"})


def _answered(call: Call, document: object, variables: object) -> Json:
    if not isinstance(document, str) or not document.strip():
        words = "A query attribute must be specified and must be a string."
        return {"errors": [{"message": words}]}
    operation = OPERATIONS.get(_squeezed(document))
    if operation is None:
        words = f"The emulator only knows the documents of ghapp.emulator.graphql, not {document}"
        return {"errors": [{"message": words}]}
    try:
        return operation(call, variables)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in fault["loc"])
        words = f"Variable ${name} was provided invalid value ({fault['msg']})"
        return {"errors": [{"message": words}]}


def _squeezed(document: str) -> str:
    return " ".join(document.split())


# --- whether GraphQL is there --------------------------------------------------------------

TYPENAME = "{ __typename }"


def _typename(call: Call, variables: object) -> Json:
    return {"data": {"__typename": "Query"}}


# --- messages: whether they were edited, and reactions to them -----------------------------

EDITS = """
query($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on IssueComment { id lastEditedAt editor { ...who } }
    ... on PullRequestReview { id lastEditedAt editor { ...who } }
    ... on PullRequestReviewComment { id lastEditedAt editor { ...who } }
  }
}
fragment who on Actor { login __typename ... on User { databaseId } }
"""


class EditsVariables(Body):
    ids: list[str]


def _edits(call: Call, variables: object) -> Json:
    ids = EditsVariables.model_validate(variables).ids
    if len(ids) > NODES_LIMIT:
        words = f"You may not provide more than {NODES_LIMIT} node ids; you provided {len(ids)}."
        error = Failed("ARGUMENT_LIMIT", words).error("nodes")
        return {"data": {"nodes": None}, "errors": [error]}
    nodes: list[Json | None] = []
    errors = []
    for place, node in enumerate(ids):
        try:
            _, message = _message(call, node, ("read", "write", "admin"))
        except Failed as wrong:
            nodes.append(None)
            errors.append(wrong.error("nodes", place))
            continue
        editor = message.editor
        # GraphQL tells bots by their type: their login lacks the "[bot]" that REST adds.
        shown = editor and {
            "login": editor.login.removesuffix("[bot]"),
            "__typename": editor.kind,
            **({"databaseId": editor.id} if editor.kind == "User" else {}),
        }
        nodes.append({"id": node, "lastEditedAt": iso(message.last_edited_at), "editor": shown})
    return {"data": {"nodes": nodes}, **({"errors": errors} if errors else {})}


REACT = """
mutation($id: ID!, $content: ReactionContent!) {
  addReaction(input: {subjectId: $id, content: $content}) { clientMutationId }
}
"""


class ReactVariables(Body):
    id: str
    content: Literal[
        "THUMBS_UP", "THUMBS_DOWN", "LAUGH", "HOORAY", "CONFUSED", "HEART", "ROCKET", "EYES"
    ]


def _react(call: Call, variables: object) -> Json:
    given = ReactVariables.model_validate(variables)
    try:
        thread, message = _message(call, given.id, ("write", "admin"))
    except Failed as wrong:
        return {"data": {"addReaction": None}, "errors": [wrong.error("addReaction")]}
    thread.react_to(message, CONTENTS[given.content], call.by)
    return {"data": {"addReaction": {"clientMutationId": None}}}


def _message(call: Call, node: str, levels: tuple[str, ...]) -> tuple[Thread, Message]:
    """Raises Failed (not visible: NOT_FOUND; not permitted: FORBIDDEN)."""
    try:
        kind, _, number = base64.b64decode(node, validate=True).decode().partition(":")
        key = int(number)
    except (binascii.Error, ValueError):
        kind, key = "", 0
    for repository in filter(call.may_see, call.github.repositories.values()):
        rows = {key: row for key, row in repository.messages.items() if row[1].kind == kind}
        lagging = sorted(rows)[-call.stale :] if call.stale else []
        if key not in rows or key in lagging:
            continue
        thread, message = rows[key]
        permissions = call.token.permissions if call.token else {}
        if not any(permissions.get(name) in levels for name in PERMISSIONS[type(message)]):
            raise Failed("FORBIDDEN", INACCESSIBLE)
        return thread, message
    raise Failed("NOT_FOUND", f"Could not resolve to a node with the global id of '{node}'")


# --- merge queues --------------------------------------------------------------------------

QUEUE = """
query($owner: String!, $name: String!, $branch: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    mergeQueue(branch: $branch) {
      entries(first: 100, after: $after) {
        nodes {
          position
          state
          headCommit { oid }
          pullRequest { number headRefOid url }
        }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
"""


class QueueVariables(Body):
    owner: str
    name: str
    branch: str
    after: str | None = None


def _queue(call: Call, variables: object) -> Json:
    """Repositories are found by the names that they had, too."""
    given = QueueVariables.model_validate(variables)
    name, names = f"{given.owner}/{given.name}", call.github.names
    repository = names.current.get(name.lower()) or names.moved.get(name.lower())
    if repository is None or not call.may_see(repository):
        words = f"Could not resolve to a Repository with the name '{name}'."
        error = Failed("NOT_FOUND", words).error("repository")
        return {"data": {"repository": None}, "errors": [error]}
    if not (call.token and call.token.permissions.get("merge_queues")):
        error = Failed("FORBIDDEN", INACCESSIBLE).error("mergeQueue")
        return {"data": {"repository": {"mergeQueue": None}}, "errors": [error]}
    queue = repository.queues.get(given.branch)
    if queue is None:
        return {"data": {"repository": {"mergeQueue": None}}}
    try:
        start = int(base64.b64decode(given.after or "", validate=True) or b"0")
    except (binascii.Error, ValueError):
        words = f"`{given.after}` does not appear to be a valid cursor."
        error = Failed("ARGUMENT_LIMIT", words).error("entries")
        return {"data": {"repository": {"mergeQueue": {"entries": None}}}, "errors": [error]}
    end = min(start + ENTRIES_LIMIT, len(queue.entries))
    nodes = [
        {
            "position": entry.position,
            "state": entry.state,
            "headCommit": {"oid": entry.head_sha} if entry.head_sha else None,
            "pullRequest": {
                "number": entry.pull.number,
                "headRefOid": entry.pull.head_sha,
                "url": page(call.at, entry.pull),
            },
        }
        for entry in queue.entries[start:end]
    ]
    cursor = base64.b64encode(b"%d" % end).decode()
    info = {"hasNextPage": end < len(queue.entries), "endCursor": cursor}
    entries = {"nodes": nodes, "pageInfo": info}
    return {"data": {"repository": {"mergeQueue": {"entries": entries}}}}


DOCUMENTS = (TYPENAME, EDITS, REACT, QUEUE)
OPERATIONS: Mapping[str, Callable[[Call, object], Json]] = {
    _squeezed(document): operation
    for document, operation in zip(DOCUMENTS, (_typename, _edits, _react, _queue), strict=True)
}
