"""Reviews and review comments of a pull, and reactions to the latter.

REST has no reactions to reviews themselves: those are GraphQL's. Sources:
https://docs.github.com/rest/pulls/reviews, https://docs.github.com/rest/pulls/comments,
https://docs.github.com/rest/reactions/reactions
"""

from __future__ import annotations

from ghapp.emulator import shapes_reviews
from ghapp.emulator.api_issues import REACTION
from ghapp.emulator.rest import Answer, Call, not_found, ok
from ghapp.emulator.reviewing import Reviewing
from ghapp.emulator.state import ReviewComment


def list_reviews(call: Call) -> Answer:
    """Oldest first, those that were dismissed among them."""
    pull, at = call.seen_pull(), call.github.shapes
    return call.listed(pull.reviews, lambda row: shapes_reviews.review(at, pull, row))


def get_review(call: Call) -> Answer:
    pull, review_id = call.seen_pull(), call.number("id")
    found = next((row for row in pull.reviews if row.id == review_id), None)
    if found is None:
        raise not_found()
    return call.conditional(ok(shapes_reviews.review(call.github.shapes, pull, found)))


def list_comments(call: Call) -> Answer:
    """Oldest first unless asked otherwise. Filter: since, by when they were changed last."""
    pull, at, since = call.seen_pull(), call.github.shapes, call.moment("since")
    rows = [row for row in pull.review_comments if since is None or row.updated_at >= since]
    if call.query.get("sort") == "updated":
        rows.sort(key=lambda row: (row.updated_at, row.id))
    if call.query.get("direction") == "desc":
        rows.reverse()
    return call.listed(rows, lambda row: shapes_reviews.review_comment(at, pull, row))


def get_comment(call: Call) -> Answer:
    pull, comment = _comment(call)
    return call.conditional(ok(shapes_reviews.review_comment(call.github.shapes, pull, comment)))


def list_reactions(call: Call) -> Answer:
    _, comment = _comment(call)
    return call.listed(comment.reactions, call.github.shapes.reaction)


def create_reaction(call: Call) -> Answer:
    """201 where it is new, 200 where this user had reacted so before."""
    pull, comment = _comment(call)
    reaction, new = pull.react_to(comment, call.json(REACTION)["content"], call.actor.login)
    return ok(call.github.shapes.reaction(reaction), 201 if new else 200)


def _comment(call: Call) -> tuple[Reviewing, ReviewComment]:
    found = call.repository().review_comments.get(call.number("id"))
    if found is None:
        raise not_found()
    return found
