"""The permissions and events that the App needs, and what each is for.

Sources: https://docs.github.com/rest/authentication/permissions-required-for-github-apps,
https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LEVELS = ("", "read", "write", "admin")


@dataclass(frozen=True, slots=True)
class Need:
    """level: read | write. vital: nothing works without it.

    The text `need_NAME` says what it is for, and `without_NAME` what does not work without it.
    """

    level: str
    vital: bool = True


PERMISSIONS: Mapping[str, Need] = {  # by their names in the API
    "checks": Need("write"),
    "pull_requests": Need("write"),
    "issues": Need("write"),
    "contents": Need("read"),
    "metadata": Need("read"),
    "members": Need("read", vital=False),
    "merge_queues": Need("read", vital=False),
}
OF_ORGANISATIONS = frozenset({"members"})  # permissions that a personal account does not have

# event -> the permission without which GitHub does not offer it. The text `event_NAME` says what
# the event reports, as far as ghapp needs it.
EVENTS: Mapping[str, str] = {
    "pull_request": "pull_requests",
    "pull_request_review": "pull_requests",
    "pull_request_review_comment": "pull_requests",
    "issue_comment": "issues",
    "issues": "issues",
    "sub_issues": "issues",
    "milestone": "issues",
    "label": "metadata",
    "check_run": "checks",
    "check_suite": "checks",
    "push": "contents",
    "repository": "metadata",
    "merge_group": "merge_queues",
}
# An Enterprise Server refuses a manifest with an event that it does not know. The documentation of
# none of its versions up to 3.20 lists these, though it has had sub-issues since 3.16.
# Sources: https://github.com/github/docs/tree/main/src/webhooks/data,
# https://github.com/github/docs/blob/main/data/features/sub-issues.yml
UNKNOWN_TO_SERVERS = frozenset({"sub_issues"})
# "All GitHub Apps receive this event by default. You cannot manually subscribe to this event."
UNASKED = frozenset({"installation", "installation_repositories", "github_app_authorization"})


def offered(*, is_server: bool) -> Mapping[str, str]:
    """Those of EVENTS that GitHub offers. is_server: it is an Enterprise Server."""
    unknown = UNKNOWN_TO_SERVERS if is_server else frozenset()
    return {name: permission for name, permission in EVENTS.items() if name not in unknown}


def at_least(found: str, level: str) -> bool:
    """Whether a level of a permission is enough. found: "" is none."""
    return found in LEVELS and LEVELS.index(found) >= LEVELS.index(level)


def spoken(name: str) -> str:
    """A permission or event as the App's settings page spells it."""
    return name.replace("_", " ").capitalize()
