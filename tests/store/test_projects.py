"""Projects in the store: issues as read, ways of pulls, ledgers that move, and consultations."""

from __future__ import annotations

from dataclasses import replace

from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import Marks, Written
from ghapp.core.model import Channel, Lookup, ProjectKey, PullKey, Repository
from ghapp.core.records import Consultation, Judgement, KnownIssue, ProjectRun
from ghapp.store import Store, projects
from tests.store.stores import KEY, NOON, SHOP, comment, delivery, dirty, due, story

LABEL = "nfr: project"
HERE = ProjectKey(SHOP, 12)
ISSUE = KnownIssue(HERE, "I_1", "Points", "", is_open=True, labels=frozenset({LABEL}))
PLAIN = replace(ISSUE, labels=frozenset())
ASKED = Consultation(SHOP.full_name, 12, "Points", "", ("db",), "bob", NOON, "fine?")
ANSWER = Entry("comment:7", 0, Verb.CHECK, "bob", NOON, Channel.COMMENT, "db-peak", note="500 rps")
RUN = ProjectRun(ISSUE, True, Marks(), Written(comment_id=3), {"db": "acme/shop#5"}, ASKED)


async def ran(store: Store, key: ProjectKey = HERE, run: ProjectRun = RUN) -> None:
    """A run of the project that has judged one answer."""
    await store.queue.mark_dirty([key])
    claim = await due(store, key)
    recalled = await store.records.read(projects.recall, key)
    judgement = Judgement((ANSWER,), (ANSWER.message_id,))
    await store.records.write(projects.admit, claim, recalled.ledger, None, judgement, ())
    await store.records.write(projects.record, claim, recalled.ledger, run)


@story
async def test_an_issue_is_known_until_a_delivery_says_that_it_has_changed(store: Store) -> None:
    assert await store.records.read(projects.known_issue, "acme/shop#12") is None
    read, through = [("acme/shop#12", PLAIN)], ("acme/shop#12",)
    early = await store.records.write(projects.keep_way, KEY, through, read, LABEL)
    assert early == ()
    assert await store.records.read(projects.known_issue, "acme/shop#12") == PLAIN
    await store.queue.accept(delivery(HERE, event="issues", keys=(), issues=(HERE,)))
    assert await store.records.read(projects.known_issue, "acme/shop#12") is None


@story
async def test_a_reading_from_before_the_issue_became_a_project_does_not_count(
    store: Store,
) -> None:
    await ran(store)
    early = await store.records.write(
        projects.keep_way, KEY, ("acme/shop#12",), [("acme/shop#12", PLAIN)], LABEL
    )
    assert early == (HERE,)
    assert await store.records.read(projects.known_issue, "acme/shop#12") == ISSUE


@story
async def test_a_label_that_may_make_a_project_marks_the_issue_and_no_other_does(
    store: Store,
) -> None:
    for label, count in (("bug", 0), (LABEL, 1)):
        lookup = Lookup(SHOP, issue=12, labelled=label)
        await store.queue.accept(delivery(event="issues", keys=(), lookup=lookup, fresh_at=NOON))
        assert await dirty(store) == count
    claim = await due(store, HERE)
    assert (await store.records.read(projects.recall, HERE)).history.fresh_at == NOON
    await store.queue.finish(claim)


@story
async def test_a_project_is_recalled_with_its_answers_and_messages(store: Store) -> None:
    first = await store.records.read(projects.recall, HERE)
    assert (first.ledger, first.is_project, first.pulls) == (str(HERE), False, ())
    await ran(store)
    await store.queue.accept(delivery(HERE, messages=(comment(9, "/nfr check x"),)))
    found = await store.records.read(projects.recall, HERE)
    assert (found.is_project, found.is_open, found.node_id) == (True, True, "I_1")
    assert (found.history.ledger, found.history.written.comment_id) == ((ANSWER,), 3)
    assert [one.id for one in found.history.messages] == ["comment:9"]
    known = await store.records.read(projects.project, ISSUE, LABEL)
    assert (known.is_open, known.ledger, known.touched) == (True, (ANSWER,), RUN.touched)
    closed = await store.records.read(projects.project, replace(ISSUE, is_open=False), LABEL)
    assert not closed.is_open


@story
async def test_a_transferred_project_takes_its_ledger_along(store: Store) -> None:
    await ran(store)
    there = ProjectKey(Repository(SHOP.installation_id, 77, "acme/batch"), 5)
    moved = (there, "I_1", "I_2")
    await store.queue.accept(delivery(event="issues", keys=(), issues=(HERE,), moved=moved))
    found = await store.records.read(projects.recall, there)
    assert (found.ledger, found.node_id, found.is_project) == (str(HERE), "I_2", True)
    assert found.history.ledger == (ANSWER,)
    assert not (await store.records.read(projects.recall, HERE)).is_project
    issue = replace(ISSUE, key=there)
    assert (await store.records.read(projects.project, issue, LABEL)).ledger == (ANSWER,)
    other = ProjectKey(SHOP, 99)
    assert not await store.records.write(projects.move, other, HERE, "", "I_3")


@story
async def test_consultations_are_listed_by_age_for_the_repositories_that_may_be_shown(
    store: Store,
) -> None:
    await ran(store)
    assert await store.records.read(projects.consultations) == (ASKED,)
    assert await store.records.read(projects.consultations, [SHOP.id]) == (ASKED,)
    assert await store.records.read(projects.consultations, [SHOP.id + 1]) == ()
    assert await store.records.read(projects.consultations, []) == ()
    await store.queue.mark_dirty([HERE])
    claim = await due(store, HERE)
    await store.records.write(projects.gone, claim)
    assert await store.records.read(projects.consultations) == ()
    assert not (await store.records.read(projects.recall, HERE)).is_open


@story
async def test_a_change_of_an_issue_marks_the_open_pulls_whose_way_led_there(store: Store) -> None:
    other = PullKey(SHOP, 8)
    for key in (KEY, other):
        await store.records.write(projects.keep_way, key, ("acme/shop#12",), [], LABEL)
    # Neither was ever reviewed, so neither is known to be open.
    await store.queue.accept(delivery(event="issues", keys=(), issues=(HERE,)))
    assert await dirty(store) == 0
