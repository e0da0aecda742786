"""Reads the facts that a pull is judged by, all of one head; writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from ghapp.core.model import MOST_FILES, WRITTEN, Channel, Message, Pull, PullKey, Repository
from ghapp.core.policy.policy import (
    ORGANISATION,
    REPOSITORY,
    Policy,
    Rules,
    effective,
    problems_of,
)
from ghapp.core.records import History, PolicySource
from ghapp.core.releases import Release, upcoming
from ghapp.core.review.facts import Facts
from ghapp.core.review.judge import asks
from ghapp.core.scan import unshown
from ghapp.core.scan.patch import perhaps_new
from ghapp.core.scan.pull_conditions import in_force
from ghapp.errors import Gone, Lag, Retry
from ghapp.github import endpoints, people, policies, readback
from ghapp.github.api import PAGE, Installation, both, together
from ghapp.github.endpoints import FileRow, PullRead
from ghapp.github.events.speech import refreshes
from ghapp.github.payloads import Identity
from ghapp.github.readback import LOOKING
from ghapp.github.transport import TOTAL_SECONDS

ROUNDS = 3
MOVING_SECONDS, MOST_LAG_SECONDS = 2.0, 30.0
# How many Lags in a row before a lag is a Retry, so that in the end the key is parked.
PATIENCE = 10
# How many Lags for a pull that a delivery named and reads do not know.
NOT_THERE_WAITS = 4
# How many Lags for a read that differs from what is known of the same second. What is known may be
# wrong, for deliveries may come in another order.
OTHER_WAITS = 4
# A push drops what is recorded, and one whose delivery is lost is delivered again.
POLICY_AGE = timedelta(hours=1)


async def gather(
    api: Installation, key: PullKey, history: History, rules: Rules, us: Identity, clock: datetime
) -> Facts:
    """The facts. clock: GitHub's, for the age of the policy.

    Raises Gone (no such pull for us), Retry, Wait, and Lag (reads are behind a delivery).
    """
    read, source = await both(
        read_pull(api, key, history), policy_source(api, key.repository, history, rules, clock)
    )
    general = effective(source, rules)
    (pull, is_guarded), known = await both(
        both(_with_unshown(api, read), endpoints.is_guarded(api, read.pull)),
        _asked(api, read.pull, general),
    )
    teams, properties, unknown = known
    pull = replace(pull, teams=teams, properties=properties, unknown=pull.unknown | unknown)
    policy = general
    if general.is_ruled:  # off the event loop: it matches all files of the pull
        policy = await asyncio.to_thread(in_force, general, pull)
    policy = policy.on(read.now)
    labels = people.compared(pull, policy.labels.values(), history)
    try:
        (observed, (by_label, labels)), (new_folders, dates) = await both(
            both(
                readback.observe(api, history, pull, policy, us),
                people.messages(api, history, pull, labels, us, read.now),
            ),
            both(_new_folders(api, pull, read.pull.base_sha), _releases(source, policy, read.now)),
        )
        delivered = _delivered(history.knowing(observed.earlier))
        messages = (*delivered, *by_label, *observed.missed)
        messages = tuple(sorted(messages, key=lambda one: one.said_at))
        asked = asks(messages, policy, pull, history.ledger)
        rights = await people.rights(api, key.repository, asked)
    except Gone as gone:  # the pull is there, so what belongs to it is not visible yet
        seconds = min(2.0 ** min(history.waited, 10), MOST_LAG_SECONDS)
        late = Retry if history.waited >= NOT_THERE_WAITS else Lag
        raise late(str(gone), after_seconds=seconds) from gone
    return Facts(
        now=read.now,
        pull=replace(pull, new_folders=new_folders, is_guarded=is_guarded),
        policy=policy,
        source=source,
        messages=messages,
        rights=rights,
        observed=replace(observed.marks, labels=labels.observed),
        late_labels=labels.late,
        late_since=(history.late_since or read.now) if labels.late else None,
        written=observed.written,
        found_at=observed.found_at,
        earlier=observed.earlier,
        follow_ups=observed.follow_ups,
        details=rules.details(key),
        releases=dates,
    )


async def _releases(source: PolicySource, policy: Policy, now: datetime) -> tuple[Release, ...]:
    """The next releases of the calendar that the policy names; none if it cannot be read."""
    plan, zone = policy.release, policy.working_time.zone
    calendars = (layer.calendar for layer in (source, source.organisation) if layer)
    found = next((one for one in calendars if one and one.path == plan.calendar), None)
    if "calendar" not in plan.sources or found is None or found.text is None:
        return ()
    today = now.astimezone(zone).date()
    dates, _ = await asyncio.to_thread(upcoming, found.text, zone, today)
    return dates


def _delivered(history: History) -> Iterator[Message]:
    """The messages of deliveries; a button's time is moved behind the check run it belongs to.

    A button's message has the time at which GitHub completed the check run. GitHub's answer to our
    write, from which on the check run counts as shown, is later.
    """
    for message in history.messages:
        if message.channel is not Channel.BUTTON:
            yield message
            continue
        until = message.said_at + timedelta(seconds=TOTAL_SECONDS)
        shown = (one for one in history.shown if one.head_sha == message.head_sha)
        times = (one.accepted_at for one in shown if one.accepted_at <= until)
        yield replace(message, said_at=max((message.said_at, *times)) + LOOKING)


async def read_pull(api: Installation, key: PullKey, history: History) -> PullRead:
    """The pull with its files, all of one head. Raises Gone, Lag, Retry and Wait."""
    await api.permissions()  # first, because this shows at once if the installation is gone
    pages = _pages(history.changed_files)
    known = [at for at in (history.fresh_at, history.seen_at) if at]
    late = Retry if history.waited >= PATIENCE else Lag
    for _ in range(ROUNDS):
        try:
            reads = endpoints.pull(api, key), _files(api, key, range(1, pages + 1))
            read, rows = await both(*reads)
        except Gone as gone:
            if history.fresh_at is None or history.waited >= NOT_THERE_WAITS:
                raise
            wait = 2.0**history.waited
            raise Lag(str(gone), after_seconds=wait) from gone
        pull = read.pull
        if known and pull.updated_at < max(known):
            raise late(
                f"{key}: GitHub still reads as of {pull.updated_at}, not {max(known)}",
                after_seconds=min(2.0 ** min(history.waited, 10), MOST_LAG_SECONDS),
            )
        if _is_other(pull, history) and history.waited < OTHER_WAITS:
            text = f"{key}: GitHub reads {pull.head_sha[:7]} into {pull.base_ref}, not the newest"
            raise Lag(text, after_seconds=2.0**history.waited)
        rows += await _files(api, key, range(pages + 1, _pages(pull.changed_files) + 1))
        listed = len({row.filename for row in rows})  # GitHub may repeat a page
        counted = listed == pull.changed_files or pull.changed_files >= MOST_FILES
        if counted and all(row.of_head(pull.head_sha) for row in rows):
            files = sorted(map(endpoints.file, rows), key=lambda file: file.path)
            complete = pull.changed_files < MOST_FILES
            return replace(read, pull=replace(pull, files=tuple(files), complete=complete))
        pages = _pages(pull.changed_files)
    raise late(
        f"{key}: pull and files were not of one head in {ROUNDS} readings",
        after_seconds=MOVING_SECONDS,
    )


def _is_other(pull: Pull, history: History) -> bool:
    """Whether something else is known to be compared then: GitHub's times have whole seconds.

    By the newest delivery, else by the last run. A head that was pushed after that one is newer.
    """
    known = None
    if history.seen_at == pull.updated_at:
        known = history.compared
    if history.fresh_at == pull.updated_at:
        known = history.delivered
    if known is None:
        return False
    if pull.head_sha == known.head_sha:
        return known.base_ref not in ("", pull.base_ref)
    moves = {(push.before, push.head_sha) for push in history.pushes}
    there, back = (known.head_sha, pull.head_sha), (pull.head_sha, known.head_sha)
    return there not in moves or back in moves


async def _files(api: Installation, key: PullKey, pages: Iterable[int]) -> list[FileRow]:
    found = await together(endpoints.file_page(api, key, page) for page in pages)
    return [row for page in found for row in page]


def _pages(files: int) -> int:
    return max(1, -(-min(files, MOST_FILES) // PAGE))


async def _with_unshown(api: Installation, read: PullRead) -> Pull:
    """The pull with what its diff does not show: two reads, and blobs, only if there is any."""
    pull, repository = read.pull, read.pull.key.repository
    wanted = unshown.to_identify(pull.files)
    if not wanted:
        return pull
    paths = frozenset(path for one in wanted for path in (one.path, one.previous_path) if path)
    before, now = await both(
        endpoints.tree_entries(api, repository, read.pull.base_sha, paths),
        endpoints.tree_entries(api, repository, pull.head_sha, paths),
    )
    known = unshown.identified(wanted, before, now)
    unread = tuple(one for one in known if unshown.is_unshown(one))
    texts = await policies.read_contents(api, repository, unread) if unread else {}
    found = {one.path: one for one in unshown.read(known, texts)}
    return replace(pull, files=tuple([found.get(one.path, one) for one in pull.files]))


async def _asked(
    api: Installation, pull: Pull, policy: Policy
) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """What else conditions of the policy ask for: `teams`, `properties` and `unknown` of the pull.

    No call if they ask for nothing else. The author's teams are read in each run, because a
    membership may end at any time.
    """
    repository = pull.key.repository
    teams, properties, unknown = frozenset[str](), frozenset[str](), frozenset[str]()
    if policy.teams:
        teams, unclear = await people.teams_of(api, repository, pull.author, policy.teams)
        unknown = frozenset(f"team {slug}" for slug in unclear)
    if "property" in policy.asks:
        found = await endpoints.properties(api, repository)
        properties = found or properties
        unknown |= {"property"} if found is None else frozenset()
    return teams, properties, unknown


async def _new_folders(api: Installation, pull: Pull, base_sha: str) -> frozenset[str]:
    """The top-level folders that the base branch lacks; at most one read for each base commit."""
    possible = perhaps_new(pull.files) if pull.complete else frozenset()
    if not possible or not base_sha:
        return frozenset()
    there = await endpoints.top_folders(api, pull.key.repository, base_sha)
    # Without a complete list no folder counts as new.
    return frozenset() if there is None else possible - there


async def policy_source(
    api: Installation, repository: Repository, history: History, rules: Rules, clock: datetime
) -> PolicySource:
    """Both layers of the policy, each as recorded if that is recent, else read now.

    If somebody asks for a re-check, both are read.
    """
    known = history.policy or PolicySource()
    asked, below = any(map(asks_for_recheck, history.messages)), known.organisation

    async def organisation() -> PolicySource | None:
        if is_young(below, clock) and not asked:
            return below
        drops = history.organisation_drops
        return await read_organisation(api, repository, below, drops, rules, clock, fresh=asked)

    async def own() -> PolicySource:
        if is_young(known, clock) and not asked:
            return known
        if repository.is_organisations:  # its file is the layer below already
            return PolicySource(read_at=clock)
        return await policies.read(api, repository, known)

    source, layer = await both(own(), organisation())
    if source is not known or layer is not below:
        source = replace(source, organisation=layer)
        source = await asyncio.to_thread(_with_good_version, source, rules)
    if source.packs or (layer and layer.packs):
        # `effective` is slow for many packs: here off the event loop, then cached
        await asyncio.to_thread(effective, source, rules)
    return source


def is_young(source: PolicySource | None, clock: datetime) -> bool:
    """Whether a layer need not be read again."""
    return bool(source and source.read_at and clock - source.read_at < POLICY_AGE)


async def read_organisation(
    api: Installation,
    repository: Repository,
    known: PolicySource | None,
    drops: int,
    rules: Rules,
    clock: datetime,
    *,
    fresh: bool = False,
) -> PolicySource:
    """The layer of the repository's organisation. known: as last read; drops: as in History.

    One read, however many runs need it before it is stored. fresh: another one all the same.
    """

    async def reading() -> PolicySource:
        read = await policies.read_organisation(api, repository, known)
        if read.text is None:
            return read
        return await asyncio.to_thread(_with_good_version, read, rules, ORGANISATION)

    shared, key = api.cache.organisations, (repository.owner, drops)
    task = shared.get(key)
    failed = task is not None and task.done() and (task.cancelled() or task.exception())
    old = task is not None and task.done() and not failed and not is_young(task.result(), clock)
    if task is None or failed or old or fresh:
        task = shared[key] = asyncio.create_task(reading())
        # All who wait may be cancelled; then nobody else retrieves the error.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.shield(task)


def asks_for_recheck(message: Message) -> bool:
    """Whether a person asks for everything to be read again."""
    if message.channel is Channel.BUTTON:
        return message.text == "refresh"
    return message.channel is Channel.RERUN or (
        message.channel in WRITTEN and refreshes(message.text)
    )


def _with_good_version(read: PolicySource, rules: Rules, layer: str = REPOSITORY) -> PolicySource:
    """What was read; if it has no problems, also as the last good version. layer: whose file."""
    if read.text is None:
        return replace(read, good=None, good_packs=())
    below = read.organisation
    broken = problems_of(read.text, rules, packs=read.packs, layer=layer, organisation=below)
    return read if broken else replace(read, good=read.text, good_packs=read.packs)
