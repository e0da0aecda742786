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
    """level: read | write. without: what does not work without it; "" if nothing works."""

    level: str
    what_for: str
    without: str = ""


PERMISSIONS: Mapping[str, Need] = {  # by their names in the API
    "checks": Need("write", "the check run `NFR review`"),
    "pull_requests": Need("write", "reading pull requests, and reactions to reviews"),
    "issues": Need("write", "the comment, labels, and the issues of follow-ups and projects"),
    "contents": Need("read", "the policy file, packs, and files that decide a finding"),
    "metadata": Need("read", "repositories, and what people may do in them"),
    "members": Need(
        "read",
        "looking up who is in a reviewer team",
        "only reviewers named by login may sign off",
    ),
    "merge_queues": Need(
        "read", "answering merge queues", "a merge queue that requires the check waits for ever"
    ),
}
OF_ORGANISATIONS = frozenset({"members"})  # permissions that a personal account does not have

# event -> the permission without which GitHub does not offer it
EVENTS: Mapping[str, str] = {
    "pull_request": "pull_requests",
    "pull_request_review": "pull_requests",
    "pull_request_review_comment": "pull_requests",
    "issue_comment": "issues",
    "issues": "issues",
    "sub_issues": "issues",
    "label": "metadata",
    "check_run": "checks",
    "check_suite": "checks",
    "push": "contents",
    "repository": "metadata",
    "merge_group": "merge_queues",
}
REPORTS: Mapping[str, str] = {  # event -> what it reports, as far as ghapp needs it
    "pull_request": "that a pull request was opened, changed, labelled, closed or merged",
    "pull_request_review": "reviews that answer, sign off or undo a sign-off",
    "pull_request_review_comment": "commands beside the diff",
    "issue_comment": "commands and ticked boxes in comments",
    "issues": "that the issue of a follow-up or a project was closed or changed",
    "sub_issues": "that an issue belongs to another issue, which may be a project",
    "label": "that one of ghapp's labels was renamed or deleted",
    "check_run": "presses of buttons, and requests to run the check again",
    "check_suite": "requests to run all checks again",
    "push": "changes of the policy, and who pushed a commit",
    "repository": "renamed, transferred and deleted repositories",
    "merge_group": "commits of merge queues, which wait for the check",
}
# "All GitHub Apps receive this event by default. You cannot manually subscribe to this event."
UNASKED = frozenset({"installation", "installation_repositories"})


def at_least(found: str, level: str) -> bool:
    """Whether a level of a permission is enough. found: "" is none."""
    return found in LEVELS and LEVELS.index(found) >= LEVELS.index(level)


def spoken(name: str) -> str:
    """A permission or event as the App's settings page spells it."""
    return name.replace("_", " ").capitalize()
