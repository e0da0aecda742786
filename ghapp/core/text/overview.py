"""A review as pages show it between two runs, in both languages."""

from __future__ import annotations

from collections import Counter

from ghapp.core.areas import Text
from ghapp.core.i18n import LANGUAGES, Words
from ghapp.core.ledger import Entry
from ghapp.core.markdown import visible
from ghapp.core.records import Asked, FlaggedArea, Hours, Note, Overview
from ghapp.core.review.review import AreaReview, PullState, Review
from ghapp.core.text.reasons import MOST_EXPLAINED, flagged_by

MOST_NOTE = 1_000  # characters


def overview(review: Review) -> Overview:
    """What pages show of the review until its next run."""
    pull, working = review.facts.pull, review.facts.policy.working_time
    return Overview(
        title=pull.title,
        author=pull.author,
        is_draft=pull.is_draft,
        hours=Hours(working.days, working.hours, working.holidays, working.days_off),
        areas=tuple(_area(one, review) for one in review.areas),
        holds=tuple(map(_note, review.holds)) if review.state is PullState.ON_HOLD else (),
        at=review.facts.now,
        head_sha=pull.head_sha,
        is_merged=pull.is_merged,
        release=review.release,
        freeze=review.freeze,
    )


def _area(area: AreaReview, review: Review) -> FlaggedArea:
    why = (
        flagged_by(area, review, Words(language), MOST_EXPLAINED, visible) for language in LANGUAGES
    )
    answers, reviewers = area.answered, area.reviewers
    found = Counter(one.item for one in area.findings)
    return FlaggedArea(
        area.id,
        area.title,
        area.mode,
        area.standing.state.value,
        Text(*why),
        reviewers=(*(f"team {one}" for one in reviewers.teams), *reviewers.users),
        signed=_note(area.standing.signed) if area.standing.signed else None,
        items=tuple(
            Asked(
                item.id,
                item.severity,
                item.question,
                _note(answers[item.id]) if item.id in answers else None,
                found[item.id],
            )
            for item in area.items
        ),
    )


def _note(entry: Entry) -> Note:
    return Note(
        entry.verb,
        entry.speaker,
        entry.said_at,
        entry.note[:MOST_NOTE],
        entry.subject,
        entry.head_sha,
        entry.until,
    )
