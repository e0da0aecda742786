"""Issues as GitHub's JSON, and the issue that every pull also is."""

from __future__ import annotations

from ghapp.emulator.constants import ISSUE_FIXED
from ghapp.emulator.issue_state import IssueState
from ghapp.emulator.pull_state import PullState
from ghapp.emulator.shapes import Shapes, node_id
from ghapp.emulator.state import Json, iso
from ghapp.emulator.thread_state import ThreadState


def issue(at: Shapes, thread: ThreadState) -> Json:
    """An issue as lists and deliveries have it; a pull is told by its `pull_request`."""
    repository = thread.repository
    assignees = [at.user(user) for user in thread.assignees]
    return {
        **ISSUE_FIXED,
        **_addresses(at, thread),
        "id": thread.issue_id,
        "node_id": node_id("Issue", thread.issue_id),
        "number": thread.number,
        "title": thread.title,
        "user": at.user(thread.author),
        "labels": [at.label(repository, label) for label in thread.label_list],
        "state": thread.state,
        "state_reason": thread.state_reason if isinstance(thread, IssueState) else None,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "comments": len(thread.comments),
        "created_at": iso(thread.created_at),
        "updated_at": iso(thread.updated_at),
        "closed_at": iso(thread.closed_at),
        "author_association": repository.association(thread.author),
        "body": thread.body,
        "performed_via_github_app": at.app if thread.via_app else None,
    }


def issue_alone(at: Shapes, thread: ThreadState) -> Json:
    """An issue as `GET issues/{n}` has it: with who closed it."""
    closed_by = at.user(thread.closed_by) if thread.closed_by else None
    return {**issue(at, thread), "closed_by": closed_by}


def _addresses(at: Shapes, thread: ThreadState) -> Json:
    repository_url = at.repository_url(thread.repository)
    url = f"{repository_url}/issues/{thread.number}"
    page = at.page(thread)
    shape: Json = {
        "url": url,
        "repository_url": repository_url,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": page,
        "reactions": at.reaction_counts(url, []),
    }
    if isinstance(thread, PullState):
        shape["draft"] = thread.is_draft
        shape["pull_request"] = {
            "url": f"{repository_url}/pulls/{thread.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": iso(thread.merged_at),
        }
    return shape
