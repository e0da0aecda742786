"""`/readyz` and `/metrics` over real HTTP."""

from __future__ import annotations

import pytest

from ghapp.github.client import Standing
from tests.web.posting import encoded, payload
from tests.web.site import Site

pytestmark = pytest.mark.anyio


class TestReady:
    async def test_new_server_is_ready(self, site: Site) -> None:
        answer = await site.client.get("/readyz")
        assert answer.status_code == 200
        assert answer.json() == {
            "status": "ready",
            "newest_delivery_seconds": None,
            "oldest_due_seconds": None,
            "dirty": 0,
            "parked": 0,
            "github": "known",
        }

    async def test_app_unknown_to_github_is_not_ready(self, site: Site) -> None:
        site.standing = Standing.REFUSED
        answer = await site.client.get("/readyz")
        assert (answer.status_code, answer.json()["github"]) == (503, "refused")
        assert answer.json()["reason"] == (
            "GitHub does not know this App: check GHAPP_APP_ID and GHAPP_PRIVATE_KEY"
        )

    async def test_unreachable_github_leaves_it_ready(self, site: Site) -> None:
        site.standing = Standing.UNREACHABLE
        answer = await site.client.get("/readyz")
        assert (answer.status_code, answer.json()["github"]) == (200, "unreachable")

    async def test_ages_are_shown(self, site: Site) -> None:
        await site.post(encoded(payload()))
        figures = (await site.client.get("/readyz")).json()
        assert 0 <= figures["newest_delivery_seconds"] < 60
        assert 0 <= figures["oldest_due_seconds"] < 60
        assert figures["dirty"] == 1

    async def test_key_due_for_long_is_not_ready(self, site: Site) -> None:
        await site.post(encoded(payload()))
        site.sql("UPDATE keys SET due = due - 601")
        answer = await site.client.get("/readyz")
        assert answer.status_code == 503
        assert "is a worker running?" in answer.json()["reason"]

    async def test_failing_database_is_not_ready(self, site: Site) -> None:
        site.sql("DROP TABLE keys")
        answer = await site.client.get("/readyz")
        assert (answer.status_code, answer.json()["reason"]) == (503, "the database fails")
        assert (await site.client.get("/healthz")).status_code == 200

    async def test_database_that_takes_no_deliveries_is_not_ready(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ghapp.web.health.MOST_FAILING_SECONDS", 0.0)
        site.sql(FULL)
        assert (await site.post(encoded(payload()))).status_code == 503
        answer = await site.client.get("/readyz")
        assert answer.status_code == 503
        assert "no delivery could be stored" in answer.json()["reason"]
        assert "is it full" in answer.json()["reason"]
        site.sql("DROP TRIGGER full")
        assert (await site.post(encoded(payload()))).status_code == 202
        assert (await site.client.get("/readyz")).status_code == 200

    async def test_short_failure_leaves_it_ready(self, site: Site) -> None:
        site.sql(FULL)
        assert (await site.post(encoded(payload()))).status_code == 503
        assert (await site.client.get("/readyz")).status_code == 200


FULL = """CREATE TRIGGER full BEFORE INSERT ON deliveries
    BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"""


class TestReadyOfAWorkingProcess:
    @pytest.fixture
    def works(self) -> bool:
        return True

    async def test_key_due_for_long_is_blamed_on_the_runs(self, site: Site) -> None:
        await site.post(encoded(payload()))
        site.sql("UPDATE keys SET due = due - 601")
        answer = await site.client.get("/readyz")
        assert answer.status_code == 503
        assert "runs hang or are too many" in answer.json()["reason"]

    async def test_database_that_allows_no_claims_is_not_ready(self, site: Site) -> None:
        site.claim_failing_seconds = 29.0
        assert (await site.client.get("/readyz")).status_code == 200
        site.claim_failing_seconds = 31.0
        answer = await site.client.get("/readyz")
        assert answer.status_code == 503
        assert "no key could be claimed for 31 s" in answer.json()["reason"]


class TestMetrics:
    async def test_are_shown_to_a_direct_request(self, site: Site) -> None:
        await site.post(encoded(payload()))
        answer = await site.client.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert 'ghapp_deliveries_total{event="pull_request",outcome="stored"} 1.0' in answer.text
        assert "ghapp_queue_dirty_keys 1.0" in answer.text

    @pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
    async def test_are_not_shown_through_a_proxy(self, site: Site, name: str) -> None:
        answer = await site.client.get("/metrics", headers={name: "192.0.2.1"})
        assert answer.status_code == 403
        assert "HOST and PORT" in answer.json()["error"]

    async def test_are_shown_while_the_database_fails(self, site: Site) -> None:
        site.sql("DROP TABLE keys")
        answer = await site.client.get("/metrics")
        assert answer.status_code == 200
        assert "ghapp_database_up 0.0" in answer.text
        assert "ghapp_queue_dirty_keys NaN" in answer.text

    async def test_database_is_read_once_in_a_few_seconds(self, site: Site) -> None:
        before = (await site.client.get("/metrics")).text
        await site.post(encoded(payload()))
        after = (await site.client.get("/metrics")).text
        assert "ghapp_queue_dirty_keys 0.0" in before
        assert "ghapp_queue_dirty_keys 0.0" in after
        assert 'ghapp_deliveries_total{event="pull_request",outcome="stored"} 1.0' in after

    async def test_unsigned_delivery_adds_no_event(self, site: Site) -> None:
        for event in ("made_up", "another"):
            answer = await site.post(encoded(payload()), event=event, secret="guessed")
            assert answer.status_code == 401
        told = (await site.client.get("/metrics")).text
        assert 'ghapp_deliveries_total{event="unverified",outcome="unsigned"} 2.0' in told
        assert "made_up" not in told
