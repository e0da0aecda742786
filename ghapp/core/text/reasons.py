"""Why things are asked: what flagged an area, and what brought up each of its questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from ghapp.core.areas import Hit, Item, Reason
from ghapp.core.i18n import Words
from ghapp.core.markdown import code, paragraphs, plain
from ghapp.core.review.review import AreaReview, Review
from ghapp.core.scan.triggers import AddedHit, PullHit
from ghapp.core.text.findings import listed, rank
from ghapp.core.text.status import area_title, signers

MOST_REASONS = 3  # hits of an area; the explanation has more
MOST_EXPLAINED = 10
MOST_FACTS = 5


@dataclass(frozen=True, slots=True)
class HazardHit(Hit):
    """An added line with a finding of this area; the line itself is not shown."""

    kind = "diff"
    words = "hazard"
    hazard: str


@dataclass(frozen=True, slots=True)
class BareHit(Hit):
    """An added line with a finding of another area; the line itself is not shown."""

    kind = "diff"
    words = "line"


def why(hit: Hit, words: Words, name: Callable[[str], str] = code) -> str:
    """The hit as a clause. name: how to show a name from the pull safely, such as `code`."""
    if isinstance(hit, PullHit):
        return words("hit_pull", reasons=decided(hit.reasons, words, name))
    facts = {one.name: getattr(hit, one.name) for one in fields(hit)}
    shown = {
        key: f"{fact:,}" if isinstance(fact, int) else name(fact) for key, fact in facts.items()
    }
    place = f"{hit.path}:{hit.line}" if hit.line else hit.path
    return words(f"hit_{hit.words}", **shown, place=name(place))


def decided(reasons: Sequence[Reason], words: Words, name: Callable[[str], str] = code) -> str:
    """The facts that decided a condition on the pull request, as a clause. name: as for `why`."""
    shown = [
        words(f"reason_{one.words}", name=name(one.name), count=f"{one.count:,}")
        for one in reasons[:MOST_FACTS]
    ]
    return words.joined(shown, len(reasons) - MOST_FACTS)


def modes(review: Review, words: Words) -> str:
    """The modes that the policy's rules gave to what is flagged, each with its reasons."""
    found: dict[tuple[str, tuple[Reason, ...]], list[str]] = {}
    for area in review.areas:
        if because := area.flagged.area.mode_why:
            found.setdefault((area.mode, because), []).append(area_title(area, words))
    return "\n".join(
        words(
            "mode_why",
            areas=words.joined(titles),
            mode=code(mode),
            why=decided(because, words),
        )
        for (mode, because), titles in found.items()
    )


def exempt(review: Review, words: Words) -> str:
    """The areas that the policy takes this pull request out of, each with the facts."""
    return "\n".join(
        words("exempt", area=plain(words.text(one.area.title)), why=decided(one.reasons, words))
        for one in review.checklist.exempt
    )


def flagged_by(
    area: AreaReview,
    review: Review,
    words: Words,
    most: int = MOST_REASONS,
    name: Callable[[str], str] = code,
) -> str:
    """Why the area is flagged: the first few hits, and how many more there are. name: as for `why`.

    The text of a line with a finding is left out: it may be a secret, and GitHub sends comments out
    by mail.
    """
    findings = [finding for other in review.areas for finding in other.findings]
    reasons: list[str] = []
    for hit in area.hits[:most]:
        shown, here = hit, [one for one in findings if (one.path, one.line) == (hit.path, hit.line)]
        if isinstance(hit, AddedHit) and here:
            own = next((finding.hazard for finding in here if finding.area == area.id), "")
            shown = BareHit(path=hit.path, line=hit.line)
            if own:
                shown = HazardHit(own, path=hit.path, line=hit.line)
        reasons.append(why(shown, words, name))
    return words.joined(reasons, len(area.hits) - most)


def hints(review: Review, words: Words) -> str:
    """The areas that only the title suggests."""
    titles = {area.id: plain(words.text(area.title)) for area in review.facts.policy.areas}
    names = [titles[area] for area in review.checklist.hints if area in titles]
    return words("hint", areas=words.joined(names)) if names else ""


def explanation(review: Review, words: Words) -> str:
    """Every area with what flagged it, every question with what brought it up."""
    sha = code(review.facts.pull.head_sha[:7])
    blocks = [words("explain" if review.areas else "explain_clear", sha=sha)]
    for area in review.areas:
        heading = words(
            "explain_area",
            area=area_title(area, words),
            id=code(area.id),
            why=flagged_by(area, review, words, MOST_EXPLAINED),
            who=signers([area], review, words),
        )
        items = "\n".join(_question(item, area, words) for item in area.items)
        blocks.append(f"{heading}\n\n{items}" if items else heading)
    return paragraphs(*blocks, modes(review, words), exempt(review, words), hints(review, words))


def _question(item: Item, area: AreaReview, words: Words) -> str:
    """One question: why it is asked, and what was found in the diff."""
    found = [finding for finding in area.findings if finding.item == item.id]
    why = plain(words.text(item.why))
    line = words(
        "explain_item",
        item=code(item.id),
        severity=words(f"sev_{item.severity}"),
        why=why or words("explain_raised" if area.is_concern else "explain_always"),
    )
    return "\n".join((line, *(f"  - {one}" for one in listed(sorted(found, key=rank), words))))
