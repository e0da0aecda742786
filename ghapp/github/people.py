"""People: which of our labels they set or removed, and what they have the right to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote

import msgspec

from ghapp.core.model import Account, Channel, Message, Pull, Repository, Rights, same_login
from ghapp.core.records import History
from ghapp.core.review.judge import Ask
from ghapp.core.review.permissions import full_team
from ghapp.github import endpoints
from ghapp.github.api import Installation, together
from ghapp.github.endpoints import User
from ghapp.github.errors import decoded
from ghapp.github.host import Request
from ghapp.github.payloads import Identity
from ghapp.github.rate_limits import Importance

NEWEST_PAGES = 2
SIGNS = {"labeled": "+", "unlabeled": "-"}
# For so long, the list of events may lag behind the labels. After that there is no event, as for a
# label that was renamed or deleted in the repository.
LATE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Labels:
    """Our labels on one pull, all in our spelling, because GitHub ignores case.

    names: all of them. left: those that we left on the pull. there: those that it has now.
    late: those that differ, while no event shows yet who changed them.
    """

    names: frozenset[str]
    left: frozenset[str]
    there: frozenset[str]
    late: frozenset[str] = frozenset()

    @property
    def observed(self) -> frozenset[str]:
        """Those that it has now; those that are late as we left them."""
        return (self.there - self.late) | (self.left & self.late)


def compared(pull: Pull, names: Iterable[str], history: History) -> Labels:
    """Our labels by our record and by GitHub. names: the policy's."""
    recorded = history.marks.labels if history.marks else frozenset[str]()
    spelled = {name.casefold(): name for name in (*recorded, *names)}  # the policy's win
    left = frozenset(spelled[name.casefold()] for name in recorded)
    carried = {label.casefold() for label in pull.labels}
    there = frozenset(name for folded, name in spelled.items() if folded in carried)
    return Labels(frozenset(spelled.values()), left, there)


async def messages(
    api: Installation,
    history: History,
    pull: Pull,
    labels: Labels,
    us: Identity,
    now: datetime,
) -> tuple[tuple[Message, ...], Labels]:
    """New messages that people sent by setting or removing a label, oldest first.

    And the labels, with those that are late; none is after LATE. now: by GitHub's clock.
    Raises Gone, Retry and Wait.
    """
    if labels.there == labels.left:
        return (), labels
    spelled = {name.casefold(): name for name in labels.names}
    events = await endpoints.newest_events(api, pull.key, NEWEST_PAGES)
    changes = [
        (row, spelled[row.label.name.casefold()])
        for row in events
        if row.event in SIGNS and row.label and row.label.name.casefold() in spelled
    ]
    last = {name: row.event == "labeled" for row, name in changes}
    if now - (history.late_since or now) < LATE:
        differing = labels.there ^ labels.left
        late = (name for name in differing if last.get(name) is not (name in labels.there))
        labels = replace(labels, late=frozenset(late))
    found = []
    for row, name in changes:
        id, actor = f"label:{row.id}", row.actor or User("ghost")
        if id not in history.judged and not us.did(actor.login):
            text = f"{SIGNS[row.event]}{name}"
            said = Message(id, Channel.LABEL, actor.login, row.created_at, text)
            found.append(replace(said, speaker_id=actor.id))
    return tuple(found), labels


class _Permissions(msgspec.Struct):
    push: bool = False
    maintain: bool = False
    admin: bool = False


class _User(msgspec.Struct):
    id: int = 0
    permissions: _Permissions | None = None


class _Permission(msgspec.Struct):
    """permission: admin | write | read | none; it calls maintain write."""

    permission: str = "none"
    user: _User | None = None


class _Membership(msgspec.Struct):
    state: str


async def rights(
    api: Installation, repository: Repository, asks: Mapping[str, Ask]
) -> Mapping[str, Rights]:
    """The rights of each speaker, as far as asked. Raises Gone, Retry and Wait."""
    found = await together(_rights(api, repository, login, ask) for login, ask in asks.items())
    return dict(zip(asks, found, strict=True))


async def _rights(api: Installation, repository: Repository, login: str, ask: Ask) -> Rights:
    """The rights of the account that spoke, which may have another name by now.

    Somebody else may have taken its old name; a right that this name does not have is asked for
    under the present one.
    """
    held, account = await _held(api, repository, login, ask), Account(login, ask.account_id)
    if account.id and (held.unclear or held == Rights()):
        present = await endpoints.account(api, account.id)
        if present and not same_login(present.login, login):
            account = Account(present.login, account.id)
            held = await _held(api, repository, account.login, ask)
    return replace(held, account=account) if account.id else held


async def _held(api: Installation, repository: Repository, login: str, ask: Ask) -> Rights:
    granted = _Permissions()
    if ask.permission:
        path = endpoints.at(repository, f"collaborators/{quote(login, safe='')}/permission")
        request = Request("GET", path)
        answer = await api.send(request, Importance.READ, fine=(404,))
        if answer.status == 200:  # 404: no such user, as for most bots
            row = decoded(answer, _Permission, request)
            given = row.user.permissions if row.user else None
            level = row.permission
            is_other = row.user and row.user.id and ask.account_id not in (0, row.user.id)
            if not is_other:
                granted = given or _Permissions(push=level == "write", admin=level == "admin")
    teams, unclear = [], []
    for team in sorted(ask.teams):
        active, doubt = await _membership(api, team, login)
        teams += [team] if active else []
        unclear += [doubt] if doubt else []
    maintain = granted.maintain or granted.admin
    return Rights(granted.push or maintain, maintain, frozenset(teams), tuple(unclear))


async def teams_of(
    api: Installation, repository: Repository, login: str, slugs: Iterable[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Which of these teams somebody is an active member of, and of which that cannot be known.

    One call for each team, and a second one if the person is no member. Raises Retry and Wait.
    slugs: of teams in the repository's organisation.
    """
    named, owner = sorted(slugs), repository.full_name.partition("/")[0]
    found = await together(_membership(api, full_team(slug, owner), login) for slug in named)
    answers = dict(zip(named, found, strict=True))
    return (
        frozenset(slug for slug, (active, _) in answers.items() if active),
        frozenset(slug for slug, (_, doubt) in answers.items() if doubt),
    )


async def _membership(api: Installation, team: str, login: str) -> tuple[bool, str]:
    """Whether the membership is active; and why that cannot be known, "" if it is known."""
    org, _, slug = team.partition("/")
    path = f"orgs/{quote(org, safe='')}/teams/{quote(slug, safe='')}"
    request = Request("GET", f"{path}/memberships/{quote(login, safe='')}")
    answer = await api.send(request, Importance.READ, fine=(403, 404))
    if answer.status == 200:
        return decoded(answer, _Membership, request).state == "active", ""
    # GitHub answers 404 alike for "no member", "no such team" and "you may not look".
    if "members" not in await api.permissions():
        return False, 'the App may not see teams: it needs the permission "Members: read"'
    probe = await api.send(Request("GET", path), Importance.READ, fine=(403, 404))
    if probe.status == 200:
        return False, ""
    return False, f"team {team} does not exist or the App cannot see it"
