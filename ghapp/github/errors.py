"""GitHub's answers, and what a refusal means for a run: wait, try again or stop.

Source: https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TypeVar

import msgspec

from ghapp.core.markdown import seen, without_credentials
from ghapp.errors import Gone, Rejected, Retry, Unanswered, Wait

T = TypeVar("T")
AGAIN_SECONDS = 5.0
# "If your requests are limited and there is no such header, wait for at least one minute."
LIMIT_SECONDS, MOST_SECONDS = 60.0, 3_900.0
LIMIT_WORDS = ("rate limit", "abuse detection")
PERMISSION_SECONDS = 60.0
# Words in a 403 that will be repeated: a permission is missing, or the object is locked, archived,
# blocked, or behind single sign-on or an allow list. Any other 403 may come from a proxy, or be an
# undocumented limit. The header X-Accepted-GitHub-Permissions does not help: it names what the
# route needs, not what is missing.
# Source: https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
LASTING_WORDS = (
    "not accessible",
    "must have",
    "locked",
    "read-only",
    "blocked",
    "disabled",
    "saml",
    "allow list",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub answered, whatever the status. headers: their names ignore case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def date(self) -> datetime:
        """GitHub's clock, to the second; ours if the answer does not say."""
        try:
            return _clock(self.headers.get("date", ""))
        except (ValueError, OverflowError):
            return datetime.now(UTC)


@lru_cache(maxsize=8)  # all answers within a second have the same date
def _clock(date: str) -> datetime:
    return parsedate_to_datetime(date).astimezone(UTC)


def decoded(answer: Answer, type: type[T], what: object) -> T:
    """The body as a value. Raises Retry (it is not what GitHub documents)."""
    try:
        return msgspec.json.decode(answer.body, type=type)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        text = f"{what}: the answer cannot be read: {error}"
        raise Retry(text, after_seconds=AGAIN_SECONDS) from error


class _Detail(msgspec.Struct):
    resource: str = ""
    field: str = ""
    code: str = ""
    message: str = ""

    def __str__(self) -> str:
        return self.message or f"{self.resource}.{self.field} {self.code}"


class _Body(msgspec.Struct):
    message: str = ""
    errors: list[_Detail | str] | str = []


def result(answer: Answer | None) -> str:
    """ok | limited (a rate limit) | refused (4xx) | failed (5xx) | unanswered."""
    if answer is None:
        return "unanswered"
    if answer.status < 400:
        return "ok"
    if limited_seconds(answer):
        return "limited"
    return "failed" if answer.status >= 500 else "refused"


def refusal(
    answer: Answer, what: object, *, best_effort: bool = False
) -> Retry | Wait | Gone | Rejected:
    """The exception for a refused request. what: the request, as in "GET repos/acme/shop".

    best_effort: the write may be Rejected. A 403 without a lasting reason is a Retry, so attempts
    at it are limited.
    """
    message = _message(answer)
    text = f"{what}: GitHub answers {answer.status}: {message}"
    seconds = limited_seconds(answer)
    if seconds:
        return Wait(text, after_seconds=seconds)
    if answer.status in (404, 410, 451) or "installation has been suspended" in message.lower():
        return Gone(text, perhaps=answer.status == 404)
    if answer.status == 403:
        needed = answer.headers.get("x-accepted-github-permissions", "")
        text += f" (the App needs: {needed})" if needed else ""
    if "already_exists" in message:  # somebody else has just made it: the next run will find it
        return Retry(text, after_seconds=AGAIN_SECONDS)
    if best_effort:
        lasting = any(words in message.lower() for words in LASTING_WORDS)
        if answer.status == 422 or (answer.status == 403 and lasting):
            return Rejected(text)
    if answer.status >= 500:
        return Unanswered(text, after_seconds=AGAIN_SECONDS)
    if best_effort:
        return Retry(text, after_seconds=AGAIN_SECONDS)
    if answer.status == 403:
        return Retry(text, after_seconds=PERMISSION_SECONDS)
    return Retry(text, after_seconds=AGAIN_SECONDS)


def limited_seconds(answer: Answer) -> float:
    """How long GitHub asks to wait because of a rate limit; 0 if the answer is not one."""
    if answer.status not in (403, 429):
        return 0.0
    if "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0":
        return reset_seconds(answer)
    message = _message(answer).lower()
    limited = answer.status == 429 or any(words in message for words in LIMIT_WORDS)
    return LIMIT_SECONDS if limited else 0.0


def reset_seconds(answer: Answer) -> float:
    """How long a limited answer asks to wait. Proxies may send a Retry-After that is a date."""
    after, reset = answer.headers.get("retry-after"), answer.headers.get("x-ratelimit-reset", "")
    if after is None:
        left = float(reset) - answer.date.timestamp() + 1.0 if reset.isdecimal() else 61.0
        left = left if left >= 1.0 else LIMIT_SECONDS
    elif after.isdecimal():
        left = float(after)
    else:
        try:
            left = (parsedate_to_datetime(after) - answer.date).total_seconds()
        except (ValueError, TypeError, OverflowError):
            left = LIMIT_SECONDS
        left = left if left >= 0 else LIMIT_SECONDS  # a date in the past says nothing
    return min(max(left, 1.0), MOST_SECONDS)


def _message(answer: Answer) -> str:
    """GitHub's message in one line; "(no JSON)" if there is none."""
    try:
        body = msgspec.json.decode(answer.body, type=_Body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return "(no JSON)"
    errors = [body.errors] if isinstance(body.errors, str) else map(str, body.errors)
    # A proxy's message may repeat the token that we have sent.
    return without_credentials(seen("; ".join([body.message, *errors])))[:500]
