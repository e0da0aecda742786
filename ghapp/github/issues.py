"""The issues of follow-ups: made once, changed when their day does, never closed by us.

Source: https://docs.github.com/rest/issues/issues
"""

from __future__ import annotations

import msgspec

from ghapp.core.marks import Issue, Outcome
from ghapp.core.model import Repository
from ghapp.core.rights import same_login
from ghapp.github.budget import Importance
from ghapp.github.installation import Installation, decoded
from ghapp.github.reading import LabelRow, User, at
from ghapp.github.refusals import refusal
from ghapp.github.wire import Answer, Request
from ghapp.github.writing import Body, give_looks, write

SWITCHED_OFF = 410


class _Made(msgspec.Struct):
    number: int
    labels: list[LabelRow] = []
    assignees: list[User] = []


class _Detail(msgspec.Struct):
    field: str = ""
    message: str = ""


class _Refused(msgspec.Struct):
    errors: list[_Detail] = []


async def open(api: Installation, repository: Repository, issue: Issue) -> Outcome:
    """Its number, 0 where issues are switched off. Raises Gone, Retry and Rejected.

    Whom GitHub does not let be assigned is left out: it refuses the issue for that, or, where we
    may not assign, makes it without a word.
    """
    request = Request("POST", at(repository, "issues"), _body(issue, issue.owner))
    answer = await api.send(request, Importance.COURTESY, fine=(SWITCHED_OFF, 422))
    if answer.status == 422 and issue.owner and _for_the_assignee(answer):
        request = Request("POST", at(repository, "issues"), _body(issue, ""))
        answer = await api.send(request, Importance.COURTESY, fine=(SWITCHED_OFF,))
    if answer.status == SWITCHED_OFF:
        return Outcome(0, answer.date)
    if answer.status == 422:
        raise refusal(answer, str(request), courtesy=True)
    made = decoded(answer, _Made, request)
    await give_looks(api, repository, (issue.label,), made.labels)
    assigned = not issue.owner or same_login(issue.owner, *(one.login for one in made.assignees))
    return Outcome(made.number, answer.date, assigned)


async def edit(api: Installation, repository: Repository, issue: Issue, number: int) -> Outcome:
    """Another title and body; one that is gone stays so. Raises Gone, Retry and Rejected."""
    path = at(repository, f"issues/{number}")
    changed = {"title": issue.title, "body": issue.body}
    done = await write(api, "PATCH", path, changed, fine=(404, SWITCHED_OFF))
    return Outcome(number, done.answered_at)


def _body(issue: Issue, owner: str) -> Body:
    name, _, _ = issue.label
    labels, assignees = [name] if name else [], [owner] if owner else []
    return {"title": issue.title, "body": issue.body, "labels": labels, "assignees": assignees}


def _for_the_assignee(answer: Answer) -> bool:
    """Whether a 422 names who was to be assigned."""
    try:
        refused = msgspec.json.decode(answer.body, type=_Refused)
    except msgspec.MsgspecError:
        return False
    return any("assignee" in f"{one.field} {one.message}".lower() for one in refused.errors)
