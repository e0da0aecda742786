"""Issues and pulls, their messages and events as GitHub's JSON."""

from __future__ import annotations

from collections import Counter
from urllib.parse import quote

from ghapp.emulator.accounts import User
from ghapp.emulator.conversation import (
    REACTIONS,
    Comment,
    Event,
    Message,
    Reaction,
    Review,
    ReviewComment,
)
from ghapp.emulator.diffs import Change
from ghapp.emulator.issue import Thread, Tracker
from ghapp.emulator.json import Json, iso, node_id
from ghapp.emulator.json.accounts import Addresses, team, user
from ghapp.emulator.json.repository import label, repository
from ghapp.emulator.repository import Milestone, Pull, Repository


def page(at: Addresses, thread: Thread) -> str:
    """The address of an issue or a pull for people."""
    kind = "pull" if isinstance(thread, Pull) else "issues"
    return f"{at.html}/{thread.repository.full_name}/{kind}/{thread.number}"


def issue(at: Addresses, thread: Thread) -> Json:
    """An issue as lists and deliveries have it; a pull has `pull_request` in addition."""
    repository = thread.repository
    url = f"{at.repository(repository)}/issues/{thread.number}"
    assignees = [user(at, person) for person in thread.assignees]
    shape: Json = {
        "url": url,
        "repository_url": at.repository(repository),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": page(at, thread),
        "id": thread.issue_id,
        "node_id": node_id("Issue", thread.issue_id),
        "number": thread.number,
        "title": thread.title,
        "user": user(at, thread.author),
        "labels": [label(at, repository, one) for one in thread.label_list],
        "state": thread.state,
        "state_reason": thread.state_reason,
        "locked": False,
        "active_lock_reason": None,
        "milestone": None,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "comments": len(thread.comments),
        "created_at": iso(thread.created_at),
        "updated_at": iso(thread.updated_at),
        "closed_at": iso(thread.closed_at),
        "author_association": repository.association(thread.author),
        "body": thread.body,
        "reactions": _reaction_counts(url, []),
        "performed_via_github_app": at.app if thread.via_app else None,
    }
    if thread.parent:
        above = thread.parent
        shape["parent_issue_url"] = f"{at.repository(above.repository)}/issues/{above.number}"
    if isinstance(thread, Pull):
        shape["draft"] = thread.is_draft
        shape["pull_request"] = {
            "url": f"{at.repository(repository)}/pulls/{thread.number}",
            "html_url": shape["html_url"],
            "diff_url": f"{shape['html_url']}.diff",
            "patch_url": f"{shape['html_url']}.patch",
            "merged_at": iso(thread.merged_at),
        }
    return shape


def issue_alone(at: Addresses, thread: Thread) -> Json:
    """An issue as `GET issues/{n}` has it, with who closed it."""
    closed_by = user(at, thread.closed_by) if thread.closed_by else None
    return {**issue(at, thread), "closed_by": closed_by}


def pull_simple(at: Addresses, pull: Pull) -> Json:
    """A pull as lists have it: without counts."""
    url, html = at.repository(pull.repository), page(at, pull)
    own, issue = f"{url}/pulls/{pull.number}", f"{url}/issues/{pull.number}"
    links = {
        "comments": f"{issue}/comments",
        "review_comments": f"{own}/comments",
        "review_comment": f"{url}/pulls/comments{{/number}}",
        "commits": f"{own}/commits",
        "statuses": f"{url}/statuses/{pull.head_sha}",
    }
    hrefs = {"self": own, "html": html, "issue": issue, **links}
    assignees = [user(at, person) for person in pull.assignees]
    owner = pull.repository.owner.login
    return {
        "url": own,
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "issue_url": issue,
        **{f"{name}_url": target for name, target in links.items()},
        "_links": {name: {"href": target} for name, target in hrefs.items()},
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "number": pull.number,
        "state": pull.state,
        "title": pull.title,
        "user": user(at, pull.author),
        "body": pull.body,
        "created_at": iso(pull.created_at),
        "updated_at": iso(pull.updated_at),
        "closed_at": iso(pull.closed_at),
        "merged_at": iso(pull.merged_at),
        "merge_commit_sha": pull.merge_commit_sha,
        "labels": [label(at, pull.repository, one) for one in pull.label_list],
        "draft": pull.is_draft,
        "head": _side(at, pull.head_repository, pull.head_owner, pull.head_ref, pull.head_sha),
        "base": _side(at, pull.repository, owner, pull.base_ref, pull.base_sha),
        "author_association": pull.repository.association(pull.author),
        "locked": False,
        "active_lock_reason": None,
        "requested_reviewers": [user(at, one) for one in pull.requested],
        "requested_teams": [team(at, one) for one in pull.requested_teams],
        "milestone": milestone(at, pull.repository, pull.milestone) if pull.milestone else None,
        "auto_merge": None,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
    }


def milestone(at: Addresses, place: Repository, found: Milestone) -> Json:
    """A milestone; the emulator does not know who made it and when."""
    url, beginning = f"{at.repository(place)}/milestones/{found.number}", iso(place.created_at)
    return {
        "url": url,
        "html_url": f"{at.html}/{place.full_name}/milestone/{found.number}",
        "labels_url": f"{url}/labels",
        "id": place.id * 1_000 + found.number,
        "node_id": node_id("Milestone", place.id * 1_000 + found.number),
        "number": found.number,
        "title": found.title,
        "description": found.description,
        "creator": user(at, place.owner),
        "open_issues": 1,
        "closed_issues": 0,
        "state": found.state,
        "created_at": beginning,
        "updated_at": beginning,
        "due_on": iso(found.due_on),
        "closed_at": beginning if found.state == "closed" else None,
    }


def _side(at: Addresses, source: Repository | None, owner: str, ref: str, sha: str) -> Json:
    """source: the repository of the branch, None if the fork was deleted."""
    return {
        "label": f"{owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user(at, source.owner) if source else None,
        "repo": repository(at, source) if source else None,
    }


def pull(at: Addresses, pull: Pull) -> Json:
    """A pull as `GET pulls/{n}` and deliveries have it."""
    changes, closed = pull.changes(), pull.state == "closed"
    return {
        **pull_simple(at, pull),
        "merged": pull.merged_at is not None,
        "mergeable": None if closed else True,
        "rebaseable": None if closed else True,
        "mergeable_state": "unknown" if closed else "clean",
        "merged_by": user(at, pull.merged_by) if pull.merged_by else None,
        "comments": len(pull.comments),
        "review_comments": len(pull.review_comments),
        "maintainer_can_modify": False,
        "commits": pull.commits,
        "additions": sum(change.additions for change in changes),
        "deletions": sum(change.deletions for change in changes),
        "changed_files": len(changes),
    }


def file(at: Addresses, repository: Repository, head: str, base: str, change: Change) -> Json:
    """A changed file. head, base: SHAs; a removed file is addressed in the base."""
    path = quote(change.path)  # raw bytes, so that any name has an address
    sha = base if change.status == "removed" else head
    html = f"{at.html}/{repository.full_name}"
    shape: Json = {
        "sha": change.sha,
        "filename": change.name,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": f"{html}/blob/{sha}/{path}",
        "raw_url": f"{html}/raw/{sha}/{path}",
        "contents_url": f"{at.repository(repository)}/contents/{path}?ref={sha}",
    }
    if change.patch is not None:
        shape["patch"] = change.patch
    if change.previous is not None:
        shape["previous_filename"] = change.previous.decode("utf-8", "replace")
    return shape


# --- messages and events -------------------------------------------------------------------


def comment(at: Addresses, thread: Thread, comment: Comment) -> Json:
    repository = thread.repository
    url = f"{at.repository(repository)}/issues/comments/{comment.id}"
    return {
        "url": url,
        "html_url": f"{page(at, thread)}#{comment.anchor}",
        "issue_url": f"{at.repository(repository)}/issues/{thread.number}",
        "id": comment.id,
        "node_id": node_id("IssueComment", comment.id),
        "user": user(at, comment.user),
        "created_at": iso(comment.created_at),
        "updated_at": iso(comment.updated_at),
        "author_association": repository.association(comment.user),
        "body": comment.body,
        "reactions": _reaction_counts(url, comment.reactions),
        "performed_via_github_app": at.app if comment.via_app else None,
    }


def review(at: Addresses, pull: Thread, review: Review) -> Json:
    """As `GET pulls/{n}/reviews` has it: the state in capitals, an empty body as ""."""
    return {
        "id": review.id,
        "node_id": node_id("PullRequestReview", review.id),
        "body": review.body,
        "state": review.state.upper(),
        "commit_id": review.commit_id,
        "submitted_at": iso(review.submitted_at),
        **_in_review(at, pull, review),
    }


def review_delivered(at: Addresses, pull: Thread, delivered: Review) -> Json:
    """As a `pull_request_review` delivery has it: the state in lower case, an empty body as null.

    Source: https://docs.github.com/webhooks/webhook-events-and-payloads#pull_request_review
    """
    return {
        **review(at, pull, delivered),
        "state": delivered.state,
        "body": delivered.body or None,
        "updated_at": iso(delivered.updated_at),
    }


def review_comment(at: Addresses, pull: Thread, comment: ReviewComment) -> Json:
    """Alike in answers and deliveries. A later push does not make it outdated here."""
    url = f"{at.repository(pull.repository)}/pulls/comments/{comment.id}"
    common = _in_review(at, pull, comment)
    position = comment.diff_hunk.count("\n") or None
    shape = {
        "url": url,
        "pull_request_review_id": comment.review_id,
        "id": comment.id,
        "node_id": node_id("PullRequestReviewComment", comment.id),
        "diff_hunk": comment.diff_hunk,
        "path": comment.path,
        "commit_id": comment.commit_id,
        "original_commit_id": comment.original_commit_id,
        "body": comment.body,
        "created_at": iso(comment.created_at),
        "updated_at": iso(comment.updated_at),
        "reactions": _reaction_counts(url, comment.reactions),
        **common,
        "_links": {"self": {"href": url}, **common["_links"]},
        "line": comment.line,
        "original_line": comment.line,
        "start_line": None,
        "original_start_line": None,
        "side": "RIGHT",
        "start_side": None,
        "position": position,
        "original_position": position,
        "subject_type": "line" if comment.line else "file",
    }
    if comment.in_reply_to is not None:
        shape["in_reply_to_id"] = comment.in_reply_to
    return shape


def _in_review(at: Addresses, pull: Thread, message: Message) -> Json:
    html = f"{page(at, pull)}#{message.anchor}"
    target = f"{at.repository(pull.repository)}/pulls/{pull.number}"
    return {
        "user": user(at, message.user),
        "html_url": html,
        "pull_request_url": target,
        "author_association": pull.repository.association(message.user),
        "_links": {"html": {"href": html}, "pull_request": {"href": target}},
    }


def reaction(at: Addresses, reaction: Reaction) -> Json:
    return {
        "id": reaction.id,
        "node_id": node_id("Reaction", reaction.id),
        "user": user(at, reaction.user),
        "content": reaction.content,
        "created_at": iso(reaction.created_at),
    }


def _reaction_counts(url: str, reactions: list[Reaction]) -> Json:
    counts = Counter(reaction.content for reaction in reactions)
    return {
        "url": f"{url}/reactions",
        "total_count": len(reactions),
        **{content: counts[content] for content in REACTIONS},
    }


def event(at: Addresses, repository: Tracker, event: Event) -> Json:
    shape: Json = {
        "id": event.id,
        "node_id": node_id("Event", event.id),
        "url": f"{at.repository(repository)}/issues/events/{event.id}",
        "actor": user(at, event.actor),
        "event": event.name,
        "commit_id": event.commit_id,
        "commit_url": None,
        "created_at": iso(event.created_at),
        "performed_via_github_app": at.app if event.via_app else None,
    }
    for name, value in event.details.items():
        shape[name] = user(at, value) if isinstance(value, User) else value
    if event.label is not None:
        shape["label"] = {"name": event.label.name, "color": event.label.color}
    return shape
