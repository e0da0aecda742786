"""What an answer from 400 on means for a run: come again, or give up.

Source: https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

import msgspec

from ghapp.core.markdown import seen
from ghapp.errors import Gone, Rejected, Retry
from ghapp.github.wire import AGAIN_SECONDS, Answer

# "If your requests are limited and there is no such header, wait for at least one minute."
LIMIT_SECONDS, MOST_SECONDS = 60.0, 3_900.0
LIMIT_WORDS = ("rate limit", "abuse detection")
PERMISSION_SECONDS = 60.0
# Words in which GitHub tells why a 403 would be one again: a permission is missing, or what it is
# about is locked, archived, blocked, or behind single sign-on or a list of addresses. Any other may
# come from something on the way, or be a limit that is not documented. The header
# X-Accepted-GitHub-Permissions is no sign: it names what the route needs, not what is missing.
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
# Tokens of GitHub's and signed claims: something on the way may repeat what we have sent.
# Source: https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app
_SECRET = re.compile(r"\b(gh[a-z]_|github_pat_|eyJ)[A-Za-z0-9_.-]{8,}")


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


def refusal(answer: Answer, what: str, *, best_effort: bool = False) -> Retry | Gone | Rejected:
    """The exception for a refused request. what: the request, as in "GET repos/acme/shop".

    best_effort: nobody waits for the write if GitHub refuses it for good. A 403 without such a
    reason is retried like a failure, and so not for ever.
    """
    said = _said(answer)
    text = f"{what}: GitHub answers {answer.status}: {said}"
    seconds = limited_seconds(answer)
    if seconds:
        return Retry(text, after_seconds=seconds, counts=False)
    if answer.status in (404, 410, 451) or "installation has been suspended" in said.lower():
        return Gone(text, perhaps=answer.status == 404)
    if answer.status == 403:
        needed = answer.headers.get("x-accepted-github-permissions", "")
        text += f" (the App needs: {needed})" if needed else ""
    if "already_exists" in said:  # somebody was quicker to make it: it may be used now
        return Retry(text, after_seconds=AGAIN_SECONDS)
    if best_effort:
        lasts = answer.status == 422 or (answer.status == 403 and _lasts(said))
        return Rejected(text) if lasts else Retry(text, after_seconds=AGAIN_SECONDS)
    if answer.status == 403:
        return Retry(text, after_seconds=PERMISSION_SECONDS)
    return Retry(text, after_seconds=AGAIN_SECONDS)


def _lasts(said: str) -> bool:
    return any(words in said.lower() for words in LASTING_WORDS)


def limited_seconds(answer: Answer) -> float:
    """How long GitHub asks to wait because of a rate limit; 0 where this is none."""
    if answer.status not in (403, 429):
        return 0.0
    if "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0":
        return reset_seconds(answer)
    said = _said(answer).lower()
    limited = answer.status == 429 or any(words in said for words in LIMIT_WORDS)
    return LIMIT_SECONDS if limited else 0.0


def reset_seconds(answer: Answer) -> float:
    """How long an answer that was limited asks to wait."""
    if "retry-after" in answer.headers:
        return _bounded(_retry_after(answer))
    reset = answer.headers.get("x-ratelimit-reset", "")
    left = float(reset) - answer.date.timestamp() if reset.isdecimal() else LIMIT_SECONDS
    return _bounded(left + 1.0 if left >= 0 else LIMIT_SECONDS)


def _retry_after(answer: Answer) -> float:
    """Seconds, or a date as proxies send it."""
    value = answer.headers["retry-after"]
    if value.isdecimal():
        return float(value)
    try:
        left = (parsedate_to_datetime(value) - answer.date).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return LIMIT_SECONDS
    return left if left >= 0 else LIMIT_SECONDS  # over, and yet limited: that is no answer


def _bounded(seconds: float) -> float:
    return min(max(seconds, 1.0), MOST_SECONDS)


def _said(answer: Answer) -> str:
    """GitHub's own words, one line; for a page of some proxy only that it is one."""
    try:
        body = msgspec.json.decode(answer.body, type=_Body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return "(no JSON)"
    errors = [body.errors] if isinstance(body.errors, str) else map(str, body.errors)
    return _SECRET.sub("***", seen("; ".join([body.message, *errors])))[:500]
