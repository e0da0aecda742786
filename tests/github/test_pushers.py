"""Who pushed what and who spoke, as far as GitHub says: heads, lists of pushes, and accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from ghapp.core.model import Account, Pull, Push, Rights, Via
from ghapp.core.review.judge import Ask
from ghapp.emulator import faults
from ghapp.github import endpoints, people
from tests.github.world import World

COMPARE = "GET /repos/{owner}/{repo}/compare/{path}"
ACTIVITY = "GET /repos/{owner}/{repo}/activity"
SRE = frozenset({"acme/sre"})


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def read(world: World, pull: object) -> Pull:
    return world.gather(pull).pull  # type: ignore[arg-type]


def test_a_head_of_one_commit_is_not_asked_about(world: World) -> None:
    pull = world.pull()
    found = read(world, pull)
    assert world.run(lambda client: client.commits(found, found.head_sha)) == (pull.head_sha,)
    assert world.github.calls[COMPARE] == 0


def test_the_commits_of_a_head_are_those_that_the_base_lacks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull = world.pull()
    commits = [pull.head_sha, *(pull.push({"a.py": f"x = {n}\n"}) for n in range(3))]
    world.shop.push("main", {"b.py": "x = 1\n"}, "ann")
    pull.merge_base_in()
    found = read(world, pull)
    older = world.run(lambda client: client.commits(found, commits[1]))
    assert older == tuple(commits[:2])
    monkeypatch.setattr(endpoints, "PAGE", 2)
    whole = world.run(lambda client: client.commits(found, found.head_sha))
    assert set(whole) == {*commits, pull.head_sha}
    monkeypatch.setattr(endpoints, "MOST_COMMIT_PAGES", 1)
    assert world.run(lambda client: client.commits(found, found.head_sha)) == ()
    assert world.run(lambda client: client.commits(found, "e" * 40)) == ()


def test_pushes_to_the_branch_are_as_github_lists_them(world: World) -> None:
    pull = world.pull()
    first, second = pull.head_sha, pull.push({"a.py": "x = 1\n"}, by="sam")
    found = read(world, pull)
    pushes = world.run(lambda client: client.pushes(found))
    sam, ann = world.github.user("sam").id, world.github.user("ann").id
    assert [(push.head_sha, push.before, push.user_id) for push in pushes] == [
        (second, first, sam),
        (first, "0" * 40, ann),
    ]
    assert {(push.via, push.branch) for push in pushes} == {(Via.ACTIVITY, "feat")}
    assert pushes[0].id.startswith("activity:")
    assert isinstance(pushes[0], Push)


def test_nobody_is_known_where_github_does_not_list_pushes(world: World) -> None:
    fork = world.pull(author="eve", fork="eve")
    found = read(world, fork)
    assert found.from_fork
    assert world.run(lambda client: client.pushes(found)) == ()
    fork.delete_fork()
    gone = read(world, fork)
    assert (gone.from_fork, gone.head_repository) == (True, "")
    assert world.run(lambda client: client.pushes(gone)) == ()
    world.github.faults.add(faults.broken(ACTIVITY, 403, times=None))
    known = read(world, world.pull(branch="own"))
    assert world.run(lambda client: client.pushes(known)) == ()


def rights(world: World, ask: Ask) -> Rights:
    """Of whoever was called sam."""

    async def told(client: object) -> Mapping[str, Rights]:
        api = client._installation(world.repository)  # type: ignore[attr-defined]
        return await people.rights(api, world.repository, {"sam": ask})

    return world.run(told)["sam"]


def test_rights_of_a_renamed_account_are_asked_for_by_its_present_name(world: World) -> None:
    id = world.github.user("sam").id
    ask = Ask(permission=True, teams=SRE, account_id=id)
    assert rights(world, ask) == Rights(teams=SRE, account=Account("sam", id))
    world.shop.collaborator("sam", "maintain")
    world.github.rename("sam", "samuel")
    here = Rights(write=True, maintain=True, teams=SRE, account=Account("samuel", id))
    assert rights(world, ask) == here
    world.shop.collaborator("sam", "admin")  # somebody else has the name now
    assert rights(world, ask) == here
    assert rights(world, Ask(permission=True)).maintain


def test_an_account_that_is_gone_has_no_rights(world: World) -> None:
    found = rights(world, Ask(teams=frozenset({"acme/dba"}), account_id=999))
    assert found.teams == frozenset()
    assert found.account == Account("sam", 999)
