"""Events after which a pull, a policy, an installation or a follow-up may have changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ghapp.core.model import (
    ORGANISATION,
    Compared,
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
    same_login,
)
from ghapp.core.policy import pack_files
from ghapp.core.text.configuration import marked
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
    decides = pack_files.concerns
    if place.is_organisations:  # calendars are read of this repository alone
        decides = pack_files.concerns_organisation
    if not unsure and not any(map(decides, paths)):
        return delivery
    if place.is_organisations:
        return _of_organisation(delivery, place.installation_id, place.owner)
    return replace(delivery, keys=(RepositoryKey(place),), policy_changed=True)


def _of_organisation(delivery: Delivery, installation_id: int, *owners: str) -> Delivery:
    """The delivery, which may change the policy of these owners. The first has the installation."""
    key = OrganisationKey(installation_id, owners[0])
    known = dict.fromkeys((*delivery.organisations, *owners))
    return replace(delivery, keys=(*delivery.keys, key), organisations=tuple(known))


def repository(delivery: Delivery, us: Identity) -> Delivery:
    """A repository that has another name, owner or default branch, or is gone."""
    if delivery.action not in ("renamed", "transferred", "edited", "deleted"):
        return delivery
    payload = decoded(delivery.body, payloads.RepositoryEvent)
    place, changes = payload.where, payload.changes or payloads.Changes()
    other_branch = changes.default_branch is not None
    if delivery.action == "edited" and not other_branch:
        return delivery
    if delivery.action != "deleted":
        delivery = replace(delivery, keys=(RepositoryKey(place),), policy_changed=other_branch)
    name = changes.repository.name if changes.repository else None
    if place.is_organisations or (name and same_login(name.before, ORGANISATION)):
        delivery = replace(delivery, policy_changed=True)  # its file is of another layer now
        owners = [place.owner]
        if changes.owner:
            before = changes.owner.before.organization or changes.owner.before.user
            owners += [before.login.casefold()] if before else []
        return _of_organisation(delivery, place.installation_id, *owners)
    return delivery


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


def milestone(delivery: Delivery, us: Identity) -> Delivery:
    """The pulls of a milestone whose day, title, description or state has changed, or that is gone.

    GitHub reports nothing about the pulls, and their `updated_at` stays as it is.
    """
    if delivery.action not in ("edited", "closed", "opened", "deleted"):
        return delivery
    payload = decoded(delivery.body, payloads.MilestoneEvent)
    return replace(delivery, lookup=Lookup(payload.where, milestone=payload.milestone.number))


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
    moved = payload.repositories_removed if delivery.action == "removed" else added
    places = tuple(Repository(id, one.id, one.full_name) for one in moved)
    if delivery.action == "removed":
        delivery = replace(delivery, left=places)
    elif len(added) > MOST_KEYS:
        delivery = replace(delivery, keys=(InstallationKey(id),))
    else:
        delivery = replace(delivery, keys=tuple(map(RepositoryKey, places)))
    account = payload.installation.account
    for one in places:
        if one.is_organisations:  # a repository that was transferred may have its new name already
            owner = account.login.casefold() if account else one.owner
            return _of_organisation(delivery, id, owner)
    return delivery


def authorization(delivery: Delivery, us: Identity) -> Delivery:
    """The person who no longer lets the App act for them."""
    if delivery.action != "revoked":
        return delivery
    return replace(delivery, revoked=decoded(delivery.body, payloads.Authorization).sender.id)


def issue(delivery: Delivery, us: Identity) -> Delivery:
    """The pull of a follow-up, if somebody else closes, reopens, deletes or moves its issue.

    And what a project may be: an issue whose label, state or place has changed. And the standing
    review, if somebody reopens its issue.
    """
    if delivery.action not in ISSUE_ACTIONS:
        return delivery
    payload = decoded(delivery.body, payloads.IssueEvent)
    part, by_us = payload.issue, us.did(payload.sender.login)
    key = ProjectKey(payload.where, part.number)
    if payload.label:
        if by_us:
            return delivery
        return replace(
            delivery,
            lookup=Lookup(payload.where, issue=part.number, labelled=payload.label.name),
            fresh_at=utc(part.updated_at) if part.updated_at else None,
        )
    delivery = replace(delivery, issues=(key,), moved=_moved(payload))
    found, made = read_marker(part.body or ""), us.made(part.performed_via_github_app)
    if delivery.action == "reopened" and made and not by_us and marked(part.body or ""):
        return replace(delivery, keys=(ConfigurationKey(payload.where),))
    if delivery.action == "edited" or by_us or not made or not found:
        return delivery
    number, _ = found
    if not 0 < number <= MOST_NUMBER:  # people can edit the body
        return delivery
    return replace(delivery, keys=(PullKey(payload.where, number),), touched=True)


ISSUE_ACTIONS = frozenset(
    {"closed", "reopened", "deleted", "transferred", "edited", "labeled", "unlabeled"}
)


def _moved(payload: payloads.IssueEvent) -> tuple[ProjectKey, str, str] | None:
    """Where a transferred issue is from now on, and its node id before and from now on."""
    changes = payload.changes
    if not changes or not changes.new_issue or not changes.new_repository:
        return None
    place, issue = changes.new_repository, changes.new_issue
    to = Repository(payload.installation.id, place.id, place.full_name)
    return ProjectKey(to, issue.number), payload.issue.node_id, issue.node_id


def sub_issues(delivery: Delivery, us: Identity) -> Delivery:
    """The issue that has another parent from now on, or none."""
    if delivery.action not in ("parent_issue_added", "parent_issue_removed"):
        return delivery
    payload = decoded(delivery.body, payloads.SubIssueEvent)
    return replace(delivery, issues=(ProjectKey(payload.where, payload.sub_issue.number),))
