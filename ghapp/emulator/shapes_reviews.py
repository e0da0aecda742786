"""Reviews and review comments as GitHub's JSON, in answers and in deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ghapp.emulator.shapes import Shapes, node_id
from ghapp.emulator.state import Json, Review, ReviewComment, Said, iso

if TYPE_CHECKING:
    from ghapp.emulator.pull_state import PullState


def review(at: Shapes, pull: PullState, review: Review) -> Json:
    """As `GET pulls/{n}/reviews` has it: the state in capitals, no words as ""."""
    return {
        "id": review.id,
        "node_id": node_id("PullRequestReview", review.id),
        "body": review.body,
        "state": review.state.upper(),
        "commit_id": review.commit_id,
        "submitted_at": iso(review.submitted_at),
        **_common(at, pull, review),
    }


def review_delivered(at: Shapes, pull: PullState, one: Review) -> Json:
    """As a `pull_request_review` delivery has it: the state in small letters, no words as null.

    Source: https://docs.github.com/webhooks/webhook-events-and-payloads#pull_request_review
    """
    shape = review(at, pull, one)
    told = {"state": one.state, "body": one.body or None, "updated_at": iso(one.updated_at)}
    return {**shape, **told}


def review_comment(at: Shapes, pull: PullState, comment: ReviewComment) -> Json:
    """Alike in answers and deliveries. That a later push outdates a comment is not played."""
    url = f"{at.repository_url(pull.repository)}/pulls/comments/{comment.id}"
    common = _common(at, pull, comment)
    common["_links"] = {"self": {"href": url}, **common["_links"]}
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
        "reactions": at.reaction_counts(url, comment.reactions),
        **common,
        **_place(comment),
    }
    if comment.in_reply_to is not None:
        shape["in_reply_to_id"] = comment.in_reply_to
    return shape


def _place(comment: ReviewComment) -> Json:
    position = comment.diff_hunk.count("\n") or None
    return {
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


def _common(at: Shapes, pull: PullState, said: Said) -> Json:
    page = f"{at.page(pull)}#{said.anchor}"
    target = f"{at.repository_url(pull.repository)}/pulls/{pull.number}"
    return {
        "user": at.user(said.user),
        "html_url": page,
        "pull_request_url": target,
        "author_association": pull.repository.association(said.user),
        "_links": {"html": {"href": page}, "pull_request": {"href": target}},
    }
