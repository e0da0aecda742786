"""Pulls, pushes, installations, repositories and the issues of follow-ups."""

from __future__ import annotations

from typing import Any

import pytest

from ghapp.core.model import (
    ConfigurationKey,
    Delivery,
    InstallationKey,
    Lookup,
    OrganisationKey,
    ProjectKey,
    PullKey,
    Push,
    Repository,
    RepositoryKey,
    Via,
)
from ghapp.core.text.configuration import MARKER as CONFIGURATION
from ghapp.core.text.follow_ups import marker
from tests.github.deliveries import AT, GUID, HEAD, KEY, OUR_BOT, SHOP, branch_push, pull, told

# --- pulls ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action",
    ["edited", "labeled", "unlabeled", "ready_for_review", "converted_to_draft", "closed",
     "reopened", "assigned", "something_new"],
)  # fmt: skip
def test_any_action_on_a_pull_says_look_again(action: str) -> None:
    delivery = pull(action)
    assert delivery.keys == (KEY,)
    assert (delivery.fresh_at, delivery.changed_files) == (AT, 3)
    assert (delivery.push, delivery.opened, delivery.touched) == (None, False, False)


@pytest.mark.parametrize(("action", "opened"), [("opened", True), ("synchronize", False)])
def test_a_new_head_comes_with_who_pushed_it(action: str, opened: bool) -> None:
    delivery = pull(action, **({} if opened else {"before": "b" * 40}))
    push = Push(HEAD, "ann", AT, 5, Via(action), "" if opened else "b" * 40, "feat", GUID)
    assert (delivery.push, delivery.pushed_to) == (push, KEY)
    assert delivery.opened is opened


@pytest.mark.parametrize("action", ["labeled", "unlabeled", "review_requested"])
def test_our_own_labels_are_no_news(action: str) -> None:
    assert pull(action, sender=OUR_BOT).keys == ()
    assert pull("edited", sender=OUR_BOT).keys == (KEY,)


# --- policy, installation, repository ------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "changed"),
    [
        ({"commits": [{"added": [".github/nfr.yml"], "modified": [], "removed": []}]}, True),
        ({"commits": [{"modified": ["a"]}, {"removed": [".github/nfr/x.yml"]}]}, True),
        ({"commits": [{"modified": [".github/packs/deep/x.yaml"]}]}, True),
        ({"commits": [{"modified": [".github/workflows/ci.yml"]}]}, False),
        ({"commits": [{"modified": ["src/a.py", ".github/nfr.yml.bak"]}]}, False),
        ({"commits": [{"modified": [".github/releases.ics"]}]}, False),
        ({"commits": [{"modified": ["src/a.py"]}]}, False),
        ({"commits": [{}] * 20}, True),
        ({"commits": [{}] * 19}, False),
        ({"commits": [], "forced": True}, True),
        ({"commits": [], "created": True}, True),
        ({"commits": [{"added": [".github/nfr.yml"]}], "ref": "refs/heads/feat"}, False),
        ({"commits": [{"added": [".github/nfr.yml"]}], "ref": "refs/tags/main"}, False),
    ],
)
def test_a_push_counts_where_it_may_change_the_policy(parts: dict[str, Any], changed: bool) -> None:
    delivery = told("push", **{"ref": "refs/heads/main", **parts})
    assert delivery.policy_changed is changed
    assert delivery.keys == ((RepositoryKey(SHOP),) if changed else ())


DOT_GITHUB = {"id": 12, "full_name": "Acme/.GitHub", "default_branch": "main"}
ORGANISATION = OrganisationKey(1, "acme")


@pytest.mark.parametrize(
    ("parts", "changed"),
    [
        ({"commits": [{"modified": [".github/nfr.yml"]}]}, True),
        ({"commits": [{"added": [".github/nfr/pack.yml"]}]}, True),
        ({"commits": [{"modified": [".github/releases.ics"]}]}, True),
        ({"commits": [{"modified": [".github/a/releases.ics"]}]}, False),
        ({"commits": [{"modified": ["profile/README.md", "nfr.yml"]}]}, False),
        ({"commits": [{}] * 20}, True),
        ({"commits": [], "forced": True}, True),
        ({"commits": [{"modified": [".github/nfr.yml"]}], "ref": "refs/heads/feat"}, False),
    ],
)
def test_a_push_to_the_organisations_policy_concerns_all_its_repositories(
    parts: dict[str, Any], changed: bool
) -> None:
    delivery = told("push", **{"ref": "refs/heads/main", "repository": DOT_GITHUB, **parts})
    assert delivery.keys == ((ORGANISATION,) if changed else ())
    assert delivery.organisations == (("acme",) if changed else ())


@pytest.mark.parametrize(
    ("action", "changes", "owners"),
    [
        ("deleted", {}, ("acme",)),
        ("renamed", {"repository": {"name": {"from": "dot"}}}, ("acme",)),
        ("edited", {"default_branch": {"from": "old"}}, ("acme",)),
        ("edited", {"description": {"from": "x"}}, ()),
        ("transferred", {"owner": {"from": {"organization": {"login": "Beta"}}}}, ("acme", "beta")),
        ("transferred", {"owner": {"from": {"user": {"login": "Bob"}}}}, ("acme", "bob")),
        ("archived", {}, ()),
    ],
)
def test_what_happens_to_the_organisations_repository_may_change_its_policy(
    action: str, changes: dict[str, Any], owners: tuple[str, ...]
) -> None:
    delivery = told("repository", action, repository=DOT_GITHUB, changes=changes)
    assert delivery.organisations == owners
    assert (ORGANISATION in delivery.keys) is bool(owners)


def test_a_repository_that_was_the_organisations_takes_its_policy_away() -> None:
    changes = {"repository": {"name": {"from": ".github"}}}
    delivery = told("repository", "renamed", changes=changes)
    assert delivery.keys == (RepositoryKey(SHOP), ORGANISATION)
    assert (delivery.organisations, delivery.policy_changed) == (("acme",), True)
    other = told("repository", "renamed", changes={"repository": {"name": {"from": "old"}}})
    assert (other.keys, other.organisations) == ((RepositoryKey(SHOP),), ())


@pytest.mark.parametrize("action", ["added", "removed"])
def test_the_organisations_repository_comes_into_reach_and_leaves_it(action: str) -> None:
    moved = {f"repositories_{action}": [{"id": 12, "full_name": "beta/.github"}]}
    where = {"id": 1, "account": {"login": "Acme"}}
    delivery = told("installation_repositories", action, installation=where, **moved)
    assert (delivery.keys[-1], delivery.organisations) == (ORGANISATION, ("acme",))


@pytest.mark.parametrize("pushed_at", [int(AT.timestamp()), "2026-04-01T11:30:00+02:00"])
@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/feat/x"])
def test_a_push_to_any_branch_tells_who_pushed_it(ref: str, pushed_at: object) -> None:
    commits = [{"id": "b" * 40}, {"id": HEAD}]
    delivery = branch_push(pushed_at=pushed_at, ref=ref, before="c" * 40, commits=commits)
    branch = ref.removeprefix("refs/heads/")
    push = Push(HEAD, "ann", AT, 5, Via.PUSH, "c" * 40, branch, GUID, ("b" * 40, HEAD))
    assert (delivery.push, delivery.pushed_to) == (push, RepositoryKey(SHOP))
    assert delivery.keys == ()


def test_a_push_did_not_bring_what_another_branch_had_before() -> None:
    commits = [{"id": "a" * 40, "distinct": False}, {"id": "b" * 40, "distinct": True}]
    delivery = branch_push(commits=[*commits, {"id": "c" * 40}])
    assert delivery.push and delivery.push.commits == ("b" * 40, "c" * 40)


@pytest.mark.parametrize(
    "parts",
    [
        {"after": "0" * 40},
        {"after": "0" * 64},
        {"deleted": True},
        {"ref": "refs/tags/v1"},
        {"pushed_at": None},
    ],
)
def test_a_push_of_no_head_or_at_no_known_time_tells_nothing(parts: dict[str, Any]) -> None:
    delivery = branch_push(**parts)
    assert (delivery.push, delivery.pushed_to) == (None, None)


@pytest.mark.parametrize(("action", "revoked"), [("revoked", 9), ("approved", 0)])
def test_whoever_revokes_the_app_is_named(action: str, revoked: int) -> None:
    ann = {"login": "ann", "type": "User", "id": 9}
    found = told("github_app_authorization", action, sender=ann)
    assert (found.revoked, found.keys) == (revoked, ())


@pytest.mark.parametrize("action", ["created", "unsuspend", "new_permissions_accepted"])
def test_an_installation_in_reach_is_looked_at(action: str) -> None:
    delivery = told("installation", action)
    assert (delivery.keys, delivery.touched) == ((InstallationKey(1),), True)
    assert told("installation", "deleted").keys == ()
    assert told("installation", "suspend").keys == ()


def test_repositories_that_come_into_reach_are_looked_at() -> None:
    added = [{"id": 11, "full_name": "acme/shop"}, {"id": 12, "full_name": "acme/cart"}]
    delivery = told("installation_repositories", "added", repositories_added=added)
    assert delivery.keys == (RepositoryKey(SHOP), RepositoryKey(Repository(1, 12, "acme/cart")))
    delivery = told("installation_repositories", "removed", repositories_removed=added)
    assert (delivery.keys, delivery.left) == ((), (SHOP, Repository(1, 12, "acme/cart")))
    many = [{"id": id, "full_name": "acme/shop"} for id in range(1, 1_002)]
    delivery = told("installation_repositories", "added", repositories_added=many)
    assert delivery.keys == (InstallationKey(1),)


def test_a_repository_that_moves_or_changes_its_default_branch_is_looked_at() -> None:
    for action in ("renamed", "transferred"):
        assert told("repository", action).keys == (RepositoryKey(SHOP),)
    switched = told("repository", "edited", changes={"default_branch": {"from": "master"}})
    assert (switched.keys, switched.policy_changed) == ((RepositoryKey(SHOP),), True)
    assert told("repository", "edited", changes={"description": {"from": "x"}}).keys == ()
    assert told("repository", "archived").keys == ()


def label(action: str, name: str = "nfr: signed off", **parts: Any) -> Delivery:
    return told("label", action, **{"label": {"id": 3, "name": name, "color": "ededed"}, **parts})


def test_a_label_that_is_renamed_deleted_or_made_anew_is_named_for_the_record() -> None:
    named = Lookup(SHOP, labels=frozenset({"nfr: signed off"}))
    for action in ("created", "deleted"):
        delivery = label(action)
        assert (delivery.keys, delivery.lookup, delivery.touched) == ((), named, False)
    renamed = label("edited", changes={"name": {"from": "old"}, "color": {"from": "ffffff"}})
    assert renamed.lookup == Lookup(SHOP, labels=frozenset({"nfr: signed off", "old"}))


def test_other_news_of_labels_are_ignored() -> None:
    for delivery in (
        label("edited", changes={"color": {"from": "ffffff"}}),
        label("edited"),
        label("something_new", changes={"name": {"from": "old"}}),
        *(label(action, sender=OUR_BOT) for action in ("created", "deleted")),
        label("edited", changes={"name": {"from": "old"}}, sender=OUR_BOT),
    ):
        assert (delivery.keys, delivery.lookup) == ((), None)


# --- follow-up issues ----------------------------------------------------------------------


def issue(action: str, body: str | None = marker(9, "dbm-lock"), **parts: Any) -> Delivery:
    about = {"number": 31, "body": body, "performed_via_github_app": parts.pop("via", {"id": 7})}
    return told("issues", action, **{"issue": about, **parts})


def test_an_issue_of_the_standing_review_that_somebody_reopens_is_brought_up_to_date() -> None:
    body = f"{CONFIGURATION}\nwords"
    assert issue("reopened", body).keys == (ConfigurationKey(SHOP),)
    assert issue("closed", body).keys == ()
    assert issue("reopened", body, sender=OUR_BOT).keys == ()
    assert issue("reopened", body, via={"id": 8}).keys == ()


@pytest.mark.parametrize("action", ["closed", "reopened", "deleted", "transferred"])
def test_what_becomes_of_a_follow_up_looks_at_its_pull_again(action: str) -> None:
    delivery = issue(action, marker(9, "dbm-lock") + "\nIs the table locked?")
    assert (delivery.keys, delivery.touched) == ((PullKey(SHOP, 9),), True)
    assert delivery.messages == ()


@pytest.mark.parametrize(
    "parts",
    [
        {"action": "opened"},
        {"action": "edited"},
        {"body": None},
        {"body": "about " + marker(9, "dbm-lock")},
        {"body": marker(2**31, "dbm-lock")},
        {"via": None},
        {"via": {"id": 8}},
        {"sender": OUR_BOT},
    ],
)
def test_other_issues_are_none_of_our_business(parts: dict[str, Any]) -> None:
    delivery = issue(parts.pop("action", "closed"), **parts)
    assert (delivery.keys, delivery.touched) == ((), False)


# --- projects ------------------------------------------------------------------------------


def test_a_label_of_an_issue_is_named_for_the_record_with_the_time_of_the_issue() -> None:
    for action in ("labeled", "unlabeled"):
        delivery = issue(action, None, label={"name": "nfr: project"})
        assert delivery.lookup == Lookup(SHOP, issue=31, labelled="nfr: project")
        assert delivery.keys == delivery.issues == ()
    assert issue("labeled", None, label={"name": "x"}, sender=OUR_BOT).lookup is None


def test_an_issue_that_has_changed_is_named_also_where_it_moves() -> None:
    here = ProjectKey(SHOP, 31)
    for action in ("closed", "reopened", "deleted", "edited"):
        assert (issue(action, None).issues, issue(action, None).moved) == ((here,), None)
    assert issue("opened", None).issues == ()
    there = Repository(SHOP.installation_id, 77, "acme/batch")
    changes = {
        "new_issue": {"number": 5, "node_id": "I_2"},
        "new_repository": {"id": 77, "full_name": "acme/batch"},
    }
    assert issue("transferred", None, changes=changes).moved == (ProjectKey(there, 5), "", "I_2")


def test_the_pulls_of_a_milestone_that_has_changed_are_looked_up() -> None:
    for action in ("edited", "closed", "opened", "deleted"):
        delivery = told("milestone", action, milestone={"number": 3, "title": "v1"})
        assert (delivery.keys, delivery.fresh_at) == ((), None)
        assert delivery.lookup == Lookup(SHOP, milestone=3)
    assert told("milestone", "created", milestone={"number": 3}).lookup is None


def test_an_issue_that_gets_or_loses_a_parent_is_named() -> None:
    parts = {"sub_issue": {"number": 31}, "parent_issue": {"number": 12}}
    for action in ("parent_issue_added", "parent_issue_removed"):
        assert told("sub_issues", action, **parts).issues == (ProjectKey(SHOP, 31),)
    assert told("sub_issues", "sub_issue_added", **parts).issues == ()
