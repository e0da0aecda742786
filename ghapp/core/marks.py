"""The nouns that go out: our marks on a pull request, and the writes that make them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar


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


REVIEW, POLICY = "NFR review", "NFR policy"


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One of our check runs on one head SHA: the review, or what a change of the policy does.

    conclusion: "" while in progress, else success | neutral | action_required | cancelled; on the
    head of a merge queue also failure, because a queue cannot wait. A policy has success or
    failure.
    digest: of everything below, except the policy in force at the end of `text`, and of what it was
    computed from; two runs are equal when head SHA and digest are equal, since annotations can be
    added on GitHub but never removed.
    annotated: digest of the annotations and of how often a new run was asked for; a run is
    patched only while it stays the same.
    details_url: where *Details* leads; "" for the App's home page. What is new in it alone rewrites
    no check run.
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
    name: str = REVIEW
    details_url: str = field(default="", compare=False)


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
    """One more comment, in answer to a message; edited when the same is asked again.

    issue: number of the follow-up's issue that it is on; 0 if it is on the pull.
    topic: what is answered to whom, as "help:ann"; there is one reply for each. message_id: of the
    message that was answered last. comment_id: 0 if it is still to be written.
    """

    topic: str
    message_id: str
    body: str = field(compare=False)
    comment_id: int = field(default=0, compare=False)
    issue: int = 0


@dataclass(frozen=True, slots=True)
class Issue:
    """The issue of one follow-up of this pull. Two are equal if item, due day and `done` are.

    body: with its marker. owner: whom to assign. label: (name, colour, description). done: as in
    FollowUp.
    """

    item: str
    due: str
    title: str = field(default="", compare=False)
    body: str = field(default="", compare=False)
    owner: str = field(default="", compare=False)
    label: tuple[str, str, str] = field(default=("", "", ""), compare=False)
    done: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """All that this app has on a pull request: both the existing ones and the wanted ones.

    comment: Markdown with "\\n" line ends and no trailing space; "" if there is none.
    labels: only those this app owns. requests: as in RequestReview, all that were ever made.
    """

    check_run: CheckRun | None = None
    comment: str = ""
    labels: frozenset[str] = frozenset()
    reactions: frozenset[Reaction] = frozenset()
    replies: frozenset[Reply] = frozenset()
    issues: frozenset[Issue] = frozenset()
    requests: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Written:
    """The ids of our marks on GitHub, from the answers to our writes; 0 if there is no such mark.

    annotated: as in that check run; "" if the run is not known, so that a new one is created.
    """

    check_run_id: int = 0
    comment_id: int = 0
    annotated: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """GitHub's answer to a write. id: of the check run or comment, the issue's number; else 0.

    answered_at: the `Date` of the answer, GitHub's own clock. assigned: whether an issue has the
    assignee that was asked for.
    """

    id: int
    answered_at: datetime
    assigned: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """What effects are planned from.

    described: label name -> (colour, description), for those that must be created.
    issues: item -> number of its follow-up issue, 0 if GitHub accepts none.
    """

    desired: Marks
    observed: Marks
    written: Written
    described: Mapping[str, tuple[str, str]]
    issues: Mapping[str, int]


class Effect(ABC):
    """A write to GitHub. Each kind is a class in KINDS.

    best_effort: whether the run goes on if it fails; only the check run may block a merge.
    repeatable: whether a write that may have taken effect is simply repeated. If not, its trace is
    searched for first.
    """

    __slots__ = ()
    best_effort: ClassVar[bool] = True
    repeatable: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """How the record of unresolved writes names the effect: its kind, perhaps its subject."""
        return type(self).__name__

    @classmethod
    @abstractmethod
    def planned(cls, change: Change) -> Iterable[Effect]:
        """The effects of this kind that a change needs, in order."""

    @abstractmethod
    def applied(self, marks: Marks) -> Marks:
        """The marks as this effect leaves them."""

    @classmethod
    def traces(cls, marks: Marks, written: Written) -> Iterable[str]:
        """The names of effects of this kind that have left a trace in these marks."""
        return ()


@dataclass(frozen=True, slots=True)
class PutCheckRun(Effect):
    """Create the run, or patch the run `run_id` if that is not 0."""

    check_run: CheckRun
    run_id: int
    best_effort = repeatable = False

    @classmethod
    def planned(cls, change: Change) -> Iterable[Effect]:
        """A new run if the old one cannot become it: GitHub never removes annotations of a run,
        and does not reopen a completed run.
        """
        run, existing, written = change.desired.check_run, change.observed.check_run, change.written
        if run is None or run == existing:
            return
        reopened = bool(existing and existing.conclusion) and not run.conclusion
        same = existing is not None and existing.head_sha == run.head_sha
        patchable = same and written.annotated == run.annotated and not reopened
        yield cls(run, written.check_run_id if patchable else 0)

    def applied(self, marks: Marks) -> Marks:
        return replace(marks, check_run=self.check_run)

    @classmethod
    def traces(cls, marks: Marks, written: Written) -> Iterable[str]:
        return [cls.__name__] if written.check_run_id else []


@dataclass(frozen=True, slots=True)
class AddLabels(Effect):
    """Add labels, creating with colour and description those the repository lacks.

    described: (name, colour as six hex digits, description), sorted.
    """

    described: tuple[tuple[str, str, str], ...]

    @classmethod
    def planned(cls, change: Change) -> Iterable[Effect]:
        added = sorted(change.desired.labels - change.observed.labels)
        if added:
            looks = change.described
            yield cls(tuple((name, *looks.get(name, ("ededed", ""))) for name in added))

    def applied(self, marks: Marks) -> Marks:
        return replace(marks, labels=marks.labels | {name for name, *_ in self.described})


@dataclass(frozen=True, slots=True)
class RemoveLabel(Effect):
    label: str

    @classmethod
    def planned(cls, change: Change) -> Iterable[Effect]:
        return map(cls, sorted(change.observed.labels - change.desired.labels))

    def applied(self, marks: Marks) -> Marks:
        return replace(marks, labels=marks.labels - {self.label})


@dataclass(frozen=True, slots=True)
class PutComment(Effect):
    """Create the one comment, or edit `comment_id` if that is not 0."""

    body: str
    comment_id: int
    repeatable = False

    @classmethod
    def planned(cls, change: Change) -> Iterable[Effect]:
        if change.desired.comment != change.observed.comment:
            yield cls(change.desired.comment, change.written.comment_id)

    def applied(self, marks: Marks) -> Marks:
        return replace(marks, comment=self.body)

    @classmethod
    def traces(cls, marks: Marks, written: Written) -> Iterable[str]:
        return [cls.__name__] if written.comment_id else []


@dataclass(frozen=True, slots=True)
class React(Effect):
    """Reactions are never removed. Adding one again changes nothing on GitHub."""

    reaction: Reaction

    @classmethod
    def planned(cls, change: Change) -> Iterable[Effect]:
        added = change.desired.reactions - change.observed.reactions
        return map(cls, sorted(added, key=lambda one: (one.on, one.comment_id, one.content)))

    def applied(self, marks: Marks) -> Marks:
        return replace(marks, reactions=marks.reactions | {self.reaction})


@dataclass(frozen=True, slots=True)
class PostReply(Effect):
    """Create a reply, or edit it if it has a `comment_id`. Replies are never removed."""

    reply: Reply
    repeatable = False

    @property
    def name(self) -> str:
        return f"PostReply {self.reply.message_id}"

    @classmethod
    def planned(cls, change: Change) -> Iterable[Effect]:
        added = change.desired.replies - change.observed.replies
        return map(cls, sorted(added, key=lambda one: one.topic))

    def applied(self, marks: Marks) -> Marks:
        others = (one for one in marks.replies if one.topic != self.reply.topic)
        return replace(marks, replies=frozenset({*others, self.reply}))

    @classmethod
    def traces(cls, marks: Marks, written: Written) -> Iterable[str]:
        return [cls(reply).name for reply in marks.replies]


AGAIN = "again-"


@dataclass(frozen=True, slots=True)
class RequestReview(Effect):
    """Have GitHub ask for reviews. Asking somebody twice changes nothing there.

    requests: "team:SLUG:MARK" or "user:LOGIN:MARK", sorted. MARK is a digest of what waits, so that
    the same people are asked again about something else only; or AGAIN and since when they have
    been waited for, to remind them once of that.
    """

    requests: tuple[str, ...]

    @classmethod
    def planned(cls, change: Change) -> Iterable[Effect]:
        added = sorted(change.desired.requests - change.observed.requests)
        if added:
            yield cls(tuple(added))

    def applied(self, marks: Marks) -> Marks:
        return replace(marks, requests=marks.requests | {*self.requests})

    def names(self, kind: str, *, reminded: bool = False) -> list[str]:
        """The slugs of the teams, or the logins of the users. reminded: only of those."""
        found = (one.split(":") for one in self.requests)
        marks = AGAIN if reminded else ""
        return sorted({name for of, name, mark in found if of == kind and mark.startswith(marks)})


@dataclass(frozen=True, slots=True)
class OpenIssue(Effect):
    issue: Issue
    repeatable = False

    @property
    def name(self) -> str:
        return f"OpenIssue {self.issue.item}"

    @classmethod
    def planned(cls, change: Change) -> Iterable[Effect]:
        existing = {issue.item for issue in change.observed.issues}
        added = [issue for issue in change.desired.issues if issue.item not in existing]
        return map(cls, sorted(added, key=lambda one: one.item))

    def applied(self, marks: Marks) -> Marks:
        return _with_issue(marks, self.issue)

    @classmethod
    def traces(cls, marks: Marks, written: Written) -> Iterable[str]:
        return [cls(issue).name for issue in marks.issues]


@dataclass(frozen=True, slots=True)
class EditIssue(Effect):
    """Give the issue `number` another due day."""

    issue: Issue
    number: int

    @classmethod
    def planned(cls, change: Change) -> Iterable[Effect]:
        return (cls(*one) for one in _changed(change, lambda issue: issue.due))

    def applied(self, marks: Marks) -> Marks:
        return _with_issue(marks, self.issue)


@dataclass(frozen=True, slots=True)
class CloseIssue(Effect):
    """Close the issue `number`, because somebody said that its follow-up is done."""

    issue: Issue
    number: int

    @property
    def name(self) -> str:
        return f"CloseIssue {self.issue.item}"

    @classmethod
    def planned(cls, change: Change) -> Iterable[Effect]:
        return (cls(*one) for one in _changed(change, lambda issue: issue.done))

    def applied(self, marks: Marks) -> Marks:
        return _with_issue(marks, self.issue)


def _changed(change: Change, part: Callable[[Issue], str]) -> Iterator[tuple[Issue, int]]:
    """The issues that GitHub has with another value of this part, each with its number."""
    before = {issue.item: part(issue) for issue in change.observed.issues}
    for issue in sorted(change.desired.issues, key=lambda one: one.item):
        number = change.issues.get(issue.item, 0)
        if number and before.get(issue.item, part(issue)) != part(issue):
            yield issue, number


def _with_issue(marks: Marks, issue: Issue) -> Marks:
    others = (one for one in marks.issues if one.item != issue.item)
    return replace(marks, issues=frozenset({*others, issue}))


# In the order in which they are planned: the check run comes first.
KINDS: tuple[type[Effect], ...] = (
    *(PutCheckRun, AddLabels, RemoveLabel, PutComment),
    *(React, PostReply, RequestReview, OpenIssue, EditIssue, CloseIssue),
)


def plan(
    desired: Marks,
    observed: Marks,
    written: Written,
    described: Mapping[str, tuple[str, str]],
    issues: Mapping[str, int] = MappingProxyType({}),
) -> tuple[Effect, ...]:
    """The effects that turn `observed` into `desired`; empty when they are equal.

    written, described, issues: as in `Change`. The check run comes first, the rest is best effort.
    """
    change = Change(desired, observed, written, described, issues)
    return tuple(effect for kind in KINDS for effect in kind.planned(change))


def after(marks: Marks, effects: Iterable[Effect]) -> Marks:
    """The marks as these effects leave them."""
    for effect in effects:
        marks = effect.applied(marks)
    return marks


def traces(marks: Marks, written: Written) -> frozenset[str]:
    """The names of all effects that have left a trace in these marks."""
    return frozenset(name for kind in KINDS for name in kind.traces(marks, written))


def is_repeatable(name: str) -> bool:
    """Whether the effect of this name may be repeated without a search for its trace."""
    return all(kind.repeatable for kind in KINDS if kind.__name__ == name.partition(" ")[0])
