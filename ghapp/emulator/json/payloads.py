"""Payloads of deliveries. Source: https://docs.github.com/webhooks/webhook-events-and-payloads"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ghapp.emulator.accounts import Installation, User
from ghapp.emulator.checks import CheckRun, CheckSuite
from ghapp.emulator.conversation import Comment, Label, Review, ReviewComment
from ghapp.emulator.issue import Issue
from ghapp.emulator.json import Json, accounts, iso, issues, node_id
from ghapp.emulator.json import repository as repositories
from ghapp.emulator.json.accounts import Addresses
from ghapp.emulator.repository import NO_SHA, Milestone, Pull, Push, QueueEntry, Repository

COMMITS_LIMIT = 2048  # a push delivery has no more
ABOUT_INSTALLATIONS = ("installation", "installation_repositories")


@dataclass(frozen=True, slots=True)
class Payload:
    """What surrounds a piece of state. repository, thread: None if the event is not about one."""

    at: Addresses
    event: str
    repository: Any
    thread: Any

    def json(self, key: str, value: Any) -> Any:
        """A piece of state, as this payload has it under the key."""
        write = WRITERS.get(type(value))
        return write(self, key, value) if write else value


# JSON of any class of state. In a list, repositories are shown in brief.
WRITERS: Mapping[type, Callable[[Payload, str, Any], Any]] = {
    dict: lambda to, key, rows: {name: to.json(name, row) for name, row in rows.items()},
    list: lambda to, key, rows: [repositories.minimal(row) for row in rows],
    User: lambda to, key, user: (
        accounts.organization(to.at, user) if key == "organization" else accounts.user(to.at, user)
    ),
    Repository: lambda to, key, repository: repositories.repository(to.at, repository),
    Label: lambda to, key, label: repositories.label(to.at, to.repository, label),
    Issue: lambda to, key, issue: issues.issue(to.at, issue),
    Pull: lambda to, key, pull: (
        issues.issue(to.at, pull)
        if key == "issue"
        else issues.pull(to.at, pull)
        if to.event == "pull_request"
        else issues.pull_simple(to.at, pull)
    ),
    Comment: lambda to, key, comment: issues.comment(to.at, to.thread, comment),
    Review: lambda to, key, review: issues.review_delivered(to.at, to.thread, review),
    ReviewComment: lambda to, key, comment: issues.review_comment(to.at, to.thread, comment),
    CheckRun: lambda to, key, run: repositories.check_run_delivered(to.at, to.repository, run),
    CheckSuite: lambda to, key, suite: repositories.check_suite(to.at, to.repository, suite),
    QueueEntry: lambda to, key, entry: _merge_group(entry),
    Milestone: lambda to, key, found: issues.milestone(to.at, to.repository, found),
}


def payload(
    at: Addresses,
    event: str,
    action: str | None,
    sender: User,
    installation: Installation | None,
    parts: Mapping[str, Any],
) -> Json:
    """parts: the state to show, by the payload's keys; `repository` if the event is about one.

    installation: None for an event that is about the App or a person.
    """
    where, thread = parts.get("repository"), parts.get("issue") or parts.get("pull_request")
    to = Payload(at, event, where, thread)
    body: Json = {"action": action} if action else {}
    body |= {key: to.json(key, value) for key, value in parts.items() if key != "push"}
    if event == "pull_request":
        body["number"] = body["pull_request"]["number"]
    if where is not None and where.owner.kind == "Organization":
        body["organization"] = accounts.organization(at, where.owner)
    if where is not None and event == "push":
        body |= _push(at, where, sender, parts["push"])
        for name in ("pushed_at", "created_at"):  # here, these are in seconds
            body["repository"][name] = int(getattr(where, name).timestamp())
    if installation is None:
        return {**body, "sender": accounts.user(at, sender)}
    if event in ABOUT_INSTALLATIONS:
        body["installation"] = accounts.installation(at, installation)
    else:
        node = node_id("Installation", installation.id)
        body["installation"] = {"id": installation.id, "node_id": node}
    return {**body, "sender": accounts.user(at, sender)}


def _push(at: Addresses, repository: Repository, sender: User, push: Push) -> Json:
    git, html = repository.network.git, f"{at.html}/{repository.full_name}"
    created = push.before == NO_SHA
    # Of a new branch, those that no other branch has: GitHub's pages do not say so.
    others = {sha for name, sha in repository.branches.items() if name != push.branch}
    if git.parents.get(push.after) == (push.before,):  # one commit more: no need to run git
        new = [push.after] if push.after not in others else []
    else:
        new = git.commits_beside(others, push.after)
    shas = new if created else git.commits(push.before, push.after)
    commits = [
        {**_commit(at, repository, sender, sha), "distinct": sha in new}
        for sha in shas[-COMMITS_LIMIT:]
    ]
    return {
        "ref": f"refs/heads/{push.branch}",
        "before": push.before,
        "after": push.after,
        "created": created,
        "deleted": False,
        "forced": not created and not git.is_ancestor(push.before, push.after),
        "base_ref": None,
        "compare": f"{html}/compare/{push.before[:12]}...{push.after[:12]}",
        "commits": commits,
        "head_commit": commits[-1] if commits else None,
        "pusher": _person(sender),
    }


def _commit(at: Addresses, repository: Repository, sender: User, sha: str) -> Json:
    network = repository.network
    parents = network.git.parents.get(sha, ())
    paths: dict[str, list[str]] = {"added": [], "removed": [], "modified": []}
    for change in network.diffs.between(parents[0], sha) if parents else ():
        kind = change.status if change.status in paths else "modified"
        if change.previous is not None:  # here, a rename is one file removed and one added
            paths["removed"].append(change.previous.decode("utf-8", "replace"))
            kind = "added"
        paths[kind].append(change.name)
    who = {**_person(sender), "username": sender.login}
    return {
        "id": sha,
        "tree_id": sha,
        "message": "Change",
        "timestamp": iso(repository.github.now()),
        "url": f"{at.html}/{repository.full_name}/commit/{sha}",
        "author": who,
        "committer": who,
        **paths,
    }


def _person(user: User) -> Json:
    return {"name": user.login, "email": f"{user.login}@users.noreply.example.com"}


def _merge_group(entry: QueueEntry) -> Json:
    who = {"name": "GitHub", "email": "noreply@github.com"}
    return {
        "head_sha": entry.head_sha,
        "head_ref": f"refs/heads/{entry.branch}",
        "base_sha": entry.base_sha,
        "base_ref": f"refs/heads/{entry.queue.base_ref}",
        "head_commit": {
            "id": entry.head_sha,
            "tree_id": entry.head_sha,
            "message": f"Merge pull request #{entry.pull.number}",
            "timestamp": iso(entry.pull.github.now()),
            "author": who,
            "committer": who,
        },
    }
