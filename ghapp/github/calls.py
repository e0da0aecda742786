"""An exchange with GitHub in words that are few: its route, and what became of it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ghapp.github.refusals import limited_seconds
from ghapp.github.wire import Answer

OTHER = "other"
_REPOSITORY = (
    "",
    "check-runs",
    "check-runs/{id}",
    "check-runs/{id}/annotations",
    "collaborators/{login}/permission",
    "commits/{sha}/check-runs",
    "compare/{path}",
    "contents/{path}",
    "git/blobs/{sha}",
    "git/trees/{sha}",
    "issues",
    "issues/comments/{id}",
    "issues/comments/{id}/reactions",
    "issues/{number}",
    "issues/{number}/comments",
    "issues/{number}/events",
    "issues/{number}/labels",
    "issues/{number}/labels/{name}",
    "labels",
    "labels/{name}",
    "pulls",
    "pulls/comments/{id}",
    "pulls/comments/{id}/reactions",
    "pulls/{number}",
    "pulls/{number}/comments",
    "pulls/{number}/files",
    "pulls/{number}/reviews",
)
# What we ask for; of what is not here nothing is told but that it was asked.
ROUTES = (
    "app",
    "app/hook/deliveries",
    "app/hook/deliveries/{id}",
    "app/hook/deliveries/{id}/attempts",
    "app/installations",
    "app/installations/{id}/access_tokens",
    "graphql",
    "installation/repositories",
    "orgs/{org}/teams/{team}",
    "orgs/{org}/teams/{team}/memberships/{login}",
    *(f"repos/{{owner}}/{{repo}}/{rest}".rstrip("/") for rest in _REPOSITORY),
)


def _pattern(route: str) -> str:
    whole = re.sub(r"\\{path\\}", ".+", re.escape(route))
    return re.sub(r"\\{\w+\\}", "[^/]+", whole)


_ANY = re.compile("|".join(f"({_pattern(route)})" for route in ROUTES))
# An address that GitHub gave, on GitHub Enterprise Server below /api; of a repository by its id.
_BASE = re.compile(r"^/?(?:api/)?(?:v3/)?")
_BY_ID = re.compile(r"^repositories/\d+(?=/|$)")


def route(path: str) -> str:
    """The template of a path or address, as "repos/{owner}/{repo}/pulls/{number}"; else OTHER."""
    below = urlsplit(path).path if "://" in path else path.partition("?")[0]
    below = _BY_ID.sub("repos/owner/repo", _BASE.sub("", below))
    found = _ANY.fullmatch(below)
    return ROUTES[found.lastindex - 1] if found and found.lastindex else OTHER


def result(answer: Answer | None) -> str:
    """ok | limited (a rate limit) | refused (4xx) | failed (5xx) | unanswered."""
    if answer is None:
        return "unanswered"
    if answer.status < 400:
        return "ok"
    if limited_seconds(answer):
        return "limited"
    return "failed" if answer.status >= 500 else "refused"
