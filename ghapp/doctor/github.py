"""What GitHub says of us: who we are, what we may and hear, where the App is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ghapp.doctor.report import (
    EVENTS,
    GITHUB,
    INSTALLATIONS,
    PERMISSIONS,
    Finding,
    duration,
    listed,
)
from ghapp.github import requirements
from ghapp.github.app import Allowed, Installed, Reached, Registered
from ghapp.github.requirements import OF_ORGANISATIONS, Need, at_least, spoken

CLOCK_SECONDS = 30.0
# The first whose REST API is versioned, as ghapp asks for it.
# Source: https://docs.github.com/enterprise-server@3.8/rest (its banner)
OLDEST_SERVER = (3, 9)
LOW_SHARE = 0.1
MOST_ASKED = 20  # installations that are asked with tokens of their own

AT_SETTINGS = "in the App's settings on GitHub, under Permissions & events"
WHY = {
    "name": ("its name is not known", "check the host of GHAPP_GITHUB_API_URL, and DNS"),
    "refused": ("nobody listens there", "check GHAPP_GITHUB_API_URL"),
    "slow": (
        "no answer came in time",
        "check that a firewall lets this machine out; where a proxy is needed, set HTTPS_PROXY",
    ),
    "certificate": (
        "its certificate is not trusted",
        "where a CA of your own signed it, set SSL_CERT_FILE to a PEM file with that CA",
    ),
    "other": ("no answer came", "check GHAPP_GITHUB_API_URL and HTTPS_PROXY"),
}


def reach(found: Reached, api_url: str, app_id: int) -> Iterator[Finding]:
    if found.why:
        what, fix = WHY[found.why]
        yield GITHUB.problem("reachable", f"{api_url}: {what} ({found.words})", fix)
        return
    if not found.is_api:
        yield GITHUB.problem(
            "reachable",
            f"{api_url} answers {found.status}, but not as GitHub's API does",
            "check GHAPP_GITHUB_API_URL, and what a proxy in between makes of it",
        )
        return
    yield GITHUB.good("reachable", f"{api_url} answers")
    yield from _server(found.server_version)
    yield _clock(found.ahead_seconds)
    yield _known(found, app_id)


def _server(version: str) -> Iterator[Finding]:
    if not version:
        return
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    oldest = ".".join(map(str, OLDEST_SERVER))
    if numbers < OLDEST_SERVER:
        yield GITHUB.warning(
            "version",
            f"GitHub Enterprise Server {version} is older than {oldest}, and ghapp not made for it",
            f"upgrade it to {oldest} or newer",
        )
    else:
        yield GITHUB.good("version", f"GitHub Enterprise Server {version}")


def _clock(ahead_seconds: float) -> Finding:
    if abs(ahead_seconds) > CLOCK_SECONDS:
        side = "behind" if ahead_seconds > 0 else "ahead of"
        return GITHUB.warning(
            "clock",
            f"this machine's is {duration(abs(ahead_seconds))} {side} GitHub's, which ghapp "
            "reckons with",
            "keep it right by NTP",
        )
    return GITHUB.good("clock", "it agrees with this machine's")


def _known(found: Reached, app_id: int) -> Finding:
    if found.is_unknown:
        return GITHUB.problem(
            "App",
            f"GitHub has no App with id {app_id}",
            "set GHAPP_APP_ID to the App ID of its settings page; check that GHAPP_GITHUB_API_URL "
            "is the GitHub it is registered on",
        )
    if found.status == 401:
        return GITHUB.problem(
            "App",
            f"GitHub has an App {app_id}, and the private key is none of its keys",
            "compare the fingerprint above with those under Private keys on the App's settings "
            "page: where none is equal, set GHAPP_PRIVATE_KEY to a newly generated one, or "
            "GHAPP_APP_ID to the App that has it",
        )
    if found.status >= 400:
        fix = "try again in a while; githubstatus.com tells of outages"
        return GITHUB.problem("App", f"GitHub answers {found.status} when asked for it", fix)
    return GITHUB.good("App", "GitHub takes its id and key")


def app(found: Registered) -> Iterator[Finding]:
    owner = f", owned by {found.owner.login}" if found.owner and found.owner.login else ""
    yield GITHUB.good("registered", f'"{found.name}" writes as {found.slug}[bot]{owner}')
    yield from permissions(found.permissions)
    yield from events(frozenset(found.events), found.permissions)


def permissions(asked: Mapping[str, str]) -> Iterator[Finding]:
    """What the App asks for, against what ghapp needs."""
    wanting = [
        _wanting(name, need, asked.get(name, ""))
        for name, need in requirements.PERMISSIONS.items()
        if not at_least(asked.get(name, ""), need.level)
    ]
    yield from wanting
    if not wanting:
        yield PERMISSIONS.good("needed", "the App asks for all that ghapp needs")
    for name, level in sorted(asked.items()):
        need = requirements.PERMISSIONS.get(name)
        if need is None or not at_least(need.level, level):
            enough = f"{need.level} is enough" if need else "ghapp needs none"
            yield PERMISSIONS.warning(
                spoken(name),
                f"the App asks for {level}; {enough}",
                f"set it to {need.level if need else 'No access'} {AT_SETTINGS}",
            )


def _wanting(name: str, need: Need, level: str) -> Finding:
    found = f"the App asks for {level or 'none'}, and {need.what_for} needs {need.level}"
    fix = f"set it to {need.level} {AT_SETTINGS}; each account it is installed on has to accept"
    if need.without:
        return PERMISSIONS.warning(spoken(name), f"{found}; without it {need.without}", fix)
    return PERMISSIONS.problem(spoken(name), found, fix)


def events(heard: frozenset[str], asked: Mapping[str, str]) -> Iterator[Finding]:
    """What the App is subscribed to, against what ghapp reads."""
    missing = [name for name in requirements.EVENTS if name not in heard]
    for name in missing:
        permission = requirements.EVENTS[name]
        first = "" if asked.get(permission) else f", after the permission {spoken(permission)}"
        fix = f"tick it {AT_SETTINGS}{first}"
        if permission == "merge_queues":
            without = requirements.PERMISSIONS[permission].without
            found = f"the App does not hear of it; without it {without}"
            yield EVENTS.warning(spoken(name), found, fix)
        else:
            found = "the App does not hear of it: only the sweep finds what happens, minutes later"
            yield EVENTS.problem(spoken(name), found, fix)
    if not missing:
        yield EVENTS.good("needed", "the App hears of all that ghapp reads")
    needless = tuple(sorted(heard - requirements.EVENTS.keys() - requirements.UNASKED))
    if needless:
        named = listed(tuple(map(spoken, needless)), 20)
        fix = f"untick them {AT_SETTINGS}: each is a delivery for nothing"
        yield EVENTS.warning("needless", f"ghapp reads nothing of: {named}", fix)


def installations(
    found: tuple[Installed, ...],
    asked: Mapping[str, str],
    allowed: Mapping[int, Allowed | str],
) -> Iterator[Finding]:
    """asked: by the App. allowed: what each token sees, or why there is none."""
    if not found:
        yield INSTALLATIONS.warning(
            "all", "the App is installed nowhere", "install it: Install App on its settings page"
        )
    for one in found:
        yield from _installation(one, asked, allowed.get(one.id))
    beyond = sum(one.suspended_at is None and one.id not in allowed for one in found)
    if beyond:
        yield INSTALLATIONS.good("others", f"{beyond} were looked at without a token of their own")


def _installation(
    one: Installed, asked: Mapping[str, str], allowed: Allowed | str | None
) -> Iterator[Finding]:
    name = (one.account and one.account.login) or str(one.id)
    if one.suspended_at is not None:
        yield INSTALLATIONS.warning(
            name,
            f"suspended since {one.suspended_at:%Y-%m-%d}: nothing there is reviewed",
            f"an owner of {name} takes it back at {one.html_url}, or uninstalls the App",
        )
        return
    if isinstance(allowed, str):
        fix = "try again in a while; where it stays so, see GitHub's words"
        yield INSTALLATIONS.problem(name, f"GitHub gives no token for it: {allowed}", fix)
        return
    pending = _pending(one, asked)
    if pending:
        yield INSTALLATIONS.problem(
            name,
            f"it has not granted {listed(pending)}, which the App asks for",
            f"an owner of {name} accepts the new permissions at {one.html_url}",
        )
    if allowed:
        yield from _allowed(name, one, allowed, quiet=bool(pending))


def _pending(one: Installed, asked: Mapping[str, str]) -> tuple[str, ...]:
    """What ghapp needs and the App asks for, and this account has not granted."""
    person = one.account is not None and one.account.type == "User"
    return tuple(
        f"{spoken(name)} {need.level}"
        for name, need in requirements.PERMISSIONS.items()
        if at_least(asked.get(name, ""), need.level)
        and not at_least(one.permissions.get(name, ""), need.level)
        and not (person and name in OF_ORGANISATIONS)
    )


def _allowed(name: str, one: Installed, allowed: Allowed, *, quiet: bool) -> Iterator[Finding]:
    """quiet: a problem was told, so that nothing is said where all else is good."""
    some = "1 repository" if allowed.repositories == 1 else f"{allowed.repositories} repositories"
    found = f"{some} ({'all' if one.repository_selection == 'all' else 'selected ones'})"
    left, limit = allowed.left, allowed.limit
    limited = left is not None and limit is not None
    if not allowed.answers_graphql:
        yield INSTALLATIONS.problem(
            name,
            "GraphQL does not answer its token; ghapp reacts to reviews and finds lost ticks by it",
            "let GraphQL (/api/graphql on a server) through where a proxy stands before it",
        )
    elif left is not None and limit is not None and left < LOW_SHARE * limit:
        yield INSTALLATIONS.warning(
            name,
            f"{found}, only {left} of {limit} requests are left in this hour",
            "find what else asks as this App; ghapp waits until the hour is over",
        )
    elif not quiet:
        rate = f"{left} of {limit} requests left in this hour" if limited else "no rate limit"
        yield INSTALLATIONS.good(name, f"{found}, {rate}")
