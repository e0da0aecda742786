"""The REST routes: what each needs, and who answers it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ghapp.emulator import api_app as app
from ghapp.emulator import api_checks as checks
from ghapp.emulator import api_git as git
from ghapp.emulator import api_graphql as graphql
from ghapp.emulator import api_issues as issues
from ghapp.emulator import api_pulls as pulls
from ghapp.emulator import api_repository as repository
from ghapp.emulator import api_reviews as reviews
from ghapp.emulator import api_threads as threads
from ghapp.emulator.rest import Answer, Call

if TYPE_CHECKING:
    from ghapp.emulator.github import Emulator


@dataclass(frozen=True, slots=True)
class Route:
    """needs: any of these permissions is enough; "app" asks for the App's JWT instead.

    hidden: a token without the permission meets 404 rather than 403.
    docs: the page named in refusals, after https://docs.github.com/rest.
    """

    method: str
    template: str
    answer: Callable[[Call], Answer]
    needs: tuple[str, ...]
    docs: str
    hidden: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"


APP = ("app",)
METADATA, MEMBERS, CONTENTS = ("metadata:read",), ("members:read",), ("contents:read",)
PULLS, PULLS_WRITE = ("pull_requests:read",), ("pull_requests:write",)
CHECKS_READ, CHECKS_WRITE = ("checks:read",), ("checks:write",)
ISSUES_READ = ("issues:read", "pull_requests:read")  # a pull is an issue: either will do
ISSUES_WRITE = ("issues:write", "pull_requests:write")
ISSUES_ONLY = ("issues:write",)  # to open one

TEAM = "/orgs/{org}/teams/{slug}"
REPO = "/repos/{owner}/{repo}"
PULL = REPO + "/pulls/{number}"
ISSUE = REPO + "/issues/{number}"
COMMENT = REPO + "/issues/comments/{id}"
NOTE = REPO + "/pulls/comments/{id}"
REVIEWS = PULL + "/reviews"
RUN = REPO + "/check-runs/{id}"
ROUTES = (
    Route("GET", "/app", app.get_app, APP, "/apps/apps"),
    Route("GET", "/app/installations", app.list_installations, APP, "/apps/apps"),
    Route("GET", "/app/installations/{id}", app.get_installation, APP, "/apps/apps"),
    Route("POST", "/app/installations/{id}/access_tokens", app.create_token, APP, "/apps/apps"),
    Route("GET", "/app/hook/config", app.get_hook, APP, "/apps/webhooks"),
    Route("GET", "/app/hook/deliveries", app.list_deliveries, APP, "/apps/webhooks"),
    Route("POST", "/app/hook/deliveries/{id}/attempts", app.redeliver, APP, "/apps/webhooks"),
    Route("GET", "/installation/repositories", app.list_repositories, METADATA, "/apps"),
    Route("GET", TEAM, app.get_team, MEMBERS, "/teams/teams"),
    Route("GET", TEAM + "/memberships/{username}", app.get_membership, MEMBERS, "/teams", True),
    Route("GET", REPO, repository.get_repository, METADATA, "/repos/repos"),
    Route("GET", REPO + "/contents/{path}", repository.get_contents, CONTENTS, "/repos/contents"),
    Route("GET", REPO + "/compare/{path}", git.compare, CONTENTS, "/commits/commits"),
    Route("GET", REPO + "/git/blobs/{sha}", git.get_blob, CONTENTS, "/git/blobs"),
    Route("GET", REPO + "/git/trees/{tree_sha}", git.get_tree, CONTENTS, "/git/trees"),
    Route(
        "GET", REPO + "/collaborators/{username}/permission", repository.get_permission,
        METADATA, "/collaborators/collaborators",
    ),
    Route("GET", REPO + "/labels", repository.list_labels, ISSUES_READ, "/issues/labels"),
    Route("POST", REPO + "/labels", repository.create_label, ISSUES_WRITE, "/issues/labels"),
    Route("GET", REPO + "/labels/{name}", repository.get_label, ISSUES_READ, "/issues/labels"),
    Route("PATCH", REPO + "/labels/{name}", repository.edit_label, ISSUES_WRITE, "/issues/labels"),
    Route("GET", REPO + "/pulls", pulls.list_pulls, PULLS, "/pulls/pulls"),
    Route("GET", PULL, pulls.get_pull, PULLS, "/pulls/pulls"),
    Route("GET", PULL + "/files", pulls.list_files, PULLS, "/pulls/pulls"),
    Route("GET", REVIEWS, reviews.list_reviews, PULLS, "/pulls/reviews"),
    Route("GET", REVIEWS + "/{id}", reviews.get_review, PULLS, "/pulls/reviews"),
    Route("GET", PULL + "/comments", reviews.list_comments, PULLS, "/pulls/comments"),
    Route("GET", NOTE, reviews.get_comment, PULLS, "/pulls/comments"),
    Route("GET", NOTE + "/reactions", reviews.list_reactions, PULLS, "/reactions"),
    Route("POST", NOTE + "/reactions", reviews.create_reaction, PULLS_WRITE, "/reactions"),
    Route("POST", "/graphql", graphql.answer, (), "https://docs.github.com/graphql"),
    Route("GET", REPO + "/issues", threads.list_issues, ISSUES_READ, "/issues/issues"),
    Route("POST", REPO + "/issues", threads.create_issue, ISSUES_ONLY, "/issues/issues"),
    Route("GET", ISSUE, threads.get_issue, ISSUES_READ, "/issues/issues"),
    Route("PATCH", ISSUE, threads.edit_issue, ISSUES_WRITE, "/issues/issues"),
    Route(
        "GET", REPO + "/assignees/{username}", threads.get_assignee, ISSUES_READ,
        "/issues/assignees",
    ),
    Route("GET", ISSUE + "/comments", issues.list_comments, ISSUES_READ, "/issues/comments"),
    Route("POST", ISSUE + "/comments", issues.create_comment, ISSUES_WRITE, "/issues/comments"),
    Route("GET", COMMENT, issues.get_comment, ISSUES_READ, "/issues/comments"),
    Route("PATCH", COMMENT, issues.edit_comment, ISSUES_WRITE, "/issues/comments"),
    Route("DELETE", COMMENT, issues.delete_comment, ISSUES_WRITE, "/issues/comments"),
    Route("GET", COMMENT + "/reactions", issues.list_reactions, ISSUES_READ, "/reactions"),
    Route("POST", COMMENT + "/reactions", issues.create_reaction, ISSUES_WRITE, "/reactions"),
    Route("GET", ISSUE + "/events", issues.list_events, ISSUES_READ, "/issues/events"),
    Route("GET", ISSUE + "/labels", issues.list_labels, ISSUES_READ, "/issues/labels"),
    Route("POST", ISSUE + "/labels", issues.add_labels, ISSUES_WRITE, "/issues/labels"),
    Route("DELETE", ISSUE + "/labels/{name}", issues.remove_label, ISSUES_WRITE, "/issues/labels"),
    Route("POST", REPO + "/check-runs", checks.create_run, CHECKS_WRITE, "/checks/runs"),
    Route("GET", RUN, checks.get_run, CHECKS_READ, "/checks/runs"),
    Route("PATCH", RUN, checks.change_run, CHECKS_WRITE, "/checks/runs"),
    Route("GET", RUN + "/annotations", checks.list_annotations, CHECKS_READ, "/checks/runs"),
    Route("GET", REPO + "/commits/{ref}/check-runs", checks.list_runs, CHECKS_READ, "/checks/runs"),
)  # fmt: skip
METHODS = ("GET", "POST", "PATCH", "DELETE")


def _pattern(template: str) -> str:
    """`{path}` and `{ref}` may hold slashes: file names and branch names do."""
    return re.sub(
        r"\{(\w+)\}",
        lambda found: "(.*)" if found[1] in ("path", "ref") else "([^/]+)",
        template,
    )


NAMES = {route: re.findall(r"\{(\w+)\}", route.template) for route in ROUTES}
COMPILED = {
    method: [(re.compile(_pattern(r.template)), r) for r in ROUTES if r.method == method]
    for method in METHODS
}


def by_name(github: Emulator, path: str) -> str:
    """The path as if the repository had been asked for by its name rather than its id.

    GraphQL is at /graphql, and at /api/graphql where REST is below /api/v3. Source:
    https://docs.github.com/enterprise-server@latest/graphql/guides/forming-calls-with-graphql
    """
    if path == "/api/graphql":
        return "/graphql"
    found = re.fullmatch(r"/repositories/(\d+)(/.*)?", path)
    for known in github.repositories.values() if found else ():
        if found and known.id == int(found[1]):
            return f"/repos/{known.full_name}{found[2] or ''}"
    return path


def find(method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a path still percent-encoded, and its parameters decoded.

    Bytes that are no UTF-8 stay as surrogates: git takes any file name.
    """
    for pattern, route in COMPILED.get(method, ()):
        found = pattern.fullmatch(raw_path)
        if found:
            values = (unquote(value, errors="surrogateescape") for value in found.groups())
            return route, dict(zip(NAMES[route], values, strict=True))
    return None
