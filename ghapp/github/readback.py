"""Our own marks: by our record, or as GitHub has them if the record may be wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ghapp.core.marks import Marks, PutCheckRun, Reply, Written, is_repeatable, traces
from ghapp.core.model import Message, Pull
from ghapp.core.policy.policy import Policy
from ghapp.core.records import FollowUp, History, Shown
from ghapp.core.text.render import MARKER
from ghapp.errors import Gone, Lag, Wait
from ghapp.github import endpoints, follow_ups, lost_speech
from ghapp.github.api import Installation, both
from ghapp.github.endpoints import CommentRow, RunRow, at
from ghapp.github.lost_speech import UNSEEN_WAITS, Conversation
from ghapp.github.payloads import Identity

# GitHub's times have whole seconds, so a cause and its check run may have the same time.
LOOKING = timedelta(seconds=1)
# A write that two lists do not show, the last of them so long after it was sent, was not made.
UNSEEN_SECONDS = 4.0
_REPLY = re.compile(r"<!-- ghapp:reply (\S+) (\S+) -->")


@dataclass(frozen=True, slots=True)
class Observed:
    """The marks that exist. found_at: when GitHub accepted the check run, if it was read back.

    earlier: what was shown but not recorded, oldest first. missed: messages that were not
    delivered, oldest first.
    """

    marks: Marks
    written: Written
    found_at: datetime | None = None
    follow_ups: tuple[FollowUp, ...] = ()
    earlier: tuple[Shown, ...] = ()
    missed: tuple[Message, ...] = ()


def reply_marker(reply: Reply) -> str:
    """The first line of a reply, by which it is found again."""
    return f"<!-- ghapp:reply {reply.topic} {reply.message_id} -->"


def normalised(body: str) -> str:
    r"""Markdown as we compare it: "\n" line ends, no trailing space."""
    return "\n".join(line.rstrip() for line in body.splitlines()).rstrip()


def doubtful(history: History) -> bool:
    """Whether our record may differ from what GitHub has."""
    return (
        bool(history.unresolved)
        or history.touched
        or (history.marks is None and not history.opened)
    )


async def observe(
    api: Installation, history: History, pull: Pull, policy: Policy, us: Identity
) -> Observed:
    """The marks by our record; if that is doubtful, as GitHub has them, with lost messages.

    Raises Gone, Lag, Retry and Wait.
    """
    if not doubtful(history):
        issues = follow_ups.issues(history.follow_ups)
        marks = replace(history.marks or Marks(), issues=issues)
        return Observed(marks, history.written, follow_ups=history.follow_ups)
    (run, written), read = await both(
        both(
            endpoints.newest_run(api, pull.key.repository, pull.head_sha, us.app_id),
            _conversation(api, pull),
        ),
        follow_ups.read(api, history, pull, policy, us),
    )
    written = replace(written, issues=read.comments)
    comments = [row for row in written.comments if us.made(row.performed_via_github_app)]
    earlier = await _unrecorded(api, history, pull, run, us)
    history = history.knowing(earlier)
    observed = replace(_listed(history, pull, run, comments, read, us), earlier=earlier)
    settled = history.waited and history.unresolved_seconds >= UNSEEN_SECONDS
    writes = [] if settled else _invisible_writes(history, observed)
    unseen = writes or _invisible_marks(history, pull, observed)
    late = api.late_seconds(at(pull.key.repository, "").rstrip("/"))
    if unseen and (late or history.waited < UNSEEN_WAITS):
        text = f"{pull.key}: {unseen[0]} may have taken effect and is not visible yet"
        if late:
            raise Wait(text, after_seconds=late)
        raise Lag(text, after_seconds=2.0**history.waited)
    missed = await lost_speech.messages(api, history, pull, written, us)
    return replace(observed, missed=missed)


async def _conversation(api: Installation, pull: Pull) -> Conversation:
    key = pull.key
    comments, (reviews, remarks) = await both(
        endpoints.comments(api, key),
        both(endpoints.reviews(api, key), endpoints.review_comments(api, key)),
    )
    return Conversation(comments, reviews, remarks)


async def _unrecorded(
    api: Installation, history: History, pull: Pull, present: RunRow | None, us: Identity
) -> tuple[Shown, ...]:
    """What check runs showed that were written but not recorded, for heads without a record.

    Each check run is looked up on the head that it was written to. What people said after it is
    about this check run, not about an earlier one.
    """
    known, found = {one.head_sha for one in history.shown}, list[Shown]()
    for head_sha in dict.fromkeys(one.head_sha for one in history.intended):
        if head_sha in known:
            continue
        run, repository = present, pull.key.repository
        if head_sha != pull.head_sha:
            try:
                run = await endpoints.newest_run(api, repository, head_sha, us.app_id)
            except Gone:  # the commit no longer exists
                continue
        if run is None or run.started_at is None:
            continue
        # It shows what the last intent for this head before it was to show.
        at = run.started_at
        before = [one for one in history.intended if one.accepted_at <= at + LOOKING]
        here = [one for one in before if one.head_sha == head_sha]
        found += [replace(one, accepted_at=at) for one in here[-1:]]
    return tuple(found)


def _listed(
    history: History,
    pull: Pull,
    run: RunRow | None,
    comments: list[CommentRow],
    read: follow_ups.Read,
    us: Identity,
) -> Observed:
    """The marks as read. comments: the App's. Its mark is the recorded one, else one with MARKER.

    Reactions are taken from our record: adding one again changes nothing on GitHub.
    """
    lines = [(row, (row.body or "").lstrip().partition("\n")[0].strip()) for row in comments]
    known = (row for row in comments if row.id == history.written.comment_id)
    marked = (row for row, line in lines if line == MARKER)
    comment = next(known, None) or next(marked, None)
    marks = replace(
        history.marks or Marks(),
        check_run=endpoints.check_run(run, pull.key.number) if run else None,
        comment=normalised(comment.body or "") if comment else "",
        replies=replies_of(comments) | _on_issues(history, read, us),
        issues=follow_ups.issues(read.follow_ups),
    )
    is_known = run is not None and run.id == history.written.check_run_id
    written = Written(
        check_run_id=run.id if run else 0,
        comment_id=comment.id if comment else 0,
        annotated=history.written.annotated if is_known else "",
    )
    return Observed(marks, written, run.started_at if run else None, read.follow_ups)


def replies_of(comments: Iterable[CommentRow]) -> frozenset[Reply]:
    """Those of the App's comments that are replies."""
    lines = ((row, (row.body or "").lstrip().partition("\n")[0].strip()) for row in comments)
    replies = ((row, _REPLY.fullmatch(line)) for row, line in lines)
    return frozenset(
        Reply(match[1], match[2], row.body or "", row.id) for row, match in replies if match
    )


def _on_issues(history: History, read: follow_ups.Read, us: Identity) -> frozenset[Reply]:
    """Our replies on issues of follow-ups. Those that we know of stay: none is written twice."""
    known = {one.topic: one for one in history.marks.replies if one.issue} if history.marks else {}
    for number, rows in read.comments.items():
        ours = (row for row in rows if us.made(row.performed_via_github_app))
        for one in replies_of(ours):
            known[one.topic] = replace(one, issue=number)
    return frozenset(known.values())


def _invisible_writes(history: History, now: Observed) -> list[str]:
    """The unresolved effects that would leave a trace, and that none is visible of.

    The list may only lag behind, and then to write again at once would be to write twice.
    """
    found, run = set(traces(now.marks, now.written)), PutCheckRun.__name__
    before = history.marks.check_run if history.marks else None
    if (now.marks.check_run, now.written.check_run_id) == (before, history.written.check_run_id):
        found.discard(run)  # it is the one from before
    # The last check run that may have been written was found on an earlier head.
    heads = {one.head_sha for one in history.intended[-1:]}
    if heads & {one.head_sha for one in now.earlier}:
        found.add(run)
    return sorted(
        name for name in history.unresolved if not is_repeatable(name) and name not in found
    )


def _invisible_marks(history: History, pull: Pull, now: Observed) -> list[str]:
    """The names of recorded marks that are not visible: deleted, or the list lags behind.

    If it only lags, to restore them at once would be to write twice.
    """
    before = replace(history.marks or Marks(), issues=frozenset())  # each is read by its number
    run = PutCheckRun.__name__
    lost = traces(before, history.written) - traces(now.marks, now.written) - {run}
    here = before.check_run is not None and before.check_run.head_sha == pull.head_sha
    if here and now.written.check_run_id < history.written.check_run_id:
        lost |= {run}
    return sorted(lost)
