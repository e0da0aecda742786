"""Repositories and installations that come into reach, move, or change their default branch."""

from __future__ import annotations

from dataclasses import replace

from ghapp.core.model import Delivery, InstallationKey, Repository, RepositoryKey
from ghapp.github import payloads
from ghapp.github.events.ours import MOST_KEYS, Ours
from ghapp.github.events.ours import repository as named
from ghapp.github.payloads import decoded


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
