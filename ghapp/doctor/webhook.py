"""Whether deliveries arrive, judged by the webhook's settings, recent attempts, a redelivery."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from ghapp.doctor.report import WEBHOOK, Checked, counted, duration
from ghapp.github.app import Attempted, Hook

PATH = "/webhook"
RECENT = timedelta(hours=24)
MUCH_FAILED = 0.05
NOT_IN_TIME = "no answer in time"
AT_SETTINGS = "in the App's settings on GitHub"
# Status of the answer to an attempt -> what it means, and what to change; see `meaning`.
MEANINGS: dict[int, tuple[str, str]] = {
    400: ("what arrived is not a delivery in GitHub's format", "set the content type to JSON"),
    401: (
        "GHAPP_WEBHOOK_SECRET is not the webhook secret of the App",
        "set the same text in GHAPP_WEBHOOK_SECRET and in the App's settings on GitHub",
    ),
    403: ("something in front of ghapp forbids it", "let POST /webhook through, without sign-in"),
    404: (f"the path is wrong: ghapp listens at {PATH}", f"let the webhook URL end with {PATH}"),
    405: ("it did not arrive as a POST: a redirect changed it", "set the URL it is redirected to"),
    413: ("a body was too large for something in front of ghapp", "let bodies of 25 MB through"),
    502: ("nothing answered", "start ghapp, and check the proxy in front of it"),
    503: ("ghapp could not store it, or nothing answered", "see Database above"),
    504: (NOT_IN_TIME, "check the proxy in front of ghapp; ghapp itself answers in milliseconds"),
}
OTHER = ("something other than ghapp answered", "check the webhook URL and what answers there")
UNCONNECTED = (
    "GitHub could not reach the address",
    "check that the webhook URL is public, its name resolves and its certificate is valid",
)


@dataclass(frozen=True, slots=True)
class Tried:
    """A redelivery. of: what was redelivered, None if it was not tried; then why_not and fix.

    known: the database has it. answer: the new attempt; None if GitHub listed none in time.
    seconds: until the answer.
    """

    of: Attempted | None = None
    known: bool = False
    answer: Attempted | None = None
    seconds: float = 0.0
    why_not: str = ""
    fix: str = ""


def meaning(status_code: int, status: str) -> tuple[str, str]:
    """What a failed attempt means, and what to change."""
    words = status.lower()
    if "connect" in words or "resolve" in words or status_code == 0:
        return UNCONNECTED
    if "timed out" in words or "timeout" in words:
        return MEANINGS[504]
    return MEANINGS.get(status_code, OTHER)


def suitable(attempts: Iterable[Attempted], known: frozenset[str]) -> Attempted | None:
    """The attempt to redeliver, which must not change anything; None if there is none.

    The newest delivery that the database has, because it proves the whole way; else the newest
    ping. known: GUIDs of the database, in lower case.
    """
    succeeded = [one for one in attempts if 200 <= one.status_code < 300]
    stored = (one for one in succeeded if one.guid.lower() in known)
    pings = (one for one in succeeded if one.event == "ping")
    return next(stored, None) or next(pings, None)


def hook(found: Hook) -> Iterator[Checked]:
    """Whether the webhook can work as it is set up."""
    url = urlsplit(found.url)
    # Without what may be secret: user, password, query.
    port = f":{url.port}" if url.port else ""
    shown = f"{url.scheme}://{url.hostname or ''}{port}{url.path}"
    if not url.hostname:
        fix = f"set https://YOUR-HOST{PATH} {AT_SETTINGS}"
        yield WEBHOOK.problem("URL", "none is set, or the webhook is not active", fix)
    elif not url.path.endswith(PATH):
        fix = f"let it end with {PATH} {AT_SETTINGS}, or let the proxy pass it on there"
        yield WEBHOOK.warning("URL", f"{shown} does not end with {PATH}", fix)
    elif url.scheme != "https":
        fix = f"set an https:// address {AT_SETTINGS}; comments cross the network in clear text"
        yield WEBHOOK.warning("URL", f"{shown} is not encrypted", fix)
    else:
        yield WEBHOOK.good("URL", shown)
    if found.content_type != "json":
        what = f"the content type is {found.content_type or 'unknown'}; ghapp reads JSON only"
        yield WEBHOOK.problem("content type", what, f"set it to application/json {AT_SETTINGS}")
    else:
        yield WEBHOOK.good("content type", "JSON")
    if str(found.insecure_ssl) not in ("0", "0.0"):
        fix = f"enable SSL verification {AT_SETTINGS}"
        yield WEBHOOK.warning("TLS", "GitHub does not verify the certificate", fix)
    else:
        yield WEBHOOK.good("TLS", "GitHub verifies the certificate")
    if not found.secret:
        fix = f"set the text of GHAPP_WEBHOOK_SECRET as the webhook secret {AT_SETTINGS}"
        yield WEBHOOK.problem("secret", "none is set: ghapp refuses every delivery", fix)
    else:
        yield WEBHOOK.good("secret", "one is set; the arrival shows whether it is the right one")


def recent(attempts: tuple[Attempted, ...], now: datetime) -> Iterator[Checked]:
    """How the newest attempts fared. now: by GitHub's clock."""
    if not attempts:
        fix = "install the App, or open a pull request where it is installed"
        yield WEBHOOK.unknown("attempts", "GitHub has sent nothing in the last days", fix)
        return
    fresh = [one for one in attempts if now - one.delivered_at <= RECENT]
    last = next((one for one in attempts if 200 <= one.status_code < 300), None)
    success = "none of those listed succeeded"
    if last:
        ago = duration(max((now - last.delivered_at).total_seconds(), 0.0))
        success = f"the last success was {ago} ago"
    failed = [one for one in fresh if not 200 <= one.status_code < 300]
    if not failed:
        yield WEBHOOK.good("attempts", f"{success}; none failed in the last 24 hours")
        return
    newest = failed[0]
    what, fix = meaning(newest.status_code, newest.status)
    share = f"{len(failed)} of {counted(len(fresh), 'attempt')} in the last 24 hours failed"
    found = f"{share}, the newest with {newest.status_code} {newest.status}: {what}; {success}"
    failing_now = attempts[0] is newest
    if last is None or (failing_now and len(failed) > MUCH_FAILED * len(fresh)):
        yield WEBHOOK.problem("attempts", found, fix)
    else:
        yield WEBHOOK.warning("attempts", found, f"if it goes on: {fix}")


def arrival(found: Tried) -> Checked:
    """What a redelivery proves."""
    if found.of is None:
        return WEBHOOK.unknown("arrival", found.why_not, found.fix)
    event = f"{found.of.event}.{found.of.action}" if found.of.action else found.of.event
    seconds = f"{found.seconds:.0f} s"
    if found.answer is None:
        fix = f"see Recent Deliveries under Advanced {AT_SETTINGS}"
        return WEBHOOK.unknown("arrival", f"GitHub lists no new attempt after {seconds}", fix)
    code, status = found.answer.status_code, found.answer.status
    if 200 <= code < 300:
        way = "GitHub, the address, the signature"
        proven = (
            f"{way} and the database work"
            if found.known
            else f"{way} work; the database is not proven"
        )
        text = f"a redelivered {event} was answered {code} in {seconds}: {proven}"
        return WEBHOOK.good("arrival", text)
    what, fix = meaning(code, status)
    return WEBHOOK.problem("arrival", f"a redelivered {event} got {code} {status}: {what}", fix)
