"""What a speaker may do, by GitHub's own answers; read when it is judged and never kept."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from ghapp.core.model import Repository, Rights
from ghapp.core.rights import Ask
from ghapp.github import reading
from ghapp.github.budget import Importance
from ghapp.github.installation import Installation, decoded, together
from ghapp.github.wire import Request


class _Permissions(msgspec.Struct):
    push: bool = False
    maintain: bool = False
    admin: bool = False


class _User(msgspec.Struct):
    permissions: _Permissions | None = None


class _Permission(msgspec.Struct):
    """permission: admin | write | read | none; it calls maintain write."""

    permission: str = "none"
    user: _User | None = None


class _Membership(msgspec.Struct):
    state: str


async def read(
    api: Installation, repository: Repository, asks: Mapping[str, Ask]
) -> Mapping[str, Rights]:
    """The rights of each speaker, as far as asked. Raises Gone and Retry."""
    found = await together(_rights(api, repository, login, ask) for login, ask in asks.items())
    return dict(zip(asks, found, strict=True))


async def _rights(api: Installation, repository: Repository, login: str, ask: Ask) -> Rights:
    granted = _Permissions()
    if ask.permission:
        granted = await _permission(api, repository, login)
    teams, unclear = [], []
    for team in sorted(ask.teams):
        active, doubt = await _membership(api, team, login)
        teams += [team] if active else []
        unclear += [doubt] if doubt else []
    maintain = granted.maintain or granted.admin
    return Rights(granted.push or maintain, maintain, frozenset(teams), tuple(unclear))


async def _permission(api: Installation, repository: Repository, login: str) -> _Permissions:
    path = reading.at(repository, f"collaborators/{quote(login, safe='')}/permission")
    request = Request("GET", path)
    answer = await api.send(request, Importance.LOOK, fine=(404,))
    if answer.status == 404:  # no such user, as for most bots
        return _Permissions()
    row = decoded(answer, _Permission, request)
    if row.user and row.user.permissions:
        return row.user.permissions
    return _Permissions(push=row.permission == "write", admin=row.permission == "admin")


async def _membership(api: Installation, team: str, login: str) -> tuple[bool, str]:
    """Whether the membership is active, and why that cannot be told, else ""."""
    org, _, slug = team.partition("/")
    path = f"orgs/{quote(org, safe='')}/teams/{quote(slug, safe='')}"
    request = Request("GET", f"{path}/memberships/{quote(login, safe='')}")
    answer = await api.send(request, Importance.LOOK, fine=(403, 404))
    if answer.status == 200:
        return decoded(answer, _Membership, request).state == "active", ""
    # GitHub answers 404 alike for "no member", "no such team" and "you may not look".
    if "members" not in await api.permissions():
        return False, 'the App may not see teams: it needs the permission "Members: read"'
    probe = await api.send(Request("GET", path), Importance.LOOK, fine=(403, 404))
    if probe.status == 200:
        return False, ""
    return False, f"team {team} does not exist or the App cannot see it"
