"""Two areas with reviewers of their own, the people around them, and what the judge makes of it."""

from __future__ import annotations

from dataclasses import replace

from ghapp.core.areas import Reviewers
from ghapp.core.ledger import Entry, Refusal
from ghapp.core.model import Message, Rights
from ghapp.core.policy.policy import Policy
from ghapp.core.records import FollowUp, History
from ghapp.core.review.judge import judge
from ghapp.core.scan.checklist import Checklist
from tests.core.build import REVIEWER, area, asked, facts, flagged, history, policy, shown

DB, WEB = area("db"), area("web", reviewers=Reviewers(users=("wes",)))
BOTH = asked(flagged(DB, "d1"), flagged(WEB, "w1"))
SEEN = shown({"db": "d1", "web": "w1"})
RULES = policy(DB, WEB, waivers=Reviewers(teams=("leads",)))
RIGHTS: dict[str, Rights] = {
    "sam": REVIEWER,
    "sue": REVIEWER,
    "ann": Rights(write=True, teams=frozenset({"acme/sre"})),
    "wes": Rights(write=True),
    "bob": Rights(write=True),
    "lee": Rights(write=True, teams=frozenset({"acme/leads"})),
    "eve": Rights(),
    "una": Rights(unclear=("The App needs Members: read.",)),
}


def entries(
    *said: Message,
    rules: Policy = RULES,
    was: History | None = None,
    checklist: Checklist = BOTH,
    follow_ups: tuple[FollowUp, ...] = (),
    on_issue: bool = False,
    **known: object,
) -> tuple[Entry, ...]:
    """What the judge adds to the ledger."""
    seen = facts(rules, *said, rights=RIGHTS, **known)  # type: ignore[arg-type]
    seen = replace(seen, follow_ups=follow_ups, on_issue=on_issue)
    return judge(seen, was or history(SEEN), checklist).entries


def verdicts(*said: Message, **known: object) -> list[tuple[str, str, str]]:
    """Each entry in short: verb, subject and right; of a refusal its reason and detail."""
    return [brief(one) for one in entries(*said, **known)]  # type: ignore[arg-type]


def brief(one: Entry) -> tuple[str, str, str]:
    if one.refusal:
        return ("refused", one.refusal.reason, detail(one.refusal))
    return (one.verb.value, one.subject, one.right)


def detail(refusal: Refusal) -> str:
    """All that a refusal names, in short."""
    named = (refusal.subject, refusal.instead, ", ".join(refusal.names))
    return " ".join(filter(None, named))
