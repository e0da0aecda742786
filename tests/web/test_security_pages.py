"""Who sees the pages, and what hostile words do there."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from ghapp.core.ledger import Verb
from ghapp.core.records import FollowUp, Note
from ghapp.settings import Settings
from ghapp.store import Store
from tests.store.stores import NOON, story
from tests.web.reviews import SETTINGS, WEB, area, client, days_from_now, entry, overview, recorded
from tests.web.site import Site

PATHS = (
    *("/", "/follow-ups", "/pulls/acme/shop/1", "/?format=md", "/api/v1/queue"),
    *("/insights", "/insights?format=md", "/api/v1/insights"),
    *("/api/v1/follow-ups", "/api/v1/pulls/acme/shop/1", "/api/v1/openapi.yaml"),
)
HOSTILE = (
    "<script>alert(1)</script><img src=//evil.example onerror=x>\"'`{{7*7}}"
    " javascript:alert(1)\u202e\u200b\x00\u2066"
)

PLAIN = HOSTILE.replace("\x00", "")  # as a name of a policy, which holds no such character


@story
async def test_there_are_no_pages_by_default(store: Store) -> None:
    await recorded(store, 1)
    off = SETTINGS.model_copy(update={"pages": Settings.model_fields["pages"].default})
    async with client(store, settings=off) as browser:
        assert [(await browser.get(path)).status_code for path in PATHS] == [404] * len(PATHS)


@story
async def test_nobody_but_this_machine_sees_a_page(store: Store) -> None:
    await recorded(store, 1)
    for peer in ("192.0.2.1", "10.0.0.5", "172.17.0.1", "2001:db8::1", "", "localhost"):
        async with client(store, peer) as browser:
            missing = await browser.get("/no-such-page")
            for path in PATHS:
                for method in ("GET", "POST", "OPTIONS"):
                    answer = await browser.request(method, path)
                    assert (answer.status_code, answer.content) == (404, missing.content), path
                    assert answer.headers == missing.headers
    for peer in ("127.0.0.1", "127.8.8.8", "::1"):
        async with client(store, peer) as browser:
            assert [(await browser.get(path)).status_code for path in PATHS] == [200] * len(PATHS)


@story
async def test_no_header_makes_a_stranger_local(store: Store) -> None:
    await recorded(store, 1)
    names = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP")
    async with client(store, "192.0.2.1") as browser:
        for path in PATHS:
            for name in names:
                for value in ("127.0.0.1", "for=127.0.0.1", "::1"):
                    answer = await browser.get(path, headers={name: value, "Host": "localhost"})
                    assert answer.status_code == 404


@story
async def test_a_proxy_on_this_machine_shows_no_page(store: Store) -> None:
    await recorded(store, 1)
    names = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
    async with client(store) as browser:
        for path in PATHS:
            for name in (*names, "Forwarded", "Via", "CF-Connecting-IP"):
                assert (await browser.get(path, headers={name: "192.0.2.1"})).status_code == 404


@story
async def test_another_hosts_name_shows_no_page(store: Store) -> None:
    await recorded(store, 1)
    for host in (
        "evil.example",
        "127.0.0.1.evil.example",
        "ghapp.example:8000",
        "",
        "[x",
        "0.0.0.0",
    ):
        async with client(store) as browser:
            for path in PATHS:
                assert (await browser.get(path, headers={"Host": host})).status_code == 404, host
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        async with client(store) as browser:
            assert (await browser.get("/", headers={"Host": host})).status_code == 200, host


@pytest.mark.anyio
async def test_an_old_proxy_on_this_machine_shows_no_page(site: Site) -> None:
    for version, status in ((b"1.0", b"404"), (b"1.1", b"200")):
        head = b"GET /follow-ups HTTP/%s\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % version
        assert (await site.raw(head)).split(b" ", 2)[1] == status


class Tags(HTMLParser):
    """All tags of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@story
async def test_hostile_words_are_shown_and_do_nothing(store: Store) -> None:
    note = Note(Verb.HOLD, HOSTILE, NOON, HOSTILE)
    shown = overview(
        HOSTILE, author=HOSTILE, areas=(area(PLAIN, reviewers=(PLAIN,)),), holds=(note,)
    )
    due = FollowUp(1, PLAIN, PLAIN, days_from_now(-1), HOSTILE, HOSTILE)
    said = entry(Verb.HOLD, HOSTILE, speaker=HOSTILE, note=HOSTILE, right=HOSTILE)
    await recorded(store, 1, "on_hold", shown, said, follow_ups=(due,))
    await recorded(store, 2, "waiting_author", shown)
    async with client(store) as browser:
        for path in ("/", "/follow-ups", "/pulls/acme/shop/1", f"/?area={HOSTILE[:60]}&team=<b>"):
            for language in ("en", "ja"):
                page = (await browser.get(path, params={"lang": language})).text
                if "?" in path:
                    page = (await browser.get(f"{path}&lang={language}")).text
                assert "&lt;script&gt;alert(1)" in page
                assert not {"\u202e", "\u200b", "\x00", "\u2066"} & {*page}
                for tag, attributes in Tags(page).tags:
                    assert tag not in ("script", "img", "iframe", "object", "style", "base")
                    assert not [name for name in attributes if name.startswith("on")]
                    assert "style" not in attributes
                    address = attributes.get("href") or attributes.get("src") or "/"
                    inside = address[0] in "/?#" and not address.startswith("//")
                    assert inside or address.startswith((f"{WEB}/", "data:,")), address
