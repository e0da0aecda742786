"""The page of the standing review: what is open, what is accepted, and how many by week."""

from __future__ import annotations

from datetime import UTC

from ghapp.store import Store, configurations, pages
from tests.store.stores import SHOP, story
from tests.web.reviews import client, recorded, searched


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


@story
async def test_all_that_exist_are_listed_and_the_queue_links_there(store: Store) -> None:
    async with client(store) as browser:
        empty = await browser.get("/configuration?lang=en")
        assert "<code>configuration: {scan: weekly}</code>" in empty.text
        await searched(store)
        await recorded(store, 1)
        assert 'href="/configuration?lang=en"' in (await browser.get("/?lang=en")).text
        page = await browser.get("/configuration?lang=en")
        assert '<a href="/configuration/acme/shop?lang=en"><bdi>acme/shop</bdi></a>' in page.text
        assert "must 2 · should 1 · could 0 · accepted 2" in page.text
        assert "構成ファイルの定期レビュー" in (await browser.get("/configuration?lang=ja")).text
        pasted = (await browser.get("/configuration?lang=en&format=md")).text
        assert "/acme/shop/issues/5)" in pasted and "2 must" in pasted
        (row,) = (await browser.get("/api/v1/configuration")).json()["repositories"]
        assert (row["must"], row["page"]) == (2, "/configuration/acme/shop")
    for ids, count in ((None, 1), (frozenset({SHOP.id}), 1), (frozenset({1}), 0)):
        found = await store.records.read(pages.all_configurations, ids)
        assert len(found) == count


@story
async def test_it_can_be_read_as_text_and_as_json(store: Store) -> None:
    await searched(store)
    async with client(store) as browser:
        text = (await browser.get("/configuration/acme/shop?lang=en&format=md")).text
        found = (await browser.get("/api/v1/configuration/acme/shop?lang=en")).json()
        missing = await browser.get("/api/v1/configuration/acme/none")
        page = (await browser.get("/configuration/acme/shop?lang=en")).text
    assert "### open (2)" in text and "### Accepted (2)" in text
    assert "<b>" not in text and "infra/new.tf" in text
    assert "- 2026-11-30: 2 must, 1 should" in text
    assert [one["hazard"] for one in found["opened"]] == ["IAC-001"]
    assert [one["total"] for one in found["weeks"]] == [3, 5]
    assert (missing.status_code, missing.json()) == (404, {"error": "Not Found"})
    assert 'href="?lang=en&amp;format=md"' in page and 'href="/configuration?lang=en"' in page
