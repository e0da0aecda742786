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
class CheckRun:
    """The check run `NFR review` on one head SHA.

    conclusion: "" while in progress, else success | neutral | action_required | cancelled.
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


@dataclass(frozen=True, slots=True)
class Reaction:
    """How a comment is acknowledged. content: +1 done | eyes accepted | confused refused."""

    comment_id: int
    content: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One more comment, in answer to an utterance (`/nfr help`); never edited afterwards."""

    utterance_id: str
    body: str = field(compare=False)


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


@dataclass(frozen=True, slots=True)
class Written:
    """Where our marks live on GitHub, from the answers to our writes; 0 where there are none.

    annotated: as in that run; "" where it was found by reading back, so that a new one is made.
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


Effect = PutCheckRun | PutComment | AddLabels | RemoveLabel | React | PostReply


@dataclass(frozen=True, slots=True)
class Outcome:
    """GitHub's answer to a write. id: of the check run or comment; 0 for the others.

    answered_at: the `Date` of the answer, GitHub's own clock.
    """

    id: int
    answered_at: datetime
