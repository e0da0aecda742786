"""One REST call and its answer: parameters, pages, conditional reads, refusals."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import msgspec

from ghapp.emulator.bodies import Object
from ghapp.emulator.state import Json, Token, User

if TYPE_CHECKING:
    from ghapp.emulator.github import Emulator
    from ghapp.emulator.issues import Issue
    from ghapp.emulator.pull import Pull
    from ghapp.emulator.pull_state import PullState
    from ghapp.emulator.repository import Repository


T = TypeVar("T")
DOCS = "https://docs.github.com/rest"
PAGE_SIZE, PAGE_LIMIT = 30, 100


class Refusal(Exception):
    """An answer that says no. errors: rows of `{"resource", "field", "code"}`.

    more: what only this answer tells beside.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Sequence[Json] = (),
        headers: dict[str, str] | None = None,
        more: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = list(errors)
        self.headers = headers or {}
        self.more = more or {}

    def answer(self, docs: str) -> Answer:
        """docs: a page below https://docs.github.com/rest, or a whole address."""
        body: Json = {"message": self.message, **self.more}
        if self.errors:
            body["errors"] = self.errors
        page = docs if docs.startswith("https://") else DOCS + docs
        body |= {"documentation_url": page, "status": str(self.status)}
        return Answer(self.status, msgspec.json.encode(body), dict(self.headers))


def not_found() -> Refusal:
    return Refusal(404, "Not Found")


def issues_off() -> Refusal:
    """Source: https://docs.github.com/rest/issues/issues (410 where issues are disabled)."""
    return Refusal(410, "Issues are disabled for this repo")


def invalid(resource: str, field: str, code: str, message: str = "") -> Refusal:
    """422 with one row of errors. code: missing_field, invalid, already_exists, custom ..."""
    row = {"resource": resource, "field": field, "code": code}
    if message:
        row["message"] = message
    return Refusal(422, "Validation Failed", errors=[row])


@dataclass(slots=True)
class Answer:
    """body: encoded JSON, or raw bytes where `content-type` is among the headers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def ok(value: Any, status: int = 200) -> Answer:
    return Answer(status, msgspec.json.encode(value))


@dataclass(slots=True)
class Call:
    """One request, admitted: the token may do what the route asks for.

    path: without query, as the client sent it. params: of the route's template, decoded.
    stale: answer the state this many changes ago. whole: a list is one page, however long.
    """

    github: Emulator
    method: str
    path: str
    params: dict[str, str]
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    token: Token | None = None
    stale: int = 0
    whole: bool = False

    @property
    def actor(self) -> User:
        return self.github.app.bot

    def json(self, shape: Object) -> Json:
        """The body as GitHub admits it. Raises Refusal (400 no JSON, 422 not of the shape)."""
        try:
            value = msgspec.json.decode(self.body or b"{}")
        except msgspec.DecodeError:
            raise Refusal(400, "Problems parsing JSON") from None
        except UnicodeDecodeError:
            raise Refusal(400, "Problems parsing JSON") from None
        if not isinstance(value, dict):
            raise Refusal(400, "Body should be a JSON object")
        problem = shape.problem(value, "")
        if problem:
            raise Refusal(422, f"Invalid request.\n\n{problem}")
        return value

    def number(self, name: str) -> int:
        text = self.params[name]
        if not (text.isascii() and text.isdigit()):
            raise not_found()
        return int(text)

    def repository(self) -> Repository:
        """Raises Refusal (404: unknown, or not the token's to see; 301, 307: moved)."""
        name = f"{self.params['owner']}/{self.params['repo']}".lower()
        repository = self.github.repositories.get(name)
        moved = self.github.moved.get(name) if repository is None else None
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
        url = f"{self.github.shapes.api}{path}{query}"
        status = 301 if self.method == "GET" else 307
        return Refusal(status, "Moved Permanently", headers={"location": url}, more={"url": url})

    def may_see(self, repository: Repository) -> bool:
        token = self.token
        if token is None or repository.installation is not token.installation:
            return False
        return token.repositories is None or repository.id in token.repositories

    def pull(self) -> Pull:
        """Raises Refusal (404)."""
        pull = self.repository().pulls.get(self.number("number"))
        if pull is None:
            raise not_found()
        return pull

    def thread(self) -> Pull | Issue:
        """The issue or pull. Raises Refusal (404; 301, 307: transferred; 410: deleted, or off)."""
        repository, number = self.repository(), self.number("number")
        thread = repository.thread(number)
        if thread is None:
            self._refuse_gone(repository, number)
            raise not_found()
        if number in repository.issues:
            self._admit_issue(repository)
        return thread

    def _admit_issue(self, repository: Repository) -> None:
        """What is no pull needs the issues permission itself, and issues to be on."""
        granted = self.token.permissions.get("issues", "") if self.token else ""
        if granted not in (("read", "write") if self.method == "GET" else ("write",)):
            raise Refusal(403, "Resource not accessible by integration")
        if not repository.has_issues:
            raise issues_off()

    def _refuse_gone(self, repository: Repository, number: int) -> None:
        if number in repository.deleted_issues:
            raise Refusal(410, "This issue was deleted")
        moved = repository.moved_issues.get(number)
        if moved is not None and self.may_see(moved.repository):
            old = f"/repos/{repository.full_name}/issues/{number}"
            rest = self.path[len(old) :]
            raise self.redirect(f"/repos/{moved.repository.full_name}/issues/{moved.number}{rest}")

    def seen_thread(self) -> Pull | Issue:
        """The thread as this read sees it: behind its state where a fault says so."""
        return self.thread().as_of(self.stale)

    def seen_pull(self) -> PullState:
        """The pull as this read sees it: behind its state where a fault says so."""
        return self.pull().as_of(self.stale)

    def page(self) -> tuple[int, int]:
        """Number and size of the page asked for; nonsense counts as not said."""
        if self.whole:
            return 1, sys.maxsize
        return self._whole("page", 1, None), self._whole("per_page", PAGE_SIZE, PAGE_LIMIT)

    def moment(self, name: str) -> datetime | None:
        """A time of the query, None where none was asked for. Raises Refusal (422)."""
        text = self.query.get(name, "")
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text.replace(" ", "+"))
        except ValueError:
            raise Refusal(422, f"The {name} parameter must be a valid ISO 8601 time") from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def _whole(self, name: str, default: int, most: int | None) -> int:
        text = self.query.get(name, "")
        value = int(text) if text.isascii() and text.isdigit() else default
        value = value or default
        return min(value, most) if most else value

    def links(self, count: int) -> dict[str, str]:
        """The Link header for a list of `count` rows; none where one page holds all."""
        page, size = self.page()
        last = max(1, -(-count // size))
        targets = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        if page >= last:
            del targets["next"], targets["last"]
        if page <= 1:
            del targets["prev"], targets["first"]
        rows = [f'<{self._at(page=target)}>; rel="{rel}"' for rel, target in targets.items()]
        return {"link": ", ".join(rows)} if rows else {}

    def _at(self, **change: int) -> str:
        query = urlencode({**self.query, **{name: str(to) for name, to in change.items()}})
        return f"{self.github.shapes.api}{self.path}?{query}"

    def listed(self, rows: Sequence[T], shape: Callable[[T], Json]) -> Answer:
        """One page of a list, with links to the others."""
        page, size = self.page()
        answer = ok([shape(row) for row in rows[(page - 1) * size : page * size]])
        answer.headers |= self.links(len(rows))
        return self.conditional(answer)

    def conditional(self, answer: Answer) -> Answer:
        """304 without a body where the client has this very answer."""
        etag = f'"{hashlib.sha256(answer.body).hexdigest()}"'
        asked = self.headers.get("if-none-match", "").removeprefix("W/")
        headers = {**answer.headers, "etag": etag}
        if asked == etag:
            return Answer(304, b"", headers)
        return Answer(answer.status, answer.body, headers)
