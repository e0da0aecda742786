"""A run of the standing review: over a real store, with a GitHub that each test makes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ghapp import builtin_packs
from ghapp.core.marks import Issue, Reply
from ghapp.core.model import ConfigurationKey, Repository, Rights
from ghapp.core.policy.policy import Rules
from ghapp.core.records import History, PolicySource
from ghapp.core.review.judge import Ask
from ghapp.core.scan.configuration import TreeFile
from ghapp.errors import Lag, Rejected, Wait
from ghapp.store import Store, configurations
from ghapp.worker import configuration
from ghapp.worker.configuration import LEAST_WAIT_SECONDS, answer
from ghapp.worker.threads import SEARCHES, Threads
from tests.store.stores import NOON, SHOP, changed, comment, delivery, due

pytestmark = pytest.mark.anyio
KEY = ConfigurationKey(SHOP)
WEEKLY = "version: 1\nconfiguration: {scan: weekly}\n"
OPEN = 'resource "aws_security_group_rule" "r" {\n  cidr_blocks = ["0.0.0.0/0"]\n}\n'
RULES = builtin_packs.rules("advise")


class GitHub:
    """A tree of files, whose SHAs are their texts, and issues.

    allowed: how many files may be read before the budget is used up. listed: whether a list shows
    the issue. reads: SHAs, in order.
    """

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)
        self.policy = WEEKLY
        self.issues: dict[int, Issue] = {}
        self.reads: list[str] = []
        self.reactions: list[tuple[int, str]] = []
        self.replies: list[Reply] = []
        self.allowed = 1_000
        self.complete = self.listed = True
        self.dies = False  # after the issue is open, before anybody learns of it
        self.refuses = False
        self.closed_at: datetime | None = None

    async def configured(
        self, repository: Repository, history: History, rules: Rules
    ) -> PolicySource:
        return PolicySource(self.policy, '"v"', NOON, self.policy)

    async def all_files(self, repository: Repository) -> tuple[tuple[TreeFile, ...], bool]:
        found = (TreeFile(path, text, len(text)) for path, text in self.files.items())
        return tuple(found), self.complete

    async def text(self, repository: Repository, sha: str) -> str | None:
        if len(self.reads) >= self.allowed:
            raise Wait("used up", after_seconds=2.0)
        self.reads.append(sha)
        return sha

    async def rights(self, repository: Repository, asks: Mapping[str, Ask]) -> Mapping[str, Rights]:
        return {login: Rights(write=True, maintain=True) for login in asks}

    async def own_issue(self, repository: Repository, label: str) -> int:
        return max(self.issues, default=0) if self.listed else 0

    async def put_issue(
        self, repository: Repository, number: int, issue: Issue, newest: timedelta | None
    ) -> int | None:
        if self.refuses:
            raise Rejected("no")
        if number and number not in self.issues:
            return 0
        if number and self.closed_at:
            if newest is None or newest >= datetime.now(UTC) - self.closed_at:
                return None
            self.closed_at = None
        number = number or len(self.issues) + 1
        self.issues[number] = issue
        if self.dies:
            raise ConnectionError("killed")
        return number

    async def acknowledge(self, repository: Repository, comment_id: int, content: str) -> None:
        if self.refuses:
            raise Rejected("locked")
        self.reactions.append((comment_id, content))

    async def answer_on_issue(self, repository: Repository, reply: Reply) -> None:
        if self.refuses:
            raise Rejected("locked")
        self.replies.append(reply)


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(sqlite_url)
    yield opened
    await opened.close()


async def searched(store: Store, github: GitHub, threads: Threads | None = None) -> None:
    """A run that is asked for."""
    await store.records.write(configurations.want, [SHOP])
    await ran(store, github, threads)


async def ran(store: Store, github: GitHub, threads: Threads | None = None) -> None:
    """A run of the dirty key; if it fails, the key is given back for later."""
    claim = await due(store, KEY)
    try:
        await answer(claim, KEY, github, store, RULES, threads or Threads())
    except Exception as error:
        await store.queue.defer(claim, after_seconds=0.0, lags=isinstance(error, Lag))
        raise


def body(github: GitHub) -> str:
    (issue,) = github.issues.values()
    return issue.body


async def test_a_second_search_reads_only_what_changed(store: Store) -> None:
    github = GitHub({"a.tf": OPEN, "b/main.tf": OPEN, "c.tf": "# c\n", "d.py": "x = 1\n"})
    await searched(store, github)
    assert github.reads == [OPEN, "# c\n"]
    assert "**2 findings open**" in body(github)
    await searched(store, github)
    assert github.reads == [OPEN, "# c\n"]
    github.files["c.tf"] = f"{OPEN}# c\n"
    github.files["moved/main.tf"] = github.files.pop("b/main.tf")
    await searched(store, github)
    assert github.reads == [OPEN, "# c\n", f"{OPEN}# c\n"]
    assert "**3 findings open**" in body(github)
    assert len(github.issues) == 1


async def test_a_search_goes_on_where_the_budget_ended(store: Store) -> None:
    github = GitHub({f"{n}.tf": f"# {n}\n{OPEN}" for n in range(25)})
    github.allowed = 20
    with pytest.raises(Wait) as wait:
        await searched(store, github)
    assert wait.value.after_seconds == LEAST_WAIT_SECONDS
    assert github.issues == {}
    github.allowed = 1_000
    await ran(store, github)
    assert len(github.reads) == 25
    assert "**25 findings open**" in body(github)


async def test_a_long_search_gives_others_their_turn(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration, "READING_SECONDS", 0.0)
    github = GitHub({f"{n}.tf": f"# {n}\n" for n in range(15)})
    for _ in range(2):
        with pytest.raises(Wait, match="goes on"):
            await (ran if github.reads else searched)(store, github)
    await ran(store, github)
    assert len(github.reads) == 15


async def test_only_a_few_trees_are_searched_at_a_time(store: Store) -> None:
    threads, github = Threads(), GitHub({"a.tf": OPEN})
    for _ in range(SEARCHES):
        await threads.searches.acquire()
    with pytest.raises(Wait, match="other repositories"):
        await searched(store, github, threads)
    threads.searches.release()
    await ran(store, github, threads)
    assert "**1 finding open**" in body(github)


async def test_after_a_kill_no_second_issue_is_opened(store: Store) -> None:
    github = GitHub({"a.tf": OPEN})
    github.dies, github.listed = True, False
    with pytest.raises(ConnectionError):
        await searched(store, github)
    github.dies = False
    with pytest.raises(Lag):
        await ran(store, github)
    github.listed = True
    await ran(store, github)
    assert len(github.issues) == 1
    known = await store.records.read(configurations.recall, SHOP.id)
    assert known.issue == 1


async def test_a_tree_that_is_listed_in_part_says_so(store: Store) -> None:
    github = GitHub({"a.tf": OPEN, "b.tf": OPEN})
    await searched(store, github)
    del github.files["b.tf"]
    github.complete = False
    await searched(store, github)
    assert "**2 findings open**" in body(github)
    assert "only a part of the tree" in body(github)


async def test_a_comment_is_judged_without_a_search(store: Store) -> None:
    github = GitHub({"a.tf": OPEN})
    await searched(store, github)
    github.files["b.tf"] = OPEN + "# new\n"
    said = comment(7, "/nfr accept IAC-001 a.tf -- a bastion")
    await store.queue.accept(delivery(KEY, messages=(said,)))
    await ran(store, github)
    assert github.reactions == [(7, "+1")]
    assert "**No open findings**" in body(github)
    assert "b.tf" not in body(github)
    (week,) = await store.records.read(configurations.weeks, SHOP.id)
    assert (week.must, week.accepted) == (0, 1)


async def test_a_closed_issue_is_left_alone_until_something_new_is_found(store: Store) -> None:
    github = GitHub({"a.tf": OPEN, "b.tf": OPEN})
    await searched(store, github)
    before, hour = body(github), timedelta(hours=1)
    github.closed_at = datetime.now(UTC) + hour  # after all that is found before
    del github.files["b.tf"]
    await searched(store, github)
    assert body(github) == before
    github.closed_at = None  # somebody reopens it
    await searched(store, github)
    assert "**1 finding open**" in body(github)
    github.closed_at = datetime.now(UTC) - hour
    github.files["c.tf"] = f"{OPEN}# new\n"
    await searched(store, github)
    assert github.closed_at is None
    assert "**2 findings open**" in body(github)
    assert len(github.issues) == 1


async def test_help_is_answered_once_for_each_person(store: Store) -> None:
    github = GitHub({"a.tf": OPEN})
    await searched(store, github)
    said = [replace(comment(id, "/nfr help"), issue=1) for id in (7, 8)]
    both = replace(comment(9, "/nfr\n\n/nfr accept IAC-001 a.tf"), speaker="ann", issue=1)
    await store.queue.accept(delivery(KEY, messages=(*said, both)))
    await ran(store, github)
    assert github.reactions == [(7, "eyes"), (8, "eyes"), (9, "confused")]
    found = [(one.topic, one.message_id, one.issue) for one in github.replies]
    assert found == [("help:sam", "comment:8", 1), ("help:ann", "comment:9", 1)]
    assert "- `/nfr undo HAZARD PATH`: " in github.replies[0].body
    await searched(store, github)
    assert len(github.replies) == 2


async def test_what_github_refuses_holds_nothing_up(store: Store) -> None:
    github = GitHub({"a.tf": OPEN})
    github.refuses = True
    said = comment(7, "/nfr accept IAC-001 a.tf -- a bastion\n/nfr help")
    await store.queue.accept(delivery(KEY, messages=(said,)))
    await searched(store, github)
    assert (github.issues, github.reactions) == ({}, [])
    known = await store.records.read(configurations.recall, SHOP.id)
    assert (known.wanted, known.issue) == (False, 0)


@pytest.mark.parametrize(
    "policy", ["version: 1\n", f"{WEEKLY}mode: observe\n"], ids=["off", "observe"]
)
async def test_nothing_is_written_unless_the_policy_wants_it(store: Store, policy: str) -> None:
    github = GitHub({"a.tf": OPEN})
    github.policy = policy
    await searched(store, github)
    assert github.issues == {}


async def test_an_acceptance_ends_with_its_day(store: Store, sqlite_url: str) -> None:
    github = GitHub({"a.tf": OPEN})
    await searched(store, github)
    said = comment(7, "/nfr accept IAC-001 a.tf until 2999-01-01 -- a bastion")
    await store.queue.accept(delivery(KEY, messages=(said,)))
    await ran(store, github)
    assert "**No open findings**" in body(github)
    changed(sqlite_url, "UPDATE ledger SET entry = replace(entry, '2999-01-01', '2020-01-01')")
    await searched(store, github)
    assert "**1 finding open**" in body(github)
