"""Pulls and their changed files as GitHub's JSON. The issue a pull also is: `shapes_issues`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from ghapp.emulator.constants import PULL_FIXED
from ghapp.emulator.diffs import Change
from ghapp.emulator.shapes import Shapes, node_id
from ghapp.emulator.state import Json, iso

if TYPE_CHECKING:
    from ghapp.emulator.pull_state import PullState
    from ghapp.emulator.repository import Repository


def pull_simple(at: Shapes, pull: PullState) -> Json:
    """A pull as lists have it: without counts."""
    repository = pull.repository
    return {
        **_addresses(at, pull),
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "number": pull.number,
        "state": pull.state,
        "title": pull.title,
        "user": at.user(pull.author),
        "body": pull.body,
        "created_at": iso(pull.created_at),
        "updated_at": iso(pull.updated_at),
        "closed_at": iso(pull.closed_at),
        "merged_at": iso(pull.merged_at),
        "merge_commit_sha": pull.merge_commit_sha,
        "labels": [at.label(repository, label) for label in pull.label_list],
        "draft": pull.is_draft,
        "head": _side(at, pull.head_repository, pull.head_owner, pull.head_ref, pull.head_sha),
        "base": _side(at, repository, repository.owner.login, pull.base_ref, pull.base_sha),
        "author_association": repository.association(pull.author),
        **PULL_FIXED,
        "assignee": next((at.user(user) for user in pull.assignees), None),
        "assignees": [at.user(user) for user in pull.assignees],
    }


def _addresses(at: Shapes, pull: PullState) -> Json:
    url = at.repository_url(pull.repository)
    own, issue = f"{url}/pulls/{pull.number}", f"{url}/issues/{pull.number}"
    page = at.page(pull)
    links = {
        "comments": f"{issue}/comments",
        "review_comments": f"{own}/comments",
        "review_comment": f"{url}/pulls/comments{{/number}}",
        "commits": f"{own}/commits",
        "statuses": f"{url}/statuses/{pull.head_sha}",
    }
    hrefs = {"self": own, "html": page, "issue": issue, **links}
    return {
        "url": own,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        **{f"{name}_url": target for name, target in links.items()},
        "_links": {name: {"href": target} for name, target in hrefs.items()},
    }


def _side(at: Shapes, repository: Repository | None, owner: str, ref: str, sha: str) -> Json:
    """repository: None where the fork was deleted."""
    return {
        "label": f"{owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": at.user(repository.owner) if repository else None,
        "repo": at.repository(repository) if repository else None,
    }


def pull(at: Shapes, pull: PullState) -> Json:
    """A pull as `GET pulls/{n}` and deliveries have it."""
    changes = pull.changes()
    return {
        **pull_simple(at, pull),
        "merged": pull.merged_at is not None,
        "mergeable": None if pull.state == "closed" else True,
        "rebaseable": None if pull.state == "closed" else True,
        "mergeable_state": "unknown" if pull.state == "closed" else "clean",
        "merged_by": at.user(pull.merged_by) if pull.merged_by else None,
        "comments": len(pull.comments),
        "review_comments": len(pull.review_comments),
        "maintainer_can_modify": False,
        "commits": pull.commits,
        "additions": sum(change.additions for change in changes),
        "deletions": sum(change.deletions for change in changes),
        "changed_files": len(changes),
    }


def file(at: Shapes, repository: Repository, head: str, base: str, change: Change) -> Json:
    """One changed file. head, base: SHAs; a removed file is addressed in the base."""
    path = quote(change.path)  # raw bytes, so that any name has an address
    sha = base if change.status == "removed" else head
    page = f"{at.html}/{repository.full_name}"
    shape: Json = {
        "sha": change.sha,
        "filename": change.path.decode("utf-8", "replace"),
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": f"{page}/blob/{sha}/{path}",
        "raw_url": f"{page}/raw/{sha}/{path}",
        "contents_url": f"{at.repository_url(repository)}/contents/{path}?ref={sha}",
    }
    if change.patch is not None:
        shape["patch"] = change.patch
    if change.previous is not None:
        shape["previous_filename"] = change.previous.decode("utf-8", "replace")
    return shape
