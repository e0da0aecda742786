"""What the emulator answers is of the form GitHub describes."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

from ghapp.emulator.git import Entry
from tests.emulator.world import World

REPO = "/repos/acme/shop"


def valid(model: Any, value: Any) -> Any:
    """The value, if GitHub's own description admits it."""
    TypeAdapter(model).validate_python(value)
    return value


def test_the_app_sees_itself_its_installation_and_its_repositories(
    world: World,
) -> None:
    app = valid(models.Integration, world.as_app("GET", "/app").json())
    assert app["permissions"]["checks"] == "write"
    valid(models.Installation, world.as_app("GET", "/app/installations/1").json())
    valid(list[models.Installation], world.as_app("GET", "/app/installations").json())
    answer = world.client.get("/installation/repositories").json()
    valid(models.InstallationRepositoriesGetResponse200, answer)
    assert [repository["full_name"] for repository in answer["repositories"]] == ["acme/shop"]


def test_a_token_has_an_expiry_and_permissions(world: World) -> None:
    answer = world.as_app("POST", "/app/installations/1/access_tokens")
    assert answer.status_code == 201
    token = valid(models.InstallationToken, answer.json())
    assert token["permissions"]["members"] == "read"
    headers = {"authorization": f"token {token['token']}"}
    assert world.client.get(REPO, headers=headers).status_code == 200


def test_a_repository_and_its_files(world: World) -> None:
    valid(models.FullRepository | models.Repository, world.client.get(REPO).json())
    file = valid(models.ContentFile, world.client.get(f"{REPO}/contents/README.md").json())
    assert base64.b64decode(file["content"]) == b"# shop\n"
    rows = world.client.get(f"{REPO}/contents/app").json()
    valid(list[models.ContentDirectoryItems], rows)
    assert [row["path"] for row in rows] == ["app/cart.py", "app/run.sh"]


def test_a_folder_lists_its_entries_with_sha_type_and_size(world: World) -> None:
    head = world.repository.branches["main"]
    changes = {
        "packs/a.yml": "area: a\n",
        "packs/link.yml": Entry(b"a.yml", "120000"),
        "packs/module": Entry(head.encode(), "160000"),
        "packs/sub/b.yml": "area: b\n",
    }
    world.repository.push("main", changes, "ann")
    answer = world.client.get(f"{REPO}/contents/packs")
    rows = valid(list[models.ContentDirectoryItems], answer.json())
    assert [(row["name"], row["type"], row["size"], bool(row["download_url"])) for row in rows] == [
        ("a.yml", "file", 8, True),
        ("link.yml", "symlink", 5, True),
        ("module", "file", 0, False),  # a submodule, as older clients know it
        ("sub", "dir", 0, False),
    ]
    assert rows[2]["sha"] == head
    raw = {"accept": "application/vnd.github.raw+json"}
    assert world.client.get(rows[0]["git_url"], headers=raw).content == b"area: a\n"
    again = world.client.get(answer.url, headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert world.client.get(f"{REPO}/contents/nowhere").status_code == 404


def test_a_long_folder_is_cut_after_a_thousand_entries(world: World) -> None:
    world.repository.push("main", {f"many/{n:04}": "x" for n in range(1_001)}, "ann")
    rows = world.client.get(f"{REPO}/contents/many").json()
    assert (len(rows), rows[-1]["name"]) == (1_000, "0999")


def test_contents_may_be_raw_of_another_ref_and_unchanged(world: World) -> None:
    pull = world.repository.open_pull(author="ann", branch="f", files={"README.md": "new\n"})
    raw = {"accept": "application/vnd.github.raw+json"}
    path = f"{REPO}/contents/README.md"
    first = world.client.get(path, headers=raw)
    assert first.content == b"# shop\n"
    assert world.client.get(path, params={"ref": pull.head_sha}, headers=raw).content == b"new\n"
    again = world.client.get(path, headers={**raw, "if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    world.repository.push("main", {"README.md": "moved\n"}, "ann")
    moved = world.client.get(path, headers={**raw, "if-none-match": first.headers["etag"]})
    assert (moved.status_code, moved.content) == (200, b"moved\n")


def test_a_pull_and_the_list_of_pulls(world: World) -> None:
    pull = world.repository.open_pull(
        author="ann",
        branch="f",
        files={"a": "1\n"},
        title="feat: a",
        labels=["feature"],
    )
    one = valid(models.PullRequest, world.client.get(f"{REPO}/pulls/1").json())
    assert (one["head"]["sha"], one["changed_files"]) == (pull.head_sha, 1)
    assert [label["name"] for label in one["labels"]] == ["feature"]
    rows = valid(list[models.PullRequestSimple], world.client.get(f"{REPO}/pulls").json())
    assert [row["number"] for row in rows] == [1]
    pull.close()
    assert world.client.get(f"{REPO}/pulls").json() == []
    assert len(world.client.get(f"{REPO}/pulls", params={"state": "all"}).json()) == 1


def test_a_pull_from_a_fork_outlives_the_fork(world: World) -> None:
    pull = world.repository.open_pull(author="eve", branch="fix", files={"a": "1"}, fork="eve")
    one = valid(models.PullRequest, world.client.get(f"{REPO}/pulls/1").json())
    assert one["head"]["repo"]["full_name"] == "eve/shop"
    assert one["head"]["repo"]["fork"] is True
    pull.delete_fork()
    one = valid(models.PullRequest, world.client.get(f"{REPO}/pulls/1").json())
    assert one["head"]["repo"] is None
    assert one["head"]["label"] == "eve:fix"


def test_comments_and_reactions(world: World) -> None:
    pull = world.repository.open_pull(author="ann", branch="f", files={"a": "1\n"})
    answer = world.client.post(f"{REPO}/issues/1/comments", json={"body": "Hello"})
    assert answer.status_code == 201
    comment = valid(models.IssueComment, answer.json())
    assert comment["user"]["login"] == "ghapp[bot]"
    one = f"{REPO}/issues/comments/{comment['id']}"
    changed = valid(models.IssueComment, world.client.patch(one, json={"body": "Bye"}).json())
    assert changed["body"] == "Bye"
    comment_id = pull.comment("/nfr done", "sre-sam")
    rows = valid(list[models.IssueComment], world.client.get(f"{REPO}/issues/1/comments").json())
    assert [row["body"] for row in rows] == ["Bye", "/nfr done"]
    reactions = f"{REPO}/issues/comments/{comment_id}/reactions"
    new = world.client.post(reactions, json={"content": "+1"})
    old = world.client.post(reactions, json={"content": "+1"})
    assert (new.status_code, old.status_code) == (201, 200)
    valid(models.Reaction, new.json())
    assert [reaction.content for reaction in pull.find_comment(comment_id).reactions] == ["+1"]


def test_an_unknown_label_is_created_when_it_is_added(world: World) -> None:
    pull = world.repository.open_pull(author="ann", branch="f", files={"a": "1\n"})
    on = f"{REPO}/issues/1/labels"
    known = {"name": "nfr: on hold", "color": "D93F0B", "description": "d"}
    made = world.client.post(f"{REPO}/labels", json=known)
    assert made.status_code == 201
    valid(models.Label, made.json())
    rows = world.client.post(on, json={"labels": ["nfr: on hold", "unknown"]}).json()
    valid(list[models.Label], rows)
    assert [(row["color"], row["description"]) for row in rows] == [
        ("D93F0B", "d"),
        ("ededed", None),
    ]
    changed = world.client.patch(f"{REPO}/labels/unknown", json={"color": "ffffff"}).json()
    assert valid(models.Label, changed)["color"] == "ffffff"
    assert world.client.get(f"{REPO}/labels/NFR:%20ON%20HOLD").json()["name"] == "nfr: on hold"
    assert world.client.delete(f"{on}/nfr:%20on%20hold").status_code == 200
    assert world.client.delete(f"{on}/nfr:%20on%20hold").status_code == 404
    assert pull.labels == {"unknown"}
    assert [row["name"] for row in world.client.get(on).json()] == ["unknown"]


def test_events_show_who_set_which_label(world: World) -> None:
    pull = world.repository.open_pull(author="ann", branch="f", files={"a": "1\n"})
    pull.add_label("nfr: signed off", "sre-sam")
    pull.remove_label("nfr: signed off", "ann")
    world.client.post(f"{REPO}/issues/1/labels", json={"labels": ["x"]})
    rows = world.client.get(f"{REPO}/issues/1/events").json()
    valid(list[models.LabeledIssueEvent | models.UnlabeledIssueEvent], rows)
    assert [(row["event"], row["actor"]["login"], row["label"]["name"]) for row in rows] == [
        ("labeled", "sre-sam", "nfr: signed off"),
        ("unlabeled", "ann", "nfr: signed off"),
        ("labeled", "ghapp[bot]", "x"),
    ]
    ids = [row["id"] for row in rows]
    assert ids == sorted(set(ids))


def test_a_label_that_is_renamed_or_deleted_is_so_on_every_pull_but_not_in_events(
    world: World,
) -> None:
    repository = world.repository
    pulls = [repository.open_pull(author="ann", branch=name, files={name: "1\n"}) for name in "ab"]
    issue = repository.open_issue("ann", "t", labels=["waits"])
    for pull in pulls:
        pull.add_label("waits", "sam")
    before = [pull.updated_at for pull in pulls]
    repository.rename_label("Waits", "done", by="eve")
    with pytest.raises(ValueError, match="cannot become"):
        repository.rename_label("waits", "x", by="eve")
    assert [one.labels for one in (*pulls, issue)] == [{"done"}] * 3
    assert world.client.get(f"{REPO}/pulls/1").json()["labels"][0]["name"] == "done"
    world.client.post(f"{REPO}/labels", json={"name": "waits"})
    with pytest.raises(ValueError, match="cannot become"):
        repository.rename_label("waits", "DONE", by="eve")
    assert world.client.delete(f"{REPO}/labels/done").status_code == 204
    assert world.client.delete(f"{REPO}/labels/done").status_code == 404
    assert [one.labels for one in (*pulls, issue)] == [set()] * 3
    rows = world.client.get(f"{REPO}/issues/1/events").json()
    assert [(row["event"], row["label"]["name"]) for row in rows] == [("labeled", "waits")]
    assert [pull.updated_at for pull in pulls] == before
    world.github.settle()
    edited = [one for one in world.payloads("label") if one["action"] == "edited"]
    assert [one["changes"] for one in edited] == [{"name": {"from": "waits"}}]
    labels = [(one["action"], one["label"]["name"]) for one in world.payloads("label")]
    assert labels == [
        ("created", "waits"), ("edited", "done"), ("created", "waits"), ("deleted", "done"),
    ]  # fmt: skip


def test_check_runs_keep_their_annotations_and_add_to_them(world: World) -> None:
    pull = world.repository.open_pull(author="ann", branch="f", files={"a": "1\n"})
    note = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice"}
    output = {"title": "t", "summary": "s", "annotations": [{**note, "message": "one"}]}
    body = {"name": "NFR review", "head_sha": pull.head_sha, "external_id": "v1:1:x"}
    answer = world.client.post(f"{REPO}/check-runs", json={**body, "output": output})
    assert answer.status_code == 201
    run = valid(models.CheckRun, answer.json())
    assert (run["status"], run["conclusion"]) == ("queued", None)
    more = {"title": "t", "summary": "s", "annotations": [{**note, "message": "two"}]}
    one = f"{REPO}/check-runs/{run['id']}"
    change = {"conclusion": "neutral", "output": more}
    changed = valid(models.CheckRun, world.client.patch(one, json=change).json())
    assert (changed["status"], changed["conclusion"]) == ("completed", "neutral")
    assert changed["output"]["annotations_count"] == 2
    rows = valid(list[models.CheckAnnotation], world.client.get(f"{one}/annotations").json())
    assert [row["message"] for row in rows] == ["one", "two"]
    assert world.client.get(one).json()["external_id"] == "v1:1:x"


def test_check_runs_are_found_by_head_and_name(world: World) -> None:
    pull = world.repository.open_pull(author="ann", branch="f", files={"a": "1\n"})
    for name in ("NFR review", "NFR policy", "NFR review"):
        body = {"name": name, "head_sha": pull.head_sha, "status": "in_progress"}
        world.client.post(f"{REPO}/check-runs", json=body)
    path = f"{REPO}/commits/{pull.head_sha}/check-runs"
    every = world.client.get(path, params={"filter": "all"}).json()
    valid(models.ReposOwnerRepoCommitsRefCheckRunsGetResponse200, every)
    assert every["total_count"] == 3
    asked = {"check_name": "NFR review", "app_id": "1"}
    latest = world.client.get(path, params=asked).json()
    assert [run["id"] for run in latest["check_runs"]] == [every["check_runs"][0]["id"]]
    assert world.client.get(path, params={"app_id": "2"}).json()["total_count"] == 0
    assert [run["pull_requests"][0]["number"] for run in latest["check_runs"]] == [1]


def test_rights_and_teams(world: World) -> None:
    def asked(login: str) -> tuple[str, str, bool]:
        path = f"{REPO}/collaborators/{login}/permission"
        answer = world.client.get(path).json()
        valid(models.RepositoryCollaboratorPermission, answer)
        rights = answer["user"]["permissions"]
        return answer["permission"], answer["role_name"], rights["maintain"]

    world.repository.collaborator("mia", "maintain")
    assert asked("ann") == ("write", "write", False)
    assert asked("mia") == ("write", "maintain", True)
    assert asked("sre-sam") == ("read", "read", False)
    team = "/orgs/acme/teams/sre"
    valid(models.TeamFull, world.client.get(team).json())
    active = valid(models.TeamMembership, world.client.get(f"{team}/memberships/sre-sam").json())
    invited = valid(models.TeamMembership, world.client.get(f"{team}/memberships/sre-new").json())
    assert (active["state"], invited["state"]) == ("active", "pending")
    assert world.client.get(f"{team}/memberships/ann").status_code == 404
    assert world.client.get("/orgs/acme/teams/nobody").status_code == 404


def test_pages_are_linked(world: World) -> None:
    for number in range(5):
        world.repository.open_pull(author="ann", branch=f"f{number}", files={"a": f"{number}"})
    page = world.client.get(f"{REPO}/pulls", params={"per_page": 2, "page": 2})
    assert [row["number"] for row in page.json()] == [3, 2]
    links = {rel: link["url"] for rel, link in page.links.items()}
    assert set(links) == {"prev", "next", "last", "first"}
    last = world.client.get(links["next"])
    assert [row["number"] for row in last.json()] == [1]
    assert set(last.links) == {"prev", "first"}


def test_every_answer_has_the_date_and_the_rate_limit(world: World) -> None:
    for answer in (world.client.get(REPO), world.client.get("/repos/acme/none")):
        assert answer.headers["date"].endswith("GMT")
        assert int(answer.headers["x-ratelimit-remaining"]) > 0
        assert answer.headers["x-ratelimit-resource"] == "core"


def test_the_enterprise_base_path_leads_to_the_same(world: World) -> None:
    assert world.client.get(f"/api/v3{REPO}").json() == world.client.get(REPO).json()


def test_a_client_may_take_the_emulator_for_a_proxy(world: World) -> None:
    with httpx.Client(proxy=world.url, headers=world.client.headers) as client:
        assert client.get(f"http://github.example{REPO}").json()["full_name"] == "acme/shop"


def test_comments_and_labels_move_updated_at_and_check_runs_do_not(
    world: World,
) -> None:
    pull = world.repository.open_pull(author="ann", branch="f", files={"a": "1\n"})
    before = pull.updated_at
    body = {"name": "NFR review", "head_sha": pull.head_sha, "conclusion": "success"}
    world.client.post(f"{REPO}/check-runs", json=body)
    assert pull.updated_at == before
    world.client.post(f"{REPO}/issues/1/comments", json={"body": "Hello"})
    commented = pull.updated_at
    assert commented > before
    world.client.post(f"{REPO}/issues/1/labels", json={"labels": ["x"]})
    assert pull.updated_at > commented
