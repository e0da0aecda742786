"""The part of GitHub's GraphQL schema that is played: types, their fields, what these answer.

Source: https://docs.github.com/graphql/reference
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ghapp.emulator.graphql_input import REACTION_NAMES
from ghapp.emulator.graphql_kind import Answers, Kind
from ghapp.emulator.graphql_queues import QUEUE_KINDS
from ghapp.emulator.shapes import Shapes, node_id
from ghapp.emulator.state import Reaction, Review, ReviewComment, Said, User, iso
from ghapp.emulator.thread import Thread


@dataclass(frozen=True, slots=True)
class Node:
    """Something said, with where it was said. kind: its GraphQL type."""

    kind: str
    thread: Thread
    said: Said

    @property
    def id(self) -> str:
        return node_id(self.kind, self.said.id)


@dataclass(frozen=True, slots=True)
class Root:
    """A field of Query or Mutation. arguments: name to type."""

    kind: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    listed: bool = False


def _login(at: Shapes, user: User) -> str:
    """Without the "[bot]" that REST adds: GraphQL tells bots by their type."""
    return user.login.removesuffix("[bot]")


def _url(at: Shapes, node: Node) -> str:
    return f"{at.page(node.thread)}#{node.said.anchor}"


def _content(at: Shapes, made: Reaction) -> str:
    return next(name for name, content in REACTION_NAMES.items() if content == made.content)


def _commit(at: Shapes, node: Node) -> str:
    assert isinstance(node.said, Review | ReviewComment)
    return node.said.commit_id


ID: Mapping[str, tuple[str, Answers]] = {"id": ("", lambda at, node: node.id)}
DATABASE_ID: Mapping[str, tuple[str, Answers]] = {"databaseId": ("", lambda at, node: node.said.id)}
COMMENT: Mapping[str, tuple[str, Answers]] = {
    **ID,
    "body": ("", lambda at, node: node.said.body),
    "author": ("Actor", lambda at, node: node.said.user),
    "editor": ("Actor", lambda at, node: node.said.editor),
    "lastEditedAt": ("", lambda at, node: iso(node.said.last_edited_at)),
    "createdAt": ("", lambda at, node: iso(node.said.created_at)),
    "updatedAt": ("", lambda at, node: iso(node.said.updated_at)),
}
SAID: Mapping[str, tuple[str, Answers]] = {**COMMENT, **DATABASE_ID, "url": ("", _url)}
ACTOR: Mapping[str, tuple[str, Answers]] = {
    "login": ("", _login),
    "url": ("", lambda at, user: f"{at.html}/{user.login}"),
}
TALK = frozenset({"Node", "Comment", "Reactable"})
KINDS: Mapping[str, Kind] = {
    "Node": Kind(ID),
    "Comment": Kind(COMMENT),
    "Reactable": Kind({**ID, **DATABASE_ID}),
    "IssueComment": Kind(SAID, TALK),
    "PullRequestReview": Kind(
        {
            **SAID,
            "state": ("", lambda at, node: node.said.state.upper()),
            "submittedAt": ("", lambda at, node: iso(node.said.created_at)),
            "commit": ("Commit", _commit),
        },
        TALK,
    ),
    "PullRequestReviewComment": Kind(
        {**SAID, "path": ("", lambda at, node: node.said.path), "commit": ("Commit", _commit)}, TALK
    ),
    "Commit": Kind({"oid": ("", lambda at, sha: sha)}),
    **QUEUE_KINDS,
    "Actor": Kind(ACTOR),
    "User": Kind(ACTOR, frozenset({"Actor"})),
    "Bot": Kind(ACTOR, frozenset({"Actor"})),
    "Organization": Kind(ACTOR, frozenset({"Actor"})),
    "AddReactionPayload": Kind(
        {
            "clientMutationId": ("", lambda at, made: made.client_id),
            "reaction": ("Reaction", lambda at, made: made.reaction),
            "subject": ("Reactable", lambda at, made: made.node),
        }
    ),
    "Reaction": Kind(
        {
            "id": ("", lambda at, made: node_id("Reaction", made.id)),
            "databaseId": ("", lambda at, made: made.id),
            "content": ("", _content),
            "createdAt": ("", lambda at, made: iso(made.created_at)),
        }
    ),
}
ROOTS: Mapping[str, Mapping[str, Root]] = {
    "query": {
        "node": Root("Node", {"id": "ID!"}),
        "nodes": Root("Node", {"ids": "[ID!]!"}, listed=True),
        "repository": Root(
            "Repository", {"owner": "String!", "name": "String!", "followRenames": "Boolean"}
        ),
    },
    "mutation": {"addReaction": Root("AddReactionPayload", {"input": "AddReactionInput!"})},
}


@dataclass(frozen=True, slots=True)
class Reacted:
    """What addReaction answers."""

    node: Node
    reaction: Reaction
    client_id: str | None


def kind_of(value: Any, declared: str) -> str:
    """The object type of a value of this declared type, which may be an interface."""
    if isinstance(value, Node):
        return value.kind
    return value.kind if isinstance(value, User) else declared


def fits(kind: str, condition: str) -> bool:
    """Whether a value of the object type meets the type that a fragment names."""
    return condition in ("", kind) or condition in KINDS[kind].implements
