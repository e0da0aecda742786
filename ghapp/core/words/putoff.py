"""Follow-ups as Markdown: those of this pull, and those of others that press on its areas."""

from __future__ import annotations

from ghapp.core.followups import is_overdue, pressing
from ghapp.core.markdown import code, literal
from ghapp.core.memory import FollowUp
from ghapp.core.review import AreaReview, Review
from ghapp.core.words.parts import BETWEEN
from ghapp.core.words.texts import say

MOST_DEBTS = 3  # of one area
MOST_OWN = 20


def own(seen: Review) -> str:
    """The follow-ups of this pull, once they are made."""
    language = seen.facts.policy.language
    made = seen.follow_ups[:MOST_OWN]
    if not made:
        return ""
    lines = [f"- {_own(one, language)}" for one in made]
    left = len(seen.follow_ups) - len(made)
    lines += [f"- {say(language, 'and_more', count=left)}"] if left else []
    return "\n".join([f"**{say(language, 'follow_ups')}**", "", *lines])


def debts(area: AreaReview, seen: Review) -> tuple[str, ...]:
    """What was put off in this area by other pulls and is due: a day, never how many are left."""
    language = seen.facts.policy.language
    due = pressing(area, seen)
    lines = [_debt(one, seen) for one in due[:MOST_DEBTS]]
    left = len(due) - len(lines)
    return (*lines, *([say(language, "debts_more", count=left)] if left else []))


def owner(login: str) -> str:
    """A login as words, which mention nobody."""
    return literal(login, 60)


def _own(one: FollowUp, language: str) -> str:
    key = "follow_up_open" if one.is_open else "follow_up_closed"
    words = say(language, key, item=code(one.item), due=one.due, owner=owner(one.owner))
    lost = one.is_open and one.issue and not one.assigned
    note = (say(language, "not_assigned"),) if lost else ()
    return BETWEEN.join((words, _issue(one, language), *note))


def _debt(one: FollowUp, seen: Review) -> str:
    language = seen.facts.policy.language
    key = "debt_overdue" if is_overdue(one, seen) else "debt_due"
    words = say(language, key, item=code(one.item), due=one.due)
    origin = say(language, "put_off_in", number=one.number)
    return BETWEEN.join((words, _issue(one, language), origin))


def _issue(one: FollowUp, language: str) -> str:
    return f"#{one.issue}" if one.issue else say(language, "no_issue")
