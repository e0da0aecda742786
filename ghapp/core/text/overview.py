"""A review as pages show it between two runs, in both languages."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator

from ghapp.core.areas import Text
from ghapp.core.i18n import LANGUAGES, Words
from ghapp.core.ledger import Entry
from ghapp.core.markdown import visible
from ghapp.core.records import (
    Asked,
    FlaggedArea,
    Found,
    Hours,
    Note,
    OfProject,
    Overview,
    PolicyFile,
    PolicySource,
    ProjectArea,
)
from ghapp.core.review.projects import holding
from ghapp.core.review.review import AreaReview, PullState, Review
from ghapp.core.text.findings import rank
from ghapp.core.text.projects import Board
from ghapp.core.text.reasons import MOST_EXPLAINED, flagged_by

MOST_NOTE = 1_000  # characters
MOST_FOUND = 20  # findings of an area


def overview(review: Review) -> Overview:
    """What pages show of the review until its next run."""
    project = review.facts.project
    pull, working = review.facts.pull, review.facts.policy.working_time
    return Overview(
        title=pull.title,
        author=pull.author,
        is_draft=pull.is_draft,
        hours=Hours(working.days, working.hours, working.holidays, working.days_off),
        areas=tuple(_area(one, review) for one in review.areas),
        holds=tuple(map(_note, review.holds)) if review.state is PullState.ON_HOLD else (),
        policy=tuple(_files(review.facts.source)),
        waivers=review.facts.policy.waivers.words,
        labels=review.facts.policy.labels,
        at=review.facts.now,
        head_sha=pull.head_sha,
        is_merged=pull.is_merged,
        release=review.release,
        freeze=review.freeze,
        project=OfProject(project.key, project.title) if project else None,
    )


def project_areas(board: Board) -> Iterator[ProjectArea]:
    """What pages show of a project's areas until its next run."""
    given, consulted = board.given, board.consulted
    for area in (None, *board.shown):
        id = area.id if area else ""
        asked = consulted.get(id)
        if area or asked:
            yield ProjectArea(
                id,
                area.title if area else Text("", ""),
                _note(asked.last) if asked else None,
                _note(asked.answered) if asked and asked.answered else None,
                tuple(
                    Asked(
                        *(item.id, item.severity, item.question),
                        _note(given[item.id]) if item.id in given else None,
                    )
                    for item in (area.items if area else ())
                ),
            )


def _files(source: PolicySource) -> Iterator[PolicyFile]:
    """An organisation's file stays in force when it is gone, and a repository's does not."""
    if source.text is not None:
        yield PolicyFile("repository", _sha(source.good), not source.is_broken)
    below = source.organisation
    if below and (below.text is not None or below.good is not None):
        is_current = below.text is not None and not below.is_broken
        yield PolicyFile("organisation", _sha(below.good), is_current)


def _sha(text: str | None) -> str:
    """The name that git gives to a blob with this text."""
    if text is None:
        return ""
    content = text.encode("utf-8", "surrogatepass")
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content)).hexdigest()  # noqa: S324


def _area(area: AreaReview, review: Review) -> FlaggedArea:
    why = (
        flagged_by(area, review, Words(language), MOST_EXPLAINED, visible) for language in LANGUAGES
    )
    given, from_project = area.answered, holding(area.inherited)
    found = Counter(one.item for one in area.findings)
    return FlaggedArea(
        area.id,
        area.title,
        area.mode,
        area.standing.state.value,
        Text(*why),
        reviewers=area.reviewers.words,
        signed=_note(area.standing.signed) if area.standing.signed else None,
        items=tuple(
            Asked(
                item.id,
                item.severity,
                item.question,
                _note(given[item.id]) if item.id in given else None,
                found[item.id],
                item.id in from_project,
            )
            for item in area.items
        ),
        fingerprint=area.fingerprint,
        findings=tuple(
            Found(
                *(one.hazard, one.severity, one.item, one.path, one.line, one.message),
                one.accepted[:MOST_NOTE],
            )
            for one in sorted(area.findings, key=rank)[:MOST_FOUND]
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
