"""Events after which a pull, a policy, an installation or a follow-up may have changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ghapp.core.model import (
    Compared,
    Delivery,
    InstallationKey,
    Lookup,
    PullKey,
    Push,
    Repository,
    RepositoryKey,
    Via,
    same_login,
)
from ghapp.core.policy import pack_files
from ghapp.core.text.follow_ups import read_marker
from ghapp.github import payloads
from ghapp.github.events import merge_queue
from ghapp.github.payloads import MOST_KEYS, MOST_NUMBER, Identity, decoded, utc

# With this many commits, a push event may leave some out.
MANY_COMMITS = 20
VIAS = {"opened": Via.OPENED, "synchronize": Via.SYNCHRONIZE}
# Source: https://github.com/apps/github-merge-queue
QUEUE_LOGIN = "github-merge-queue[bot]"


def pull_request(delivery: Delivery, us: Identity) -> Delivery:
    payload = decoded(delivery.body, payloads.PullRequest)
    ours = ("labeled", "unlabeled", "review_requested", "review_request_removed")
    if delivery.action in ours and us.did(payload.sender.login):
        return delivery
    pull, at = payload.pull_request, utc(payload.pull_request.updated_at)
    key = PullKey(payload.where, payload.number)
    pushed = delivery.action in VIAS
    push = Push(
        pull.head.sha,
        payload.sender.login,
        at,
        payload.sender.id,
        VIAS.get(delivery.action, Via.SYNCHRONIZE),
        before=payload.before or "",
        branch=pull.head.ref,
        id=delivery.id,
    )
    return replace(
        delivery,
        keys=(key,),
        fresh_at=at,
        compared=Compared(pull.head.sha, pull.base.ref),
        push=push if pushed else None,
        pushed_to=key if pushed else None,
        opened=delivery.action == "opened",
        changed_files=pull.changed_files,
    )


def push(delivery: Delivery, us: Identity) -> Delivery:
    """Who pushed which commits to a branch; and whether the policy may have changed.

    For the first head of a pull, nothing else shows who pushed it. Branches of merge queues are
    left out if the queue's own App pushed them; anybody else may use such a name.
    """
    payload = decoded(delivery.body, payloads.Push)
    place, branch = payload.where, payload.ref.removeprefix("refs/heads/")
    # Not the commits' times, which their authors choose.
    at, is_head = payload.repository.pushed_at, bool(payload.after.strip("0"))
    by_queue = same_login(payload.sender.login, QUEUE_LOGIN) and merge_queue.head(
        place, branch, payload.after
    )
    is_branch = branch != payload.ref
    if at is not None and is_head and is_branch and not payload.deleted and not by_queue:
        time = datetime.fromtimestamp(at, UTC) if isinstance(at, int) else utc(at)
        made = Push(
            payload.after,
            payload.sender.login,
            time,
            payload.sender.id,
            Via.PUSH,
            before=payload.before,
            branch=branch,
            id=delivery.id,
            # Whoever merges, or branches off, did not bring what somebody else pushed before.
            commits=tuple(
                dict.fromkeys(one.id for one in payload.commits if one.id and one.distinct)
            ),
        )
        delivery = replace(delivery, push=made, pushed_to=RepositoryKey(place))
    if payload.ref != f"refs/heads/{payload.repository.default_branch}":
        return delivery
    paths = (
        path
        for commit in payload.commits
        for path in (*commit.added, *commit.modified, *commit.removed)
    )
    unsure = payload.forced or payload.created or len(payload.commits) >= MANY_COMMITS
    if unsure or any(map(pack_files.concerns, paths)):
        return replace(delivery, keys=(RepositoryKey(place),), policy_changed=True)
    return delivery


def repository(delivery: Delivery, us: Identity) -> Delivery:
    if delivery.action not in ("renamed", "transferred", "edited"):
        return delivery
    payload = decoded(delivery.body, payloads.RepositoryEvent)
    other_branch = bool(payload.changes and payload.changes.default_branch)
    if delivery.action == "edited" and not other_branch:
        return delivery
    return replace(delivery, keys=(RepositoryKey(payload.where),), policy_changed=other_branch)


def label(delivery: Delivery, us: Identity) -> Delivery:
    """The repository, if somebody else has created, renamed or deleted a label of ghapp.

    GitHub reports nothing about the pulls that have the label.
    """
    if delivery.action not in ("created", "edited", "deleted"):
        return delivery
    payload = decoded(delivery.body, payloads.LabelEvent)
    renamed = payload.changes.name if payload.changes else None
    if us.did(payload.sender.login) or (delivery.action == "edited" and not renamed):
        return delivery
    names = frozenset({payload.label.name, *([renamed.before] if renamed else [])})
    return replace(delivery, lookup=Lookup(payload.where, labels=names))


def installation(delivery: Delivery, us: Identity) -> Delivery:
    if delivery.action not in ("created", "unsuspend", "new_permissions_accepted"):
        return delivery
    payload = decoded(delivery.body, payloads.InstallationEvent)
    return replace(delivery, keys=(InstallationKey(payload.installation.id),), touched=True)


def installation_repositories(delivery: Delivery, us: Identity) -> Delivery:
    if delivery.action not in ("added", "removed"):
        return delivery
    payload = decoded(delivery.body, payloads.InstallationRepositories)
    id, added = payload.installation.id, payload.repositories_added
    if delivery.action == "removed":
        left = (Repository(id, one.id, one.full_name) for one in payload.repositories_removed)
        return replace(delivery, left=tuple(left))
    if len(added) > MOST_KEYS:
        return replace(delivery, keys=(InstallationKey(id),))
    keys = (RepositoryKey(Repository(id, one.id, one.full_name)) for one in added)
    return replace(delivery, keys=tuple(keys))


def issue(delivery: Delivery, us: Identity) -> Delivery:
    """The pull of a follow-up, if somebody else closes, reopens, deletes or moves its issue."""
    if delivery.action not in ("closed", "reopened", "deleted", "transferred"):
        return delivery
    payload = decoded(delivery.body, payloads.IssueEvent)
    found = read_marker(payload.issue.body or "")
    made = us.made(payload.issue.performed_via_github_app)
    if us.did(payload.sender.login) or not made or not found:
        return delivery
    number, _ = found
    if not 0 < number <= MOST_NUMBER:  # people can edit the body
        return delivery
    return replace(delivery, keys=(PullKey(payload.where, number),), touched=True)
