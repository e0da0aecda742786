"""Pulls and pushes: what is to be reviewed has changed, or the policy it is reviewed by."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ghapp.core.model import Delivery, InstallationKey, PullKey, Push, Repository, RepositoryKey
from ghapp.core.policy import pack_files
from ghapp.core.review.permissions import same_login
from ghapp.core.text.follow_ups import read_marker
from ghapp.github import payloads
from ghapp.github.events import merge_queue
from ghapp.github.events.speech import MOST_KEYS, Ours
from ghapp.github.events.speech import repository as named
from ghapp.github.payloads import MOST_NUMBER, decoded, utc

# Of a push with as many commits GitHub may have left some out.
MANY_COMMITS = 20
# Source: https://github.com/apps/github-merge-queue
QUEUE_LOGIN = "github-merge-queue[bot]"


def pull_request(delivery: Delivery, ours: Ours) -> Delivery:
    seen = decoded(delivery.body, payloads.PullRequest)
    if delivery.action in ("labeled", "unlabeled") and ours.did(seen.sender):
        return delivery
    pull, at = seen.pull_request, utc(seen.pull_request.updated_at)
    key = PullKey(named(seen), seen.number)
    pushed = delivery.action in ("opened", "synchronize")
    return replace(
        delivery,
        keys=(key,),
        fresh_at=at,
        push=Push(pull.head.sha, seen.sender.login, at) if pushed else None,
        pushed_to=key if pushed else None,
        opened=delivery.action == "opened",
        changed_files=pull.changed_files,
    )


def push(delivery: Delivery, ours: Ours) -> Delivery:
    seen = decoded(delivery.body, payloads.Push)
    delivery = _pushed(delivery, seen)
    if seen.ref != f"refs/heads/{seen.repository.default_branch}":
        return delivery
    unsure = seen.forced or seen.created or len(seen.commits) >= MANY_COMMITS
    if unsure or any(map(_touches_policy, seen.commits)):
        return replace(delivery, keys=(RepositoryKey(named(seen)),), policy_changed=True)
    return delivery


def _pushed(delivery: Delivery, seen: payloads.Push) -> Delivery:
    """With who pushed the branch: of a pull's first head, nothing else tells who made it.

    The commits' own times are their authors' to choose, hence `pushed_at`.
    """
    at, whole = seen.repository.pushed_at, seen.after.strip("0")
    if at is None or not whole or seen.deleted or not seen.ref.startswith("refs/heads/"):
        return delivery
    if _by_queue(seen):
        return delivery
    time = datetime.fromtimestamp(at, UTC) if isinstance(at, int) else utc(at)
    made = Push(seen.after, seen.sender.login, time)
    return replace(delivery, push=made, pushed_to=RepositoryKey(named(seen)))


def _by_queue(seen: payloads.Push) -> bool:
    """Whether a merge queue moved a branch of its own, whose head is of no pull.

    GitHub lets others make branches of such names: they count as who has pushed.
    """
    branch = seen.ref.removeprefix("refs/heads/")
    is_queue = same_login(seen.sender.login, QUEUE_LOGIN)
    return is_queue and merge_queue.head(named(seen), branch, seen.after) is not None


def _touches_policy(commit: payloads.Commit) -> bool:
    paths = (*commit.added, *commit.modified, *commit.removed)
    return any(map(pack_files.concerns, paths))


def repository(delivery: Delivery, ours: Ours) -> Delivery:
    if delivery.action not in ("renamed", "transferred", "edited"):
        return delivery
    seen = decoded(delivery.body, payloads.RepositoryEvent)
    other_branch = bool(seen.changes and seen.changes.default_branch)
    if delivery.action == "edited" and not other_branch:
        return delivery
    return replace(delivery, keys=(RepositoryKey(named(seen)),), policy_changed=other_branch)


def installation(delivery: Delivery, ours: Ours) -> Delivery:
    if delivery.action not in ("created", "unsuspend", "new_permissions_accepted"):
        return delivery
    seen = decoded(delivery.body, payloads.InstallationEvent)
    return replace(delivery, keys=(InstallationKey(seen.installation.id),), touched=True)


def installation_repositories(delivery: Delivery, ours: Ours) -> Delivery:
    if delivery.action not in ("added", "removed"):
        return delivery
    seen = decoded(delivery.body, payloads.InstallationRepositories)
    id, added = seen.installation.id, seen.repositories_added
    if delivery.action == "removed":
        left = (Repository(id, one.id, one.full_name) for one in seen.repositories_removed)
        return replace(delivery, left=tuple(left))
    if len(added) > MOST_KEYS:
        return replace(delivery, keys=(InstallationKey(id),))
    keys = (RepositoryKey(Repository(id, one.id, one.full_name)) for one in added)
    return replace(delivery, keys=tuple(keys))


ACTIONS = frozenset({"closed", "reopened", "deleted", "transferred"})


def issue(delivery: Delivery, ours: Ours) -> Delivery:
    if delivery.action not in ACTIONS:
        return delivery
    seen = decoded(delivery.body, payloads.IssueEvent)
    found = read_marker(seen.issue.body or "")
    if ours.did(seen.sender) or not ours.made(seen.issue.performed_via_github_app) or not found:
        return delivery
    number, _ = found
    if not 0 < number <= MOST_NUMBER:  # people can edit the body
        return delivery
    return replace(delivery, keys=(PullKey(named(seen), number),), touched=True)
