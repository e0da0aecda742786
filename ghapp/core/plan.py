"""Marks to be - marks observed -> the effects that lead from one to the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import assert_never

from ghapp.core.marks import (
    AddLabels,
    CheckRun,
    EditIssue,
    Effect,
    Marks,
    OpenIssue,
    PostReply,
    PutCheckRun,
    PutComment,
    React,
    RemoveLabel,
    Written,
)


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
    The check run comes first: it is the gate, the rest is courtesy. Reactions and replies are
    never taken back.
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
    effects += map(PostReply, sorted(replies, key=lambda one: one.utterance_id))
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
