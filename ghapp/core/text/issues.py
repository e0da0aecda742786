"""A follow-up -> the issue that keeps it from being forgotten; a marker tells which one it is."""

from __future__ import annotations

import re

from ghapp.core.areas import Item
from ghapp.core.i18n import say, sentences
from ghapp.core.markdown import code, link, literal, visible
from ghapp.core.marks import Issue
from ghapp.core.records import FollowUp
from ghapp.core.review.review import Review
from ghapp.core.text.questions import wording
from ghapp.core.text.status import owner

LABEL_COLOUR = "d4c5f9"
MOST_TITLE = 240  # characters; GitHub takes 256
MOST_QUESTION = 100  # of the question in a title
_MARKER = re.compile(r"<!-- ghapp:follow-up ([1-9][0-9]{0,9}):([A-Za-z0-9._-]{1,100}) -->")


def marker(number: int, item: str) -> str:
    """The first line of the issue of an item of the pull `number`."""
    return f"<!-- ghapp:follow-up {number}:{item} -->"


def read_marker(body: str) -> tuple[int, str] | None:
    """The pull's number and the item of one of our issues; None where it is none."""
    found = _MARKER.fullmatch(body.split("\n", 1)[0].strip())
    return (int(found[1]), found[2]) if found else None


def issue(one: FollowUp, seen: Review) -> Issue:
    """The issue of a follow-up, in words that do not depend on how the review goes on."""
    policy = seen.facts.policy
    language, asked = policy.language, _asked(one.item, seen)
    short = visible(asked.question.to(language), MOST_QUESTION) if asked else ""
    key = "issue_title" if short else "issue_title_bare"
    title = say(language, key, item=one.item, question=short, number=one.number, due=one.due)
    return Issue(
        item=one.item,
        due=one.due,
        title=visible(title, MOST_TITLE),
        body=_body(one, asked, seen),
        owner=one.owner,
        label=(
            policy.labels["follow_up"],
            LABEL_COLOUR,
            say(language, "follow_up_description"),
        ),
    )


def _asked(name: str, seen: Review) -> Item | None:
    """The question of the follow-up; of an area that is flagged no more as the policy has it."""
    here = (item for area in seen.areas for item in area.items)
    known = (item for area in seen.facts.policy.areas for item in area.items)
    return next((item for item in (*here, *known) if item.id == name), None)


def _body(one: FollowUp, asked: Item | None, seen: Review) -> str:
    pull, policy = seen.facts.pull, seen.facts.policy
    language = policy.language
    name = f"{pull.key.repository.full_name}#{one.number}"
    words = say(
        language,
        "issue_body",
        item=code(one.item),
        question=wording(asked, language).question if asked else "",
        pull=link(name, pull.url) if pull.url else literal(name),
        reason=code(one.reason, 1_000),
        owner=owner(one.owner),
        due=one.due,
    )
    more = say(
        language,
        "issue_extended" if one.extended else "issue_extend",
        command=code(f"/nfr defer {one.item} until YYYY-MM-DD -- {say(language, 'a_reason')}"),
        days=policy.defer.max_days,
    )
    close = sentences(language, say(language, "issue_close"), more)
    return f"{marker(one.number, one.item)}\n{words}\n\n{close}\n"
