"""The nouns that go out: what a pull request carries of ours, and the writes that bring it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


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
    """One more comment, in answer to an utterance (`/nfr help`); never edited afterwards."""

    utterance_id: str
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
    """All that this app has on a pull request: both what is there and what should be.

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
            return f"{kind} {reply.utterance_id}"
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
