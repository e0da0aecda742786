"""Pulls, their changed files, reviews and review comments.

Sources: https://docs.github.com/rest/pulls/reviews, https://docs.github.com/rest/pulls/comments
"""

from __future__ import annotations

from functools import partial

import msgspec
from pydantic import Field
from starlette.responses import Response

from ghapp.emulator.api.answers import invalid, not_found, ok
from ghapp.emulator.api.call import Body, Call
from ghapp.emulator.conversation import ReviewComment
from ghapp.emulator.json import issues


def list_pulls(call: Call) -> Response:
    """Filters: state, base, head ("owner:branch"). Sorted by created or updated.

    Without a direction, only a list sorted by creation has the newest first. Source:
    https://docs.github.com/rest/pulls/pulls#list-pull-requests
    """
    query = call.query
    state, base, head = query.get("state", "open"), query.get("base", ""), query.get("head", "")
    rows = [
        pull
        for pull in call.repository().pulls.values()
        if state in ("all", pull.state)
        and base in ("", pull.base_ref)
        and head in ("", f"{pull.head_owner}:{pull.head_ref}")
    ]
    sort = query.get("sort", "created")
    rows.sort(
        key=lambda pull: (pull.updated_at if sort == "updated" else pull.created_at, pull.number)
    )
    if query.get("direction", "desc" if sort == "created" else "asc") == "desc":
        rows.reverse()
    return call.listed(rows, partial(issues.pull_simple, call.at))


class New(Body):
    title: str
    head: str
    base: str
    body: str | None = None


def create_pull(call: Call) -> Response:
    """From a branch of the repository itself; those of forks are left out here.

    Source: https://docs.github.com/rest/pulls/pulls#create-a-pull-request
    """
    repository, body = call.repository(), call.body(New)
    for field, branch in (("head", body.head), ("base", body.base)):
        if branch not in repository.branches:
            raise invalid("PullRequest", field, "invalid")
    if repository.branches[body.head] == repository.branches[body.base]:
        words = f"No commits between {body.base} and {body.head}"
        raise invalid("PullRequest", "base", "custom", words)
    owner = repository.owner.login
    for pull in repository.pulls.values():
        if (pull.state, pull.head_ref, pull.base_ref) == ("open", body.head, body.base):
            words = f"A pull request already exists for {owner}:{body.head}."
            raise invalid("PullRequest", "head", "custom", words)
    made = repository.open_pull(
        author=call.by, branch=body.head, base=body.base, title=body.title, body=body.body
    )
    return ok(issues.pull(call.at, made), 201)


def get_pull(call: Call) -> Response:
    return call.conditional(ok(issues.pull(call.at, call.pull())))


class Requested(Body):
    reviewers: list[str] = Field(default_factory=list)
    team_reviewers: list[str] = Field(default_factory=list)


def request_reviewers(call: Call) -> Response:
    """Refuses all of them if one is the author, nobody, or a team without access."""
    pull, body = call.pull(), call.body(Requested)
    repository, github = pull.repository, call.github
    users = [github.user(login) for login in body.reviewers if login.lower() in github.users]
    owner = repository.owner.login.lower()
    teams = [github.teams.get((owner, slug)) for slug in body.team_reviewers]
    known = [team for team in teams if team]
    wrong = pull.author in users or any(repository.role(user) == "none" for user in users)
    if wrong or len(users) < len(body.reviewers) or len(known) < len(teams):
        raise invalid(
            "PullRequest",
            "reviewers",
            "custom",
            "Reviews may only be requested from collaborators.",
        )
    pull.request_reviews(users, known, call.by)
    return ok(issues.pull_simple(call.at, pull), status=201)


def remove_requested_reviewers(call: Call) -> Response:
    pull, body = call.pull(), call.body(Requested)
    users = [call.github.users.get(login.lower()) for login in body.reviewers]
    owner = pull.repository.owner.login.lower()
    teams = [call.github.teams.get((owner, slug)) for slug in body.team_reviewers]
    pull.remove_requests(list(filter(None, users)), list(filter(None, teams)), call.by)
    return ok(issues.pull_simple(call.at, pull))


def list_files(call: Call) -> Response:
    """Changed files in path order, of the head as it is at this very page.

    A page is encoded once: with two SHAs and a number it never changes.
    """
    pull, repository = call.pull(), call.repository()
    changes, base = pull.changes()[: call.github.limits.files], pull.merge_base()
    key = (call.at.api, repository.full_name, base, pull.head_sha, *call.page())
    pages = call.github.file_pages
    if key not in pages:
        rows = [
            issues.file(call.at, repository, pull.head_sha, base, change)
            for change in call.paged(changes)
        ]
        pages[key] = msgspec.json.encode(rows)
    return Response(pages[key], headers=call.links(len(changes)))


# --- reviews -------------------------------------------------------------------------------


def list_reviews(call: Call) -> Response:
    """Oldest first, dismissed reviews among them."""
    pull = call.pull()
    return call.listed(pull.reviews, partial(issues.review, call.at, pull))


def get_review(call: Call) -> Response:
    pull, review_id = call.pull(), call.number("id")
    found = next((review for review in pull.reviews if review.id == review_id), None)
    if found is None:
        raise not_found()
    return call.conditional(ok(issues.review(call.at, pull, found)))


def list_comments(call: Call) -> Response:
    """Oldest first unless asked otherwise. Filter: since, the time of their last change."""
    pull, since = call.pull(), call.moment("since")
    rows = [row for row in pull.review_comments if since is None or row.updated_at >= since]
    if call.query.get("sort") == "updated":
        rows.sort(key=lambda row: (row.updated_at, row.id))
    if call.query.get("direction") == "desc":
        rows.reverse()
    return call.listed(rows, partial(issues.review_comment, call.at, pull))


def get_comment(call: Call) -> Response:
    shape = issues.review_comment(call.at, *call.message(ReviewComment))
    return call.conditional(ok(shape))
