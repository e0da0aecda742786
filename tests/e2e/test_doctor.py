"""`ghapp doctor` in a whole world: what is broken there is named, and what to change."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ghapp.core import releases
from ghapp.doctor.examine import examined
from ghapp.doctor.report import Checked, CheckVerdict
from ghapp.emulator import faults
from ghapp.emulator.github import new_private_key
from ghapp.emulator.server import SERVER_BASE
from ghapp.github.host import fingerprint
from ghapp.github.requirements import EVENTS
from tests.e2e.certificates import certificates
from tests.e2e.world import SECRET, Host, World, command
from tests.store.stores import changed

OURS = Host(github={"events": tuple(EVENTS)})
Found = dict[tuple[str, str], Checked]


def examine(world: World, *, deliver: bool = True, **more: str) -> Found:
    """All findings by part and name."""
    world.environment |= more

    async def told() -> list[Checked]:
        found = examined(
            world.settings, tuple(world.environment), deliver=deliver, progress=lambda _: None
        )
        return [one async for one in found]

    return {(one.part, one.name): one for one in asyncio.run(told())}


def by(found: Found, verdict: CheckVerdict) -> set[tuple[str, str]]:
    return {key for key, one in found.items() if one.verdict is verdict}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "data", on=OURS)
    try:
        yield made
    finally:
        made.close()


CHECK = "NFR review"


@pytest.fixture
def running(world: World) -> World:
    """With a pull whose delivery was taken."""
    world.repository.required_checks["main"] = [CHECK]
    world.start()
    world.open()
    world.settle()
    return world


def test_a_good_setup_only_gets_a_warning_that_loopback_is_not_https(running: World) -> None:
    found = examine(running)
    assert by(found, CheckVerdict.PROBLEM) | by(found, CheckVerdict.UNKNOWN) == set()
    assert by(found, CheckVerdict.WARNING) == {("Webhook", "URL")}
    arrival = found["Webhook", "arrival"].found
    assert "was answered 202" in arrival
    assert "the signature and the database work" in arrival
    (again,) = [one for one in running.github.deliveries.all if one.redelivery]
    assert again.guid in {one.guid for one in running.github.deliveries.all if not one.redelivery}
    assert running.ready()["dirty"] == 0


def test_no_secret_is_shown_and_the_key_is_named_by_its_fingerprint(running: World) -> None:
    told = str(examine(running, deliver=False))
    key = running.github.private_key
    assert SECRET not in told
    assert key.splitlines()[1] not in told
    assert fingerprint(key) in told


def test_no_delivery_is_redelivered_unless_asked_for(running: World) -> None:
    found = examine(running, deliver=False)
    assert ("Webhook", "arrival") not in found
    assert not [one for one in running.github.deliveries.all if one.redelivery]


def test_a_redelivery_finds_a_wrong_secret(running: World) -> None:
    running.github.deliveries.hook.secret = "another one"
    arrival = examine(running)["Webhook", "arrival"]
    assert arrival.verdict is CheckVerdict.PROBLEM
    assert "got 401" in arrival.found
    assert "GHAPP_WEBHOOK_SECRET" in arrival.fix


def test_a_redelivery_finds_a_wrong_path(running: World) -> None:
    hook = running.github.deliveries.hook
    running.github.listen(hook.url.replace("/webhook", "/elsewhere/webhook"))
    arrival = examine(running)["Webhook", "arrival"]
    assert (arrival.verdict, "got 404" in arrival.found) == (CheckVerdict.PROBLEM, True)
    assert "/webhook" in arrival.fix


def test_nothing_is_redelivered_if_no_server_runs_and_the_report_says_so(running: World) -> None:
    running.stop()
    found = examine(running)
    assert found["Server", "here"].verdict is CheckVerdict.WARNING
    assert found["Webhook", "arrival"].verdict is CheckVerdict.UNKNOWN
    assert "no ghapp is running" in found["Webhook", "arrival"].found
    assert not [one for one in running.github.deliveries.all if one.redelivery]


def test_nothing_is_redelivered_if_the_database_does_not_answer(
    running: World,
) -> None:
    found = examine(running, GHAPP_DATABASE_URL="postgresql://u@127.0.0.1:1/x")
    assert found["Webhook", "arrival"].verdict is CheckVerdict.UNKNOWN
    assert "without the database it is unknown" in found["Webhook", "arrival"].found
    assert found["Webhook", "arrival"].fix == "see Database above"
    assert not [one for one in running.github.deliveries.all if one.redelivery]


def test_before_the_first_start_no_database_is_created(world: World) -> None:
    found = examine(world)
    assert found["Database", "schema"].verdict is CheckVerdict.WARNING
    assert world.settings.file and not world.settings.file.exists()
    assert by(found, CheckVerdict.PROBLEM) == {("Webhook", "URL")}  # none is set


class TestWhoWeAre:
    def test_an_unknown_app_id(self, world: World) -> None:
        found = examine(world, GHAPP_APP_ID="99")
        assert found["GitHub", "App"].verdict is CheckVerdict.PROBLEM
        assert found["GitHub", "App"].found == "GitHub has no App with id 99"
        assert found["Permissions", "all"].verdict is CheckVerdict.UNKNOWN

    def test_a_key_of_another_app(self, world: World) -> None:
        found = examine(world, GHAPP_PRIVATE_KEY=new_private_key())
        assert "the private key is not one of its keys" in found["GitHub", "App"].found
        assert "fingerprint" in found["GitHub", "App"].fix

    def test_a_clock_that_is_an_hour_off_is_taken_into_account(self, world: World) -> None:
        world.clock.forward(3600)
        found = examine(world)
        assert found["GitHub", "clock"].verdict is CheckVerdict.WARNING
        assert "59 minutes behind" in found["GitHub", "clock"].found or (
            "1 hour behind" in found["GitHub", "clock"].found
        )
        assert found["GitHub", "App"].verdict is CheckVerdict.GOOD

    @pytest.mark.parametrize(
        ("url", "what"),
        [
            ("http://127.0.0.1:9", "nothing listens there"),
            ("https://nowhere.invalid/api/v3", "its name cannot be resolved"),
        ],
    )
    def test_a_github_out_of_reach(self, world: World, url: str, what: str) -> None:
        found = examine(world, GHAPP_GITHUB_API_URL=url)
        assert what in found["GitHub", "reachable"].found
        assert "GHAPP_GITHUB_API_URL" in found["GitHub", "reachable"].fix
        assert found["Webhook", "all"].verdict is CheckVerdict.UNKNOWN

    def test_a_site_that_is_not_an_api(self, world: World) -> None:
        world.start()
        assert world.ghapp
        found = examine(world, GHAPP_GITHUB_API_URL=world.ghapp.url)
        assert "not as GitHub's API does" in found["GitHub", "reachable"].found


class TestInstallations:
    def test_permissions_that_were_not_accepted_yet(self, running: World) -> None:
        running.github.installations[1].permissions = {"metadata": "read", "checks": "write"}
        found = examine(running, deliver=False)["Installations", "acme"]
        assert found.verdict is CheckVerdict.PROBLEM
        assert "Pull requests write" in found.found
        assert "Members read" in found.found
        assert "/settings/installations/1" in found.fix

    def test_a_suspended_installation(self, running: World) -> None:
        running.github.suspend(1, "ann")
        found = examine(running, deliver=False)["Installations", "acme"]
        assert (found.verdict, "suspended" in found.found) == (CheckVerdict.WARNING, True)

    def test_a_server_without_graphql(self, running: World) -> None:
        running.github.faults.add(faults.broken("POST /graphql", 404, times=None))
        found = examine(running, deliver=False)
        assert any("GraphQL does not answer" in one.found for one in found.values())


def test_a_parked_key_and_its_error_are_named(running: World) -> None:
    changed(
        running.settings.database_url,
        "UPDATE keys SET parked_at = 1, error = 'it broke' WHERE kind = 'pull'",
    )
    found = examine(running, deliver=False)["Database", "parked"]
    assert (found.verdict, "acme/shop (it broke)" in found.found) == (CheckVerdict.WARNING, True)


def test_deliveries_are_unknown_if_github_does_not_list_them(running: World) -> None:
    running.github.faults.add(faults.broken("GET /app/hook/deliveries", 404, times=None))
    found = examine(running)
    assert by(found, CheckVerdict.UNKNOWN) == {("Webhook", "attempts"), ("Webhook", "arrival")}
    assert by(found, CheckVerdict.PROBLEM) == set()


def test_an_enterprise_server_with_its_own_ca(tmp_path: Path) -> None:
    github = {**OURS.github, "enterprise_version": "3.8.4", "rate_limit": 0}
    made = certificates(tmp_path)
    world = World(tmp_path / "data", on=Host(SERVER_BASE, (made.chain, made.key), github))
    try:
        untrusted = examine(world)["GitHub", "reachable"]
        assert "its certificate is not trusted" in untrusted.found
        assert "SSL_CERT_FILE" in untrusted.fix
        ended = command(world, "doctor", "--format", "json", SSL_CERT_FILE=made.ca)
    finally:
        world.close()
    told = json.loads(ended.stdout)
    found = {(one["part"], one["name"]): one for one in told["findings"]}
    assert found["GitHub", "version"]["verdict"] == "warning"
    assert "3.9" in found["GitHub", "version"]["fix"]
    assert "no rate limits" in found["Settings", "GitHub"]["found"]
    assert sum(told["counts"].values()) == len(told["findings"])
    assert (told["counts"]["problem"], ended.exit_code) == (1, 1)  # no webhook URL is set


class TestTheCommand:
    def test_warnings_are_not_a_failure_and_ascii_is_enough(self, running: World) -> None:
        ended = command(running, "doctor", "--no-deliver", charset="ascii")
        assert (ended.exit_code, ended.stderr) == (0, "")
        assert ended.stdout.splitlines()[-1] == "26 good, 1 warning, 0 problems, 0 unknown."
        assert "  + App " in ended.stdout
        assert "the environment sets GHAPP_APP_ID, GHAPP_PRIVATE_KEY" in ended.stdout

    def test_a_wrong_setting_is_a_usage_error(self, world: World) -> None:
        ended = command(world, "doctor", GHAPP_GITHUB_API_URL="https://ghe.example")
        assert (ended.exit_code, ended.stdout) == (2, "")
        assert ended.stderr.startswith("GHAPP_GITHUB_API_URL: does not end with /api/v3")

    def test_an_unreadable_ca_file_is_a_usage_error(self, world: World) -> None:
        ended = command(world, "doctor", SSL_CERT_FILE="/nowhere/ca.pem")
        assert ended.exit_code == 2
        assert ended.stderr.startswith("SSL_CERT_FILE: ")

    @pytest.mark.parametrize("folder", ["/nowhere/ca", ":", "/nowhere:", "x" * 5_000])
    def test_a_missing_folder_of_cas_is_a_usage_error(self, folder: str, world: World) -> None:
        ended = command(world, "doctor", SSL_CERT_FILE="", SSL_CERT_DIR=folder)
        assert ended.exit_code == 2
        assert ended.stderr.startswith("SSL_CERT_DIR: is not a folder; ")


class TestPolicies:
    """The policies of all repositories, against the teams and rules on GitHub."""

    def test_teams_that_do_not_exist(self, running: World) -> None:
        running.shop(
            "till",
            "reviewers: {teams: [sre, sers]}\nwaivers: {teams: [leads]}\n"
            "areas: {database-migration: {reviewers: {teams: [dba, dbas]}}}\n",
        )
        found = examine(running, deliver=False)
        assert by(found, CheckVerdict.PROBLEM) == {("Policies", "acme/till")}
        told = found["Policies", "acme/till"]
        assert told.found == "its policy names teams that do not exist: dbas, leads, sers"
        assert ".github/nfr.yml" in told.fix
        assert "1 of 2 repositories" in found["Policies", "good"].found

    def test_without_members_nothing_is_said_about_teams(self, world: World) -> None:
        world.repository.required_checks["main"] = [CHECK]
        world.shop("till", "reviewers: {teams: [sers]}\n")
        (installation,) = world.github.installations.values()
        del installation.permissions["members"]
        found = examine(world, deliver=False)
        assert ("Policies", "acme/till") not in found

    def test_a_policy_that_is_invalid(self, running: World) -> None:
        running.shop("till", "mode: strict\nmax_item: 3\n")
        told = examine(running, deliver=False)["Policies", "acme/till"]
        assert told.verdict is CheckVerdict.PROBLEM
        assert ".github/nfr.yml:1:7: `mode` should be" in told.found
        assert "(and 1 more)" in told.found
        assert "ghapp lint" in told.fix

    @pytest.mark.parametrize("is_protection", [False, True])
    def test_a_check_that_nothing_requires(self, running: World, is_protection: bool) -> None:
        repository = running.repository
        repository.required_checks["main"] = ["other"]
        if is_protection:
            repository.protected.add("main")
        told = examine(running, deliver=False)["Policies", "acme/shop"]
        assert told.verdict is CheckVerdict.WARNING
        assert "`main` does not require the check `NFR review`" in told.found
        repository.required_checks["main"] = ["other", CHECK]
        assert ("Policies", "acme/shop") not in examine(running, deliver=False)

    def test_a_check_that_only_advises_need_not_be_required(self, running: World) -> None:
        running.shop("till", "mode: advise\nreviewers: {teams: [sre]}\n")
        found = examine(running, deliver=False)
        assert "2 of 2 repositories" in found["Policies", "good"].found

    def test_one_area_that_enforces_is_enough(self, running: World) -> None:
        running.shop("till", "areas: {database-migration: {mode: enforce}}\n")
        told = examine(running, deliver=False)["Policies", "acme/till"]
        assert told.verdict is CheckVerdict.WARNING

    def test_a_calendar_that_is_not_used(
        self, running: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        good = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"
        running.shop("till", "release: {calendar: .github/releases.ics}\n")
        told = examine(running, deliver=False)["Policies", "acme/till"]
        assert told.verdict is CheckVerdict.WARNING
        assert "is not in the organisation's repository `.github`" in told.found
        running.github.repository("acme/.github", {".github/releases.ics": good})
        assert ("Policies", "acme/till") not in examine(running, deliver=False)
        releases.upcoming.cache_clear()
        monkeypatch.setitem(sys.modules, "icalendar", None)
        told = examine(running, deliver=False)["Policies", "acme/till"]
        assert "`uv pip install '.[calendar]'`" in told.found

    def test_a_repository_that_cannot_be_read(self, running: World) -> None:
        running.github.faults.add(
            faults.forbidden("GET /repos/*/*/contents/*", "contents=read", times=None)
        )
        found = examine(running, deliver=False)
        assert found["Policies", "acme/shop"].verdict is CheckVerdict.UNKNOWN
