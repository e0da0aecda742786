"""The pieces that comment and check run are made of, as Markdown; "" where there is nothing."""

from __future__ import annotations

from dataclasses import replace

from ghapp.core.areas import Hit
from ghapp.core.i18n import joined, say, sentences
from ghapp.core.markdown import code, plain
from ghapp.core.records import Verdict
from ghapp.core.review.review import AreaReview, PullState, Review
from ghapp.core.text.findings import by_severity, opened, why

BETWEEN = " · "
MOST_REASONS = 3
MOST_FILES = 5
_INTROS = {
    PullState.WAITING_AUTHOR: "intro_waiting_author",
    PullState.SIGNED_OFF: "intro_signed",
}


def title(area: AreaReview, language: str) -> str:
    """The area's title inside Markdown."""
    return plain(area.title.to(language))


def intro(seen: Review) -> str:
    """The opening sentence of the comment."""
    language = seen.facts.policy.language
    touched = (area for area in seen.areas if not area.is_concern)
    names = tuple(f"**{title(area, language)}**" for area in touched)
    words = _INTROS.get(seen.state, "intro")
    if not names:
        return say(language, "intro_concerns") if seen.areas else ""
    return sentences(language, say(language, words, areas=joined(language, names)), marked(seen))


def reasons(area: AreaReview, seen: Review, most: int = MOST_REASONS) -> str:
    """Why the area is flagged: the first few hits, and how many more there are."""
    language = seen.facts.policy.language
    named = [why(_bare(hit, area, seen), language) for hit in area.hits[:most]]
    left = len(area.hits) - len(named)
    more = (say(language, "and_more", count=left),) if left > 0 else ()
    return joined(language, (*named, *more))


def _bare(hit: Hit, area: AreaReview, seen: Review) -> Hit:
    """The hit without the text of a line that holds a finding.

    It may be a secret, and what GitHub has sent out by mail cannot be taken back.
    """
    if hit.kind != "diff":
        return hit
    here = [
        one
        for other in seen.areas
        for one in other.findings
        if (one.path, one.line) == (hit.path, hit.line)
    ]
    own = next((one.hazard for one in here if one.area == area.id), "")
    if own:
        return replace(hit, kind="hazard", what=own)
    return replace(hit, kind="line", what="") if here else hit


def marked(seen: Review) -> str:
    """Where the findings are to be seen; "" where none is on a line."""
    lines = any(one.line for area in seen.areas for one in area.findings)
    return say(seen.facts.policy.language, "findings_where") if lines else ""


def findings(seen: Review) -> str:
    """The check run's count of findings over all areas, and what to do about a harmless one."""
    language = seen.facts.policy.language
    every = tuple(one for area in seen.areas for one in area.findings)
    if not every:
        return ""
    counts = say(language, "findings_summary", counts=by_severity(every, language))
    hint = say(language, "findings_hint") if opened(every) else ""
    return sentences(language, counts, marked(seen), hint)


def partly(seen: Review) -> str:
    """The files whose added lines were not all looked at."""
    language, paths = seen.facts.policy.language, seen.checklist.partly
    if not paths:
        return ""
    named = [code(path) for path in paths[:MOST_FILES]]
    left = len(paths) - len(named)
    named += [say(language, "and_more_files", count=left)] if left else []
    return say(language, "partly", paths=joined(language, (*named,)))


def policy_problems(seen: Review) -> str:
    """The mistakes in the policy file, and what holds until they are mended."""
    policy = seen.facts.policy
    if not policy.problems:
        return ""
    lines = [f"- {code(str(problem), 400)}" for problem in policy.problems[:20]]
    return "\n".join([say(policy.language, f"policy_{policy.standing}"), "", *lines])


def shared(language: str, verdict: Verdict, others: tuple[Verdict, ...]) -> tuple[str, ...]:
    """All pulls that share the head, each with what it asks."""
    if not others:
        return ()
    lines = [
        "- " + say(language, "shared_line", number=one.number, title=plain(one.title))
        for one in sorted((verdict, *others), key=lambda one: one.number)
    ]
    return (say(language, "shared"), "\n".join(lines))


def hints(seen: Review) -> str:
    """Areas that only the title speaks of."""
    policy, hinted = seen.facts.policy, seen.checklist.hints
    titles = {area.id: area.title.to(policy.language) for area in policy.areas if area.id in hinted}
    names = tuple(plain(titles[area]) for area in hinted if area in titles)
    return say(policy.language, "hint", areas=joined(policy.language, names)) if names else ""
