"""The message for the retro: the numbers of some weeks, and three things worth talking about.

It goes to the channels of Slack that get the stand-up's message, if a policy says when, and is sent
once as that is. Issues and the channels of single teams get none.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

from ghapp import logs
from ghapp.core.areas import Text
from ghapp.core.digest import Retro, retro_due
from ghapp.core.i18n import Words
from ghapp.core.insights import (
    AUTHOR,
    LEAST_EVENTS,
    OUTCOMES,
    REVIEWERS,
    Question,
    percentile,
    worth_it,
)
from ghapp.core.model import Repository
from ghapp.core.policy.policy import Policy, Rules
from ghapp.core.records import PolicySource
from ghapp.core.text.digest import Digest, Line, Part, day_named
from ghapp.core.text.places import Place
from ghapp.core.text.question_report import proposals
from ghapp.core.text.turns import age
from ghapp.errors import Busy, StoreFailed
from ghapp.store import Store, insights, pages, policies, stats
from ghapp.store.insights import Insights
from ghapp.store.pages import Due
from ghapp.worker.digest import Audience, Sender, audience, named
from ghapp.worker.schedule import in_turn

TURN, KIND = "retro", "retro"
FIRST_SECONDS = 40.0
LEAST_WEEKS = 2
A_DAY = timedelta(hours=9)  # of work, as on `/insights`

log = logs.logger()


@dataclass(frozen=True, slots=True)
class Attending:
    """Who gets the message of which retro."""

    audience: Audience
    retro: Retro


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to look back on.

    waits: by area, how often it waited for its reviewers for how many minutes. overdue: the
    follow-up that is longest overdue. texts: questions by id.
    """

    insights: Insights
    waits: Mapping[str, Mapping[int, int]]
    overdue: Due | None = None
    texts: Mapping[str, Text] = field(default_factory=dict)


def attending(
    known: Mapping[Repository, PolicySource], rules: Rules, webhooks: Iterable[str]
) -> tuple[Attending, ...]:
    """All channels whose policies name a retro; of several retros the most frequent one."""
    found = []
    for target, by in sorted(named(known, rules, webhooks).items(), key=lambda one: str(one[0])):
        mine = [one for one in by if one[1].retro.first]
        if mine and target.kind == "slack" and not target.team:
            found.append(Attending(audience(target, mine), _most_frequent(mine)))
    return tuple(found)


def _most_frequent(by: Iterable[tuple[Repository, Policy]]) -> Retro:
    return Counter(policy.retro for _, policy in by).most_common(1)[0][0]


async def all_attending(
    store: Store, rules: Rules, webhooks: Iterable[str]
) -> tuple[Attending, ...]:
    """The same, by the policies as last read. Raises Busy and StoreFailed."""
    known = await store.records.read(policies.of_all)
    return await asyncio.to_thread(attending, known, rules, webhooks)


async def made(store: Store, one: Attending, day: date, rules: Rules, place: Place) -> Digest:
    """The message of the retro of that day. Raises Busy and StoreFailed."""
    read, seen = store.records.read, frozenset(each.id for each in one.audience.repositories)
    since = day - timedelta(weeks=max(one.retro.weeks, LEAST_WEEKS))
    first = since - timedelta(days=since.weekday())
    today = (await read(stats.now)).astimezone(place.zone).date()
    weeks = max((today - first).days // 7, 0) + 1
    asked = insights.Narrowed(weeks=weeks)
    owed = await read(pages.follow_ups, seen, place.zone, 0)
    _, overdue = owed.parts.get(pages.OVERDUE, (0, ()))
    found = Found(
        await read(insights.insights, seen, asked, place.zone),
        await read(insights.reviewers_waits, seen, first),
        overdue[0] if overdue else None,
        {item.id: item.question for area in rules.packs for item in area.items},
    )
    return worded(found, day, today, place, Words(one.audience.language))


# --- the words ------------------------------------------------------------------------------------


def worded(found: Found, day: date, today: date, place: Place, words: Words) -> Digest:
    """What is said on a day, of numbers that begin with the first of their weeks."""
    numbers = found.insights
    parts = [
        Part(words(f"retro_{name}"), tuple(lines), len(lines))
        for name, lines in (
            ("topics", [*_topics(found, today, place, words)]),
            ("flow", [*_flow(numbers, words)]),
            ("questions", [*_questions(numbers.questions, words)]),
            ("debt", [_debt(numbers, words)]),
        )
        if lines
    ]
    address = place.base_url and f"{place.base_url}/insights?lang={words.language}"
    summary = [words("retro_since", day=day_named(min(numbers.weeks), words))]
    if not numbers.since:
        summary.append(words("retro_nothing"))
    return Digest(
        words("retro_heading", day=day_named(day, words)),
        tuple(summary),
        tuple(parts),
        queue=address,
        opens="retro_open",
    )


def _topics(found: Found, today: date, place: Place, words: Words) -> Iterator[Line]:
    """Up to three: a question that seldom applies, a long wait, and an old promise."""
    given = [one for one in found.insights.questions if one.given >= LEAST_EVENTS]
    if often := [one for one in given if one.not_applicable]:
        asked = max(often, key=lambda one: (one.not_applicable_percent, one.given))
        numbers = {"percent": asked.not_applicable_percent, "given": asked.given}
        text = words.text(found.texts[asked.item]) if asked.item in found.texts else ""
        yield Line(asked.item, "", words("retro_topic_question", **numbers), (text,))
    longest = {area: max(waits) for area, waits in found.waits.items() if waits}
    if longest:
        area = max(longest, key=lambda area: longest[area])
        waited = age((timedelta(minutes=longest[area]), A_DAY), words)
        yield Line(area, "", words("retro_topic_wait", waited=waited))
    if one := found.overdue:
        what = one.follow_up
        days = (today - date.fromisoformat(what.due)).days
        yield Line(
            f"{one.full_name.partition('/')[2]}#{what.issue or what.number}",
            place.follow_up(one.full_name, what),
            words("retro_topic_overdue", days=days),
            (what.item, what.owner),
        )


def _flow(numbers: Insights, words: Words) -> Iterator[Line]:
    """How long people waited, and what pull requests came to."""
    for turn in (REVIEWERS, AUTHOR):
        waits = Counter[int]()
        for week in numbers.weeks.values():
            waits.update(week.waits.get(turn, {}))
        count = sum(waits.values())
        if count >= LEAST_EVENTS:
            half, most = (
                age((timedelta(minutes=percentile(waits, part)), A_DAY), words) for part in (50, 90)
            )
            times = words("retro_times", half=half, most=most)
        elif count:
            times = words.joined(
                [age((timedelta(minutes=one), A_DAY), words) for one in sorted(waits.elements())]
            )
        if count:
            yield Line(words(f"retro_wait_{turn}"), "", times, (f"n {count}",))
    sums = Counter[str]()
    for week in numbers.weeks.values():
        sums.update({name: week.sums.get(name, 0) for name in ("flagged", *OUTCOMES)})
    if any(sums.values()):
        outcomes = [f"{words(f'page_outcome_{one}')} {sums[one]}" for one in OUTCOMES]
        flagged = words("retro_flagged", count=sums["flagged"])
        yield Line(flagged, "", "", tuple(outcomes))


def _questions(questions: Iterable[Question], words: Words) -> Iterator[Line]:
    """How all were answered, and those that may not be worth asking."""
    sums = Counter[str]()
    for one in (found := worth_it(questions)):
        sums.update(
            {name: getattr(one, name) for name in ("asked", "answered", "not_applicable")}
            | {"deferred": one.deferred, "findings": one.findings}
        )
    if sums["asked"]:
        yield Line(words("retro_asked", **sums), "")
    for one in found:
        if one.proposals:
            kinds = words.joined([words(f"page_proposal_{kind}") for kind in one.proposals])
            yield Line(one.item, "", kinds, proposals(one, words))


def _debt(numbers: Insights, words: Words) -> Line:
    """Follow-ups that were opened and closed, and those that are open now."""
    sums = Counter[str]()
    for week in numbers.weeks.values():
        sums.update({name: week.sums.get(name, 0) for name in ("deferred", "resolved")})
    open_now = {"open": numbers.owed, "overdue": numbers.overdue}
    return Line(words("retro_follow_ups", **open_now, **sums), "")


# --- sending --------------------------------------------------------------------------------------


class Retros:
    """Sends what is due."""

    def __init__(
        self, store: Store, sender: Sender, webhooks: frozenset[str], rules: Rules, place: Place
    ) -> None:
        self._store, self._sender, self._webhooks = store, sender, webhooks
        self._rules, self._place = rules, place

    async def run(self, first_seconds: float = FIRST_SECONDS) -> None:
        """Look every few minutes, for ever; all processes take turns."""

        def failed(error: Busy | StoreFailed) -> None:
            log.error("cannot send the message for a retro", reason=str(error))

        async def look() -> None:
            await self.send_due(await self._store.records.read(stats.now))

        await in_turn(self._store, TURN, look, failed, first_seconds)

    async def send_due(self, now: datetime) -> None:
        """Send those that are due and not sent. Raises Busy and StoreFailed."""
        if not self._webhooks:
            return
        for one in await all_attending(self._store, self._rules, self._webhooks):
            day = retro_due(one.retro, self._place.zone, now, one.audience.works_on)
            if day is not None:
                make = partial(made, self._store, one, day, self._rules, self._place)
                await self._sender.settled(one.audience, f"{KIND}:{day}", make)
