"""One call of the API: who makes it, what it asks for, pages, conditional reads."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.responses import Response

from ghapp.emulator.accounts import Token, User
from ghapp.emulator.api.answers import Refusal, inaccessible, issues_off, not_found, ok
from ghapp.emulator.conversation import Message
from ghapp.emulator.github import Emulator
from ghapp.emulator.issue import Issue, Thread, Tracker
from ghapp.emulator.json import Json
from ghapp.emulator.json.accounts import Addresses
from ghapp.emulator.repository import Pull, Repository

T = TypeVar("T")
M = TypeVar("M", bound=Message)
PAGE_SIZE, PAGE_LIMIT = 30, 100
RAW = {"content-type": "application/vnd.github.raw; charset=utf-8"}


class Body(BaseModel):
    """What GitHub admits in a request."""

    model_config = ConfigDict(strict=True, extra="forbid")


B = TypeVar("B", bound=Body)
FIRST_FAULTS = ("json_invalid", "extra_forbidden", "missing")
KINDS = {  # by pydantic's types of errors
    "string_type": "a string",
    "int_type": "an integer",
    "list_type": "an array",
    "model_type": "an object",
    "string_pattern_mismatch": "a valid URI",
    "literal_error": "a member of [{}]",
}


def refusal(error: ValidationError) -> Refusal:
    """What is wrong with a body, in GitHub's words."""
    faults = error.errors(include_url=False)
    fault = min(faults, key=lambda row: row["type"] not in FIRST_FAULTS)
    kind, at, value, limits = fault["type"], fault["loc"], fault["input"], fault.get("ctx", {})
    if kind == "json_invalid":
        return Refusal(400, "Problems parsing JSON")
    if not at:
        return Refusal(400, "Body should be a JSON object")
    if kind == "extra_forbidden":
        problem = f'"{at[-1]}" is not a permitted key.'
    elif kind == "missing":
        problem = f'"{at[-1]}" wasn\'t supplied.'
    elif kind == "string_too_long":
        most = limits["max_length"]
        problem = f"Only {most} characters are allowed; {len(value)} were supplied."
    elif kind == "too_long":
        most = limits["max_length"]
        problem = f"No more than {most} items are allowed; {len(value)} were supplied."
    else:
        place = "/".join(f"properties/{one}" if isinstance(one, str) else str(one) for one in at)
        shown = {str: f'"{value}"', type(None): "nil"}.get(type(value), str(value)[:80])
        choices = re.findall("'([^']*)'", limits.get("expected", ""))
        members = ", ".join(f'"{choice}"' for choice in choices)
        wanted = KINDS.get(kind, "a valid date-time").format(members)
        problem = f"For '{place}', {shown} is not {wanted}."
    return Refusal(422, f"Invalid request.\n\n{problem}")


@dataclass(slots=True)
class Call:
    """A call that the token may make.

    path: without query, as the client sent it. params: of the route's template, decoded.
    stale: answer the state this many changes ago. whole: a list is one page, however long.
    """

    github: Emulator
    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    token: Token | None = None
    stale: int = 0
    whole: bool = False

    @property
    def at(self) -> Addresses:
        return self.github.addresses

    @property
    def by(self) -> str:
        return ((self.token and self.token.user) or self.github.app.bot).login

    def body(self, shape: type[B]) -> B:
        """The body as GitHub admits it. Raises Refusal (400 not JSON, 422 not of the shape)."""
        try:
            return shape.model_validate_json(self.content or b"{}")
        except ValidationError as error:
            raise refusal(error) from None

    def number(self, name: str) -> int:
        text = self.params[name]
        if not (text.isascii() and text.isdigit()):
            raise not_found()
        return int(text)

    def user(self) -> User:
        """Raises Refusal (404)."""
        user = self.github.users.get(self.params["username"].lower())
        if user is None:
            raise not_found()
        return user

    # --- what it is about ------------------------------------------------------------------

    def repository(self) -> Repository:
        """Raises Refusal (404: unknown, or not visible to the token; 301, 307: moved)."""
        name = f"{self.params['owner']}/{self.params['repo']}".lower()
        repository = self.github.repositories.get(name)
        moved = self.github.names.moved.get(name) if repository is None else None
        if moved is not None and self.may_see(moved):
            prefix = f"/repos/{self.params['owner']}/{self.params['repo']}"
            raise self.redirect(f"/repositories/{moved.id}{self.path.removeprefix(prefix)}")
        if repository is None or not self.may_see(repository):
            raise not_found()
        return repository

    def redirect(self, path: str) -> Refusal:
        """To another address of the API: 301 for a read, 307 for what has to be sent again.

        Source: https://docs.github.com/rest/using-the-rest-api/
        best-practices-for-using-the-rest-api#follow-redirects
        """
        query = f"?{urlencode(self.query)}" if self.query else ""
        url = f"{self.at.api}{path}{query}"
        status = 301 if self.method == "GET" else 307
        return Refusal(status, "Moved Permanently", headers={"location": url}, more={"url": url})

    def may_see(self, repository: Tracker) -> bool:
        token = self.token
        if token is None:
            return False
        if token.user is not None:
            return repository.role(token.user) != "none"
        if repository.installation is not token.installation:
            return False
        return token.repositories is None or repository.id in token.repositories

    def pull(self) -> Pull:
        """The pull as this read sees it: behind its state if a fault says so.

        Raises Refusal (404).
        """
        pull = self.repository().pulls.get(self.number("number"))
        if pull is None:
            raise not_found()
        return pull.as_of(self.stale) if self.method == "GET" else pull

    def thread(self) -> Pull | Issue:
        """The issue or pull as this read sees it: behind its state if a fault says so.

        Raises Refusal (403; 404; 301, 307: transferred; 410: deleted, or off).
        """
        repository, number = self.repository(), self.number("number")
        thread = repository.thread(number)
        if thread is None:
            if number in repository.deleted_issues:
                raise Refusal(410, "This issue was deleted")
            moved = repository.moved_issues.get(number)
            if moved is not None and self.may_see(moved.repository):
                rest = self.path[len(f"/repos/{repository.full_name}/issues/{number}") :]
                new = f"/repos/{moved.repository.full_name}/issues/{moved.number}"
                raise self.redirect(new + rest)
            raise not_found()
        if isinstance(thread, Issue):  # which the permission for pulls does not open
            granted = self.token.permissions.get("issues", "") if self.token else ""
            if granted not in (("read", "write") if self.method == "GET" else ("write",)):
                raise inaccessible()
            if not repository.has_issues:
                raise issues_off()
        return thread.as_of(self.stale) if self.method == "GET" else thread

    def message(self, kind: type[M]) -> tuple[Thread, M]:
        """Raises Refusal (404)."""
        try:
            return self.repository().message(kind, self.number("id"))
        except KeyError:
            raise not_found() from None

    # --- lists -----------------------------------------------------------------------------

    def page(self) -> tuple[int, int]:
        """Number and size of the page asked for; nonsense is ignored."""
        if self.whole:
            return 1, sys.maxsize
        number, size = (
            int(text) if text.isascii() and text.isdigit() else 0
            for text in (self.query.get("page", ""), self.query.get("per_page", ""))
        )
        return number or 1, min(size or PAGE_SIZE, PAGE_LIMIT)

    def moment(self, name: str) -> datetime | None:
        """A time of the query, None if none was asked for. Raises Refusal (422)."""
        text = self.query.get(name, "")
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text.replace(" ", "+"))
        except ValueError:
            raise Refusal(422, f"The {name} parameter must be a valid ISO 8601 time") from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def links(self, count: int) -> dict[str, str]:
        """The Link header for a list of `count` rows; none if one page holds all."""
        page, size = self.page()
        last = max(1, -(-count // size))
        targets = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        if page >= last:
            del targets["next"], targets["last"]
        if page <= 1:
            del targets["prev"], targets["first"]
        url = f"{self.at.api}{self.path}"
        links = [
            f'<{url}?{urlencode({**self.query, "page": target})}>; rel="{rel}"'
            for rel, target in targets.items()
        ]
        return {"link": ", ".join(links)} if links else {}

    def paged(self, rows: Sequence[T]) -> Sequence[T]:
        """The rows of the page asked for."""
        page, size = self.page()
        return rows[(page - 1) * size : page * size]

    def listed(self, rows: Sequence[T], shape: Callable[[T], Json]) -> Response:
        """One page of a list, with links to the others."""
        shown = [shape(row) for row in self.paged(rows)]
        return self.conditional(ok(shown, headers=self.links(len(rows))))

    def counted(
        self, rows: Sequence[T], key: str, shape: Callable[[T], Json], **more: Any
    ) -> Response:
        """One page of a list inside an object that has the count of all rows."""
        shown = [shape(row) for row in self.paged(rows)]
        body = {"total_count": len(rows), **more, key: shown}
        return ok(body, headers=self.links(len(rows)))

    def conditional(self, answer: Response) -> Response:
        """304 without a body if the client has this very answer."""
        etag = f'"{hashlib.sha256(answer.body).hexdigest()}"'
        answer.headers["etag"] = etag
        if self.headers.get("if-none-match", "").removeprefix("W/") != etag:
            return answer
        del answer.headers["content-length"]
        return Response(status_code=304, headers=answer.headers)
