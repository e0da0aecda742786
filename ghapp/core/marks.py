"""The nouns that go out: our marks on a pull request, and the writes that make them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import assert_never


@dataclass(frozen=True, slots=True)
class Annotation:
    """A note on one line of the diff. level: failure | warning | notice."""

    path: str
    line: int
    level: str
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class Action:
    """A button of a completed check run. GitHub admits three.

    label: at most 20 characters; description: 40; identifier: 20.
    Source: https://docs.github.com/rest/checks/runs#create-a-check-run
    """

    label: str
    description: str
    identifier: str


@dataclass(frozen=True, slots=True)
class CheckRun:
    """The check run `NFR review` on one head SHA.

    conclusion: "" while in progress, else success | neutral | action_required | cancelled, and on
    the head of a merge queue, which waits for no one, failure.
    digest: of everything below and of what it was computed from; two runs are equal when head
    SHA and digest are equal, since annotations can be added on GitHub but never removed.
    annotated: digest of the annotations and of how often a new run was asked for; a run is
    patched only while it stays the same.
    """

    head_sha: str
    digest: str
    conclusion: str = field(default="", compare=False)
    title: str = field(default="", compare=False)
    summary: str = field(default="", compare=False)
    text: str = field(default="", compare=False)
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    annotated: str = field(default="", compare=False)
    actions: tuple[Action, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Reaction:
    """How a comment is acknowledged. content: +1 done | eyes accepted | confused refused.

    on: comment | review_comment | review, which have ids of their own. node_id: of a review.
    """

    comment_id: int
    content: str
    on: str = "comment"
    node_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """One more comment, in answer to a message (`/nfr help`); never edited afterwards."""

    message_id: str
    body: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Issue:
    """The issue of one follow-up of this pull; item and due day tell whether it is as it should be.

    body: with its marker. owner: whom to assign. label: (name, colour, description).
    """

    item: str
    due: str
    title: str = field(default="", compare=False)
    body: str = field(default="", compare=False)
    owner: str = field(default="", compare=False)
    label: tuple[str, str, str] = field(default=("", "", ""), compare=False)


@dataclass(frozen=True, slots=True)
class Marks:
    """All that this app has on a pull request: both the existing ones and the wanted ones.

    comment: Markdown with "\\n" line ends and no trailing space; "" where there is none.
    labels: only those this app owns.
    """

    check_run: CheckRun | None = None
    comment: str = ""
    labels: frozenset[str] = frozenset()
    reactions: frozenset[Reaction] = frozenset()
    replies: frozenset[Reply] = frozenset()
    issues: frozenset[Issue] = frozenset()


@dataclass(frozen=True, slots=True)
class Written:
    """Where our marks live on GitHub, from the answers to our writes; 0 where there are none.

    annotated: as in that run; "" where it is not one that we know, so that a new one is made.
    """

    check_run_id: int = 0
    comment_id: int = 0
    annotated: str = ""


@dataclass(frozen=True, slots=True)
class PutCheckRun:
    """Create the run, or patch the run `run_id` where that is not 0."""

    check_run: CheckRun
    run_id: int


@dataclass(frozen=True, slots=True)
class PutComment:
    """Create the one comment, or edit `comment_id` where that is not 0."""

    body: str
    comment_id: int


@dataclass(frozen=True, slots=True)
class AddLabels:
    """Add labels, creating with colour and description those the repository lacks.

    described: name -> (colour as six hex digits, description).
    """

    described: tuple[tuple[str, str, str], ...]  # (name, colour, description), sorted


@dataclass(frozen=True, slots=True)
class RemoveLabel:
    name: str


@dataclass(frozen=True, slots=True)
class React:
    reaction: Reaction


@dataclass(frozen=True, slots=True)
class PostReply:
    reply: Reply


@dataclass(frozen=True, slots=True)
class OpenIssue:
    issue: Issue


@dataclass(frozen=True, slots=True)
class EditIssue:
    """Give the issue `number` another due day."""

    issue: Issue
    number: int


Effect = (
    PutCheckRun | PutComment | AddLabels | RemoveLabel | React | PostReply | OpenIssue | EditIssue
)


def name(effect: Effect) -> str:
    """The effect in the record of writes under way: "PutComment", "OpenIssue dbm-lock"."""
    kind = type(effect).__name__
    match effect:
        case OpenIssue(issue):
            return f"{kind} {issue.item}"
        case PostReply(reply):
            return f"{kind} {reply.message_id}"
    return kind


@dataclass(frozen=True, slots=True)
class Outcome:
    """GitHub's answer to a write. id: of the check run or comment, the issue's number; else 0.

    answered_at: the `Date` of the answer, GitHub's own clock. assigned: whether an issue has the
    assignee that was asked for.
    """

    id: int
    answered_at: datetime
    assigned: bool = True


def plan(
    desired: Marks,
    observed: Marks,
    written: Written,
    described: Mapping[str, tuple[str, str]],
    issues: Mapping[str, int] = MappingProxyType({}),
) -> tuple[Effect, ...]:
    """The effects that turn `observed` into `desired`; empty when they are equal.

    described: label name -> (colour, description), for those that must be created.
    issues: item -> number of its follow-up issue, 0 where GitHub takes none.
    The check run comes first: it may block a merge. The rest is best effort. Reactions and
    replies are never removed.
    """
    effects: list[Effect] = []
    run = desired.check_run
    if run and run != observed.check_run:
        effects.append(PutCheckRun(run, _patchable(run, observed.check_run, written)))
    added = sorted(desired.labels - observed.labels)
    if added:
        labels = tuple((name, *described.get(name, ("ededed", ""))) for name in added)
        effects.append(AddLabels(labels))
    effects += [RemoveLabel(name) for name in sorted(observed.labels - desired.labels)]
    if desired.comment != observed.comment:
        effects.append(PutComment(desired.comment, written.comment_id))
    reactions = desired.reactions - observed.reactions
    effects += map(React, sorted(reactions, key=lambda one: (one.on, one.comment_id, one.content)))
    replies = desired.replies - observed.replies
    effects += map(PostReply, sorted(replies, key=lambda one: one.message_id))
    effects += _issues(desired, observed, issues)
    return tuple(effects)


def after(there: Marks, effects: Iterable[Effect]) -> Marks:
    """The marks as these effects leave them."""
    for effect in effects:
        match effect:
            case PutCheckRun(run):
                there = replace(there, check_run=run)
            case PutComment(body):
                there = replace(there, comment=body)
            case AddLabels(described):
                there = replace(there, labels=there.labels | {name for name, *_ in described})
            case RemoveLabel(name):
                there = replace(there, labels=there.labels - {name})
            case React(reaction):
                there = replace(there, reactions=there.reactions | {reaction})
            case PostReply(reply):
                there = replace(there, replies=there.replies | {reply})
            case OpenIssue(issue) | EditIssue(issue):
                others = (one for one in there.issues if one.item != issue.item)
                there = replace(there, issues=frozenset({*others, issue}))
            case _:
                assert_never(effect)
    return there


def _issues(desired: Marks, observed: Marks, issues: Mapping[str, int]) -> Iterator[Effect]:
    """New ones, and those with another due day; none is ever closed by us."""
    there = {issue.item: issue for issue in observed.issues}
    for issue in sorted(desired.issues - observed.issues, key=lambda one: one.item):
        if issue.item not in there:
            yield OpenIssue(issue)
        elif issues.get(issue.item):
            yield EditIssue(issue, issues[issue.item])


def _patchable(run: CheckRun, there: CheckRun | None, written: Written) -> int:
    """The id of the run to patch, or 0 for a new one.

    GitHub only ever adds annotations to a run, and does not take a completed one back to pending.
    """
    reopened = bool(there and there.conclusion) and not run.conclusion
    same = there is not None and there.head_sha == run.head_sha
    kept = written.annotated == run.annotated
    return written.check_run_id if same and kept and not reopened else 0
