"""Projects: a pull joins or leaves one; an issue becomes one, and asks the reviewers early."""

from __future__ import annotations

from collections.abc import Iterable

from ghapp.core.areas import Area
from ghapp.core.ledger import Refusal, Verb
from ghapp.core.model import Pull
from ghapp.core.patterns import regexes
from ghapp.core.review.case import MOST_SHOWN, Case, Command, Judged, known, laid_bare, merged
from ghapp.core.review.projects import NONE, reference, waiting

MOST_TEXT = 8_192  # characters of an issue in which areas are looked for
PROJECT_USAGE, CONSULT_USAGE = "project #12", "consult [AREA...] [-- note]"


def join(case: Case, command: Command) -> tuple[Judged, ...]:
    """The pull joins the project named, or leaves its project; only questions get fewer by that."""
    if not case.rights.write:
        return (case.no_right("project_no_write"),)
    if len(command.subjects) != 1:
        return (Refusal("project_unnamed", PROJECT_USAGE),)
    word = command.subjects[0]
    named = NONE if word == NONE else reference(word, case.facts.pull.key.repository.full_name)
    if not named:
        return (Refusal("project_unreadable", laid_bare(word, MOST_SHOWN)),)
    return (case.done(Verb.PROJECT, named, "write"),)


def begin(case: Case, command: Command) -> tuple[Judged, ...]:
    """The issue becomes a project."""
    if command.subjects:
        return (Refusal("subjects_unwanted", "project"),)
    if not case.rights.write:
        return (case.no_right("project_no_write"),)
    return (case.done(Verb.PROJECT, "", "write"),)


def has_begun(case: Case) -> bool:
    """Whether the issue is a project: it has the label, or somebody has just made it one."""
    label = case.policy.projects.label
    return label in case.facts.observed.labels or any(
        entry.verb is Verb.PROJECT for entry in case.before
    )


def only_on_issues(case: Case, command: Command) -> tuple[Judged, ...]:
    """The refusal on a pull."""
    del case, command
    return (Refusal("only_on_issues", CONSULT_USAGE),)


def consult(case: Case, command: Command) -> tuple[Judged, ...]:
    """The reviewers are asked about the areas named, or those that the issue suggests."""
    if not case.rights.write:
        return (case.no_right("project_no_write"),)
    areas = {id: one.area for id, one in case.flagged.items() if id in case.fingerprints}
    if command.subjects:
        named, strange = known(command.subjects, areas, "unknown_project_area")
    else:
        named, strange = likely(case.facts.pull, areas.values()), ()
        if not named and not command.note:
            return (Refusal("nothing_likely", CONSULT_USAGE, names=tuple(areas)),)
    subjects = named or (() if strange else ("",))
    asked = (case.done(Verb.CONSULT, one, "write", command.note) for one in subjects)
    return (*merged(asked), *strange)


def likely(issue: Pull, areas: Iterable[Area]) -> tuple[str, ...]:
    """The areas that an issue suggests: by its labels, or by their names in its title and text."""
    text = f"{issue.title}\n{issue.body[:MOST_TEXT]}".casefold()
    labels = {label.casefold() for label in issue.labels}
    found = []
    for area in areas:
        named = {f"nfr/area: {area.id}", *(one.casefold() for one in area.detect.labels)}
        names = (area.id, area.title.en.casefold(), area.title.ja)
        by_title = area.detect.title and regexes.search(area.detect.title, issue.title)
        if named & labels or by_title or any(name and name in text for name in names):
            found.append(area.id)
    return tuple(found)


def accept(case: Case, command: Command) -> tuple[Judged, ...]:
    """The consultation about the areas named is answered; without any, all that the speaker may."""
    asked = waiting(case.before)
    if command.subjects:
        areas, strange = known(command.subjects, case.flagged, "unknown_project_area")
    else:
        rights = {area: _right(case, area) for area in asked}
        areas, strange = tuple(area for area, right in rights.items() if right) or tuple(asked), ()
        if not areas:
            return (Refusal("nothing_consulted"),)
    outcomes: list[Judged] = []
    for area in areas:
        right = _right(case, area)
        done = case.done(Verb.SIGN_OFF, area, right, command.note)
        outcomes.append(done if right else case.no_right("not_reviewer", area))
    return (*merged(outcomes), *strange)


def _right(case: Case, area: str) -> str:
    return case.right(area) if area else case.right_to_pull()
