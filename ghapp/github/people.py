"""Labels of ours that people set or removed by hand, as messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from ghapp.core.model import Channel, Message, Pull, Repository, Rights
from ghapp.core.records import History
from ghapp.core.review.judge import Ask
from ghapp.core.review.permissions import same_login
from ghapp.errors import Retry
from ghapp.github import endpoints
from ghapp.github.api import Installation, together
from ghapp.github.endpoints import EventRow
from ghapp.github.errors import decoded
from ghapp.github.host import Request
from ghapp.github.rate_limits import Importance

NEWEST_PAGES = 2
SIGNS = {"labeled": "+", "unlabeled": "-"}
# The list of events may lag behind the labels: how long the run waits for it, time after time.
LAG_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of ours on one pull, all as we spell them: GitHub's ignore case.

    names: all that are ours. left: those we left on the pull. there: those on it now.
    """

    names: frozenset[str]
    left: frozenset[str]
    there: frozenset[str]


def compared(pull: Pull, names: Iterable[str], history: History) -> Labels:
    """The labels of ours by our record and by GitHub. names: those of the policy."""
    recorded = history.marks.labels if history.marks else frozenset[str]()
    spelled = {name.casefold(): name for name in (*recorded, *names)}  # the policy's win
    left = frozenset(spelled[name.casefold()] for name in recorded)
    carried = {label.casefold() for label in pull.labels}
    there = frozenset(name for folded, name in spelled.items() if folded in carried)
    return Labels(frozenset(spelled.values()), left, there)


async def said(
    api: Installation, history: History, pull: Pull, labels: Labels, bot_login: str
) -> tuple[Message, ...]:
    """What people said by labels and was not heard before, oldest first. Raises Gone and Retry."""
    if labels.there == labels.left:
        return ()
    spelled = {name.casefold(): name for name in labels.names}
    rows = await endpoints.newest_events(api, pull.key, NEWEST_PAGES)
    deeds = [(row, spelled[name]) for row in rows if (name := _name(row)) in spelled]
    last = {name: row.event == "labeled" for row, name in deeds}
    unexplained = [
        name
        for name in sorted(labels.there ^ labels.left)
        if last.get(name) is not (name in labels.there)
    ]
    if unexplained and history.waited < len(LAG_SECONDS):
        text = f"{pull.key}: no event tells yet who changed the label {unexplained[0]}"
        raise Retry(text, after_seconds=LAG_SECONDS[history.waited], counts=False, lags=True)
    found = [_message(row, name) for row, name in deeds if not _by(row, bot_login)]
    return tuple(one for one in found if one.id not in history.heard)


def _name(row: EventRow) -> str:
    """The label that the event is about, case ignored; "" for other events."""
    return row.label.name.casefold() if row.event in SIGNS and row.label else ""


def _by(row: EventRow, login: str) -> bool:
    return row.actor is not None and same_login(row.actor.login, login)


def _message(row: EventRow, name: str) -> Message:
    speaker = row.actor.login if row.actor else "ghost"
    text = f"{SIGNS[row.event]}{name}"
    return Message(f"label:{row.id}", Channel.LABEL, speaker, row.created_at, text)


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
    path = endpoints.at(repository, f"collaborators/{quote(login, safe='')}/permission")
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
