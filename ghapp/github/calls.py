"""An exchange with GitHub in words that are few: its route, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from ghapp.github.errors import limited_seconds
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


# Part by part of a path: what may follow. ANY stands for a part that is a name or a number, "" for
# the end, at which the route itself stands; of REST, all parts that are left are one path.
Tree = dict[str, Any]
ANY, REST = "{}", "{path}"
# An address that GitHub gave, on GitHub Enterprise Server below /api; of a repository by its id.
_BASE = re.compile(r"^/?(?:api/)?(?:v3/)?")
_BY_ID = re.compile(r"^repositories/\d+(?=/|$)")


def _tree(routes: Iterable[str]) -> Tree:
    whole: Tree = {}
    for one in routes:
        node = whole
        for part in one.split("/"):
            node = node.setdefault(ANY if part.startswith("{") and part != REST else part, {})
        node[""] = one
    return whole


_TREE = _tree(ROUTES)


def route(path: str) -> str:
    """The template of a path or address, as "repos/{owner}/{repo}/pulls/{number}"; else OTHER."""
    below = path.partition("?")[0]
    if not below.startswith("repos/"):
        below = urlsplit(path).path if "://" in path else below
        below = _BY_ID.sub("repos/owner/repo", _BASE.sub("", below))
    node: Tree = _TREE
    for part in below.split("/"):
        if REST in node and part:
            node = node[REST]
            break
        following = node.get(part) or node.get(ANY)
        if not part or not following:
            return OTHER
        node = following
    found: str = node.get("", OTHER)
    return found


def result(answer: Answer | None) -> str:
    """ok | limited (a rate limit) | refused (4xx) | failed (5xx) | unanswered."""
    if answer is None:
        return "unanswered"
    if answer.status < 400:
        return "ok"
    if limited_seconds(answer):
        return "limited"
    return "failed" if answer.status >= 500 else "refused"
