"""`ghapp explain OWNER/REPO#N`: what a run would do, without doing it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from ghapp.emulator.repository import Pull
from ghapp.explain import named
from ghapp.store.schema import metadata
from tests.e2e.marks import marks
from tests.e2e.world import MIGRATION, RISKY, World, command

READS = ("GET ", "POST /app/installations/{id}/access_tokens", "POST /graphql")


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    """On each database, with a review under way."""
    made = World(tmp_path / "data", GHAPP_DATABASE_URL=database_url)
    try:
        made.start()
        yield made
    finally:
        made.close()


def explained(world: World, pull: Pull, *words: str, **more: str) -> str:
    done = command(world, "explain", f"acme/shop#{pull.number}", *words, **more)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def as_json(world: World, pull: Pull, **more: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(explained(world, pull, "--format", "json", **more))
    return found


def kept(world: World) -> dict[str, list[Any]]:
    """All rows of all tables."""
    engine = create_engine(world.settings.database_url)
    with engine.connect() as connection:
        found = {
            table.name: sorted(map(repr, connection.execute(table.select())))
            for table in metadata.sorted_tables
        }
    engine.dispose()
    return found


def shown(pull: Pull) -> tuple[object, ...]:
    """Everything on the pull that ghapp may write."""
    comments = [(one.id, one.body, str(one.reactions)) for one in pull.comments]
    runs = [(one.id, one.conclusion, one.title) for one in pull.check_runs()]
    return marks(pull), sorted(pull.labels), comments, runs, len(pull.repository.issues)


def test_it_writes_nothing_to_github_and_nothing_to_the_database(world: World) -> None:
    """Also if a run had something to write, and another process is running."""
    pull = world.open()
    world.settle()
    world.stop()
    world.say(pull, "/nfr check dbm-online-ddl -- measured: 2 s", by="ann")
    world.say(pull, "/nfr done")
    before, there, calls = kept(world), shown(pull), world.github.calls.copy()
    found = as_json(world, pull)
    assert {one["effect"] for one in found["effects"]} >= {"PutCheckRun", "PutComment", "React"}
    assert explained(world, pull)
    asked = world.github.calls - calls
    assert asked
    assert [one for one in asked if not one.startswith(READS)] == []
    assert (kept(world), shown(pull)) == (before, there)


def test_a_run_then_decides_what_was_explained(world: World) -> None:
    pull = world.open()
    world.settle()
    world.stop()
    world.say(pull, "/nfr check dbm-online-ddl -- measured: 2 s", by="ann")
    world.say(pull, "/nfr done")
    found = as_json(world, pull)
    assert found["decision"]["state"] == "signed_off"
    assert [one["verb"] for one in found["decision"]["entries"]] == ["check", "sign_off"]
    world.start()
    assert command(world, "sweep").exit_code == 0
    world.settle()
    again = as_json(world, pull)
    assert again["effects"] == again["decision"]["entries"] == []
    for name in ("state", "conclusion", "title", "areas"):
        assert again["decision"][name] == found["decision"][name]


def test_text_names_facts_decision_and_writes(world: World) -> None:
    pull = world.open()
    world.settle()
    text = explained(world, pull)
    for line in (
        "acme/shop#1  feat: points\n",
        "\nFacts\n",
        f"feat/points ({pull.head_sha[:7]}) into main\n",
        "  policy  .github/nfr.yml of the default branch\n",
        "\nDecision\n  state       waiting_author\n  conclusion  in_progress\n",
        "\nDatabase migration (1 file) [database-migration] enforce, waiting\n",
        f"  `{MIGRATION}` (matches `**/db/migrate/**`)\n",
        "  must    How long does this DDL block",
        f"  {MIGRATION}:2: must: This index blocks writes",
        "  Who can sign off:  team `sre`\n",
        "\nWhat a run would write\n  - nothing: the pull request is as it should be\n",
    ):
        assert line in text
    assert "承認できる人：  チーム `sre`" in explained(world, pull, "--lang", "ja")


def test_it_names_what_people_said_and_why_it_does_not_count(world: World) -> None:
    pull = world.open()
    world.settle()
    world.say(pull, "/nfr done", by="eve")
    world.say(pull, "/nfr hold -- wait for the freeze", by="sam")
    world.settle()
    text = explained(world, pull)
    assert "  state       on_hold\n" in text
    assert "  hold        sam (team acme/sre) hold: wait for the freeze\n" in text
    assert "record  entries in the ledger: 2\n" in text


def test_without_a_database_github_alone_counts(world: World, tmp_path: Path) -> None:
    """What was judged before is in the database alone."""
    pull = world.open()
    world.settle()
    world.say(pull, "/nfr done")
    world.settle()
    assert "state       signed_off\n" in explained(world, pull)
    elsewhere = {"GHAPP_DATABASE_URL": "", "GHAPP_DATA_DIR": str(tmp_path / "none")}
    text = explained(world, pull, **elsewhere)
    assert "record  none, so only what GitHub shows counts" in text
    assert "state       waiting_author\n" in text
    assert not list((tmp_path / "none").glob("*"))
    unreachable = {"GHAPP_DATABASE_URL": "postgresql://u@127.0.0.1:1/x"}
    assert as_json(world, pull, **unreachable)["facts"]["record"] is None


def test_a_broken_policy_is_shown_with_its_problems(world: World) -> None:
    pull = world.open()
    world.settle()
    world.repository.push("main", {".github/nfr.yml": "mdoe: enforce"}, by="sue")
    world.settle()
    text = " ".join(explained(world, pull).split())
    assert "has mistakes; its last good version applies" in text
    assert ".github/nfr.yml:1:1: unknown key `mdoe`: did you mean `mode`?" in text


def test_an_observing_policy_writes_nothing(world: World) -> None:
    world.repository.push("main", {".github/nfr.yml": "mode: observe"}, by="sue")
    pull = world.open()
    world.settle()
    assert "  - nothing: the policy only observes" in explained(world, pull)


def test_text_of_strangers_does_not_steer_a_terminal(world: World) -> None:
    title = "feat: \x1b]0;owned\x07points\u202e\nDecision"
    pull = world.open({MIGRATION: RISKY, "db/migrate/\x1b[2J.sql": RISKY}, title=title)
    world.settle()
    world.say(pull, "/nfr check dbm-online-ddl -- \x1b[31mred \x9b2J", by="ann")
    world.settle()
    text = explained(world, pull)
    assert text.startswith("acme/shop#1  feat: ]0;ownedpoints Decision\n")
    assert "[31mred" in text
    for output in (text, explained(world, pull, "--format", "json")):
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(output)
        assert "\\u001b" not in output


def test_errors_say_what_to_do(world: World) -> None:
    world.open()
    for pull, status, said in (
        ("acme/shop#99", 1, "there is no such pull request"),
        ("acme/none#1", 1, "the App is not installed there, or there is no such repository"),
        ("shop#1", 2, "write it as OWNER/REPO#NUMBER"),
        ("https://ghe.example/acme/shop/pull/1", 2, "set GHAPP_GITHUB_API_URL"),
    ):
        done = command(world, "explain", pull)
        assert (done.exit_code, said in " ".join(done.stderr.replace("│", "").split())) == (
            *(status, True),
        ), done.stderr
    done = command(world, "explain", "acme/shop#1", GHAPP_APP_ID="7")
    assert (done.exit_code, "check GHAPP_APP_ID" in done.stderr) == (1, True)
    done = command(world, "explain", "acme/shop#1", GHAPP_PRIVATE_KEY="")
    assert (done.exit_code, "GHAPP_PRIVATE_KEY: is missing" in done.stderr) == (2, True)


def test_the_policy_on_github_is_shown_with_its_origins(world: World) -> None:
    """Both layers, and what the lock of the lower one refuses; nothing is written."""
    locked = "mode: enforce\nlocked: [mode]\n"
    world.github.repository("acme/.github", {".github/nfr.yml": locked})
    world.repository.push("main", {".github/nfr.yml": "mode: advise\nmax_items: 3\n"}, by="sue")
    world.settle()
    before, calls = kept(world), world.github.calls.copy()
    done = command(world, "explain", "--policy", "acme/shop", "--format", "json")
    assert (done.exit_code, done.stderr) == (1, "")
    found = json.loads(done.stdout)
    values = {one["key"]: (one["value"], one["layer"], one["line"]) for one in found["values"]}
    assert values["mode"] == ("enforce", "organisation", 1)
    assert values["max_items"] == ("3", "repository", 2)
    assert [one["line"] for one in found["refused"]] == [1]
    assert [one for one in world.github.calls - calls if not one.startswith(READS)] == []
    assert kept(world) == before
    done = command(world, "explain", "--policy", "acme/none")
    assert (done.exit_code, "the App is not installed there" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("pull", "found"),
    [
        ("acme/shop#12", ("acme/shop", 12)),
        ("https://github.com/acme/shop.js/pull/12", ("acme/shop.js", 12)),
        ("https://GitHub.com/acme/shop/pull/12/files?w=1#diff", ("acme/shop", 12)),
    ],
)
def test_a_pull_request_is_named_in_two_ways(pull: str, found: tuple[str, int]) -> None:
    assert named(pull, "https://github.com") == found


@pytest.mark.parametrize("pull", ["", "#1", "acme#1", "a/b#0", "a/b/c#1", "a/../b#1", "a/b#1 "])
def test_other_names_are_refused(pull: str) -> None:
    with pytest.raises(ValueError, match="OWNER/REPO#NUMBER"):
        named(pull, "https://github.com")
