"""GitHub's answers, judged without GitHub."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from ghapp.doctor.github import events, installations, permissions, reach
from ghapp.doctor.report import Checked, CheckVerdict
from ghapp.emulator.github import EVENTS as OFFERED
from ghapp.github.app import Allowed, Installed, Owner, Reached
from ghapp.github.requirements import EVENTS, PERMISSIONS, UNASKED, at_least
from ghapp.github.webhook import READERS

GOOD, WARNING, PROBLEM = CheckVerdict.GOOD, CheckVerdict.WARNING, CheckVerdict.PROBLEM
ASKED = {name: need.level for name, need in PERMISSIONS.items()}
API = "https://api.github.com"


def verdicts(found: Iterable[Checked]) -> dict[str, CheckVerdict]:
    return {one.name: one.verdict for one in found}


class TestNeeds:
    def test_every_event_that_is_read_is_subscribed_or_comes_by_default(self) -> None:
        assert READERS.keys() - UNASKED <= EVENTS.keys()
        assert EVENTS.keys() - READERS.keys() <= {"merge_group"}

    def test_every_event_has_its_permission_and_exists(self) -> None:
        assert set(EVENTS.values()) <= PERMISSIONS.keys()
        assert EVENTS.keys() <= set(OFFERED)

    @pytest.mark.parametrize(
        ("found", "level", "enough"),
        [
            ("", "read", False),
            ("read", "read", True),
            ("read", "write", False),
            ("write", "read", True),
            ("admin", "write", True),
            ("odd", "read", False),
        ],
    )
    def test_levels(self, found: str, level: str, enough: bool) -> None:
        assert at_least(found, level) is enough


class TestPermissions:
    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({}, {"needed": GOOD}),
            ({"checks": "read"}, {"Checks": PROBLEM}),
            ({"checks": ""}, {"Checks": PROBLEM}),
            ({"members": ""}, {"Members": WARNING}),
            ({"merge_queues": ""}, {"Merge queues": WARNING}),
            ({"contents": "write"}, {"needed": GOOD, "Contents": WARNING}),
            ({"secrets": "read"}, {"needed": GOOD, "Secrets": WARNING}),
            ({"issues": "admin", "members": ""}, {"Members": WARNING, "Issues": WARNING}),
        ],
    )
    def test_permissions_against_those_needed(
        self, change: dict[str, str], expected: dict[str, CheckVerdict]
    ) -> None:
        asked = {name: level for name, level in (ASKED | change).items() if level}
        assert verdicts(permissions(asked)) == expected

    def test_both_levels_and_the_place_to_set_them_are_named(self) -> None:
        (found,) = permissions(ASKED | {"checks": "read"})
        assert "requests read" in found.found
        assert "needs write" in found.found
        assert found.fix.startswith("set it to write in the App's settings on GitHub")


class TestEvents:
    @pytest.mark.parametrize(
        ("without", "more", "expected"),
        [
            ((), (), {"needed": GOOD}),
            (("issue_comment",), (), {"Issue comment": PROBLEM}),
            (("merge_group",), (), {"Merge group": WARNING}),
            (("label",), (), {"Label": WARNING}),
            (("milestone",), (), {"Milestone": WARNING}),
            (("sub_issues",), (), {"Sub issues": PROBLEM}),
            ((), ("team", "star"), {"needed": GOOD, "needless": WARNING}),
            ((), ("installation",), {"needed": GOOD}),
        ],
    )
    def test_events_against_those_read(
        self, without: tuple[str, ...], more: tuple[str, ...], expected: dict[str, CheckVerdict]
    ) -> None:
        heard = frozenset({*EVENTS, *more} - {*without})
        assert verdicts(events(heard, ASKED)) == expected

    def test_a_server_does_not_have_all_of_them(self) -> None:
        heard = frozenset(EVENTS) - {"sub_issues"}
        assert verdicts(events(heard, ASKED, is_server=True)) == {"needed": GOOD}
        assert verdicts(events(frozenset(EVENTS), ASKED, is_server=True)) == {"needed": GOOD}

    def test_permission_of_an_event_is_named(self) -> None:
        (found,) = events(frozenset(EVENTS) - {"push"}, {})
        assert "after the permission Contents" in found.fix


class TestInstallations:
    def judged(
        self, allowed: Allowed | str | None = None, *, of: str = "Organization", **more: Any
    ) -> list[Checked]:
        url = "https://github.com/organizations/acme/settings/installations/7"
        one = Installed(7, Owner("acme", of), **{"permissions": ASKED, "html_url": url} | more)
        found = {} if allowed is None else {7: allowed}
        return list(installations((one,), ASKED, found))

    def test_none(self) -> None:
        assert verdicts(installations((), ASKED, {})) == {"all": WARNING}

    @pytest.mark.parametrize(
        ("allowed", "verdict", "words"),
        [
            (Allowed(2, 4000, 5000, answers_graphql=True), GOOD, "2 repositories (all), 4000 of"),
            (Allowed(1, None, None, answers_graphql=True), GOOD, "1 repository (all), no rate"),
            (Allowed(1, 499, 5000, answers_graphql=True), WARNING, "only 499 of 5000"),
            (Allowed(1, 4000, 5000, answers_graphql=False), PROBLEM, "GraphQL does not answer"),
            ("GitHub answers 500", PROBLEM, "no token for it: GitHub answers 500"),
        ],
    )
    def test_what_its_token_sees(
        self, allowed: Allowed | str, verdict: CheckVerdict, words: str
    ) -> None:
        (found,) = self.judged(allowed)
        assert (found.name, found.verdict, words in found.found) == ("acme", verdict, True)

    def test_personal_account_need_not_grant_members(self) -> None:
        granted = {name: level for name, level in ASKED.items() if name != "members"}
        allowed = Allowed(1, None, None, answers_graphql=True)
        (found,) = self.judged(allowed, of="User", permissions=granted)
        assert found.verdict is GOOD
        (found,) = self.judged(allowed, permissions=granted)
        assert (found.verdict, "Members read" in found.found) == (PROBLEM, True)
        assert found.fix.endswith("/settings/installations/7")

    def test_permission_that_the_app_does_not_request_is_not_pending(self) -> None:
        one = Installed(7, Owner("acme"), permissions={})
        (found,) = installations((one,), {}, {7: Allowed(1, 9, 10, answers_graphql=True)})
        assert found.verdict is GOOD

    def test_suspended(self) -> None:
        (found,) = self.judged(suspended_at=datetime(2026, 4, 1, tzinfo=UTC))
        assert (found.verdict, "suspended since 2026-04-01" in found.found) == (WARNING, True)

    def test_unchecked_installations_are_counted(self) -> None:
        assert [one.name for one in self.judged()] == ["others"]


class TestReach:
    @pytest.mark.parametrize(
        ("found", "expected"),
        [
            (Reached("slow", "TimeoutError"), {"reachable": PROBLEM}),
            (Reached(status=200, is_api=False), {"reachable": PROBLEM}),
            (Reached(status=200), {"reachable": GOOD, "clock": GOOD, "App": GOOD}),
            (
                Reached(status=404, is_unknown=True),
                {"reachable": GOOD, "clock": GOOD, "App": PROBLEM},
            ),
            (Reached(status=401), {"reachable": GOOD, "clock": GOOD, "App": PROBLEM}),
            (Reached(status=502), {"reachable": GOOD, "clock": GOOD, "App": PROBLEM}),
            (
                Reached(status=200, ahead_seconds=-90.0, server_version="3.14.2"),
                {"reachable": GOOD, "version": GOOD, "clock": WARNING, "App": GOOD},
            ),
        ],
    )
    def test_verdicts(self, found: Reached, expected: dict[str, CheckVerdict]) -> None:
        assert verdicts(reach(found, API, 7)) == expected

    @pytest.mark.parametrize(
        ("version", "verdict"),
        [("3.8.9", WARNING), ("3.9.0", GOOD), ("3.10.1", GOOD), ("4.0", GOOD), ("odd", WARNING)],
    )
    def test_versions_are_numbers(self, version: str, verdict: CheckVerdict) -> None:
        found = verdicts(reach(Reached(status=200, server_version=version), API, 7))
        assert found["version"] is verdict
