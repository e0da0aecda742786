"""The issue of a project, judged as a pull without a diff: what can be asked on it, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from ghapp.core.areas import Area
from ghapp.core.ledger import Entry
from ghapp.core.policy.policy import Policy
from ghapp.core.records import Consultation, History, Shown
from ghapp.core.review.facts import Facts
from ghapp.core.review.projects import asked_mark, waiting
from ghapp.core.scan.checklist import Checklist, Flagged

BEGINNING = datetime.min.replace(tzinfo=UTC)


def judging(policy: Policy) -> Policy:
    """The policy as it holds on issues: there is no diff, and only a project is asked about."""
    return replace(
        policy,
        allow_author=True,
        require_answers="none",
        sign_off_by=policy.sign_off_by | {"command"},
        areas=tuple(areas(policy).values()),
        general=None,
    )


def areas(policy: Policy) -> Mapping[str, Area]:
    """The areas with questions about a whole project, with these questions alone, by id."""
    found = {}
    for area in policy.areas:
        items = tuple(item for item in area.items if item.scope == "project")
        if items:
            found[area.id] = replace(area, items=items)
    return found


def checklist(policy: Policy) -> Checklist:
    """All that can be asked about a project. What an answer is bound to is the question itself."""
    return Checklist(
        tuple(
            Flagged(
                area, (), (), area.items, "", marks={one.id: asked_mark(one) for one in area.items}
            )
            for area in areas(policy).values()
        )
    )


def seen(history: History, asked: Checklist) -> History:
    """The history in which everybody has always seen these questions."""
    shown = Shown(
        "",
        BEGINNING,
        {one.area.id: one.fingerprint for one in asked.flagged},
        {item: mark for one in asked.flagged for item, mark in one.marks.items()},
    )
    return replace(history, shown=(shown,))


def consultation(facts: Facts, ledger: tuple[Entry, ...]) -> Consultation | None:
    """What waits for the reviewers; None if nothing does."""
    asked = waiting(ledger)
    if not asked:
        return None
    first = min(asked.values(), key=lambda one: one.asked.said_at)
    last = max(asked.values(), key=lambda one: one.last.said_at)
    key = facts.pull.key
    named = (one.reviewers.words for one in facts.policy.areas if one.id in asked)
    return Consultation(
        key.repository.full_name,
        key.number,
        facts.pull.title,
        facts.pull.url,
        tuple(area for area in asked if area),
        last.last.speaker,
        first.asked.said_at,
        last.last.note,
        tuple(dict.fromkeys(word for words in named for word in words)),
    )
