"""Standing reviews -> the page of each, and the one that lists them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ghapp.core.i18n import Words
from ghapp.core.markdown import code, dotted, link, literal, paragraphs, visible
from ghapp.core.model import configuration_page
from ghapp.core.review.configuration import Tracked
from ghapp.core.scan.checklist import SEVERITIES
from ghapp.core.text.places import Place
from ghapp.store.pages import ConfigurationPage, Configured
from ghapp.web.views.parts import MOST_NAME, MOST_NOTE, MOST_TITLE, MOST_WHY, listed, time_of


@dataclass(frozen=True, slots=True)
class FoundRow:
    """What a rule finds in one file. note: why it is accepted, or since when it is there."""

    path: str
    lines: str
    url: str
    note: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule with the files in which it finds something."""

    hazard: str
    severity: str
    message: str
    files: tuple[FoundRow, ...]


@dataclass(frozen=True, slots=True)
class WeekRow:
    monday: str
    must: int
    should: int
    could: int
    accepted: int
    total: int


@dataclass(frozen=True, slots=True)
class ConfigurationView:
    """The standing review of a repository. weeks: newest first; most: the highest total."""

    repository: str
    url: str
    issue: int
    searched_at: datetime
    files: int
    counts: str
    opened: tuple[RuleView, ...]
    accepted: tuple[RuleView, ...]
    weeks: tuple[WeekRow, ...]
    most: int


def configuration_view(page: ConfigurationPage, place: Place, words: Words) -> ConfigurationView:
    standing, name = page.standing, visible(page.full_name, MOST_NAME)
    assert standing.searched_at
    weeks = [
        WeekRow(*(one.monday, one.must, one.should, one.could, one.accepted), total=sum(counts))
        for one in reversed(page.weeks)
        for counts in [(one.must, one.should, one.could)]
    ]
    counts = standing.counts()
    return ConfigurationView(
        repository=name,
        url=place.issue(page.full_name, page.issue) if page.issue else "",
        issue=page.issue,
        searched_at=standing.searched_at,
        files=standing.files,
        counts=words.joined(
            words("findings_of", count=counts[one], severity=words(f"sev_{one}"))
            for one in SEVERITIES
            if counts[one]
        ),
        opened=tuple(_rules(standing.open, page, place, words)),
        accepted=tuple(_rules(standing.waived, page, place, words)),
        weeks=tuple(weeks),
        most=max((one.total for one in weeks), default=0),
    )


@dataclass(frozen=True, slots=True)
class ConfiguredRow:
    """What is open in one repository, by severity. page: its path here. url: of the issue."""

    repository: str
    must: int
    should: int
    could: int
    accepted: int
    searched_at: datetime
    issue: int
    url: str
    page: str


@dataclass(frozen=True, slots=True)
class ConfigurationsView:
    repositories: tuple[ConfiguredRow, ...]


def configurations_view(found: Iterable[Configured], place: Place) -> ConfigurationsView:
    """All standing reviews."""
    return ConfigurationsView(
        tuple(
            ConfiguredRow(
                visible(one.full_name, MOST_NAME),
                *(one.week.must, one.week.should, one.week.could, one.week.accepted),
                one.searched_at,
                one.issue,
                place.issue(one.full_name, one.issue) if one.issue else "",
                configuration_page(one.full_name),
            )
            for one in found
        )
    )


def _rules(
    found: Iterable[Tracked], page: ConfigurationPage, place: Place, words: Words
) -> Iterable[RuleView]:
    """The rules of these findings in the order given, each with its files."""
    groups: dict[str, dict[str, list[Tracked]]] = {}
    for one in found:
        groups.setdefault(one.hazard, {}).setdefault(one.path, []).append(one)
    for hazard, files in groups.items():
        message = page.legend.get(hazard)
        severity = next(iter(files.values()))[0].severity
        yield RuleView(
            hazard,
            words(f"sev_{severity}"),
            visible(words.text(message), MOST_WHY) if message else "",
            tuple(_found(path, here, page, place, words) for path, here in files.items()),
        )


def _found(
    path: str, here: list[Tracked], page: ConfigurationPage, place: Place, words: Words
) -> FoundRow:
    first, day = here[0], min(one.first_seen for one in here).astimezone(place.zone).date()
    note = words("configuration_since", day=day.isoformat())
    if page.standing.is_accepted(first):
        entry = (page.standing.accepted or {}).get(str(first.place))
        reason = first.accepted or (entry.note if entry else "")
        note = f"{reason} ({entry.speaker})" if entry and not first.accepted else reason
    address = place.line(page.full_name, "HEAD", path, first.line)
    return FoundRow(
        visible(path, MOST_TITLE),
        ", ".join(dict.fromkeys(str(one.line) for one in here)),
        address,
        visible(note, MOST_NOTE),
        any(map(page.standing.is_new, here)),
    )


def configuration_markdown(view: ConfigurationView, place: Place, words: Words) -> str:
    """The standing review of a repository as text to paste."""
    name = link(view.repository, view.url) if view.url else literal(view.repository)
    weeks = [
        f"- {one.monday}: "
        + words.joined(
            words("findings_of", count=getattr(one, severity), severity=words(f"sev_{severity}"))
            for severity in SEVERITIES
        )
        for one in view.weeks
    ]
    return (
        paragraphs(
            f"## {words('page_configuration')} {name} ({time_of(view.searched_at, place)})",
            view.counts or words("page_none"),
            *(
                listed(title, len(lines), lines, words)
                for title, rules in (
                    (words("page_configuration_open"), view.opened),
                    (words("configuration_accepted"), view.accepted),
                )
                for lines in [list(_found_markdown(rules, words))]
            ),
            listed(words("page_configuration_by_week"), len(weeks), weeks, words),
        )
        + "\n"
    )


def _found_markdown(rules: Iterable[RuleView], words: Words) -> Iterator[str]:
    for rule in rules:
        for one in rule.files:
            yield "- " + dotted(
                f"{code(rule.hazard)} {rule.severity}",
                link(one.path, one.url),
                words("page_configuration_lines", lines=one.lines),
                literal(one.note),
                literal(rule.message),
            )


def configurations_markdown(view: ConfigurationsView, place: Place, words: Words) -> str:
    """All standing reviews as text to paste."""
    lines = [
        "- "
        + dotted(
            link(one.repository, one.url) if one.url else literal(one.repository),
            words.joined(
                words(
                    "findings_of", count=getattr(one, severity), severity=words(f"sev_{severity}")
                )
                for severity in SEVERITIES
            ),
            f"{words('accepted')} {one.accepted}",
            time_of(one.searched_at, place),
        )
        for one in view.repositories
    ]
    heading = words("page_configuration")
    return "\n".join((f"## {heading}", "", *(lines or [words("page_none")]), ""))
