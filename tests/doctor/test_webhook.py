"""The webhook and its attempts, judged without GitHub."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ghapp.doctor.report import CheckVerdict
from ghapp.doctor.webhook import Tried, arrival, hook, meaning, recent, suitable
from ghapp.github.app import Attempted, Hook

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
GOOD, WARNING, PROBLEM = CheckVerdict.GOOD, CheckVerdict.WARNING, CheckVerdict.PROBLEM
FINE = {"url": "https://x.example/webhook", "content_type": "json", "secret": "********"}


def attempt(
    status_code: int, status: str = "", *, minutes: int = 0, event: str = "push", guid: str = "g"
) -> Attempted:
    at = NOW - timedelta(minutes=minutes)
    return Attempted(minutes, guid, at, event, "", status, status_code)


@pytest.mark.parametrize(
    ("change", "name", "verdict"),
    [
        ({}, "", GOOD),
        ({"url": ""}, "URL", PROBLEM),
        ({"url": "http://x.example/webhook"}, "URL", WARNING),
        ({"url": "https://x.example/"}, "URL", WARNING),
        ({"content_type": "form"}, "content type", PROBLEM),
        ({"insecure_ssl": "1"}, "TLS", WARNING),
        ({"insecure_ssl": 1}, "TLS", WARNING),
        ({"insecure_ssl": 0}, "", GOOD),
        ({"secret": ""}, "secret", PROBLEM),
    ],
)
def test_how_the_webhook_is_set_up(
    change: dict[str, Any], name: str, verdict: CheckVerdict
) -> None:
    found = {one.name: one.verdict for one in hook(Hook(**FINE | change))}
    bad = {one: which for one, which in found.items() if which is not GOOD}
    assert bad == ({name: verdict} if name else {})
    assert list(found) == ["URL", "content type", "TLS", "secret"]


@pytest.mark.parametrize(
    ("status_code", "status", "what", "fix"),
    [
        (401, "Invalid HTTP Response: 401", "is not the webhook secret", "GHAPP_WEBHOOK_SECRET"),
        (404, "Invalid HTTP Response: 404", "the path is wrong", "/webhook"),
        (413, "", "too large", "25 MB"),
        (502, "failed to connect to host", "could not reach", "public"),
        (502, "Invalid HTTP Response: 502", "nothing answered", "start ghapp"),
        (504, "timed out", "no answer in time", "in front of ghapp"),
        (500, "timed out", "no answer in time", "in front of ghapp"),
        (0, "", "could not reach", "certificate"),
        (418, "", "something other than ghapp", "webhook URL"),
    ],
)
def test_meaning_of_a_failed_attempt(status_code: int, status: str, what: str, fix: str) -> None:
    told = meaning(status_code, status)
    assert (what in told[0], fix in told[1]) == (True, True), told


class TestRecent:
    def verdict(self, *attempts: Attempted) -> tuple[CheckVerdict, str]:
        (found,) = recent(attempts, NOW)
        return found.verdict, found.found

    def test_no_attempts_is_unknown(self) -> None:
        assert self.verdict()[0] is CheckVerdict.UNKNOWN

    def test_all_successful(self) -> None:
        verdict, words = self.verdict(attempt(202, minutes=90), attempt(200, minutes=95))
        assert (verdict, "last success was 1 hour ago" in words) == (GOOD, True)

    def test_failing_now_is_a_problem(self) -> None:
        verdict, words = self.verdict(attempt(401), attempt(202, minutes=5))
        assert verdict is PROBLEM
        assert "1 of 2 attempts in the last 24 hours failed, the newest with 401" in words

    def test_failure_before_the_newest_success_is_a_warning(self) -> None:
        assert self.verdict(attempt(202), attempt(502, minutes=5))[0] is WARNING

    def test_one_failure_of_many_is_a_warning(self) -> None:
        taken = [attempt(202, minutes=1) for _ in range(40)]
        assert self.verdict(attempt(502), *taken)[0] is WARNING

    def test_no_success_at_all_is_a_problem(self) -> None:
        assert self.verdict(attempt(502))[0] is PROBLEM

    def test_old_failure_does_not_count(self) -> None:
        old = attempt(502, minutes=25 * 60)
        assert self.verdict(attempt(202), old)[0] is GOOD


class TestSuitable:
    def test_newest_stored_delivery_comes_first(self) -> None:
        ping = attempt(200, event="ping", guid="p")
        newest, stored = attempt(202, minutes=1, guid="N"), attempt(202, minutes=2, guid="S")
        assert suitable((ping, newest, stored), frozenset({"s"})) is stored
        assert suitable((ping, newest, stored), frozenset({"n", "s"})) is newest

    def test_ping_comes_second(self) -> None:
        ping = attempt(200, event="ping", guid="p")
        assert suitable((attempt(202, guid="n"), ping), frozenset()) is ping

    def test_failed_or_unknown_delivery_is_never_chosen(self) -> None:
        assert suitable((attempt(202), attempt(502, event="ping")), frozenset()) is None
        assert suitable((attempt(502, guid="n"),), frozenset({"n"})) is None


class TestArrival:
    @pytest.mark.parametrize(
        ("answer", "known", "verdict", "words"),
        [
            (attempt(202), True, GOOD, "the signature and the database work"),
            (attempt(200), False, GOOD, "the database is not proven"),
            (attempt(401), True, PROBLEM, "got 401"),
            (None, True, CheckVerdict.UNKNOWN, "no new attempt after 30 s"),
        ],
    )
    def test_answer(
        self, answer: Attempted | None, known: bool, verdict: CheckVerdict, words: str
    ) -> None:
        found = arrival(Tried(attempt(202), known, answer, 30.0))
        assert (found.verdict, words in found.found) == (verdict, True), found.found

    def test_not_tried(self) -> None:
        found = arrival(Tried(why_not="not tried: so", fix="do this"))
        assert (found.verdict, found.found, found.fix) == (
            CheckVerdict.UNKNOWN, "not tried: so", "do this",
        )  # fmt: skip


@pytest.mark.parametrize(
    "url", ["https://gh:s3cret@x.example:8443/webhook?token=s3cret", "http://gh:s3cret@x.example/"]
)
def test_address_is_shown_without_secrets(url: str) -> None:
    shown = [str(one) for one in hook(Hook(**FINE | {"url": url}))]
    assert any("x.example" in one for one in shown)
    assert not any("s3cret" in one for one in shown)
