"""The page of the standing review: what is open, what is accepted, and how many by week."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

from ghapp.core.areas import Text
from ghapp.core.ledger import Verb
from ghapp.core.model import ConfigurationKey
from ghapp.core.review.configuration import Tracked
from ghapp.store import Store, configurations, ledger, pages
from ghapp.store.configurations import Outcome
from tests.store.stores import NOON, SHOP, due, entry, story
from tests.web.reviews import client

KEY = ConfigurationKey(SHOP)
OPEN = Tracked("infra/<b>.tf", "IAC-001", 0, 2, "must", "iac", NOON, NOON)


async def searched(store: Store) -> None:
    await store.records.write(configurations.want, [SHOP])
    claim = await due(store, KEY)
    at = (await store.records.read(configurations.recall, SHOP.id)).now
    findings = (
        OPEN,
        replace(OPEN, path="infra/new.tf", first_seen=at),
        replace(OPEN, path="infra/by.tf"),
        replace(OPEN, path="infra/in.tf", accepted="a bastion"),
        replace(OPEN, path="infra/gone.tf", gone_at=NOON),
    )
    legend = {"IAC-001": Text("Open to all.", "全公開。")}
    outcome = Outcome(at, findings, 9, (), False, legend, ())
    await store.records.write(configurations.searched, claim, SHOP.id, outcome)
    accepted = replace(
        entry("comment:1", note="known"), verb=Verb.ACCEPT, subject="IAC-001 infra/by.tf"
    )
    await store.records.write(ledger.append, str(KEY), [accepted])
    for monday, must in (("2026-11-23", 4), ("2026-11-30", 2)):
        counts = {"must": must, "should": 1, "could": 0, "accepted": 2}
        await store.records.write(configurations.count, SHOP.id, monday, counts)
    await store.records.write(configurations.wrote, claim, SHOP.id, 5, "digest")


@story
async def test_the_page_shows_what_is_open_and_how_many_were_by_week(store: Store) -> None:
    await searched(store)
    async with client(store) as browser:
        page = await browser.get("/configuration/Acme/shop?lang=en")
        japanese = await browser.get("/configuration/acme/shop?lang=ja")
    assert (page.status_code, japanese.status_code) == (200, 200)
    opened, _, accepted = page.text.partition('id="accepted"')
    assert "<bdi>infra/&lt;b&gt;.tf</bdi>" in opened
    assert "Open to all." in opened
    assert "infra/new.tf" in opened
    assert "infra/by.tf" not in opened
    assert "known (sam)" in accepted
    assert "a bastion" in accepted
    assert "infra/gone.tf" not in page.text
    assert '<meter min="0" max="5" value="3">3</meter>' in opened
    assert opened.index("2026-11-30") < opened.index("2026-11-23")
    assert "/acme/shop/issues/5" in opened
    assert "全公開。" in japanese.text


@story
async def test_a_repository_that_was_not_searched_has_no_page(store: Store) -> None:
    await store.records.write(configurations.want, [SHOP])
    async with client(store) as browser:
        assert (await browser.get("/configuration/acme/shop")).status_code == 404
        assert (await browser.get("/configuration/acme/none")).status_code == 404


@story
async def test_it_is_shown_only_to_who_may_see_the_repository(store: Store) -> None:
    await searched(store)

    async def seen(ids: frozenset[int] | None) -> bool:
        found = await store.records.read(pages.configuration, ids, "acme/shop", UTC)
        return found is not None

    assert [await seen(ids) for ids in (None, frozenset({SHOP.id}), frozenset({1}))] == [
        True,
        True,
        False,
    ]
