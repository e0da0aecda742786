"""What the API answers: JSON, or a refusal in GitHub's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from ghapp.emulator.json import Json

DOCS = "https://docs.github.com/rest"
INACCESSIBLE = "Resource not accessible by integration"
INACCESSIBLE_TO_PERSON = "Resource not accessible by personal access token"


def ok(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers)


class Refusal(Exception):
    """errors: rows of `{"resource", "field", "code"}`. more: further keys of the answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Sequence[Json] = (),
        headers: Mapping[str, str] | None = None,
        more: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = headers
        self.more = more or {}

    def answer(self, docs: str) -> Response:
        """docs: a page below https://docs.github.com/rest, or a whole address."""
        body: Json = {"message": self.message, **self.more}
        if self.errors:
            body["errors"] = self.errors
        page = docs if docs.startswith("https://") else DOCS + docs
        body |= {"documentation_url": page, "status": str(self.status)}
        return ok(body, self.status, self.headers)


def not_found(message: str = "Not Found") -> Refusal:
    return Refusal(404, message)


def inaccessible(headers: Mapping[str, str] | None = None, message: str = INACCESSIBLE) -> Refusal:
    """The token lacks a permission, or is not of the kind that is asked for."""
    return Refusal(403, message, headers=headers)


def issues_off() -> Refusal:
    """Source: https://docs.github.com/rest/issues/issues (410 if issues are disabled)."""
    return Refusal(410, "Issues are disabled for this repo")


def invalid(resource: str, field: str, code: str, message: str = "", **more: str) -> Refusal:
    """422 with a row of errors. code: missing_field, invalid, already_exists, custom ..."""
    row = {**more, "resource": resource, "field": field, "code": code}
    if message:
        row["message"] = message
    return Refusal(422, "Validation Failed", errors=[row])
