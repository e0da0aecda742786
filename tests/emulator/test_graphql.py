"""GraphQL as GitHub answers it: nodes told, reactions made, everything else an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ghapp.emulator import Pull, faults
from ghapp.emulator.shapes import node_id
from tests.emulator.world import World
from tests.emulator.world import world as emulator_world

EDITED = """
query Edited($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename
    ... on IssueComment { ...said }
    ... on PullRequestReview { ...said state commit { oid } }
    ... on PullRequestReviewComment { ...said path }
  }
}
fragment said on Comment { id lastEditedAt editor { __typename login } }
"""
REACT = """
mutation($subject: ID!, $content: ReactionContent!) {
  addReaction(input: {subjectId: $subject, content: $content}) {
    reaction { content }
    subject { id }
  }
}
"""


@pytest.fixture
def world() -> Iterator[World]:
    with emulator_world() as made:
        yield made


@pytest.fixture
def pull(world: World) -> Pull:
    return world.repository.open_pull(author="ann", branch="f", files={"a.py": "1\n"})


def ask(world: World, query: object, headers: dict[str, str] | None = None, **values: Any) -> Any:
    body = {"query": query, "variables": values}
    answer = world.client.post("/graphql", json=body, headers=headers)
    assert (answer.status_code, answer.headers["x-ratelimit-resource"]) == (200, "graphql")
    return answer.json()


def review_id(world: World) -> str:
    """The node id of the newest review, as REST tells it."""
    return str(world.client.get("/repos/acme/shop/pulls/1/reviews").json()[-1]["node_id"])


def comment_id(world: World) -> str:
    return str(world.client.get("/repos/acme/shop/issues/1/comments").json()[-1]["node_id"])


def test_nodes_tell_whether_and_by_whom_they_were_edited(world: World, pull: Pull) -> None:
    said = pull.comment("/nfr done", "sre-sam")
    review = pull.review("sre-sam", "approved", "/nfr done")
    pull.review_comment("/nfr done", "sre-sam", review_id=review)
    [note] = world.client.get("/repos/acme/shop/pulls/1/comments").json()
    ids = [comment_id(world), review_id(world), note["node_id"]]
    first = ask(world, EDITED, ids=ids)
    assert "errors" not in first
    assert [row["id"] for row in first["data"]["nodes"]] == ids
    assert {(row["lastEditedAt"], row["editor"]) for row in first["data"]["nodes"]} == {
        (None, None)
    }
    pull.edit_comment(said, "/nfr waive -- x", "ann")
    pull.edit_review(review, "x", "ghapp[bot]")
    comment, changed, _ = ask(world, EDITED, ids=ids)["data"]["nodes"]
    assert comment["editor"] == {"__typename": "User", "login": "ann"}
    assert comment["lastEditedAt"].endswith("Z")
    assert changed["editor"] == {"__typename": "Bot", "login": "ghapp"}  # no "[bot]" here
    assert (changed["state"], changed["commit"]) == ("APPROVED", {"oid": pull.head_sha})


def test_a_review_is_reacted_to_once(world: World, pull: Pull) -> None:
    review = pull.review("sre-sam")
    for _ in "ab":
        made = ask(world, REACT, subject=review_id(world), content="THUMBS_UP")
        assert made == {
            "data": {
                "addReaction": {
                    "reaction": {"content": "THUMBS_UP"},
                    "subject": {"id": review_id(world)},
                }
            }
        }
    [reaction] = pull.find_review(review).reactions
    assert (reaction.content, reaction.user.login) == ("+1", "ghapp[bot]")


def test_an_input_may_be_one_variable_or_written_out(world: World, pull: Pull) -> None:
    pull.comment("hi", "ann")
    node = comment_id(world)
    whole = "mutation($i: AddReactionInput!) { addReaction(input: $i) { clientMutationId } }"
    given = {"subjectId": node, "content": "EYES", "clientMutationId": "7"}
    assert ask(world, whole, i=given) == {"data": {"addReaction": {"clientMutationId": "7"}}}
    written = f'mutation {{ a: addReaction(input: {{subjectId: "{node}", content: CONFUSED}})'
    ask(world, written + " { reaction { id } } }")
    assert [r.content for r in pull.comments[0].reactions] == ["eyes", "confused"]


def test_what_cannot_be_seen_is_not_found(world: World, pull: Pull) -> None:
    pull.comment("hi", "ann")
    node = comment_id(world)
    hidden = world.github.repository("other/private", installation_id=2)
    hidden.open_pull(author="eve", branch="f", files={"a": "1"}).comment("secret", "eve")
    ids = [node, "nonsense", "SXNzdWVDb21tZW50Ojk=", "MDQ6"]
    answer = ask(world, EDITED, ids=ids)
    assert [row and row["id"] for row in answer["data"]["nodes"]] == [node, None, None, None]
    assert [(e["type"], e["path"]) for e in answer["errors"]] == [
        ("NOT_FOUND", ["nodes", place]) for place in (1, 2, 3)
    ]
    words = "Could not resolve to a node with the global id of 'nonsense'"
    assert answer["errors"][0]["message"] == words
    [secret] = hidden.comments
    told = ask(world, "query($i: ID!) { node(id: $i) { id } }", i=node_id("IssueComment", secret))
    assert (told["data"], told["errors"][0]["type"]) == ({"node": None}, "NOT_FOUND")
    gone = ask(world, REACT, subject="nonsense", content="EYES")
    assert (gone["data"], gone["errors"][0]["type"]) == ({"addReaction": None}, "NOT_FOUND")


def test_permissions_hold_as_for_rest(world: World, pull: Pull) -> None:
    pull.review("sre-sam")
    node = review_id(world)
    for headers, query in (
        (world.narrowed(issues="write"), EDITED),
        (world.narrowed(pull_requests="read"), REACT),
    ):
        values = {"ids": [node]} if query is EDITED else {"subject": node, "content": "EYES"}
        [error] = ask(world, query, headers, **values)["errors"]
        assert (error["type"], error["message"]) == (
            "FORBIDDEN",
            "Resource not accessible by integration",
        )
    assert pull.reviews[0].reactions == []
    wrong = {"authorization": "Bearer none"}
    assert world.client.post("/graphql", json={"query": "{x}"}, headers=wrong).status_code == 401


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("{ viewr { login } }", "Field 'viewr' doesn't exist on type 'Query'"),
        ("{ nodes { id } }", "Field 'nodes' is missing required arguments: ids"),
        ('{ node(id: "x") { body } }', "Field 'body' doesn't exist on type 'Node'"),
        ('{ node(id: "x") }', "Field must have selections"),
        ('{ node(id: "x") { id { a } } }', "Selections can't be made on scalars"),
        ('{ node(id: "x", b: 1) { id } }', "Field 'node' doesn't accept argument 'b'"),
        ("{ node(id: X) { id } }", "has an invalid value (X). Expected type 'ID!'"),
        ("{ node(id: $i) { id } }", "Variable $i is used by anonymous query but not declared"),
        ('query($i: ID) { node(id: "x") { id } }', "is declared by anonymous query but not used"),
        ("query($i: Id) { node(id: $i) { id } }", "Id isn't a defined input type (on $i)"),
        ('{ node(id: "x") { ... on Isue { id } } }', "No such type Isue"),
        ('{ node(id: "x") { ...f } }', "Fragment f was used, but not defined"),
        (
            '{ node(id: "x") { ...f } } fragment f on Node { ...f }',
            "Fragment f contains itself",
        ),
        ("query($i: ID!) { node(id: $i) { id } }", "Variable $i of type ID! was provided invalid"),
        ("{ node(id: ", "Unexpected end of document"),
        ('{ node(id: "x") @skip(if: true) { id } }', 'Parse error on "@" (@) at [1, 17]'),
        ("subscription { x }", 'Parse error on "subscription" (NAME)'),
        ("{}", "Parse error"),
        ("{ a ? }", 'Parse error on "?" (error)'),
        ("", "A query attribute must be specified and must be a string."),
        ('query A { node(id: "x") { id } } query B { x }', "An operation name is required"),
        (
            'mutation { addReaction(input: {subjectId: "x", content: "EYES"}) { subject { id } } }',
            "without quotes",
        ),
        (
            'mutation { addReaction(input: {subjectId: "x", content: NO}) { subject { id } } }',
            "to be one of: THUMBS_UP",
        ),
    ],
)
def test_what_is_not_understood_is_an_error_without_data(
    world: World, query: str, words: str
) -> None:
    answer = ask(world, query)
    assert "data" not in answer
    assert words in answer["errors"][0]["message"]


def test_too_many_nodes_are_refused(world: World) -> None:
    answer = ask(world, "query($i: [ID!]!) { nodes(ids: $i) { id } }", i=["x"] * 101)
    assert (answer["data"], answer["errors"][0]["type"]) == ({"nodes": None}, "ARGUMENT_LIMIT")


def test_the_address_depends_on_that_of_the_rest_api(world: World, pull: Pull) -> None:
    world.github.calls.clear()
    world.github.faults.add(faults.broken("POST /graphql"))
    body = {"query": "{ __typename }"}
    codes = [
        world.client.post(path, json=body).status_code
        for path in ("/graphql", "/api/graphql", "/api/v3/graphql")
    ]
    assert codes == [502, 200, 404]
    assert world.github.calls["POST /graphql"] == 2
