"""The emulator fails on demand: before or after the write, slowly, half-way, or with old news."""

from __future__ import annotations

import time

import httpx
import pytest

from ghapp.emulator import faults
from ghapp.emulator.graphql import EDITS
from ghapp.emulator.repository import Pull
from tests.emulator.world import World
from tests.emulator.world import world as emulator_world

REPO = "/repos/acme/shop"
COMMENTS = f"{REPO}/issues/1/comments"


def comment(world: World) -> httpx.Response:
    return world.client.post(COMMENTS, json={"body": "Hello"})


def test_a_write_that_is_lost_before_it_took_effect(world: World, pull: Pull) -> None:
    world.github.faults.add(faults.broken("POST */comments"))
    assert comment(world).status_code == 502
    assert pull.comments == []
    assert comment(world).status_code == 201


def test_a_write_whose_answer_is_lost(world: World, pull: Pull) -> None:
    world.github.faults.add(faults.broken("POST */comments", 503, after=True))
    assert comment(world).status_code == 503
    assert [comment.body for comment in pull.comments] == ["Hello"]


def test_a_cut_connection(world: World, pull: Pull) -> None:
    world.github.faults.add(faults.cut("POST */comments", after=True), faults.cut("GET *"))
    with pytest.raises(httpx.RemoteProtocolError):
        comment(world)
    assert len(pull.comments) == 1
    with pytest.raises(httpx.RemoteProtocolError):
        world.client.get(REPO)
    assert world.client.get(REPO).status_code == 200


def test_the_secondary_limit_has_a_time_to_wait(world: World, pull: Pull) -> None:
    world.github.faults.add(
        faults.secondary_limit("POST *", retry_after=7),
        faults.secondary_limit("POST *", status=429, retry_after=None),
    )
    first, second = comment(world), comment(world)
    assert (first.status_code, first.headers["retry-after"]) == (403, "7")
    assert "secondary rate limit" in first.json()["message"]
    assert (second.status_code, "retry-after" in second.headers) == (429, False)
    assert pull.comments == []


def test_the_primary_limit_leaves_nothing(world: World) -> None:
    world.github.faults.add(faults.primary_limit("GET *"))
    answer = world.client.get(REPO)
    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (403, "0")
    assert int(answer.headers["x-ratelimit-reset"]) > time.time()


def test_a_slow_answer(world: World) -> None:
    world.github.faults.add(faults.slow("GET *", 0.05))
    began = time.monotonic()
    world.client.get(REPO)
    assert time.monotonic() - began >= 0.05


def test_a_read_that_lags_behind(world: World, pull: Pull) -> None:
    before = pull.head_sha
    pull.push({"b": "1\n"})
    world.github.faults.add(faults.stale("GET */pulls/{number}"))
    old = world.client.get(f"{REPO}/pulls/1").json()
    new = world.client.get(f"{REPO}/pulls/1").json()
    assert (old["head"]["sha"], old["changed_files"]) == (before, 1)
    assert (new["head"]["sha"], new["changed_files"]) == (pull.head_sha, 2)
    assert old["updated_at"] <= new["updated_at"]


def test_a_share_of_calls_fails(world: World) -> None:
    world.github.faults.add(faults.Fault("GET *", None, rate=0.3, status=502))
    codes = [world.client.get(REPO).status_code for _ in range(100)]
    assert 15 <= codes.count(502) <= 45
    world.github.faults.clear()
    assert world.client.get(REPO).status_code == 200


def test_calls_are_counted_by_route(world: World, pull: Pull) -> None:
    world.github.calls.clear()
    comment(world)
    world.client.get(f"{REPO}/pulls/1")
    world.client.get(f"{REPO}/pulls/1")
    assert dict(world.github.calls) == {
        "POST /repos/{owner}/{repo}/issues/{number}/comments": 1,
        "GET /repos/{owner}/{repo}/pulls/{number}": 2,
    }


def test_latency_is_added_to_every_call() -> None:
    with emulator_world(latency_seconds=0.03) as world:
        began = time.monotonic()
        world.client.get(REPO)
        assert time.monotonic() - began >= 0.03


# --- answers that are no answers -----------------------------------------------------------


def test_a_token_that_is_revoked_stays_so(world: World, pull: Pull) -> None:
    world.github.faults.add(faults.revoked("GET *"))
    assert [world.client.get(REPO).status_code for _ in range(2)] == [401, 401]


def test_a_permission_that_is_taken_away_is_named(world: World, pull: Pull) -> None:
    world.github.faults.add(faults.forbidden("POST *", "issues=write"))
    first = comment(world)
    left = {"metadata": "read", "pull_requests": "read"}
    world.github.grant(1, left)
    second = comment(world)
    for answer in (first, second):
        assert answer.status_code == 403
        assert answer.headers["x-accepted-github-permissions"].startswith("issues=write")
        assert answer.json()["message"] == "Resource not accessible by integration"
    assert pull.comments == []


def test_a_refusal_names_the_field(world: World, pull: Pull) -> None:
    world.github.faults.add(faults.already_exists("POST *"), faults.not_valid("POST *", "name"))
    rows = [comment(world).json()["errors"] for _ in range(2)]
    assert rows == [
        [{"resource": "Label", "field": "name", "code": "already_exists"}],
        [{"resource": "CheckRun", "field": "name", "code": "invalid"}],
    ]


def test_a_page_for_people_is_not_json(world: World) -> None:
    world.github.faults.add(faults.page("GET *"))
    answer = world.client.get(REPO)
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html")
    assert answer.text.startswith("<html>")


def test_half_an_answer_claims_to_be_whole(world: World, pull: Pull) -> None:
    world.github.faults.add(faults.truncated("POST */comments"))
    answer = comment(world)
    assert (answer.status_code, len(pull.comments)) == (201, 1)
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()


def test_a_false_gzip_cannot_be_read(world: World, pull: Pull) -> None:
    world.github.faults.add(faults.garbled("POST */comments"))
    with pytest.raises(httpx.DecodingError):
        comment(world)
    assert len(pull.comments) == 1


def test_a_write_takes_effect_even_if_nobody_waits_any_more(world: World, pull: Pull) -> None:
    world.github.faults.add(faults.slow("POST */comments", 2.0))
    patience = httpx.Timeout(10, read=0.1)
    with pytest.raises(httpx.ReadTimeout):
        world.client.post(COMMENTS, json={"body": "Hello"}, timeout=patience)
    assert pull.comments == []
    deadline = time.monotonic() + 10
    while not pull.comments:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_limits_may_have_odd_times(world: World) -> None:
    until = "Wed, 01 Apr 2026 09:31:30 GMT"
    world.github.faults.add(
        faults.secondary_limit("GET *", retry_after=until),
        faults.primary_limit("GET *", reset_in=-300),
    )
    assert world.client.get(REPO).headers["retry-after"] == until
    assert int(world.client.get(REPO).headers["x-ratelimit-reset"]) < time.time()


def test_etags_may_be_wrong_both_ways(world: World) -> None:
    path = f"{REPO}/contents/.github/nfr.yml"
    first = world.client.get(path)
    asked = {"if-none-match": first.headers["etag"]}
    world.github.faults.add(faults.unchanged("GET *"), faults.renamed("GET *", "e2"))
    unasked = world.client.get(path)
    other = world.client.get(path, headers=asked)
    assert (unasked.status_code, unasked.content) == (304, b"")
    assert (other.status_code, other.content) == (200, first.content)
    assert other.headers["etag"] == '"e2"'
    assert world.client.get(path, headers=asked).status_code == 304


def test_lists_may_lead_astray(world: World, pull: Pull) -> None:
    for number in range(3):
        pull.comment(f"{number}", "ann")
    world.github.faults.add(
        faults.endless("GET */comments"),
        faults.elsewhere("GET */comments", "example.com"),
        faults.repeated("GET */comments", times=1),
        faults.emptied("GET */comments"),
        faults.overfull("GET */comments"),
    )
    page = f"{COMMENTS}?per_page=2&page=2"
    answers = [world.client.get(page) for _ in range(6)]
    bodies = [[row["body"] for row in answer.json()] for answer in answers]
    assert bodies == [["2"], ["2"], ["0", "1"], [], ["0", "1", "2"], ["2"]]
    links = [answer.headers.get("link", "") for answer in answers]
    assert 'page=1000000>; rel="last"' in links[0]
    assert links[1].startswith("<https://example.com/")
    assert all('rel="next"' in link for link in links[:4])
    assert links[4] == ""


def test_a_redirect_may_lead_to_itself(world: World) -> None:
    world.github.faults.add(faults.looping("GET *", times=1))
    answer = world.client.get(REPO)
    assert (answer.status_code, answer.headers["location"]) == (301, f"{world.url}{REPO}")


def test_a_repository_may_be_blocked_for_legal_reasons(world: World) -> None:
    world.github.faults.add(faults.blocked("GET *"))
    assert world.client.get(REPO).status_code == 451


def test_nodes_lag_as_lists_do(world: World, pull: Pull) -> None:
    pull.comment("old", "ann")
    pull.comment("new", "ann")
    ids = [row["node_id"] for row in world.client.get(COMMENTS).json()]
    query = {"query": EDITS, "variables": {"ids": ids}}
    world.github.faults.add(faults.stale("POST /graphql"))
    behind, now = (world.client.post("/graphql", json=query).json() for _ in range(2))
    assert [row and row["id"] for row in behind["data"]["nodes"]] == [ids[0], None]
    assert [row["id"] for row in now["data"]["nodes"]] == ids


def test_a_fault_may_strike_one_repository_alone(world: World) -> None:
    world.github.repository("acme/farm")
    world.github.faults.add(faults.Fault("GET *", 1, within="acme/shop", status=500))
    assert world.client.get("/repos/acme/farm").status_code == 200
    assert world.github.faults.left("acme/shop") == ("GET *",)
    assert world.client.get(REPO).status_code == 500
    assert world.github.faults.left("acme/shop") == ()
