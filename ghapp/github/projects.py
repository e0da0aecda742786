"""Reads the issues that pulls name as projects, and the facts that a project is judged by."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import datetime

import msgspec

from ghapp.core.marks import Marks, Written, traces
from ghapp.core.model import Account, ProjectKey, Pull, PullKey, Repository
from ghapp.core.policy.policy import Rules, effective
from ghapp.core.records import History, KnownIssue
from ghapp.core.review.facts import Facts
from ghapp.core.review.judge import Ask, asks
from ghapp.core.review.project_issue import judging
from ghapp.core.text.projects import MARKER
from ghapp.errors import Lag, Retry
from ghapp.github import endpoints, people
from ghapp.github.api import Installation, both
from ghapp.github.endpoints import LabelRow, User, at
from ghapp.github.errors import decoded
from ghapp.github.gather import MOST_LAG_SECONDS, PATIENCE, policy_source
from ghapp.github.host import Request
from ghapp.github.lost_speech import UNSEEN_WAITS
from ghapp.github.payloads import Identity, text
from ghapp.github.rate_limits import Importance
from ghapp.github.readback import doubtful, normalised, replies_of

_ADDRESS = re.compile(r"/repos/([^/]+/[^/]+)/issues/([1-9][0-9]{0,9})\Z")


class _PullLink(msgspec.Struct):
    """Only an issue that is a pull request has one."""


class _Issue(msgspec.Struct):
    """url: of the issue in the API. parent_issue_url: of the issue that it is a sub-issue of."""

    number: int
    title: str
    state: str
    updated_at: datetime
    node_id: str = ""
    url: str = ""
    html_url: str = ""
    body: str | None = None
    user: User | None = None
    labels: list[LabelRow] = []
    parent_issue_url: str | None = None
    pull_request: _PullLink | None = None


class _Repository(msgspec.Struct):
    id: int
    full_name: str


async def issue(api: Installation, place: Repository, reference: str) -> KnownIssue | None:
    """The issue that a reference names; None if it is out of reach, or of another owner.

    place: the repository in which it is named. One call, and a second one if the issue is in
    another repository. Raises Retry and Wait.
    """
    name, _, number = reference.partition("#")
    there = place if name == place.full_name.casefold() else replace(place, id=0, full_name=name)
    if there.owner != place.owner:
        return None
    found = await _read(api, there, int(number))
    return await _known(api, there, found[0]) if found else None


async def _read(
    api: Installation, place: Repository, number: int
) -> tuple[_Issue, datetime] | None:
    """The issue, to which the address of a transferred one leads; and GitHub's clock."""
    request = Request("GET", at(place, f"issues/{number}"))
    answer = await api.send(request, Importance.READ, fine=(403, 404, 410))
    return (decoded(answer, _Issue, request), answer.date) if answer.status == 200 else None


async def _known(api: Installation, place: Repository, row: _Issue) -> KnownIssue | None:
    """The row as a value. A pull is never a project: it has no label that could make it one."""
    address = _ADDRESS.search(row.url)
    name = address[1] if address else place.full_name
    if not place.id or name.casefold() != place.full_name.casefold():
        request = Request("GET", at(replace(place, full_name=name), "").rstrip("/"))
        answer = await api.send(request, Importance.READ, fine=(403, 404))
        if answer.status != 200:
            return None
        found = decoded(answer, _Repository, request)
        place = Repository(place.installation_id, found.id, found.full_name)
    parent = _ADDRESS.search(row.parent_issue_url or "")
    return KnownIssue(
        ProjectKey(place, row.number),
        row.node_id,
        text(row.title),
        row.html_url,
        is_open=row.state == "open",
        labels=frozenset() if row.pull_request else frozenset(one.name for one in row.labels),
        parent=f"{parent[1].casefold()}#{parent[2]}" if parent else "",
        updated_at=row.updated_at,
    )


async def may_write(api: Installation, repository: Repository, who: Account) -> bool:
    """Whether somebody may write in a repository. Raises Gone, Retry and Wait."""
    asked = {who.login: Ask(permission=True, account_id=who.id)}
    held = (await people.rights(api, repository, asked))[who.login]
    return held.write and (held.account is None or who.among((held.account,)))


async def gather(
    api: Installation,
    key: ProjectKey,
    history: History,
    rules: Rules,
    us: Identity,
    clock: datetime,
) -> tuple[Facts, KnownIssue] | None:
    """What a project is judged by, and its issue; None if that is out of reach.

    The issue is not that of the key if it was transferred. Raises Gone, Retry, Wait and Lag.
    """
    found, source = await both(
        _read(api, key.repository, key.number),
        policy_source(api, key.repository, history, rules, clock),
    )
    known = await _known(api, key.repository, found[0]) if found else None
    if found is None or known is None:
        if history.fresh_at and history.waited < UNSEEN_WAITS:
            raise Lag(f"{key}: the issue is not visible yet", after_seconds=2.0**history.waited)
        return None
    row, now = found
    if history.fresh_at and row.updated_at < history.fresh_at:
        late = Retry if history.waited >= PATIENCE else Lag
        raise late(
            f"{key}: GitHub still reads as of {row.updated_at}, not {history.fresh_at}",
            after_seconds=min(2.0 ** min(history.waited, 10), MOST_LAG_SECONDS),
        )
    policy = judging(await asyncio.to_thread(effective, source, rules)).on(now)
    pull = Pull(
        key=PullKey(known.key.repository, known.key.number),
        title=known.title,
        author="",
        head_sha="",
        head_ref="",
        base_ref="",
        updated_at=row.updated_at,
        labels=known.labels,
        is_open=known.is_open,
        url=known.url,
        body=text(row.body),
    )
    observed, written = await _observed(api, key, history, us)
    label = policy.projects.label
    labels = frozenset({label} if known.has(label) else ())
    asked = asks(history.messages, policy, pull, history.ledger)
    rights = await people.rights(api, key.repository, asked)
    facts = Facts(
        now=now,
        pull=pull,
        policy=policy,
        source=source,
        messages=history.messages,
        rights=rights,
        observed=replace(observed, labels=labels),
        written=written,
        on_issue=True,
        details=rules.details(known.key),
    )
    return facts, known


async def _observed(
    api: Installation, key: ProjectKey, history: History, us: Identity
) -> tuple[Marks, Written]:
    """Our marks by our record; if that is doubtful, as GitHub has them.

    Raises Gone, Retry, Wait and Lag (a write may have taken effect and is not visible yet).
    """
    marks, written = history.marks or Marks(), history.written
    if not doubtful(history):
        return marks, written
    rows = await endpoints.comments(api, PullKey(key.repository, key.number))
    ours = [row for row in rows if us.made(row.performed_via_github_app)]
    marked = [row for row in ours if (row.body or "").lstrip().startswith(MARKER)]
    comment = next((row for row in marked if row.id == written.comment_id), None)
    comment = comment or next(iter(marked), None)
    marks = replace(
        marks,
        comment=normalised(comment.body or "") if comment else "",
        replies=replies_of(ours),
    )
    written = Written(comment_id=comment.id if comment else 0)
    missing = history.unresolved - traces(marks, written) - {"AddLabels", "React"}
    if missing and history.waited < UNSEEN_WAITS:
        what = min(missing)
        raise Lag(f"{key}: {what} may be written", after_seconds=2.0**history.waited)
    return marks, written
