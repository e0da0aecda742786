"""The follow-ups of a pull as GitHub has them, including those that are not recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote

from ghapp.core.ledger import Verb
from ghapp.core.marks import Issue
from ghapp.core.model import Pull, PullKey, same_login
from ghapp.core.policy.policy import Policy
from ghapp.core.records import FollowUp, History
from ghapp.core.text.follow_ups import read_marker
from ghapp.errors import Lag
from ghapp.github.api import PAGE, Installation, both, together
from ghapp.github.endpoints import IssueRow, at
from ghapp.github.errors import decoded
from ghapp.github.host import Request
from ghapp.github.lost_speech import UNSEEN_WAITS
from ghapp.github.payloads import Identity
from ghapp.github.rate_limits import Importance

MOST_READ = 20  # issues of one pull read in one run


async def read(
    api: Installation, history: History, pull: Pull, policy: Policy, us: Identity
) -> tuple[FollowUp, ...]:
    """The recorded follow-ups with their issues' states, and those that only GitHub knows.

    The list of our issues is read only if one may have been opened and not recorded. Raises Gone,
    Lag, Retry and Wait.
    """
    known, listed = await both(
        _refreshed(api, pull.key, history), _listed(api, history, pull, policy, us)
    )
    items = {one.item for one in known}
    deferred = {entry.subject: entry for entry in history.ledger if entry.verb is Verb.DEFER}
    found: dict[str, FollowUp] = {}
    areas = (*policy.areas, *policy.observed)
    for row in listed:  # newest first, so that of two the older one stays
        marked = read_marker(row.body or "")
        if marked is None or not us.made(row.performed_via_github_app):
            continue
        number, item = marked
        if number != pull.key.number or item in items or item not in deferred:
            continue
        entry = deferred[item]
        owner = entry.owner or pull.author
        found[item] = FollowUp(
            number=number,
            item=item,
            area=next((one.id for one in areas for its in one.items if its.id == item), ""),
            due=entry.until,
            owner=owner,
            reason=entry.note,
            issue=row.number,
            assigned=same_login(owner, *(one.login for one in row.assignees)),
            is_open=row.state == "open",
            asked_by=entry.speaker,
            asked_at=entry.said_at,
        )
    return (*known, *found.values())


def issues(follow_ups: Iterable[FollowUp]) -> frozenset[Issue]:
    """The follow-ups' issues as marks, to be compared with those that they should have."""
    return frozenset(Issue(one.item, one.due) for one in follow_ups)


async def _refreshed(api: Installation, key: PullKey, history: History) -> tuple[FollowUp, ...]:
    """The recorded follow-ups with their issues' states. If there are many, open ones are read."""
    known = history.follow_ups
    numbers = [one.issue for one in sorted(known, key=lambda one: not one.is_open) if one.issue]
    read = numbers[:MOST_READ]
    found = await together(_is_open(api, key, number, history) for number in read)
    states = dict(zip(read, found, strict=True))
    return tuple(replace(one, is_open=states.get(one.issue, one.is_open)) for one in known)


async def _is_open(api: Installation, key: PullKey, number: int, history: History) -> bool:
    """Whether the issue is open; one that was deleted, or is out of reach for long, is not."""
    request = Request("GET", at(key.repository, f"issues/{number}"))
    answer = await api.send(request, Importance.READ, fine=(404, 410))
    if answer.status == 404 and history.waited < UNSEEN_WAITS:
        text = f"{key}: issue #{number} was opened and is not visible yet"
        raise Lag(text, after_seconds=2.0**history.waited)
    return answer.status == 200 and decoded(answer, IssueRow, request).state == "open"


async def _listed(
    api: Installation, history: History, pull: Pull, policy: Policy, us: Identity
) -> list[IssueRow]:
    """Our issues, newest first; none if our record is certain, or issues are switched off."""
    written = {issue.item for issue in history.marks.issues} if history.marks else set[str]()
    recorded = {one.item for one in history.follow_ups}
    opening = any(name.startswith("OpenIssue ") for name in history.unresolved)
    if not opening and written <= recorded:
        return []
    label, creator = quote(policy.labels["follow_up"], safe=""), quote(us.bot_login, safe="")
    query = f"labels={label}&creator={creator}&state=all&sort=created&direction=desc"
    request = Request("GET", at(pull.key.repository, f"issues?{query}&per_page={PAGE}"))
    answer = await api.send(request, Importance.READ, fine=(404, 410))
    return decoded(answer, list[IssueRow], request) if answer.status == 200 else []
