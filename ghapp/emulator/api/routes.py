"""The routes of the API: what each needs, who answers it, and what may go wrong on the way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from urllib.parse import unquote

from starlette import routing
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ghapp.emulator import graphql
from ghapp.emulator.api import app, auth, checks, issues, pulls, repository
from ghapp.emulator.api.answers import (
    INACCESSIBLE,
    INACCESSIBLE_TO_PERSON,
    Refusal,
    inaccessible,
    not_found,
)
from ghapp.emulator.api.call import Call
from ghapp.emulator.conversation import Comment, ReviewComment
from ghapp.emulator.github import CallInProgress, Emulator


@dataclass(frozen=True, slots=True)
class Route:
    """needs: any of these permissions is enough; "app" asks for the App's JWT instead, and "nobody"
    for nothing.

    template: a parameter marked ":path" may hold slashes, as file names and branch names do.
    hidden: a token without the permission gets 404 rather than 403.
    docs: the page named in refusals, after https://docs.github.com/rest.
    """

    method: str
    template: str
    answer: Callable[[Call], Response]
    needs: tuple[str, ...]
    docs: str
    hidden: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} {self.template.replace(':path', '')}"


APP = ("app",)
NOBODY = ("nobody",)  # without authentication
METADATA, MEMBERS, CONTENTS = ("metadata:read",), ("members:read",), ("contents:read",)
CONTENTS_WRITE = ("contents:write",)
PULLS, PULLS_WRITE = ("pull_requests:read",), ("pull_requests:write",)
CHECKS_READ, CHECKS_WRITE = ("checks:read",), ("checks:write",)
ISSUES_READ = ("issues:read", "pull_requests:read")  # a pull is an issue: either will do
ISSUES_WRITE = ("issues:write", "pull_requests:write")
ISSUES_ONLY = ("issues:write",)  # to open one

TEAM = "/orgs/{org}/teams/{slug}"
REPO = "/repos/{owner}/{repo}"
COLLABORATOR = REPO + "/collaborators/{username}/permission"
PULL = REPO + "/pulls/{number}"
ISSUE = REPO + "/issues/{number}"
LABEL = REPO + "/labels"
COMMENT = REPO + "/issues/comments/{id}"
REVIEWS = PULL + "/reviews"
REVIEW_COMMENT = REPO + "/pulls/comments/{id}"
RUN = REPO + "/check-runs/{id}"
RUNS_OF = REPO + "/commits/{ref:path}/check-runs"
ROUTES = (
    Route("GET", "/app", app.get_app, APP, "/apps/apps"),
    Route("GET", "/app/installations", app.list_installations, APP, "/apps/apps"),
    Route("GET", "/app/installations/{id}", app.get_installation, APP, "/apps/apps"),
    Route("POST", "/app/installations/{id}/access_tokens", app.create_token, APP, "/apps/apps"),
    Route("POST", "/app-manifests/{code}/conversions", app.convert, NOBODY, "/apps/apps"),
    Route("GET", "/app/hook/config", app.get_hook, APP, "/apps/webhooks"),
    Route("PATCH", "/app/hook/config", app.set_hook, APP, "/apps/webhooks"),
    Route("GET", "/app/hook/deliveries", app.list_deliveries, APP, "/apps/webhooks"),
    Route("POST", "/app/hook/deliveries/{id}/attempts", app.redeliver, APP, "/apps/webhooks"),
    Route("GET", "/installation/repositories", app.list_repositories, METADATA, "/apps"),
    Route("GET", "/user", app.get_user, (), "/users/users"),
    Route("GET", "/user/installations", app.list_users_installations, (), "/apps/installations"),
    Route("GET", "/user/installations/{id}/repositories", app.list_users_repositories, (),
          "/apps/installations"),
    Route("GET", "/user/{id}", app.get_account, (), "/users/users"),
    Route("GET", TEAM, app.get_team, MEMBERS, "/teams/teams"),
    Route("GET", TEAM + "/memberships/{username}", app.get_membership, MEMBERS, "/teams", True),
    Route("GET", REPO + "/installation", app.get_repository_installation, APP, "/apps/apps"),
    Route("GET", REPO, repository.get_repository, METADATA, "/repos/repos"),
    Route("GET", REPO + "/branches/{branch:path}", repository.get_branch, CONTENTS,
          "/branches/branches"),
    Route("GET", REPO + "/properties/values", repository.get_properties, METADATA,
          "/repos/custom-properties"),
    Route("GET", REPO + "/rules/branches/{branch:path}", repository.list_rules, METADATA,
          "/repos/rules"),
    Route("GET", REPO + "/contents/{path:path}", repository.get_contents, CONTENTS,
          "/repos/contents"),
    Route("PUT", REPO + "/contents/{path:path}", repository.put_contents, CONTENTS_WRITE,
          "/repos/contents"),
    Route("POST", REPO + "/git/refs", repository.create_ref, CONTENTS_WRITE, "/git/refs"),
    Route("GET", REPO + "/compare/{path:path}", repository.compare, CONTENTS, "/commits/commits"),
    Route("GET", REPO + "/activity", repository.list_activities, CONTENTS, "/repos/repos"),
    Route("GET", REPO + "/git/blobs/{sha}", repository.get_blob, CONTENTS, "/git/blobs"),
    Route("GET", REPO + "/git/trees/{tree_sha}", repository.get_tree, CONTENTS, "/git/trees"),
    Route("GET", COLLABORATOR, repository.get_permission, METADATA, "/collaborators/collaborators"),
    Route("GET", LABEL, repository.list_labels, ISSUES_READ, "/issues/labels"),
    Route("POST", LABEL, repository.create_label, ISSUES_WRITE, "/issues/labels"),
    Route("GET", LABEL + "/{name}", repository.get_label, ISSUES_READ, "/issues/labels"),
    Route("PATCH", LABEL + "/{name}", repository.edit_label, ISSUES_WRITE, "/issues/labels"),
    Route("DELETE", LABEL + "/{name}", repository.delete_label, ISSUES_WRITE, "/issues/labels"),
    Route("GET", REPO + "/pulls", pulls.list_pulls, PULLS, "/pulls/pulls"),
    Route("POST", REPO + "/pulls", pulls.create_pull, PULLS_WRITE, "/pulls/pulls"),
    Route("GET", PULL, pulls.get_pull, PULLS, "/pulls/pulls"),
    Route("POST", PULL + "/requested_reviewers", pulls.request_reviewers, PULLS_WRITE,
          "/pulls/review-requests"),
    Route("DELETE", PULL + "/requested_reviewers", pulls.remove_requested_reviewers, PULLS_WRITE,
          "/pulls/review-requests"),
    Route("GET", PULL + "/files", pulls.list_files, PULLS, "/pulls/pulls"),
    Route("GET", REVIEWS, pulls.list_reviews, PULLS, "/pulls/reviews"),
    Route("GET", REVIEWS + "/{id}", pulls.get_review, PULLS, "/pulls/reviews"),
    Route("GET", PULL + "/comments", pulls.list_comments, PULLS, "/pulls/comments"),
    Route("GET", REVIEW_COMMENT, pulls.get_comment, PULLS, "/pulls/comments"),
    Route("GET", REVIEW_COMMENT + "/reactions", partial(issues.list_reactions, ReviewComment),
          PULLS, "/reactions"),
    Route("POST", REVIEW_COMMENT + "/reactions", partial(issues.create_reaction, ReviewComment),
          PULLS_WRITE, "/reactions"),
    Route("POST", "/graphql", graphql.answer, (), "https://docs.github.com/graphql"),
    Route("GET", REPO + "/issues", issues.list_issues, ISSUES_READ, "/issues/issues"),
    Route("POST", REPO + "/issues", issues.create_issue, ISSUES_ONLY, "/issues/issues"),
    Route("GET", ISSUE, issues.get_issue, ISSUES_READ, "/issues/issues"),
    Route("PATCH", ISSUE, issues.edit_issue, ISSUES_WRITE, "/issues/issues"),
    Route("GET", REPO + "/assignees/{username}", issues.get_assignee, ISSUES_READ,
          "/issues/assignees"),
    Route("GET", ISSUE + "/comments", issues.list_comments, ISSUES_READ, "/issues/comments"),
    Route("POST", ISSUE + "/comments", issues.create_comment, ISSUES_WRITE, "/issues/comments"),
    Route("GET", COMMENT, issues.get_comment, ISSUES_READ, "/issues/comments"),
    Route("PATCH", COMMENT, issues.edit_comment, ISSUES_WRITE, "/issues/comments"),
    Route("DELETE", COMMENT, issues.delete_comment, ISSUES_WRITE, "/issues/comments"),
    Route("GET", COMMENT + "/reactions", partial(issues.list_reactions, Comment), ISSUES_READ,
          "/reactions"),
    Route("POST", COMMENT + "/reactions", partial(issues.create_reaction, Comment), ISSUES_WRITE,
          "/reactions"),
    Route("GET", ISSUE + "/events", issues.list_events, ISSUES_READ, "/issues/events"),
    Route("GET", ISSUE + "/labels", issues.list_labels, ISSUES_READ, "/issues/labels"),
    Route("POST", ISSUE + "/labels", issues.add_labels, ISSUES_WRITE, "/issues/labels"),
    Route("DELETE", ISSUE + "/labels/{name}", issues.remove_label, ISSUES_WRITE, "/issues/labels"),
    Route("POST", REPO + "/check-runs", checks.create_run, CHECKS_WRITE, "/checks/runs"),
    Route("GET", RUN, checks.get_run, CHECKS_READ, "/checks/runs"),
    Route("PATCH", RUN, checks.change_run, CHECKS_WRITE, "/checks/runs"),
    Route("GET", RUN + "/annotations", checks.list_annotations, CHECKS_READ, "/checks/runs"),
    Route("GET", RUNS_OF, checks.list_runs, CHECKS_READ, "/checks/runs"),
)  # fmt: skip


class Api:
    """The API of an emulator, as an ASGI application.

    Paths are percent-encoded until a route is found: only then is a slash in the name of a branch
    told apart. Bytes that are not UTF-8 become surrogates: git takes any file name.
    """

    def __init__(self, github: Emulator) -> None:
        self._github = github
        self._used = 0
        templates: dict[str, dict[str, Route]] = {}
        for route in ROUTES:
            templates.setdefault(route.template, {})[route.method] = route
        self._router = routing.Router(
            [routing.Route(path, Endpoint(self, routes)) for path, routes in templates.items()],
            redirect_slashes=False,
            default=self.not_found,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A repository may be addressed by its id instead of its name."""
        path = scope["path"]
        if found := re.fullmatch(r"/repositories/(\d+)(/.*)?", path):
            for known in self._github.repositories.values():
                if known.id == int(found[1]):
                    path = f"/repos/{known.full_name}{found[2] or ''}"
        await self._router({**scope, "path": path}, receive, send)

    async def not_found(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._dressed(not_found().answer(""))(scope, receive, send)

    async def serve(
        self, routes: Mapping[str, Route], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """routes: of the path, by method."""
        route, github, request = routes.get(scope["method"]), self._github, Request(scope, receive)
        if route is None:
            await self.not_found(scope, receive, send)
            return
        params = {
            name: unquote(value, errors="surrogateescape")
            for name, value in request.path_params.items()
        }
        call = Call(
            github, request.method, scope["path"], params, dict(request.query_params),
            dict(request.headers), await request.body(),
        )  # fmt: skip
        progress = CallInProgress(route.name, call.path, scope.get("client") or ("", 0))
        github.observer.began(progress)
        try:
            answer = await self._answer(route, call)
            await answer(scope, receive, send)
        finally:
            github.observer.ended(progress)

    async def _answer(self, route: Route, call: Call) -> Response:
        github = self._github
        github.calls[route.name] += 1
        fault = github.faults.strike(route.name, "/".join([*call.params.values()][:2]))
        if fault is None:
            await asyncio.sleep(github.latency_seconds)
            answer = self._carried_out(route, call)
        else:
            await asyncio.sleep(github.latency_seconds + fault.delay_seconds * (not fault.after))
            if fault.revokes:
                github.tokens.pop(auth.bearer(call.headers.get("authorization", "")), None)
            call.query = _replaced(call.query, fault.query)
            call.headers = _replaced(call.headers, fault.request_headers)
            call.stale, call.whole = fault.stale, fault.whole
            real = self._carried_out(route, call) if fault.reaches_github else None
            answer = fault.spoil(real, f"{call.at.api}{call.path}", github.now())
            await asyncio.sleep(fault.delay_seconds * fault.after)
        answer = self._dressed(answer)
        github.bytes[route.name] += len(call.content) + len(answer.body)
        return Cut(answer) if fault and fault.cut else answer

    def _carried_out(self, route: Route, call: Call) -> Response:
        github, authorization = self._github, call.headers.get("authorization", "")
        with github.lock:
            try:
                if route.needs == NOBODY:
                    return route.answer(call)
                if route.needs == APP:
                    auth.check_app(github, authorization)
                    return route.answer(call)
                call.token = auth.known_token(github, authorization)
                if auth.allows(call.token.permissions, route.needs):
                    return route.answer(call)
                needed = "; ".join(need.replace(":", "=") for need in route.needs)
                headers = {"x-accepted-github-permissions": needed}
                message = INACCESSIBLE_TO_PERSON if call.token.user else INACCESSIBLE
                raise not_found() if route.hidden else inaccessible(headers, message)
            except Refusal as refusal:
                return refusal.answer(route.docs)

    def _dressed(self, answer: Response) -> Response:
        """The answer with the headers that every answer of the API has."""
        github = self._github
        self._used += answer.status_code != 304  # an up-to-date conditional read costs nothing
        headers = {
            "content-type": "application/json; charset=utf-8",
            "date": formatdate(github.now().timestamp(), usegmt=True),
            "server": "github.com",
            "x-github-media-type": "github.v3; format=json",
            "x-github-request-id": f"{self._used:08X}",
        }
        if limit := github.rate_limit:
            headers |= {
                "x-ratelimit-limit": str(limit),
                "x-ratelimit-remaining": str(max(0, limit - self._used)),
                "x-ratelimit-used": str(self._used),
                "x-ratelimit-reset": str(int(github.now().timestamp()) + 3600),
                "x-ratelimit-resource": "core",
            }
        if github.enterprise_version:
            headers["x-github-enterprise-version"] = github.enterprise_version
        for name, value in headers.items():
            answer.headers.setdefault(name, value)
        return answer


def _replaced(given: Mapping[str, str], by: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in {**given, **by}.items() if value}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path of the API. routes: by method."""

    api: Api
    routes: Mapping[str, Route]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.api.serve(self.routes, scope, receive, send)


class Cut(Response):
    """An answer that promises more than it sends, so that the server closes the connection."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.body, answer.status_code, answer.headers)
        self.headers["content-length"] = str(len(answer.body) + 1024)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        part = bytes(self.body[:20])
        await send({"type": "http.response.body", "body": part, "more_body": True})
