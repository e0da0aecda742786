"""The retro's message: once for each of its days and channel, with what was counted since."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block
from typer.testing import CliRunner

from ghapp import builtin_packs
from ghapp.cli import app
from ghapp.core.areas import Text
from ghapp.core.digest import Retro, retro_due
from ghapp.core.i18n import Words
from ghapp.core.insights import Question
from ghapp.core.ledger import Verb
from ghapp.core.records import Asked, FollowUp, Note
from ghapp.core.text.digest import as_slack, as_text
from ghapp.core.text.places import Place
from ghapp.store import Store
from ghapp.store.insights import Insights, Week
from ghapp.store.pages import Due
from ghapp.store.rollups import roll_up
from ghapp.worker.retro import Found, attending, made, worded
from tests.core.text.test_digest import HOSTILE
from tests.store.stores import NOON, changed, opened, stored
from tests.web.reviews import area, overview, recorded
from tests.web.test_insights import waited
from tests.worker.digest_process import TOKYO, sent
from tests.worker.slack_server import SlackServer
from tests.worker.test_digest import LEASES_END, sources

MONDAY = datetime(2026, 11, 30, 10, 1, tzinfo=TOKYO)
POLICY = "retro: {every: 2w, from: 2026-11-30, at: ''10:00''}\n"
PLACE = Place(TOKYO, "https://github.example", "https://ghapp.example")
RULES = builtin_packs.rules("advise", TOKYO)


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    server = SlackServer()
    yield server
    server.close()


async def with_policy(url: str, text: str = POLICY) -> None:
    """A review of a repository with this policy, quoted for SQL."""
    async with opened(url) as store:
        await recorded(store, 1, since=NOON)
    changed(url, f"UPDATE policies SET text = '{text}'")


async def retro(url: str, slack: SlackServer, *times: datetime) -> list[str]:
    """The headings after these times."""
    for one in times:
        await sent(url, slack.url, one, retro=True)
    return [one["blocks"][0]["text"]["text"] for one in slack.taken]


# --- when -----------------------------------------------------------------------------------------


def test_it_is_sent_once_every_second_week_whoever_sends_it(
    database_url: str, slack: SlackServer
) -> None:
    async def play() -> None:
        await with_policy(database_url)
        assert await retro(database_url, slack, MONDAY - timedelta(minutes=2)) == []
        await asyncio.gather(*(sent(database_url, slack.url, MONDAY, retro=True) for _ in range(4)))
        changed(database_url, LEASES_END)
        days = [MONDAY + timedelta(days=number) for number in range(28)]
        assert await retro(database_url, slack, *days) == [
            "NFR retro, Mon 30 Nov",
            "NFR retro, Mon 14 Dec",
        ]

    asyncio.run(play())


def test_what_slack_does_not_take_is_sent_later(sqlite_url: str, slack: SlackServer) -> None:
    slack.answers = [(429, 30), (500, 0)]

    async def play() -> None:
        await with_policy(sqlite_url)
        for _ in range(4):
            await retro(sqlite_url, slack, MONDAY)
            changed(sqlite_url, LEASES_END)

    asyncio.run(play())
    assert len(slack.taken) == 1
    assert stored(sqlite_url, "SELECT outcome FROM posts") == "sent"


def test_it_moves_to_the_next_day_on_which_somebody_works(
    sqlite_url: str, slack: SlackServer
) -> None:
    """28 December is off until 3 January; 11 January is Coming of Age Day."""
    policy = POLICY + "working_time: {holidays: JP, days_off: [''2026-12-28..2027-01-03'']}\n"

    async def play() -> tuple[list[str], list[int]]:
        await with_policy(sqlite_url, policy)
        days = [datetime(2026, 12, 24, 12, tzinfo=TOKYO) + timedelta(days=n) for n in range(20)]
        counts = []
        for one in days:
            await retro(sqlite_url, slack, one)
            counts.append(len(slack.taken))
        return await retro(sqlite_url, slack), counts

    headings, counts = asyncio.run(play())
    assert headings == ["NFR retro, Mon 28 Dec", "NFR retro, Mon 11 Jan"]
    assert counts.index(1) == 11  # 4 January
    assert counts.index(2) == 19  # 12 January


@settings(max_examples=30)
@given(
    zone=st.sampled_from(["Asia/Tokyo", "Europe/Berlin", "America/New_York"]),
    first=st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    weeks=st.integers(1, 4),
    at=st.sampled_from(["00:00", "02:30", "10:00", "23:30"]),
    off=st.sets(st.integers(0, 50), max_size=50),
)
def test_each_retro_is_due_on_one_day_whatever_the_clock_does(
    zone: str, first: date, weeks: int, at: str, off: set[int]
) -> None:
    here, one = ZoneInfo(zone), Retro(f"{weeks}w", first.isoformat(), at)
    free = {first + timedelta(days=number) for number in off}
    days = [first + timedelta(days=number) for number in range(-2, 14 * weeks)]
    found: dict[date, set[date]] = {}
    for day in days:
        for hour in (0, 2.5, 9.99, 10, 23.75):
            now = datetime(day.year, day.month, day.day, tzinfo=here) + timedelta(hours=hour)
            due = retro_due(one, here, now.astimezone(UTC), lambda day: day not in free)
            if due:
                found.setdefault(due, set()).add(day)
    assert set(found) <= {first, first + timedelta(weeks=weeks)}
    for due, on in found.items():
        (day,) = on
        assert due <= day < due + timedelta(weeks=weeks)
        assert day not in free
    worked = any(first + timedelta(days=n) not in free for n in range(7 * weeks))
    assert (first in found) == worked


def test_without_a_first_day_there_is_none() -> None:
    assert retro_due(Retro(), TOKYO, MONDAY, lambda _: True) is None


# --- where ----------------------------------------------------------------------------------------


def test_only_channels_for_all_of_those_that_say_so_get_it() -> None:
    said = "retro: {from: 2026-11-30}\n"
    texts = {
        "shop": said + "digest: {slack: sre, issue: 'acme/shop#1', teams: {dba: {slack: dba}}}",
        "batch": said + "digest: {slack: sre}",
        "ops": "retro: {every: 3w}\ndigest: {slack: sre}",
    }
    found = attending(sources(**texts), RULES, ("", "sre", "dba"))
    assert [str(one.audience.target) for one in found] == ["slack:sre:"]
    assert {one.full_name for one in found[0].audience.repositories} == {"acme/shop", "acme/batch"}
    assert found[0].retro == Retro("2w", "2026-11-30", "10:00")


def test_of_several_retros_a_channel_has_the_most_frequent_one() -> None:
    texts = dict.fromkeys(("shop", "ops"), "retro: {from: 2026-11-30, every: 3w, at: '16:00'}")
    found = attending(sources(batch="retro: {from: 2026-12-01}", **texts), RULES, ("",))
    assert [one.retro for one in found] == [Retro("3w", "2026-11-30", "16:00")]


# --- what it says ---------------------------------------------------------------------------------


async def filled(store: Store) -> None:
    """Reviews of today: waits, answers and promises."""
    for number in range(5):
        await waited(store, 10 + number, 60 + number)
    now = datetime.now(UTC)
    hours = replace(overview().hours, days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
    for number in range(5):
        verb = Verb.NA if number else Verb.CHECK
        item = Asked("dbm-online-ddl", "must", Text("q", "q"), Note(verb, "ann", NOON))
        shown = overview(areas=(area(items=(item,)),), at=now, hours=hours)
        await recorded(store, 100 + number, shown=shown)
    owed = (FollowUp(200, "dbm-rollback", "db", "2020-01-01", "tanaka", issue=1302),)
    await recorded(store, 200, "signed_off", is_open=False, follow_ups=owed)
    await roll_up(store.records, TOKYO)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_it_says_what_was_counted_and_what_to_talk_about(database_url: str, language: str) -> None:
    async def play() -> str:
        async with opened(database_url) as store:
            await filled(store)
            said = sources(shop=f"language: {language}\nretro: {{from: 2026-11-30}}")
            (one,) = attending(said, RULES, ("",))
            today = datetime.now(TOKYO).date()
            return as_text(await made(store, one, today, RULES, PLACE), Words(language))

    text = asyncio.run(play())
    lines = text.splitlines()
    if language == "ja":
        assert "対象外です。適切な場面で質問していますか？" in text
        assert "5 件の回答のうち 80 %" in text
        assert "話し合いたいこと" in lines
        return
    assert "dbm-online-ddl Not applicable in 80 % of 5 answers" in text
    assert "database-migration It waited 1 h 4 min on SRE" in text
    assert "shop#1302 Overdue for" in text
    assert "dbm-rollback · tanaka" in text
    assert "Wait on SRE median 1 h 2 min, 90 % within 1 h 4 min · n 5" in text
    assert "open now 1 · overdue 1" in text
    assert lines[-1] == "https://ghapp.example/insights?lang=en"


def test_when_nothing_was_reviewed_it_says_so_in_a_line() -> None:
    day, words = date(2026, 11, 30), Words("en")
    text = as_text(worded(Found(insights(), {}), day, day, PLACE, words), words)
    assert "Nothing was reviewed in this time." in text
    assert "Worth talking about" not in text


def insights(*questions: Question) -> Insights:
    weeks = {date(2026, 11, 16): Week()}
    return Insights(NOON, (), (), weeks, {}, questions, {}, 0, 0, (0, ()))


@given(texts=st.lists(HOSTILE, min_size=3, max_size=30), language=st.sampled_from(["en", "ja"]))
def test_slack_takes_it_and_nobody_is_mentioned(texts: list[str], language: str) -> None:
    questions = [
        Question(one, one, asked=40, answered=2, not_applicable=38, in_bulk=30) for one in texts
    ]
    owed = FollowUp(1, texts[0], texts[0], "2026-11-01", texts[1], texts[2])
    found = Found(insights(*questions), {texts[0]: {60: 1}}, Due("acme/shop", owed))
    words = Words(language)
    digest = worded(found, date(2026, 11, 30), date(2026, 11, 30), PLACE, words)
    message = as_slack(digest, words)
    for block in Block.parse_all(message["blocks"]):
        block.validate_json()
    assert len(message["blocks"]) <= 50
    for one in message["blocks"][1:]:
        assert "<" not in one["text"]["text"].replace("<https://", "")


def test_the_command_prints_it(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(with_policy(sqlite_url))
    monkeypatch.setenv("GHAPP_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("GHAPP_SLACK_WEBHOOK_URL", "https://hooks.slack.example/x")
    done = CliRunner().invoke(app, ["digest", "--dry-run", "--retro"])
    assert done.exit_code == 0
    assert done.stdout.startswith("# slack::\nNFR retro, ")
