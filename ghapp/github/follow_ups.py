"""The follow-ups of a pull as GitHub has them, including those that are not recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import quote

from ghapp.core.ledger import Verb
from ghapp.core.marks import Issue
from ghapp.core.model import ProjectKey, Pull, PullKey, Repository, same_login
from ghapp.core.policy.policy import Policy
from ghapp.core.records import FollowUp, History
from ghapp.core.text.follow_ups import read_marker
from ghapp.errors import Lag
from ghapp.github import endpoints
from ghapp.github.api import PAGE, Installation, both, together
from ghapp.github.endpoints import CommentRow, IssueRow, at
from ghapp.github.errors import decoded
from ghapp.github.host import Request
from ghapp.github.lost_speech import UNSEEN_WAITS
from ghapp.github.payloads import Identity
from ghapp.github.rate_limits import Importance

MOST_READ = 20  # issues of one pull read in one run


@dataclass(frozen=True, slots=True)
class Read:
    """comments: by the number of an issue that was read, those on it."""

    follow_ups: tuple[FollowUp, ...] = ()
    comments: Mapping[int, tuple[CommentRow, ...]] = field(default_factory=dict)


async def read(
    api: Installation, history: History, pull: Pull, policy: Policy, us: Identity
) -> Read:
    """The recorded follow-ups with their issues' states, and those that only GitHub knows.

    The list of our issues is read only if one may have been opened and not recorded. Raises Gone,
    Lag, Retry and Wait.
    """
    (known, comments), listed = await both(
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
    return Read((*known, *found.values()), comments)


def issues(follow_ups: Iterable[FollowUp]) -> frozenset[Issue]:
    """The follow-ups' issues as marks, to be compared with those that they should have."""
    return frozenset(Issue(one.item, one.due, done=one.done) for one in follow_ups)


async def _refreshed(
    api: Installation, key: PullKey, history: History
) -> tuple[tuple[FollowUp, ...], Mapping[int, tuple[CommentRow, ...]]]:
    """The recorded follow-ups with their issues' states, and the comments on these issues.

    If there are many, open ones are read.
    """
    known = history.follow_ups
    numbers = [one.issue for one in sorted(known, key=lambda one: not one.is_open) if one.issue]
    read = numbers[:MOST_READ]
    found = await together(_state(api, key, number, history) for number in read)
    states = dict(zip(read, found, strict=True))
    spoken = [number for number, (_, comments) in states.items() if comments]
    places = (ProjectKey(key.repository, number) for number in spoken)
    written = await together(endpoints.comments(api, place) for place in places)
    return (
        tuple(replace(one, is_open=states.get(one.issue, (one.is_open,))[0]) for one in known),
        dict(zip(spoken, written, strict=True)),
    )


async def _state(
    api: Installation, key: PullKey, number: int, history: History
) -> tuple[bool, int]:
    """Whether the issue is open, and how many comments it has.

    One that was deleted, or is out of reach for long, is not open and has none.
    """
    request = Request("GET", at(key.repository, f"issues/{number}"))
    answer = await api.send(request, Importance.READ, fine=(404, 410))
    if answer.status == 404 and history.waited < UNSEEN_WAITS:
        text = f"{key}: issue #{number} was opened and is not visible yet"
        raise Lag(text, after_seconds=2.0**history.waited)
    if answer.status != 200:
        return False, 0
    row = decoded(answer, IssueRow, request)
    return row.state == "open", row.comments


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


async def moved(
    api: Installation, repository: Repository, checked: Mapping[int, datetime], us: Identity
) -> tuple[PullKey, ...]:
    """Pulls of which an issue changed after a run read them; one read, of the newest changes.

    checked: pull -> when a run last did, by GitHub's clock. Raises Gone, Retry and Wait.
    """
    query = f"creator={quote(us.bot_login, safe='')}&state=all&sort=updated&direction=desc"
    request = Request("GET", at(repository, f"issues?{query}&per_page={PAGE}"))
    answer = await api.send(request, Importance.READ, fine=(404, 410))
    rows = decoded(answer, list[IssueRow], request) if answer.status == 200 else []
    found = dict[int, None]()
    for row in rows:
        number, _ = read_marker(row.body or "") or (0, "")
        known = checked.get(number)
        # GitHub's times have whole seconds.
        is_newer = known and row.updated_at and row.updated_at > known - timedelta(seconds=1)
        if is_newer and us.made(row.performed_via_github_app):
            found[number] = None
    return tuple(PullKey(repository, number) for number in found)
