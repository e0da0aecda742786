"""Repositories get other names and other owners; the old names lead to them.

Sources: https://docs.github.com/repositories/creating-and-managing-repositories/
renaming-a-repository, https://docs.github.com/webhooks/webhook-events-and-payloads#repository
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ghapp.emulator.state import Installation, Json, User

if TYPE_CHECKING:
    from ghapp.emulator.repository import Repository


def rename(repository: Repository, name: str, by: User) -> None:
    """Raises ValueError (the name is taken)."""
    before = repository.name
    _move(repository, repository.owner, name)
    changes = {"repository": {"name": {"from": before}}}
    repository.github.emit("repository", "renamed", repository, by, {"changes": changes})


def transfer(repository: Repository, owner: User, by: User) -> None:
    """To an account with an installation of the App it is told there; else the App has lost it.

    The installation that it leaves is told that a repository was removed. Raises ValueError (the
    owner has one of that name).
    """
    github, before, left = repository.github, repository.owner, repository.installation
    _move(repository, owner, repository.name)
    found = [known for known in github.installations.values() if known.account is owner]
    repository.installation = found[0] if found else None
    if left is not None and left is not repository.installation:
        _tell_removed(repository, left, by)
    kind = "organization" if before.kind == "Organization" else "user"
    told = (
        github.shapes.organization(before) if kind == "organization" else github.shapes.user(before)
    )
    changes = {"owner": {"from": {kind: told}}}
    github.emit("repository", "transferred", repository, by, {"changes": changes})


def _move(repository: Repository, owner: User, name: str) -> None:
    github, old = repository.github, repository.full_name.lower()
    new = f"{owner.login}/{name}".lower()
    if github.repositories.get(new, repository) is not repository:
        raise ValueError(f"{owner.login}/{name} exists already")
    del github.repositories[old]
    repository.owner, repository.name = owner, name
    github.repositories[new] = repository
    github.moved[old] = repository
    github.moved.pop(new, None)


def _tell_removed(repository: Repository, left: Installation, by: User) -> None:
    parts: Json = {
        "repository_selection": "all",
        "repositories_added": [],
        "repositories_removed": [repository.github.shapes.repository_minimal(repository)],
        "requester": None,
    }
    repository.github.tell_installation("installation_repositories", "removed", left, by, parts)
