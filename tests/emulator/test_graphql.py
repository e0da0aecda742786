"""GraphQL: the App's documents keep to GitHub's schema and are answered; all others are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, parse, validate

from ghapp.emulator import faults
from ghapp.emulator.graphql import DOCUMENTS, EDITS, REACT
from ghapp.emulator.json import node_id
from ghapp.emulator.repository import Pull
from tests.emulator.world import World

SCHEMA = build_schema((Path(__file__).parent / "github.graphql").read_text(encoding="utf-8"))


def ask(world: World, query: object, headers: dict[str, str] | None = None, **values: Any) -> Any:
    body = {"query": query, "variables": values}
    answer = world.client.post("/graphql", json=body, headers=headers)
    assert (answer.status_code, answer.headers["x-ratelimit-resource"]) == (200, "graphql")
    return answer.json()


def review_id(world: World) -> str:
    """The node id of the newest review, as REST has it."""
    return str(world.client.get("/repos/acme/shop/pulls/1/reviews").json()[-1]["node_id"])


def comment_id(world: World) -> str:
    return str(world.client.get("/repos/acme/shop/issues/1/comments").json()[-1]["node_id"])


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_document_keeps_to_the_schema_of_github(document: str) -> None:
    assert validate(SCHEMA, parse(document)) == []


def test_nodes_show_whether_and_by_whom_they_were_edited(world: World, pull: Pull) -> None:
    comment = pull.comment("/nfr done", "sre-sam")
    review = pull.review("sre-sam", "approved", "/nfr done")
    pull.review_comment("/nfr done", "sre-sam", review_id=review)
    [note] = world.client.get("/repos/acme/shop/pulls/1/comments").json()
    ids = [comment_id(world), review_id(world), note["node_id"]]
    first = ask(world, EDITS, ids=ids)
    assert first == {
        "data": {"nodes": [{"id": id, "lastEditedAt": None, "editor": None} for id in ids]}
    }
    pull.edit_comment(comment, "/nfr waive -- x", "ann")
    pull.edit_review(review, "x", "ghapp[bot]")
    edited, changed, _ = ask(world, EDITS, ids=ids)["data"]["nodes"]
    assert edited["editor"] == {
        "__typename": "User",
        "login": "ann",
        "databaseId": world.github.user("ann").id,
    }
    assert edited["lastEditedAt"].endswith("Z")
    assert changed["editor"] == {"__typename": "Bot", "login": "ghapp"}  # no "[bot]" here


def test_a_review_is_reacted_to_once(world: World, pull: Pull) -> None:
    review = pull.review("sre-sam")
    for _ in "ab":
        made = ask(world, REACT, id=review_id(world), content="THUMBS_UP")
        assert made == {"data": {"addReaction": {"clientMutationId": None}}}
    [reaction] = pull.find_review(review).reactions
    assert (reaction.content, reaction.user.login) == ("+1", "ghapp[bot]")


def test_a_node_out_of_sight_is_not_found(world: World, pull: Pull) -> None:
    pull.comment("hi", "ann")
    node = comment_id(world)
    hidden = world.github.repository("other/private", installation_id=2)
    secret = hidden.open_pull(author="eve", branch="f", files={"a": "1"}).comment("secret", "eve")
    ids = [node, "nonsense", "SXNzdWVDb21tZW50Ojk=", "MDQ6", node_id("IssueComment", secret)]
    answer = ask(world, EDITS, ids=ids)
    assert [row and row["id"] for row in answer["data"]["nodes"]] == [node, *[None] * 4]
    assert [(e["type"], e["path"]) for e in answer["errors"]] == [
        ("NOT_FOUND", ["nodes", place]) for place in (1, 2, 3, 4)
    ]
    words = "Could not resolve to a node with the global id of 'nonsense'"
    assert answer["errors"][0]["message"] == words
    gone = ask(world, REACT, id="nonsense", content="EYES")
    assert (gone["data"], gone["errors"][0]["type"]) == ({"addReaction": None}, "NOT_FOUND")


def test_permissions_hold_as_for_rest(world: World, pull: Pull) -> None:
    pull.review("sre-sam")
    node = review_id(world)
    for headers, query, values in (
        (world.narrowed(issues="write"), EDITS, {"ids": [node]}),
        (world.narrowed(pull_requests="read"), REACT, {"id": node, "content": "EYES"}),
    ):
        [error] = ask(world, query, headers, **values)["errors"]
        assert (error["type"], error["message"]) == (
            "FORBIDDEN",
            "Resource not accessible by integration",
        )
    assert pull.reviews[0].reactions == []
    wrong = {"authorization": "Bearer none"}
    assert world.client.post("/graphql", json={"query": "{x}"}, headers=wrong).status_code == 401


@pytest.mark.parametrize(
    ("query", "values", "words"),
    [
        ("{ viewer { login } }", {}, "only knows the documents of ghapp.emulator.graphql"),
        (EDITS.replace("lastEditedAt", "createdAt"), {"ids": []}, "not \nquery($ids"),
        ("", {}, "A query attribute must be specified and must be a string."),
        (None, {}, "A query attribute must be specified and must be a string."),
        (EDITS, {}, "Variable $ids was provided invalid value"),
        (EDITS, {"ids": [1]}, "Variable $ids.0 was provided invalid value"),
        (REACT, {"id": "x", "content": "NO"}, "Variable $content was provided invalid value"),
        (REACT, {"id": "x", "content": "EYES", "more": 1}, "Variable $more was provided"),
    ],
)
def test_another_document_or_wrong_variables_are_an_error_without_data(
    world: World, query: object, values: dict[str, Any], words: str
) -> None:
    answer = ask(world, query, **values)
    assert "data" not in answer
    assert words in answer["errors"][0]["message"]


def test_white_space_in_a_document_does_not_matter(world: World) -> None:
    assert ask(world, "{\n  __typename\n}\n") == {"data": {"__typename": "Query"}}


def test_too_many_nodes_are_refused(world: World) -> None:
    answer = ask(world, EDITS, ids=["x"] * 101)
    assert (answer["data"], answer["errors"][0]["type"]) == ({"nodes": None}, "ARGUMENT_LIMIT")


def test_a_body_that_is_not_a_json_object_is_refused(world: World) -> None:
    for body in (b"{", b"[]", b"\xff"):
        assert world.client.post("/graphql", content=body).status_code == 400


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
