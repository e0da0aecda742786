"""The message for the stand-up: once for each working day and target, whichever process sends it.

The target's row is claimed, then the message is made and sent, then the row is closed. Whatever
fails in between is tried again: at once by another process if this one ends, later if Slack or
GitHub say so.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from ghapp import logs
from ghapp.core.digest import Target, targets
from ghapp.core.i18n import Words
from ghapp.core.model import Repository
from ghapp.core.policy.policy import BUILT_IN, ORGANISATION, Policy, Rules, effective
from ghapp.core.records import Consultation, PolicySource
from ghapp.core.schedule import due
from ghapp.core.text.digest import (
    MOST_LINES,
    Digest,
    Line,
    Part,
    as_markdown,
    as_slack,
    day_named,
)
from ghapp.core.text.places import Place
from ghapp.core.text.turns import age, longest, quoted, release_named, waited, why
from ghapp.core.working_time import WorkingTime
from ghapp.errors import Busy, Gone, Rejected, Retry, StoreFailed, Wait
from ghapp.observer import Observer
from ghapp.slack import Refused, Slack, Unknown, Unsent
from ghapp.store import Store, pages, policies, posts, stats
from ghapp.store.pages import Due, Narrowed, Parked, Planned, Queue, Waiting
from ghapp.store.stand_up import Happened, happened

FIRST_SECONDS, ASK_SECONDS = 20.0, 30.0
LATER_SECONDS = 60.0
KIND = "digest"
MONDAY = 0
MOST_CONSULTED = 3  # that have room kept for them beside reviews
# What is listed, in the order of the message; what waits for the author is only counted.
LISTED = ("reviewers", "hold", "admin")

log = logs.logger()


class Issues(Protocol):
    """Writes the text of an issue. Raises Gone, Rejected, Retry and Wait."""

    async def rewrite_issue(
        self, repository: Repository, number: int, body: str, *, in_private: bool
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Audience:
    """Who gets one message. repositories: that it is about. working: when any of them works."""

    target: Target
    repositories: tuple[Repository, ...]
    language: str
    working: tuple[WorkingTime, ...]

    def works_on(self, day: date) -> bool:
        """Whether anybody does."""
        return any(one.works_on(day) for one in self.working)


def audiences(
    known: Mapping[Repository, PolicySource], rules: Rules, webhooks: Iterable[str]
) -> tuple[Audience, ...]:
    """All targets that the policies in force name. webhooks: the names of those that are set.

    A target that policies of several languages name is written to in the most frequent one.
    """
    found = named(known, rules, webhooks)
    return tuple(audience(target, found[target]) for target in sorted(found, key=str))


def named(
    known: Mapping[Repository, PolicySource], rules: Rules, webhooks: Iterable[str]
) -> Mapping[Target, Sequence[tuple[Repository, Policy]]]:
    """The same targets, each with the repositories and policies that name it."""
    hooks = frozenset(webhooks)
    found: dict[Target, list[tuple[Repository, Policy]]] = {}
    for repository, source in known.items():
        policy = effective(source, rules)
        for target in targets(policy.digest, hooks):
            if target.kind == "issue" and not _may_name(policy, target, repository):
                text = "only the organisation's policy may name another repository's issue"
                log.warning("no digest", target=str(target), of=repository.full_name, reason=text)
                continue
            found.setdefault(target, []).append((repository, policy))
    return found


def audience(target: Target, by: Sequence[tuple[Repository, Policy]]) -> Audience:
    """The audience of a target that these name."""
    return Audience(
        target,
        tuple(repository for repository, _ in by),
        Counter(policy.language for _, policy in by).most_common(1)[0][0],
        tuple(dict.fromkeys(policy.working_time for _, policy in by)),
    )


def _may_name(policy: Policy, target: Target, repository: Repository) -> bool:
    """Whether whoever wrote the policy may have that issue rewritten."""
    key = "digest.teams" if target.team else "digest.issue"
    where = target.name.partition("#")[0].casefold()
    is_own = where == repository.full_name.casefold()
    is_above = policy.origins.get(key, BUILT_IN).layer == ORGANISATION
    return is_own or (is_above and where.partition("/")[0] == repository.owner)


# --- the words ------------------------------------------------------------------------------------


def worded(
    queue: Queue,
    last: tuple[date, datetime] | None,
    day: date,
    team: str,
    place: Place,
    words: Words,
    changed: Happened | None = None,
) -> Digest | None:
    """What is said on a day; None if there is nothing to say, which one line says on Mondays.

    last: the day of the last message, and when it was sent; what is newer is marked. None if none
    ever was. changed: what happened since then.
    """
    parts, since = [], last[1] if last else None
    for turn in LISTED[:-1]:
        total, rows = queue.turns.get(turn, (0, ()))
        lines = [_review(one, turn, queue.now, since, place, words) for one in rows[:MOST_LINES]]
        if turn == "reviewers":
            count, asked = queue.consultations
            total += count
            lines = lines[: MOST_LINES - len(asked[:MOST_CONSULTED])]
            room = MOST_LINES - len(lines)
            lines += [_asked(one, queue.now, since, place, words) for one in asked[:room]]
        parts.append(Part(words(f"digest_{turn}"), tuple(lines), total))
    total, parked = queue.parked
    lines = [_parked(one, queue.now, since, place, words) for one in parked[:MOST_LINES]]
    parts.append(Part(words("digest_admin"), tuple(lines), total))
    promised = [queue.follow_ups.get(part, (0, ())) for part in (pages.OVERDUE, pages.TODAY)]
    owed = [one for _, rows in promised for one in rows][:MOST_LINES]
    lines = [_promise(one, day, place, words) for one in owed]
    parts.append(Part(words("digest_promised"), tuple(lines), sum(n for n, _ in promised)))
    listed = tuple(part for part in parts if part.total)
    address = place.base_url and f"{place.base_url}/?lang={words.language}"
    if team and address:
        address += f"&team={team}"
    heading = words("digest_heading", day=day_named(day, words))
    if team:
        heading = words("report_noted", name=heading, note=team)
    if not listed:
        if day.weekday() != MONDAY:
            return None
        return Digest(heading, (words("digest_nothing"),), (), queue=address)
    summary = _summary(queue, promised[0][0], last and last[0], day, place, words)
    closing: tuple[str, ...] = ()
    if last and changed:
        counts = {"new": changed.new, "signed_off": changed.signed_off, "waived": changed.waived}
        closing = (words("digest_happened", day=day_named(last[0], words), **counts),)
    return Digest(heading, summary, listed, closing, queue=address)


def _summary(
    queue: Queue, overdue: int, last: date | None, day: date, place: Place, words: Words
) -> tuple[str, ...]:
    """The counts, the longest wait, and since when, if a day was left out."""
    counts = {turn: queue.turns.get(turn, (0, ()))[0] for turn in ("reviewers", "author", "hold")}
    said = [words("digest_counts", **counts, overdue=overdue)]
    if wait := longest(queue.waits, queue.now, place.zone, words):
        said.append(words("digest_longest", waited=wait))
    if queue.planned:
        planned = queue.planned
        said.append(_before(planned, words))
    if last and last < day - timedelta(days=1):
        said.append(words("digest_since", day=day_named(last, words)))
    return tuple(said)


def _review(
    one: Waiting, turn: str, now: datetime, since: datetime | None, place: Place, words: Words
) -> Line:
    overview = one.overview
    passed = age(waited(one.since, now, overview.hours, place.zone), words)
    release = release_named(overview.release, words)
    return Line(
        f"{one.full_name.partition('/')[2]}#{one.number}",
        place.pull(one.full_name, one.number),
        overview.title,
        (
            words.joined([area.id for area in overview.waiting]),
            passed,
            why(turn, overview, words) or one.title,
            release and f"{words('page_release')} {release}",
        ),
        is_new=since is not None and one.flagged_since > since,
    )


def _before(planned: Planned, words: Words) -> str:
    """The next release, and what is not signed off for it."""
    missing = [f"{name.partition('/')[2]}#{number}" for name, number in planned.missing]
    named = words.joined(missing, planned.unsigned - len(missing))
    return words(
        "digest_before_release" if missing else "digest_before_release_done",
        release=release_named(planned.release, words),
        flagged=planned.flagged,
        unsigned=planned.unsigned,
        pulls=named,
    )


def _asked(
    one: Consultation, now: datetime, since: datetime | None, place: Place, words: Words
) -> Line:
    """A consultation, which is answered on the issue of its project."""
    return Line(
        f"{one.full_name.partition('/')[2]}#{one.number}",
        place.issue(one.full_name, one.number),
        one.title,
        (
            words("digest_consultation"),
            words.joined(one.areas),
            age(waited(one.asked_at, now, None, place.zone), words),
            words("digest_asks", who=one.who, note=quoted(one.question, words)),
        ),
        is_new=since is not None and one.asked_at > since,
    )


def whereabouts(one: Parked, place: Place) -> tuple[str, str]:
    """What a parked key is called and its address: those of a pull, or else of a repository."""
    if not one.number:
        return one.full_name, place.repository(one.full_name)
    return f"{one.full_name}#{one.number}", place.pull(one.full_name, one.number)


def _parked(one: Parked, now: datetime, since: datetime | None, place: Place, words: Words) -> Line:
    name, address = whereabouts(one, place)
    return Line(
        name,
        address,
        words("page_parked", error=one.error),
        (age(waited(one.since, now, None, place.zone), words),),
        is_new=since is not None and one.since > since,
    )


def _promise(one: Due, day: date, place: Place, words: Words) -> Line:
    what = one.follow_up
    days = (date.fromisoformat(what.last_day) - day).days
    when = words("page_days_over", days=-days) if days < 0 else words("page_is_today")
    return Line(
        f"{one.full_name.partition('/')[2]}#{what.issue or what.number}",
        place.follow_up(one.full_name, what),
        what.item,
        (when, what.owner, what.reason),
    )


async def known_audiences(
    store: Store, rules: Rules, webhooks: Iterable[str]
) -> tuple[Audience, ...]:
    """All of them, by the policies as last read. Raises Busy and StoreFailed."""
    known = await store.records.read(policies.of_all)
    return await asyncio.to_thread(audiences, known, rules, webhooks)


async def made(store: Store, audience: Audience, day: date, place: Place) -> Digest | None:
    """The message on that day; None if there is nothing to say. Raises Busy and StoreFailed."""
    last = await store.records.read(posts.last_sent, audience.target.id, KIND)
    since = (date.fromisoformat(last[0]), last[1]) if last else None
    seen, team = frozenset(one.id for one in audience.repositories), audience.target.team
    queue = await store.records.read(pages.queue, seen, Narrowed(team=team), place.zone)
    changed = None
    if since:
        changed = await store.records.read(happened, seen, since[1], team)
    return worded(queue, since, day, team, place, Words(audience.language), changed)


# --- sending --------------------------------------------------------------------------------------


class Sender:
    """Sends each message to its target once, whichever process does it."""

    def __init__(self, store: Store, issues: Issues, slack: Slack, observer: Observer) -> None:
        self._store, self._issues = store, issues
        self._slack, self._observer = slack, observer

    async def settled(
        self, audience: Audience, id: str, make: Callable[[], Awaitable[Digest | None]]
    ) -> bool:
        """Whether nothing more is to be done about this message to the target.

        id: its kind and its day. make: the message; None if there is nothing to say. Raises Busy
        and StoreFailed.
        """
        write, to = self._store.records.write, audience.target.id
        state = await write(posts.claim, to, id)
        if state != posts.CLAIMED:
            if state == posts.UNANSWERED:
                reason = "no answer came, twice"
                log.error("gave up a message", id=id, target=str(audience.target), reason=reason)
            return state != posts.HELD
        digest = await make()
        if digest is None:
            await write(posts.done, to, id, "empty")
            return True
        outcome = await self.sent(audience, [id], digest)
        if outcome:
            await write(posts.done, to, id, outcome)
        return bool(outcome)

    async def sent(self, audience: Audience, ids: Sequence[str], digest: Digest) -> str:
        """What sending it has come to: sent | refused; "" if it is tried again later.

        ids: of the claimed messages that it holds. Raises Busy and StoreFailed.
        """
        write, to, kind = self._store.records.write, audience.target.id, audience.target.kind
        said, words = log.bind(ids=ids, target=str(audience.target)), Words(audience.language)
        for id in ids:
            await write(posts.sending, to, id)
        result, after, unsent = "sent", LATER_SECONDS, False
        try:
            if kind == "slack":
                await self._slack.post(audience.target.name, as_slack(digest, words))
            else:
                await self._rewrite(audience, as_markdown(digest, words))
        except (Unsent, Retry, Wait) as error:
            result, after, unsent = "later", error.after_seconds or LATER_SECONDS, True
            said.warning("a message is sent later", reason=str(error), seconds=after)
        except Unknown as error:
            result = "unknown"
            said.warning("a message may be repeated", reason=str(error))
        except (Refused, Gone, Rejected) as error:
            result = "refused"
            said.error("a message is refused", reason=str(error))
        self._observer.posted(kind, result)
        if result in ("sent", "refused"):
            return result
        for id in ids:
            await write(posts.later, to, id, after, unsent)
        return ""

    async def _rewrite(self, audience: Audience, body: str) -> None:
        """Put it into the issue. Raises Gone, Rejected, Retry and Wait."""
        name, _, number = audience.target.name.partition("#")
        owner = name.partition("/")[0].casefold()
        near = next((one for one in audience.repositories if one.owner == owner), None)
        if near is None:
            raise Gone(f"{name} belongs to another owner than the repositories that name it")
        place = Repository(near.installation_id, 0, name)
        names = {one.full_name.casefold() for one in audience.repositories}
        in_private = names != {name.casefold()}  # of itself, a public repository may tell
        await self._issues.rewrite_issue(place, int(number), body, in_private=in_private)


class Digests:
    """Sends what is due. schedule: as of `due`."""

    def __init__(
        self,
        store: Store,
        sender: Sender,
        webhooks: frozenset[str],
        rules: Rules,
        place: Place,
        schedule: str,
        observer: Observer,
    ) -> None:
        self._store, self._sender, self._webhooks = store, sender, webhooks
        self._rules, self._place, self._schedule = rules, place, schedule
        self._observer = observer
        self._finished: set[tuple[date, Target]] = set()
        self._over: date | None = None  # the day on which nothing is left to send

    async def run(self, first_seconds: float = FIRST_SECONDS) -> None:
        """Send them when they are due, for ever."""
        await asyncio.sleep(first_seconds)
        while True:
            try:
                await self.send_due(await self._store.records.read(stats.now))
            except (Busy, StoreFailed) as error:
                log.error("cannot send digests", reason=str(error))
            await asyncio.sleep(ASK_SECONDS)

    async def send_due(self, now: datetime) -> None:
        """Send those of today that are due and not sent. Raises Busy and StoreFailed."""
        day = due(self._schedule, self._place.zone, now)
        if day is None or day == self._over:
            return
        found = await known_audiences(self._store, self._rules, self._webhooks)
        for one in found:
            if (day, one.target) not in self._finished and await self._settled(one, day):
                self._finished.add((day, one.target))
        if all((day, one.target) in self._finished for one in found):
            self._over, self._finished = day, set()
            self._observer.digested()

    async def _settled(self, audience: Audience, day: date) -> bool:
        """Whether nothing more is to be done for the target today. Raises Busy, StoreFailed."""
        if not audience.works_on(day):
            return True
        return await self._sender.settled(
            audience, f"{KIND}:{day}", lambda: made(self._store, audience, day, self._place)
        )
