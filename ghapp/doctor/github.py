"""The App on GitHub, judged: whether it is reached, its permissions, events and installations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ghapp.core.i18n import Words
from ghapp.doctor.report import (
    EVENTS,
    GITHUB,
    INSTALLATIONS,
    PERMISSIONS,
    Checked,
    duration,
    listed,
)
from ghapp.github import requirements
from ghapp.github.app import Allowed, Installed, Reached, Registered
from ghapp.github.requirements import OF_ORGANISATIONS, at_least, spoken

CLOCK_SECONDS = 30.0
# The first whose REST API is versioned; ghapp sends the version.
# Source: https://docs.github.com/enterprise-server@3.8/rest (its banner)
OLDEST_SERVER = (3, 9)
LOW_SHARE = 0.1
MOST_ASKED = 20  # installations that are checked with tokens of their own

AT_SETTINGS = "in the App's settings on GitHub, under Permissions & events"
UNREACHABLE = {  # why -> what that means and what to do
    "name": ("its name cannot be resolved", "check the host of GHAPP_GITHUB_API_URL, and DNS"),
    "refused": ("nothing listens there", "check GHAPP_GITHUB_API_URL"),
    "slow": (
        "no answer came in time",
        "check that a firewall lets this machine out; if a proxy is needed, set HTTPS_PROXY",
    ),
    "certificate": (
        "its certificate is not trusted",
        "if your own CA signed it, set SSL_CERT_FILE to a PEM file with that CA",
    ),
    "other": ("no answer came", "check GHAPP_GITHUB_API_URL and HTTPS_PROXY"),
}


def reach(found: Reached, api_url: str, app_id: int) -> Iterator[Checked]:
    """Whether GitHub answers, and whether it knows the App."""
    if found.why:
        what, fix = UNREACHABLE[found.why]
        yield GITHUB.problem("reachable", f"{api_url}: {what} ({found.words})", fix)
        return
    if not found.is_api:
        yield GITHUB.problem(
            "reachable",
            f"{api_url} answers {found.status}, but not as GitHub's API does",
            "check GHAPP_GITHUB_API_URL, and any proxy in between",
        )
        return
    yield GITHUB.good("reachable", f"{api_url} answers")
    if version := found.server_version:
        server = f"GitHub Enterprise Server {version}"
        oldest = ".".join(map(str, OLDEST_SERVER))
        if tuple(int(part) for part in version.split(".")[:2] if part.isdecimal()) < OLDEST_SERVER:
            older = f"{server} is older than {oldest}, the oldest version that ghapp supports"
            yield GITHUB.warning("version", older, f"upgrade it to {oldest} or newer")
        else:
            yield GITHUB.good("version", server)
    if abs(found.ahead_seconds) > CLOCK_SECONDS:
        side = "behind" if found.ahead_seconds > 0 else "ahead of"
        apart = f"this machine's clock is {duration(abs(found.ahead_seconds))} {side} GitHub's"
        yield GITHUB.warning("clock", f"{apart}; ghapp allows for it", "synchronize it with NTP")
    else:
        yield GITHUB.good("clock", "it agrees with this machine's clock")
    if found.is_unknown:
        yield GITHUB.problem(
            "App",
            f"GitHub has no App with id {app_id}",
            "set GHAPP_APP_ID to the App ID on its settings page; check that GHAPP_GITHUB_API_URL "
            "is the GitHub on which it is registered",
        )
    elif found.status == 401:
        yield GITHUB.problem(
            "App",
            f"GitHub has an App {app_id}, but the private key is not one of its keys",
            "compare the fingerprint above with those under Private keys on the App's settings "
            "page: if none is equal, set GHAPP_PRIVATE_KEY to a newly generated key, or "
            "GHAPP_APP_ID to the App that has this one",
        )
    elif found.status >= 400:
        fix = "try again in a while; githubstatus.com shows outages"
        yield GITHUB.problem("App", f"GitHub answers {found.status} when asked for it", fix)
    else:
        yield GITHUB.good("App", "GitHub accepts its id and key")


def app(found: Registered, *, is_server: bool) -> Iterator[Checked]:
    owner = f", owned by {found.owner.login}" if found.owner and found.owner.login else ""
    yield GITHUB.good("registered", f'"{found.name}" writes as {found.slug}[bot]{owner}')
    yield from permissions(found.permissions)
    yield from events(frozenset(found.events), found.permissions, is_server=is_server)


def permissions(requested: Mapping[str, str]) -> Iterator[Checked]:
    """What the App requests, against what ghapp needs."""
    complete = True
    for name, need in requirements.PERMISSIONS.items():
        level = requested.get(name, "")
        if at_least(level, need.level):
            continue
        complete = False
        what_for = Words("en")(f"need_{name}")
        found = f"the App requests {level or 'none'}, and {what_for} needs {need.level}"
        fix = f"set it to {need.level} {AT_SETTINGS}; each account it is installed on has to accept"
        if not need.vital:
            without = Words("en")(f"without_{name}")
            yield PERMISSIONS.warning(spoken(name), f"{found}; without it {without}", fix)
        else:
            yield PERMISSIONS.problem(spoken(name), found, fix)
    if complete:
        yield PERMISSIONS.good("needed", "the App requests everything that ghapp needs")
    for name, level in sorted(requested.items()):
        needed = requirements.PERMISSIONS.get(name)
        if needed is None or not at_least(needed.level, level):
            enough = f"{needed.level} is enough" if needed else "ghapp needs none"
            yield PERMISSIONS.warning(
                spoken(name),
                f"the App requests {level}; {enough}",
                f"set it to {needed.level if needed else 'No access'} {AT_SETTINGS}",
            )


def events(
    subscribed: frozenset[str], requested: Mapping[str, str], *, is_server: bool = False
) -> Iterator[Checked]:
    """What the App is subscribed to, against what ghapp reads. requested: permissions.

    is_server: GitHub is an Enterprise Server.
    """
    missing = [name for name in requirements.offered(is_server=is_server) if name not in subscribed]
    for name in missing:
        permission = requirements.EVENTS[name]
        after = "" if requested.get(permission) else f", after the permission {spoken(permission)}"
        fix = f"tick it {AT_SETTINGS}{after}"
        found = "the App is not subscribed to it"
        if permission == "merge_queues":
            without = Words("en")(f"without_{permission}")
            yield EVENTS.warning(spoken(name), f"{found}; without it {without}", fix)
        elif name == "label":
            without = "pull requests keep a label that was renamed or deleted until they change"
            yield EVENTS.warning(spoken(name), f"{found}; without it {without}", fix)
        elif name == "milestone":
            without = "pull requests show another day of their milestone only at their next check"
            yield EVENTS.warning(spoken(name), f"{found}; without it {without}", fix)
        else:
            found += ": only the sweep finds what happens, minutes later"
            yield EVENTS.problem(spoken(name), found, fix)
    if not missing:
        yield EVENTS.good("needed", "the App is subscribed to everything that ghapp reads")
    needless = tuple(sorted(subscribed - requirements.EVENTS.keys() - requirements.UNASKED))
    if needless:
        named = listed(tuple(map(spoken, needless)), 20)
        fix = f"untick them {AT_SETTINGS}: each costs a delivery for nothing"
        yield EVENTS.warning("needless", f"ghapp does not read: {named}", fix)


def installations(
    found: tuple[Installed, ...],
    requested: Mapping[str, str],
    allowed: Mapping[int, Allowed | str],
) -> Iterator[Checked]:
    """requested: permissions. allowed: what each token may see, or why there is no token."""
    if not found:
        yield INSTALLATIONS.warning(
            "all",
            "the App is not installed anywhere",
            "install it: Install App on its settings page",
        )
    for one in found:
        yield from _installation(one, requested, allowed.get(one.id))
    beyond = sum(one.suspended_at is None and one.id not in allowed for one in found)
    if beyond:
        yield INSTALLATIONS.good("others", f"{beyond} were checked without a token of their own")


def _installation(
    one: Installed, requested: Mapping[str, str], allowed: Allowed | str | None
) -> Iterator[Checked]:
    name = (one.account and one.account.login) or str(one.id)
    if one.suspended_at is not None:
        yield INSTALLATIONS.warning(
            name,
            f"suspended since {one.suspended_at:%Y-%m-%d}: nothing there is reviewed",
            f"an owner of {name} can unsuspend it at {one.html_url}, or uninstall the App",
        )
        return
    if isinstance(allowed, str):
        fix = "try again in a while; if that does not help, see GitHub's message"
        yield INSTALLATIONS.problem(name, f"GitHub gives no token for it: {allowed}", fix)
        return
    is_person = one.account is not None and one.account.type == "User"
    pending = tuple(
        f"{spoken(permission)} {need.level}"
        for permission, need in requirements.PERMISSIONS.items()
        if at_least(requested.get(permission, ""), need.level)
        and not at_least(one.permissions.get(permission, ""), need.level)
        and not (is_person and permission in OF_ORGANISATIONS)
    )
    if pending:
        yield INSTALLATIONS.problem(
            name,
            f"it has not granted {listed(pending)}, which the App requests",
            f"an owner of {name} has to accept the new permissions at {one.html_url}",
        )
    if not allowed:
        return
    count = "1 repository" if allowed.repositories == 1 else f"{allowed.repositories} repositories"
    found = f"{count} ({'all' if one.repository_selection == 'all' else 'selected ones'})"
    left, limit = allowed.left, allowed.limit
    if not allowed.answers_graphql:
        yield INSTALLATIONS.problem(
            name,
            "GraphQL does not answer with its token; ghapp needs it to react to reviews and to "
            "find lost ticks",
            "if a proxy is in front of GitHub, let GraphQL through (/api/graphql on a server)",
        )
    elif left is None or limit is None:
        if not pending:
            yield INSTALLATIONS.good(name, f"{found}, no rate limit")
    elif left < LOW_SHARE * limit:
        yield INSTALLATIONS.warning(
            name,
            f"{found}, only {left} of {limit} requests are left in this hour",
            "find what else uses this App; ghapp waits for the next hour",
        )
    elif not pending:
        yield INSTALLATIONS.good(name, f"{found}, {left} of {limit} requests left in this hour")
