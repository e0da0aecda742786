"""The stand-up's message: once for each working day and target, whatever fails or is killed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from ghapp import builtin_packs
from ghapp.core.digest import Target
from ghapp.core.i18n import Words
from ghapp.core.ledger import Verb
from ghapp.core.model import Repository
from ghapp.core.records import Note, PolicySource
from ghapp.core.releases import Release
from ghapp.core.text.digest import Digest, as_text
from ghapp.core.text.places import Place
from ghapp.core.text.turns import age, waited
from ghapp.store import Store, pages, posts
from ghapp.store.pages import Narrowed
from ghapp.store.pruning import prune
from ghapp.store.stand_up import Happened, happened
from ghapp.worker.digest import Audience, audiences, made, worded
from tests.store.stores import NOON, SHOP, changed, opened, stored
from tests.web.reviews import BATCH, HOURS, area, days_from_now, overview, project, recorded
from tests.worker.digest_process import TOKYO, sent
from tests.worker.slack_server import SILENT, SlackServer

WEDNESDAY = datetime(2026, 11, 25, 11, 46, tzinfo=TOKYO)
PLACE = Place(TOKYO, "https://github.example", "https://ghapp.example")
LEASES_END = "UPDATE posts SET lease_until = 0"


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    server = SlackServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def processes() -> Iterator[subprocess.Popen[str]]:
    """What starts processes that are killed, as `digest_process` says."""
    command = [sys.executable, "-m", "tests.worker.digest_process"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as started:
        yield started


async def waits(url: str, *numbers: int) -> None:
    """Reviews that wait for SRE."""
    async with opened(url) as store:
        for number in numbers or (1,):
            await recorded(store, number, since=NOON)


def outcomes(url: str) -> list[str]:
    found = stored(url, "SELECT outcome FROM posts WHERE done_at > 0")
    return [found] if isinstance(found, str) else list(found or ())


def test_two_processes_send_it_once(database_url: str, slack: SlackServer) -> None:
    async def play() -> None:
        await waits(database_url)
        await asyncio.gather(*(sent(database_url, slack.url, WEDNESDAY) for _ in range(4)))
        await sent(database_url, slack.url, WEDNESDAY + timedelta(hours=5))

    asyncio.run(play())
    assert len(slack.taken) == 1
    assert "shop#1" in str(slack.taken[0])


@pytest.mark.slow("each of 16 cases starts a process")
@pytest.mark.parametrize("killed_at", range(8))
def test_a_process_that_is_killed_is_made_up_for(
    database_url: str, slack: SlackServer, processes: subprocess.Popen[str], killed_at: int
) -> None:
    """Steps: the claim, the note that it is sent, the message, the note that it was."""
    asyncio.run(waits(database_url))
    arguments = [database_url, slack.url, WEDNESDAY.isoformat(), killed_at]
    print(json.dumps(arguments), file=processes.stdin, flush=True)
    assert processes.stdout and processes.stdout.readline() == "-9\n"
    before = len(slack.taken)
    assert before == (killed_at > 4)
    asyncio.run(sent(database_url, slack.url, WEDNESDAY))  # the lease lasts
    assert len(slack.taken) == max(before, killed_at == 0)
    changed(database_url, LEASES_END)
    asyncio.run(sent(database_url, slack.url, WEDNESDAY))
    assert len(slack.taken) == (2 if killed_at in (5, 6) else 1)
    changed(database_url, LEASES_END)
    asyncio.run(sent(database_url, slack.url, WEDNESDAY))
    assert len(slack.taken) == (2 if killed_at in (5, 6) else 1)


@pytest.mark.parametrize(
    ("answers", "messages", "outcome"),
    [
        ([(429, 30)], 1, "sent"),
        ([(500, 0), (503, 0), (500, 0)], 1, "sent"),
        ([(SILENT, 0)], 2, "sent"),  # the first may have arrived
        ([(SILENT, 0), (SILENT, 0)], 2, "unknown"),
        ([(404, 0)], 0, "refused"),
        ([(302, 0)], 0, "refused"),
    ],
)
def test_what_slack_answers_decides_whether_it_is_sent_again(
    sqlite_url: str, slack: SlackServer, answers: list[tuple[int, int]], messages: int, outcome: str
) -> None:
    slack.answers = answers

    async def play() -> None:
        await waits(sqlite_url)
        for _ in range(6):
            await sent(sqlite_url, slack.url, WEDNESDAY)
            changed(sqlite_url, LEASES_END)

    asyncio.run(play())
    assert len(slack.taken) == messages
    assert outcomes(sqlite_url) == [outcome]


def test_it_waits_as_long_as_slack_says(sqlite_url: str, slack: SlackServer) -> None:
    slack.answers = [(429, 3_000)]

    async def play() -> None:
        await waits(sqlite_url)
        await sent(sqlite_url, slack.url, WEDNESDAY)
        left = stored(sqlite_url, "SELECT lease_until - unixepoch() FROM posts")
        assert 2_900 < left <= 3_001
        await sent(sqlite_url, slack.url, WEDNESDAY)

    asyncio.run(play())
    assert slack.taken == []


def test_nothing_to_say_is_one_line_on_mondays(sqlite_url: str, slack: SlackServer) -> None:
    async def play() -> None:
        async with opened(sqlite_url) as store:
            await recorded(store, 1, "clear", overview(areas=()))
        for day in range(5):
            await sent(
                sqlite_url,
                slack.url,
                datetime(2026, 11, 30 - 7, 12, tzinfo=TOKYO) + timedelta(days=day),
            )

    asyncio.run(play())
    assert [len(one["blocks"]) for one in slack.taken] == [2]
    assert "Nothing waits" in str(slack.taken)


def test_nobody_is_told_on_a_day_off(sqlite_url: str, slack: SlackServer) -> None:
    """29 December to 3 January by the policy, Coming of Age Day by the calendar of Japan."""
    policy = "working_time: {holidays: JP, days_off: ['2026-12-29..2027-01-03']}\nlanguage: ja\n"

    quoted = policy.replace("'", "''")

    async def play() -> None:
        async with opened(sqlite_url) as store:
            await recorded(store, 1)
        changed(sqlite_url, f"UPDATE policies SET text = '{quoted}'")
        for day in range(24):
            await sent(
                sqlite_url,
                slack.url,
                datetime(2026, 12, 28, 12, tzinfo=TOKYO) + timedelta(days=day),
            )

    asyncio.run(play())
    days = stored(
        sqlite_url, "SELECT group_concat(id, ' ') FROM (SELECT id FROM posts ORDER BY id)"
    )
    worked = [28, *(range(4, 9)), *(range(12, 16)), *range(18, 21)]
    assert days.split() == [
        f"digest:{2026 if day == 28 else 2027}-{12 if day == 28 else 1:02}-{day:02}"
        for day in worked
    ]
    assert len(slack.taken) == len(worked)
    texts = [one["blocks"][0]["text"]["text"] for one in slack.taken]
    assert texts[:2] == ["NFR 朝会 12/28(月)", "NFR 朝会 1/4(月)"]
    assert "12/28(月) 以降" in str(slack.taken[1])


# --- what it says ---------------------------------------------------------------------------------


async def queue_of(store: Store, **narrowed: str) -> pages.Queue:
    return await store.records.read(pages.queue, None, Narrowed(**narrowed), TOKYO)


def test_it_reads_like_the_stand_up_board(sqlite_url: str) -> None:
    async def play() -> Digest:
        async with opened(sqlite_url) as store:
            await recorded(store, 1421, shown=overview("add column to orders"), since=NOON)
            held = overview("load", holds=(Note(Verb.HOLD, "suzuki", NOON, "load test first"),))
            await recorded(store, 1399, "on_hold", held, since=NOON)
            await recorded(store, 7, "waiting_author", overview("x"), since=NOON)
            found = await queue_of(store)
        made = worded(
            found,
            (date(2026, 11, 24), NOON - timedelta(days=3)),
            date(2026, 11, 25),
            "",
            PLACE,
            Words("en"),
        )
        assert made
        return made

    text = as_text(asyncio.run(play()), Words("en"))
    lines = text.splitlines()
    assert lines[0] == "NFR stand-up, Wed 25 Nov"
    assert lines[1] == "Waiting on SRE 1 · on author 1 · on hold 1 · overdue 0"
    assert "NEW shop#1421 add column to orders · database-migration" in text
    assert "load test first" in text
    assert "shop#7" not in text
    assert lines[-1] == "https://ghapp.example/?lang=en"


def test_it_names_consultations_the_next_release_and_what_happened(database_url: str) -> None:
    soon = Release(days_from_now(3), "v5.12")

    async def play() -> list[str]:
        async with opened(database_url) as store:
            before = datetime.now(UTC) - timedelta(minutes=5)
            since = NOON - timedelta(days=3)
            await recorded(store, 1421, shown=overview("add a column", release=soon), since=since)
            done = overview(areas=(area(state="signed_off"),), release=soon)
            now = datetime.now(UTC)
            await recorded(store, 2, "signed_off", done, since=now)
            await recorded(store, 3, "signed_off", done, since=since)
            waived = overview(areas=(area(state="waived"),))
            await recorded(store, 4, "waived", waived, since=now, is_open=False)
            await project(store, 88, asked="can it be split?", title="split nightly batch")
            found = await queue_of(store)
            changes = await store.records.read(happened, None, before)
            of_others = await store.records.read(happened, frozenset({BATCH.id}), before)
            assert of_others == Happened(0, 0, 0)
        texts = []
        for language in ("en", "ja"):
            words = Words(language)
            last = date(2026, 11, 24), before
            told = worded(found, last, date(2026, 11, 25), "", PLACE, words, changes)
            assert told
            texts.append(as_text(told, words))
        return texts

    english, japanese = asyncio.run(play())
    assert "Look at today\n  NEW shop#1421 add a column" in english
    consulted = "shop#88 split nightly batch · consultation · external-api"
    assert f"  {consulted}" in english
    assert "asked by bob: “can it be split?”" in english
    assert "(v5.12), 1 of 3 not signed off (shop#1421)" in english
    assert "Since Tue 24 Nov: 3 new, 1 signed off, 1 waived" in english
    assert "今日見るもの" in japanese and "事前相談" in japanese
    assert "11/24(火) 以降：新着 3、承認 1、免除 1" in japanese


def test_a_consultation_is_new_until_a_message_has_named_it(sqlite_url: str) -> None:
    async def play() -> None:
        async with opened(sqlite_url) as store:
            for number in range(1, 13):
                await recorded(store, number, since=NOON)
            for number in range(20, 30):
                await project(store, number, asked="", title="later")
            found = await queue_of(store)
        for minutes, marked in ((0, 3), (20, 2), (60, 0)):
            last = date(2026, 11, 24), NOON + timedelta(minutes=minutes)
            told = worded(found, last, date(2026, 11, 25), "", PLACE, Words("en"))
            assert told
            (part,) = told.parts
            assert (part.total, len(part.lines)) == (22, 10)
            assert [one.name for one in part.lines[7:]] == ["shop#20", "shop#21", "shop#22"]
            assert sum(one.is_new for one in part.lines[7:]) == marked

    asyncio.run(play())


def test_the_longest_wait_is_that_of_all_that_wait_listed_or_not(database_url: str) -> None:
    soon, words = Release(days_from_now(3), "v6"), Words("en")

    async def play() -> None:
        now = datetime.now(UTC)
        longest, in_shop = now - timedelta(days=40), now - timedelta(days=20)
        async with opened(database_url) as store:
            for number in range(1, 31):
                await recorded(store, number, shown=overview(release=soon), since=now)
            await recorded(store, 98, since=in_shop)
            await recorded(store, 99, since=longest, repository=BATCH)
            await recorded(store, 97, "on_hold", since=longest - timedelta(days=9))
            found, shop = await queue_of(store), await queue_of(store, repository="acme/shop")
            nobody = await queue_of(store, area="none")
        total, listed = found.turns["reviewers"]
        assert (total, {one.number for one in listed} & {98, 99}) == (32, set())
        assert {since for since, _ in found.waits} == {longest, in_shop}
        assert [since for since, _ in shop.waits] == [in_shop]
        assert nobody.waits == ()
        told = worded(found, None, date(2026, 11, 25), "", PLACE, words)
        assert told
        wait = age(waited(longest, found.now, HOURS, TOKYO), words)
        assert words("digest_longest", waited=wait) in told.summary

    asyncio.run(play())


def test_what_happened_to_a_team_is_what_happened_to_its_areas(database_url: str) -> None:
    async def play() -> None:
        async with opened(database_url) as store:
            before = datetime.now(UTC) - timedelta(minutes=5)
            now, since = datetime.now(UTC), NOON - timedelta(days=3)
            mine = [area(state="signed_off"), area("api", reviewers=("team api",))]
            theirs = (area("api", reviewers=("team api",), state="signed_off"),)
            await recorded(store, 1, shown=overview(), since=since)
            await recorded(store, 2, "signed_off", overview(areas=tuple(mine)), since=now)
            misleading = overview("team dba", areas=theirs, waivers=("team dba",))
            await recorded(store, 3, "signed_off", misleading, since=now)
            waived = overview(areas=(area(state="waived"),))
            await recorded(store, 4, "waived", waived, since=now, is_open=False)
            await recorded(store, 5, "clear", overview(areas=()), since=now)
            read = store.records.read
            assert await read(happened, None, before, "dba") == Happened(2, 1, 1)
            assert await read(happened, None, before, "api") == Happened(2, 2, 0)
            assert await read(happened, None, before, "none") == Happened(0, 0, 0)
            assert await read(happened, frozenset({BATCH.id}), before, "dba") == Happened(0, 0, 0)

    asyncio.run(play())


def test_the_message_of_a_team_says_what_happened_to_its_areas(sqlite_url: str) -> None:
    async def play() -> Digest | None:
        async with opened(sqlite_url) as store:
            target = Target("slack", "", "dba")
            await store.records.write(posts.claim, target.id, "digest:2026-11-24")
            await store.records.write(posts.done, target.id, "digest:2026-11-24", "sent")
            await recorded(store, 1)
            await recorded(store, 2, shown=overview(areas=(area(reviewers=("team api",)),)))
            audience = Audience(target, (SHOP,), "en", ())
            return await made(store, audience, date(2026, 11, 25), PLACE)

    digest = asyncio.run(play())
    assert digest
    assert digest.closing == ("Since Tue 24 Nov: 1 new, 0 signed off, 0 waived",)


def test_all_that_is_signed_off_before_a_release_is_said(sqlite_url: str) -> None:
    async def play() -> None:
        async with opened(sqlite_url) as store:
            done = overview(
                areas=(area(state="signed_off"),), release=Release(days_from_now(3), "v6")
            )
            await recorded(store, 2, "signed_off", done)
            await recorded(store, 3)
            found = await queue_of(store)
        told = worded(found, None, date(2026, 11, 25), "", PLACE, Words("en"))
        assert told
        assert "(v6), all 1 signed off" in " ".join(told.summary)
        assert told.closing == ()

    asyncio.run(play())


# --- where it goes --------------------------------------------------------------------------------

OPS = Repository(11, 503, "acme/ops")
STRANGER = Repository(12, 601, "evil/shop")


def sources(**texts: str) -> dict[Repository, PolicySource]:
    named = {"shop": SHOP, "batch": BATCH, "ops": OPS, "stranger": STRANGER}
    organisation = texts.pop("organisation", None)
    layer = PolicySource(organisation, good=organisation, read_at=NOON) if organisation else None
    return {
        named[name]: PolicySource(text, good=text, read_at=NOON, organisation=layer)
        for name, text in texts.items()
    }


def told(webhooks: tuple[str, ...], **texts: str) -> dict[str, set[str]]:
    rules = builtin_packs.rules("advise", TOKYO)
    found: tuple[Audience, ...] = audiences(sources(**texts), rules, webhooks)
    return {str(one.target): {r.full_name for r in one.repositories} for one in found}


def test_a_server_with_one_webhook_tells_it_everything() -> None:
    assert told(("",), shop="mode: advise", batch="mode: advise") == {
        "slack::": {"acme/shop", "acme/batch"}
    }
    assert told((), shop="mode: advise") == {}


def test_a_policy_chooses_channels_issues_and_teams() -> None:
    organisation = "digest: {issue: 'acme/sre#1', teams: {dba: {slack: dba}}}"
    assert told(
        ("", "dba"), organisation=organisation, shop="mode: advise", ops="digest: {slack: none}"
    ) == {
        "issue:acme/sre#1:": {"acme/shop", "acme/ops"},
        "slack:dba:dba": {"acme/shop", "acme/ops"},
    }


def test_a_repository_cannot_have_the_issues_of_others_rewritten() -> None:
    assert told(
        (), shop="digest: {issue: 'acme/batch#1'}", batch="digest: {issue: 'acme/batch#2'}"
    ) == {"issue:acme/batch#2:": {"acme/batch"}}
    organisation = "digest: {issue: 'evil/shop#1'}"
    assert told((), organisation=organisation, shop="mode: advise") == {}


def test_a_name_that_the_server_does_not_have_is_no_target() -> None:
    assert told(("",), shop="digest: {slack: dba}") == {}
    assert Target("slack", "dba", "") != Target("slack", "dba", "dba")


def test_old_messages_are_forgotten_and_recent_ones_kept(
    sqlite_url: str, slack: SlackServer
) -> None:

    async def play() -> tuple[int, int]:
        await waits(sqlite_url)
        await sent(sqlite_url, slack.url, WEDNESDAY)
        async with opened(sqlite_url) as store:
            first = (await prune(store.records, 1e9))["posts"]
            changed(sqlite_url, "UPDATE posts SET done_at = 1, lease_until = 0")
            return first, (await prune(store.records, 1e9))["posts"]

    assert asyncio.run(play()) == (0, 1)
