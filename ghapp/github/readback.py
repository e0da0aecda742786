"""Our own marks as GitHub has them, for when our record of them may not hold."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ghapp.core.marks import Marks, Reply, Written
from ghapp.core.model import Message, Pull
from ghapp.core.policy.policy import Policy
from ghapp.core.records import FollowUp, History, Shown
from ghapp.core.text.render import MARKER
from ghapp.errors import Gone, Retry
from ghapp.github import endpoints, follow_ups, lost_speech
from ghapp.github.api import Installation, both
from ghapp.github.endpoints import CommentRow, RunRow, at
from ghapp.github.lost_speech import UNSEEN_WAITS, Conversation

# Effects of which there may be several, each named by what it is about.
LISTED = ("PostReply ", "OpenIssue ")
# GitHub's times have whole seconds, so what led to a run may bear the time that the run bears, too.
LOOKING = timedelta(seconds=1)
_REPLY = re.compile(r"<!-- ghapp:reply (\S+) -->")


@dataclass(frozen=True, slots=True)
class Observed:
    """What is there. found_at: when GitHub accepted the run that was read back, else None.

    earlier: what was shown, and its record lost, oldest first. missed: what people said and was not
    heard, oldest first.
    """

    marks: Marks
    written: Written
    found_at: datetime | None = None
    follow_ups: tuple[FollowUp, ...] = ()
    earlier: tuple[Shown, ...] = ()
    missed: tuple[Message, ...] = ()


def reply_marker(message_id: str) -> str:
    """The first line of a reply, by which it is found again."""
    return f"<!-- ghapp:reply {message_id} -->"


def doubtful(history: History) -> bool:
    """Whether our record may not be what GitHub has."""
    return (
        bool(history.unresolved)
        or history.touched
        or (history.marks is None and not history.opened)
    )


def remembered(history: History) -> Observed:
    """The marks by our own record."""
    marks = replace(history.marks or Marks(), issues=follow_ups.issues(history.follow_ups))
    return Observed(marks, history.written, follow_ups=history.follow_ups)


async def read(
    api: Installation, history: History, pull: Pull, policy: Policy, app_id: int, bot_login: str
) -> Observed:
    """Check run, comment, replies and issues as GitHub has them, and what was said unheard.

    Raises Gone and Retry.
    """
    (run, there), followed = await both(
        both(
            endpoints.newest_run(api, pull.key.repository, pull.head_sha, app_id),
            _conversation(api, pull),
        ),
        follow_ups.read(api, history, pull, policy, bot_login, app_id),
    )
    ours = [row for row in there.comments if _is_ours(row, app_id)]
    earlier = await _earlier(api, history, pull, run, app_id)
    history = history.knowing(earlier)
    observed = replace(_observed(history, pull, run, ours, followed), earlier=earlier)
    unseen = _unseen(history, observed) or _vanished(history, pull, observed)
    late = api.late_seconds(at(pull.key.repository, "").rstrip("/"))
    if unseen and (late or history.waited < UNSEEN_WAITS):
        text = f"{pull.key}: {unseen[0]} may have taken effect and is not to be seen yet"
        wait = late or 2.0**history.waited
        raise Retry(text, after_seconds=wait, counts=False, lags=not late)
    spoken = await lost_speech.said(api, history, pull, there, app_id, bot_login)
    return replace(observed, missed=spoken)


async def _earlier(
    api: Installation, history: History, pull: Pull, present: RunRow | None, app_id: int
) -> tuple[Shown, ...]:
    """What runs of ours have shown that were written, and not recorded, before somebody pushed on.

    Each is looked for on the head that it was written to: what people said of it then is not about
    what was shown before.
    """
    known, found = {one.head_sha for one in history.shown}, list[Shown]()
    for head_sha in dict.fromkeys(one.head_sha for one in history.intended):
        if head_sha in known:
            continue
        is_present = head_sha == pull.head_sha
        run = present if is_present else await _run(api, pull, head_sha, app_id)
        if run and run.started_at:
            found += _fitting(history, head_sha, run.started_at)
    return tuple(found)


def _fitting(history: History, head_sha: str, at: datetime) -> list[Shown]:
    """What a run that GitHub accepted then has shown: that of the last intent before it."""
    before = [one for one in history.intended if one.accepted_at <= at + LOOKING]
    here = [one for one in before if one.head_sha == head_sha]
    return [replace(one, accepted_at=at) for one in here[-1:]]


async def _run(api: Installation, pull: Pull, head_sha: str, app_id: int) -> RunRow | None:
    try:
        return await endpoints.newest_run(api, pull.key.repository, head_sha, app_id)
    except Gone:  # a head that nobody has any more
        return None


async def _conversation(api: Installation, pull: Pull) -> Conversation:
    key = pull.key
    comments, (reviews, remarks) = await both(
        endpoints.comments(api, key),
        both(endpoints.reviews(api, key), endpoints.review_comments(api, key)),
    )
    return Conversation(comments, reviews, remarks)


def _observed(
    history: History,
    pull: Pull,
    run: RunRow | None,
    ours: list[CommentRow],
    followed: tuple[FollowUp, ...],
) -> Observed:
    """Reactions are kept from our record: to add one again changes nothing on GitHub."""
    comment = _the_one(ours, history.written.comment_id)
    marks = replace(
        history.marks or Marks(),
        check_run=endpoints.check_run(run, pull.key.number) if run else None,
        comment=normalised(comment.body or "") if comment else "",
        replies=frozenset(_replies(ours)),
        issues=follow_ups.issues(followed),
    )
    is_known = run is not None and run.id == history.written.check_run_id
    written = Written(
        check_run_id=run.id if run else 0,
        comment_id=comment.id if comment else 0,
        annotated=history.written.annotated if is_known else "",
    )
    return Observed(marks, written, _accepted_at(run), followed)


def _unseen(history: History, now: Observed) -> list[str]:
    """The unresolved effects that left no trace, of those which would leave one.

    A list that shows nothing of a write whose answer was lost may only be late: to believe it at
    once would be to write twice.
    """
    before = history.marks or Marks()
    run, run_id = now.marks.check_run, now.written.check_run_id
    traces = {
        "PutCheckRun": _is_told(history, now)
        or (run and (run, run_id) != (before.check_run, history.written.check_run_id)),
        "PutComment": now.written.comment_id,
    }
    there = {f"PostReply {one.message_id}" for one in now.marks.replies}
    there |= {f"OpenIssue {one.item}" for one in now.marks.issues}
    return sorted(
        name
        for name in history.unresolved
        if name not in there and (not traces.get(name, True) or name.startswith(LISTED))
    )


def _is_told(history: History, now: Observed) -> bool:
    """Whether the last run that may have been written was found, on whichever head."""
    heads = [one.head_sha for one in history.intended[-1:]]
    return bool({one.head_sha for one in now.earlier}.intersection(heads))


def _vanished(history: History, pull: Pull, now: Observed) -> list[str]:
    """What we know to have written and is not listed: deleted, or the list is late.

    To put it back at once would be to write twice where it is only late.
    """
    before, found = history.marks or Marks(), {one.message_id for one in now.marks.replies}
    names = [f"PostReply {one.message_id}" for one in before.replies]
    names = [name for name in names if name.partition(" ")[2] not in found]
    if history.written.comment_id and not now.written.comment_id:
        names.append("PutComment")
    run = before.check_run
    here = run is not None and run.head_sha == pull.head_sha
    if here and now.written.check_run_id < history.written.check_run_id:
        names.append("PutCheckRun")
    return sorted(names)


def normalised(body: str) -> str:
    r"""Markdown as we compare it: "\n" line ends, no trailing space."""
    return "\n".join(line.rstrip() for line in body.splitlines()).rstrip()


def _is_ours(row: CommentRow, app_id: int) -> bool:
    via = row.performed_via_github_app
    return via is not None and via.id == app_id


def _the_one(ours: list[CommentRow], known_id: int) -> CommentRow | None:
    """Our one comment: the one we know, whatever was made of it, else the one with our marker."""
    marked = (row for row in ours if _first_line(row) == MARKER)
    return next((row for row in ours if row.id == known_id), None) or next(marked, None)


def _first_line(row: CommentRow) -> str:
    return (row.body or "").lstrip().partition("\n")[0].strip()


def _replies(rows: list[CommentRow]) -> list[Reply]:
    found = ((row, _REPLY.fullmatch(_first_line(row))) for row in rows)
    return [Reply(match.group(1), row.body or "") for row, match in found if match]


def _accepted_at(run: RunRow | None) -> datetime | None:
    return run.started_at if run else None
