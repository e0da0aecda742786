"""What happened to branches, which commits a head has, and accounts that change their names."""

from __future__ import annotations

import json

import pytest

from ghapp.emulator.repository import NO_SHA, Pull
from tests.emulator.world import World

ACTIVITY = "/repos/acme/shop/activity"


def test_activities_of_a_branch_come_newest_first(world: World, pull: Pull) -> None:
    first = pull.head_sha
    second = pull.push({"a.py": "x = 1\n"}, by="bob")
    third = pull.force_push({"a.py": "x = 2\n"}, by="ann")
    rows = world.client.get(ACTIVITY, params={"ref": f"refs/heads/{pull.head_ref}"}).json()
    shown = [(r["activity_type"], r["before"], r["after"], r["actor"]["login"]) for r in rows]
    assert shown == [
        ("force_push", second, third, "ann"),
        ("push", first, second, "bob"),
        ("branch_creation", NO_SHA, first, "ann"),
    ]
    (only,) = world.client.get(ACTIVITY, params={"actor": "bob"}).json()
    assert only == rows[1]
    pull.merge(by="bob")
    merged = world.client.get(ACTIVITY, params={"ref": "main"}).json()[0]
    assert (merged["activity_type"], merged["actor"]["login"]) == ("pr_merge", "bob")


def test_pages_of_activities_follow_a_cursor(world: World, pull: Pull) -> None:
    for number in range(4):
        pull.push({"a.py": f"x = {number}\n"})
    params = {"ref": pull.head_ref, "per_page": "2"}
    found = []
    answer = world.client.get(ACTIVITY, params=params)
    while True:
        found += [row["id"] for row in answer.json()]
        if "next" not in answer.links:
            break
        answer = world.client.get(answer.links["next"]["url"])
    assert found == sorted(found, reverse=True)
    assert len(found) == 5


def test_a_push_lists_what_it_brought_and_to_a_new_branch_what_no_other_has(
    world: World, pull: Pull
) -> None:
    repository = pull.repository
    with world.github.deliveries.held() as held:
        more = pull.push({"a.py": "x = 1\n"})
        repository.branch("copy", of=pull.head_ref)
        repository.push("copy", {"b.py": "x = 1\n"}, "bob")
        tip = repository.branches["copy"]
        repository.move("other", tip, "bob")
    pushes = [json.loads(one.body) for one in held if one.event == "push"]
    listed = [(one["before"], [row["id"] for row in one["commits"]]) for one in pushes]
    assert listed == [(pushes[0]["before"], [more]), (more, [tip]), (NO_SHA, [])]


def test_a_comparison_lists_the_commits_that_only_the_head_has(world: World, pull: Pull) -> None:
    first, second = pull.head_sha, pull.push({"a.py": "x = 1\n"})
    path = f"/repos/acme/shop/compare/main...{second}"
    found = world.client.get(path).json()
    assert [row["sha"] for row in found["commits"]] == [first, second]
    page = world.client.get(path, params={"per_page": "1", "page": "2"}).json()
    assert ([row["sha"] for row in page["commits"]], page["total_commits"]) == ([second], 2)


def test_a_renamed_account_keeps_its_id_and_rights(world: World, pull: Pull) -> None:
    id = world.github.user("bob").id
    pull.repository.collaborator("bob", "write")
    world.github.team("acme", "readers", ["bob"])
    world.github.rename("bob", "robert")
    assert world.client.get(f"/user/{id}").json()["login"] == "robert"
    path = "/repos/acme/shop/collaborators/robert/permission"
    assert world.client.get(path).json()["permission"] == "write"
    assert world.client.get("/orgs/acme/teams/readers/memberships/robert").status_code == 200
    assert world.client.get("/orgs/acme/teams/readers/memberships/bob").status_code == 404
    assert world.client.get("/user/999").status_code == 404
    assert world.github.user("bob").id != id
    with pytest.raises(ValueError, match="exists"):
        world.github.rename("bob", "robert")


def test_repositories_of_a_renamed_account_are_found_by_both_names(world: World) -> None:
    repository = world.github.repository("bob/tool", installation_id=1)
    world.github.rename("bob", "robert")
    assert repository.full_name == "robert/tool"
    assert world.client.get("/repos/robert/tool").status_code == 200
    assert world.client.get("/repos/bob/tool", follow_redirects=False).status_code == 301
