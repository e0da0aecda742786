"""The follow-ups of a pull as GitHub has them, those too that we did not come to write down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote

from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import Issue
from ghapp.core.model import Pull, PullKey
from ghapp.core.policy.policy import Policy
from ghapp.core.records import FollowUp, History
from ghapp.core.review.permissions import same_login
from ghapp.core.text.follow_ups import read_marker
from ghapp.errors import Retry
from ghapp.github.api import PAGE, Installation, both, together
from ghapp.github.endpoints import IssueRow, at
from ghapp.github.errors import decoded
from ghapp.github.host import Request
from ghapp.github.lost_speech import UNSEEN_WAITS
from ghapp.github.rate_limits import Importance

MOST_READ = 20  # issues of one pull looked at in one run


async def read(
    api: Installation, history: History, pull: Pull, policy: Policy, bot_login: str, app_id: int
) -> tuple[FollowUp, ...]:
    """By item those remembered, with their issues' states, and those only GitHub knows.

    The list of our issues is read only where one may have been opened and not written down.
    Raises Gone and Retry.
    """
    known, listed = await both(
        _refreshed(api, pull.key, history),
        _listed(api, history, pull, policy.labels["follow_up"], bot_login),
    )
    items = {one.item for one in known}
    deferred = {entry.subject: entry for entry in history.ledger if entry.verb is Verb.DEFER}
    found: dict[str, FollowUp] = {}
    for row in listed:  # newest first, so that of two the older one stays
        via, marked = row.performed_via_github_app, read_marker(row.body or "")
        if via is None or via.id != app_id or marked is None:
            continue
        number, item = marked
        if number == pull.key.number and item not in items and item in deferred:
            found[item] = _forgotten(row, pull, deferred[item], policy)
    return (*known, *found.values())


def issues(follow_ups: Iterable[FollowUp]) -> frozenset[Issue]:
    """As marks: what tells whether an issue is as it should be."""
    return frozenset(Issue(one.item, one.due) for one in follow_ups)


async def _refreshed(api: Installation, key: PullKey, history: History) -> tuple[FollowUp, ...]:
    """The open ones first, should there be too many to look at."""
    known = history.follow_ups
    numbers = [one.issue for one in sorted(known, key=lambda one: not one.is_open) if one.issue]
    read = numbers[:MOST_READ]
    states = dict(
        zip(read, await together(_is_open(api, key, n, history) for n in read), strict=True)
    )
    return tuple(replace(one, is_open=states.get(one.issue, one.is_open)) for one in known)


async def _is_open(api: Installation, key: PullKey, number: int, history: History) -> bool:
    """Whether it is; one that was deleted, or moved out of reach for more than a moment, is not."""
    request = Request("GET", at(key.repository, f"issues/{number}"))
    answer = await api.send(request, Importance.LOOK, fine=(404, 410))
    if answer.status == 404 and history.waited < UNSEEN_WAITS:
        text = f"{key}: issue #{number} was opened and is not to be seen"
        raise Retry(text, after_seconds=2.0**history.waited, counts=False, lags=True)
    return answer.status == 200 and decoded(answer, IssueRow, request).state == "open"


async def _listed(
    api: Installation, history: History, pull: Pull, label: str, bot_login: str
) -> list[IssueRow]:
    """Our newest issues, newest first; none where nothing is in doubt, or issues are off."""
    written = {issue.item for issue in history.marks.issues} if history.marks else set[str]()
    recorded = {one.item for one in history.follow_ups}
    opening = any(name.startswith("OpenIssue ") for name in history.unresolved)
    if not opening and written <= recorded:
        return []
    query = f"labels={quote(label, safe='')}&creator={quote(bot_login, safe='')}&state=all"
    path = at(pull.key.repository, f"issues?{query}&sort=created&direction=desc&per_page={PAGE}")
    request = Request("GET", path)
    answer = await api.send(request, Importance.LOOK, fine=(404, 410))
    return decoded(answer, list[IssueRow], request) if answer.status == 200 else []


def _forgotten(row: IssueRow, pull: Pull, said: Entry, policy: Policy) -> FollowUp:
    """What the ledger and the issue itself tell of it."""
    areas = (area.id for area in policy.areas for item in area.items if item.id == said.subject)
    owner = said.owner or pull.author
    return FollowUp(
        number=pull.key.number,
        item=said.subject,
        area=next(areas, ""),
        due=said.until,
        owner=owner,
        reason=said.note,
        issue=row.number,
        assigned=same_login(owner, *(one.login for one in row.assignees)),
        is_open=row.state == "open",
    )
