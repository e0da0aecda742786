"""What people do to a pull by reviewing it: reviews, and comments on lines of its diff.

Sources: https://docs.github.com/rest/pulls/reviews, https://docs.github.com/rest/pulls/comments
"""

from __future__ import annotations

from ghapp.emulator import shapes_pulls, shapes_reviews
from ghapp.emulator.hunks import hunk
from ghapp.emulator.locking import locked
from ghapp.emulator.pull_state import PullState
from ghapp.emulator.state import Json, Review, ReviewComment, Said, User
from ghapp.emulator.thread import Thread
from ghapp.emulator.words import Cannot

STATES = ("approved", "changes_requested", "commented")


class Reviewing(Thread, PullState):
    """A pull that can be reviewed."""

    @locked
    def review(
        self, by: str, state: str = "approved", body: str = "", commit_id: str | None = None
    ) -> int:
        """The id of a submitted review. state: approved, changes_requested or commented.

        commit_id: by default the head. Raises ValueError where GitHub answers 422: a verdict on
        one's own pull, no words where they are required, a commit that is not known.
        """
        user, sha = self.repository.github.user(by), commit_id or self.head_sha
        if state not in STATES:
            raise ValueError(f"state {state!r}: one of {', '.join(STATES)}")
        if user is self.author and state != "commented":
            raise Cannot(f"own_pull_{state}")
        if state != "approved" and not body.strip():
            raise Cannot(f"needs_body_{state}")
        return self._submit(user, state, body, sha).id

    def _submit(self, user: User, state: str, body: str, sha: str) -> Review:
        repository, github = self.repository, self.repository.github
        if sha not in repository.network.git.parents:
            raise ValueError(f"no commit {sha}")
        self.touch()
        now = self.updated_at
        review = Review(
            id=github.new_id(), user=user, body=body, created_at=now, updated_at=now,
            via_app=user is github.app.bot, state=state, commit_id=sha,
        )  # fmt: skip
        self.reviews.append(review)
        repository.reviews[review.id] = (self, review)
        self._tell_review("submitted", review, user)
        return review

    @locked
    def edit_review(self, review_id: int, body: str, by: str) -> None:
        """Only the words of a review can be edited, never its verdict."""
        review, user = self.find_review(review_id), self.repository.github.user(by)
        self.touch()
        changes = review.change(body, user, self.updated_at)
        self._tell_review("edited", review, user, changes=changes)

    @locked
    def dismiss_review(self, review_id: int, by: str, message: str = "Dismissed") -> None:
        """A verdict counts no more. Raises ValueError (no verdict, no message, no right to).

        Source: https://docs.github.com/pull-requests/how-tos/review-pull-requests/
        dismissing-a-pull-request-review ("administrators or people with write access")
        """
        review, user = self.find_review(review_id), self.repository.github.user(by)
        if review.state not in ("approved", "changes_requested"):
            raise Cannot(f"no_verdict_{review.state}")
        if not message.strip():
            raise Cannot("why_missing")
        if not self.repository.may_write(user):
            raise Cannot("may_not_dismiss", by=by)
        told: Json = {
            "state": review.state,
            "review_id": review.id,
            "dismissal_message": message,
        }
        self.touch()
        review.state, review.updated_at = "dismissed", self.updated_at
        self._happen("review_dismissed", by, more={"dismissed_review": told})
        self._tell_review("dismissed", review, user)

    @locked
    def review_comment(
        self,
        body: str,
        by: str,
        path: str | None = None,
        line: int | None = None,
        *,
        review_id: int | None = None,
        in_reply_to: int | None = None,
        commit_id: str | None = None,
    ) -> int:
        """The id of a new comment on a changed file, by default the first.

        line: of the new file; None for the whole file. review_id: the review it is part of; a
        comment on its own makes a review without words, as on GitHub. Raises ValueError (path or
        line is not in the diff) and KeyError (what is replied to is not there).
        """
        user = self.repository.github.user(by)
        if in_reply_to is not None:
            path, line = self._place(in_reply_to)
        found = hunk(self.changes(), path, line)
        sha = commit_id or self.head_sha
        if review_id is None:
            review_id = self._submit(user, "commented", "", sha).id
        github, now = self.repository.github, self.repository.github.now()
        comment = ReviewComment(
            id=github.new_id(), user=user, body=body, created_at=now, updated_at=now,
            via_app=user is github.app.bot, review_id=review_id, path=found.path, line=line,
            commit_id=sha, original_commit_id=sha, diff_hunk=found.text, in_reply_to=in_reply_to,
        )  # fmt: skip
        return self._add_review_comment(comment)

    def _place(self, comment_id: int) -> tuple[str, int | None]:
        comment = self.find_review_comment(comment_id)
        return comment.path, comment.line

    def _add_review_comment(self, comment: ReviewComment) -> int:
        self.touch()
        self.review_comments.append(comment)
        self.repository.review_comments[comment.id] = (self, comment)
        self._tell_review_comment("created", comment, comment.user)
        return comment.id

    @locked
    def edit_review_comment(self, comment_id: int, body: str, by: str) -> None:
        comment, user = self.find_review_comment(comment_id), self.repository.github.user(by)
        self.touch()
        changes = comment.change(body, user, self.updated_at)
        self._tell_review_comment("edited", comment, user, changes=changes)

    @locked
    def delete_review_comment(self, comment_id: int, by: str) -> None:
        comment = self.find_review_comment(comment_id)
        self.touch()
        self.review_comments.remove(comment)
        del self.repository.review_comments[comment_id]
        self._tell_review_comment("deleted", comment, self.repository.github.user(by))

    # --- telling ---------------------------------------------------------------------------

    def conversation(self) -> list[Said]:
        """Comments, reviews and review comments as they came."""
        every: list[Said] = [*self.comments, *self.reviews, *self.review_comments]
        return sorted(every, key=lambda said: (said.created_at, said.id))

    def _tell_review(self, action: str, review: Review, user: User, **more: object) -> None:
        at = self.repository.github.shapes
        told = shapes_reviews.review_delivered(at, self, review)
        self._tell_reviewing("pull_request_review", action, user, review=told, **more)

    def _tell_review_comment(
        self, action: str, comment: ReviewComment, user: User, **more: object
    ) -> None:
        at = self.repository.github.shapes
        told = shapes_reviews.review_comment(at, self, comment)
        self._tell_reviewing("pull_request_review_comment", action, user, comment=told, **more)

    def _tell_reviewing(self, event: str, action: str, user: User, **more: object) -> None:
        github = self.repository.github
        parts: Json = {"pull_request": shapes_pulls.pull_simple(github.shapes, self), **more}
        github.emit(event, action, self.repository, user, parts)
