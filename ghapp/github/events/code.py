"""Pulls and pushes: what is to be reviewed has changed, or the policy it is reviewed by."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ghapp.core.model import Delivery, PullKey, Push, RepositoryKey
from ghapp.core.packs import packfiles
from ghapp.core.rights import same_login
from ghapp.github import payloads
from ghapp.github.events import queues
from ghapp.github.events.ours import Ours, repository
from ghapp.github.payloads import decoded, utc

# Of a push with as many commits GitHub may have left some out.
MANY_COMMITS = 20
# Source: https://github.com/apps/github-merge-queue
QUEUE_LOGIN = "github-merge-queue[bot]"


def pull_request(delivery: Delivery, ours: Ours) -> Delivery:
    seen = decoded(delivery.body, payloads.PullRequest)
    if delivery.action in ("labeled", "unlabeled") and ours.did(seen.sender):
        return delivery
    pull, at = seen.pull_request, utc(seen.pull_request.updated_at)
    key = PullKey(repository(seen), seen.number)
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
        return replace(delivery, keys=(RepositoryKey(repository(seen)),), policy_changed=True)
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
    return replace(delivery, push=made, pushed_to=RepositoryKey(repository(seen)))


def _by_queue(seen: payloads.Push) -> bool:
    """Whether a merge queue moved a branch of its own, whose head is of no pull.

    GitHub lets others make branches of such names: they count as who has pushed.
    """
    branch = seen.ref.removeprefix("refs/heads/")
    is_queue = same_login(seen.sender.login, QUEUE_LOGIN)
    return is_queue and queues.head(repository(seen), branch, seen.after) is not None


def _touches_policy(commit: payloads.Commit) -> bool:
    paths = (*commit.added, *commit.modified, *commit.removed)
    return any(map(packfiles.concerns, paths))
