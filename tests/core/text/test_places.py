"""Addresses on GitHub."""

from __future__ import annotations

from datetime import UTC

from ghapp.core.records import FollowUp
from ghapp.core.text.places import Place

PLACE = Place(UTC, "https://github.example")
SHOP = "https://github.example/acme/shop"
FOLLOW_UP = FollowUp(7, "perf-load-test", "public-api", "2026-12-01", "ann", issue=9)


def test_each_thing_has_its_address() -> None:
    assert PLACE.repository("acme/shop") == SHOP
    assert PLACE.pull("acme/shop", 7) == f"{SHOP}/pull/7"
    assert PLACE.issue("acme/shop", 9) == f"{SHOP}/issues/9"
    assert PLACE.policy("acme/shop") == f"{SHOP}/blob/HEAD/.github/nfr.yml"
    assert PLACE.line("acme/shop", "abc", "a b/#1.sql", 3) == f"{SHOP}/blob/abc/a%20b/%231.sql#L3"
    assert PLACE.line("acme/shop", "abc", "a.sql", 0) == f"{SHOP}/blob/abc/a.sql"


def test_a_follow_up_without_an_issue_is_at_its_pull() -> None:
    without = FollowUp(7, "perf-load-test", "public-api", "2026-12-01", "ann")
    assert PLACE.follow_up("acme/shop", FOLLOW_UP) == f"{SHOP}/issues/9"
    assert PLACE.follow_up("acme/shop", without) == f"{SHOP}/pull/7"
