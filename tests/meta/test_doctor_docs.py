"""What the documents say of the App's needs and of `ghapp doctor` is what the code has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ghapp.doctor import github, local, policies, report, webhook
from ghapp.doctor.local import Disk, InForce, Served, Stored
from ghapp.doctor.policies import Governed
from ghapp.doctor.report import Checked
from ghapp.doctor.webhook import Tried
from ghapp.github.app import Allowed, Attempted, Hook, Installed, Owner, Reached, Registered
from ghapp.github.requirements import EVENTS, PERMISSIONS, spoken
from ghapp.store import Health

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
API = "https://api.github.com"
NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)


def bullet(begins: str) -> str:
    """A point of the README's list, in one line."""
    (found,) = re.findall(
        rf"^   - {begins}: (.*?)(?=^   - |^\d\.)", README, re.MULTILINE | re.DOTALL
    )
    return " ".join(str(found).split())


@pytest.mark.parametrize("name", PERMISSIONS)
def test_every_permission_is_in_the_readme(name: str) -> None:
    where = "organisation permission" if name == "members" else "repository permissions"
    assert f"{spoken(name)} {PERMISSIONS[name].level}" in bullet(where)


def test_the_readme_names_no_other_permission() -> None:
    named = re.findall(r"([A-Z][a-z ]+?) (?:read|write)\b", bullet("repository permissions"))
    assert {*named, "Members"} == {spoken(name) for name in PERMISSIONS}


def test_the_events_of_the_readme_are_those_that_are_needed() -> None:
    listed = bullet("events").partition(".")[0].split(", ")
    assert listed == [spoken(name) for name in EVENTS]


def example() -> Iterator[Checked]:
    """An App whose owner forgot Members, and to tick one event."""
    permissions = {name: need.level for name, need in PERMISSIONS.items() if name != "members"}
    heard = [name for name in EVENTS if name != "issue_comment"]
    given = ("GHAPP_APP_ID", "GHAPP_PRIVATE_KEY", "GHAPP_WEBHOOK_SECRET")
    key = "SHA256:As57CT9IDTYebrYizd6mxj84gx99CeDvUKFcFw6dLGs="
    file = "/srv/ghapp/ghapp-data/ghapp.sqlite3"
    yield from local.settings(
        InForce(given, 123456, key, 1, API, "github", proxied=False, is_sqlite=True, database=file)
    )
    stored = Stored(ahead_seconds=0.0, health=Health(240.0, None, 0, 0))
    yield from local.database(stored, Disk("/srv/ghapp/ghapp-data", 42 << 30, 0o600))
    yield local.server(Served(True, "http://127.0.0.1:8000", ""))
    yield from github.reach(Reached(status=200, ahead_seconds=-95.0), API, 123456)
    owner = Owner("acme", "Organization")
    yield from github.app(
        Registered(1, "acme-nfr", "Acme NFR", owner, permissions, heard), is_server=False
    )
    one = Installed(7, owner, permissions, "selected")
    allowed = Allowed(12, 4810, 5000, answers_graphql=True)
    yield from github.installations((one,), permissions, {7: allowed})
    governed = [Governed("acme/shop", loose="main"), *[Governed("acme/x")] * 11]
    yield from policies.judged(governed)
    url = "https://ghapp.acme.example/webhook"
    yield from webhook.hook(Hook(url, "json", "0", "********"))
    push = Attempted(1, "g", NOW - timedelta(minutes=4), "push", None, "OK", 202)
    yield from webhook.recent((push,), NOW)
    yield webhook.arrival(Tried(push, known=True, answer=push, seconds=2.0))


def shown() -> str:
    found = tuple(example())
    before = (None, *found[:-1])
    lines = [
        line
        for one, previous in zip(found, before, strict=True)
        for line in report.lines(one, previous)
    ]
    return "\n".join([*lines, "", report.summary(found)])


def test_the_example_is_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    (block,) = re.findall(r"```text\n(Settings\n.*?)\n```", OPERATIONS, re.DOTALL)
    assert block == shown()


def test_every_part_is_explained() -> None:
    parts = {one.name for one in vars(report).values() if isinstance(one, report.Section)}
    section = OPERATIONS.partition("## ghapp doctor\n")[2].partition("\n## ")[0]
    named = re.findall(r"^\| ([A-Z][A-Za-z, ]+?) \|", section, re.MULTILINE)
    assert {name for row in named for name in row.split(", ")} == parts
