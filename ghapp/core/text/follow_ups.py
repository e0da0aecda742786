"""Follow-ups as lines of the comment, and as issues."""

from __future__ import annotations

import re

from ghapp.core.i18n import Words
from ghapp.core.markdown import code, dotted, link, literal, login, visible
from ghapp.core.marks import Issue, Reply
from ghapp.core.policy.policy import Policy
from ghapp.core.records import FollowUp
from ghapp.core.review.follow_ups import Reminder, is_overdue, pressing
from ghapp.core.review.review import AreaReview, Review
from ghapp.core.text.labels import described
from ghapp.core.text.questions import wording

MOST_OWN = 20
MOST_DEBTS = 3  # of one area
MOST_TITLE = 240  # characters; GitHub takes 256
MOST_EVIDENCE = 200  # characters
MOST_QUESTION = 100  # of the question in a title
_MARKER = re.compile(r"<!-- ghapp:follow-up ([1-9][0-9]{0,9}):([A-Za-z0-9._-]{1,100}) -->")


def own(review: Review, words: Words) -> str:
    """The follow-ups of this pull, as far as they exist; else ""."""
    made = review.follow_ups
    if not made:
        return ""
    lines = [f"**{words('follow_ups')}**", ""]
    said = {entry.id: entry for entry in review.ledger}
    for follow_up in made[:MOST_OWN]:
        by = None if follow_up.is_open else said.get(follow_up.done)
        state = "open" if follow_up.is_open else "done" if by else "closed"
        text = words(
            f"follow_up_{state}",
            item=code(follow_up.item),
            due=follow_up.due,
            owner=login(follow_up.owner),
            who=login(by.speaker) if by else "",
        )
        lost = follow_up.is_open and follow_up.issue and not follow_up.assigned
        note = words("not_assigned") if lost else ""
        evidence = code(by.note, MOST_EVIDENCE) if by and by.note else ""
        lines.append(f"- {dotted(text, evidence, _issue(follow_up, words), note)}")
    left = len(made) - MOST_OWN
    if left > 0:
        lines.append(f"- {words('and_more', count=left)}")
    return "\n".join(lines)


def debts(area: AreaReview, review: Review, words: Words) -> tuple[str, ...]:
    """Other pulls' follow-ups in this area that are due. Days are named, never counted down."""
    due = pressing(area, review)
    lines = [
        dotted(
            words(
                "debt_overdue" if is_overdue(debt, review) else "debt_due",
                item=code(debt.item),
                due=debt.due,
            ),
            _issue(debt, words),
            words("deferred_in", number=debt.number),
        )
        for debt in due[:MOST_DEBTS]
    ]
    left = len(due) - MOST_DEBTS
    return (*lines, words("debts_more", count=left)) if left > 0 else tuple(lines)


def _issue(follow_up: FollowUp, words: Words) -> str:
    return f"#{follow_up.issue}" if follow_up.issue else words("no_issue")


def marker(number: int, item: str) -> str:
    """The first line of a follow-up's issue. number: of the pull."""
    return f"<!-- ghapp:follow-up {number}:{item} -->"


def read_marker(body: str) -> tuple[int, str] | None:
    """The pull's number and the item of a follow-up's issue; None if it is another issue."""
    found = _MARKER.fullmatch(body.split("\n", 1)[0].strip())
    return (int(found[1]), found[2]) if found else None


def issue(follow_up: FollowUp, review: Review) -> Issue:
    """The issue of a follow-up. Its text does not depend on how the review goes on.

    If the area is no longer flagged, the question is the policy's.
    """
    pull, policy = review.facts.pull, review.facts.policy
    words = Words(policy.language)
    number, name, due = follow_up.number, follow_up.item, follow_up.due
    here = (item for area in review.areas for item in area.items)
    known = (item for area in policy.areas for item in area.items)
    item = next((item for item in (*here, *known) if item.id == name), None)
    short = visible(words.text(item.question), MOST_QUESTION) if item else ""
    key = "issue_title" if short else "issue_title_bare"
    title = words(key, item=name, question=short, number=number, due=due)
    shown = f"{pull.key.repository.full_name}#{number}"
    text = words(
        "issue_body",
        item=code(name),
        question=wording(item, words).question if item else "",
        pull=link(shown, pull.url) if pull.url else literal(shown),
        reason=code(follow_up.reason, 1_000),
        owner=login(follow_up.owner),
        due=due,
    )
    label = policy.labels["follow_up"]
    return Issue(
        item=name,
        due=due,
        title=visible(title, MOST_TITLE),
        body=f"{marker(number, name)}\n{text}\n\n{_ways(follow_up, policy, words)}\n",
        owner=follow_up.owner,
        label=(label, *described(policy)[label]),
        done=follow_up.done,
    )


def reminder(one: Reminder, review: Review) -> Reply:
    """The comment on the issue of a follow-up that is due, or overdue for long.

    It mentions nobody: GitHub tells whoever is assigned, and whoever follows the issue.
    """
    policy, made = review.facts.policy, one.follow_up
    words, day = Words(policy.language), made.last_day
    said = words(f"reminder_{one.stage}", number=made.number, day=day)
    id = f"{one.stage}:{day}:{made.issue}"
    return Reply(
        topic=id,
        message_id=id,
        body=f"{said}\n\n{_ways(made, policy, words)}",
        issue=made.issue,
    )


def _ways(follow_up: FollowUp, policy: Policy, words: Words) -> str:
    """What can be done on the issue: to close the follow-up, or to move its day."""
    ends = words("issue_close", command=code(f"/nfr done -- {words('usage_evidence')}"))
    more = words(
        "issue_extended" if follow_up.extended else "issue_extend",
        command=code(f"/nfr defer {follow_up.item} until YYYY-MM-DD -- {words('usage_reason')}"),
        days=policy.defer.max_days,
    )
    return words.sentences(ends, more)
