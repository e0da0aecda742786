"""`ghapp forget` deletes what a review left behind, unless the App is still installed."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.world import command, running


def test_an_installation_is_forgotten_once_the_app_is_gone(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        pull = world.open()
        world.settle()
        world.say(pull, "/nfr done")
        world.settle()
        world.stop()
        counted = command(world, "forget", "1")
        assert (counted.exit_code, counted.stderr) == (0, "")
        for table in ("deliveries", "keys", "ledger", "messages", "reviews", "shown"):
            assert f"  {table}\n" in counted.stdout
        assert counted.stdout.endswith("Add --yes to delete them.\n")
        refused = command(world, "forget", "1", "--yes")
        assert refused.exit_code == 2
        assert refused.stderr.startswith("installation 1: the App is still installed there")
        assert command(world, "forget", "1").stdout == counted.stdout
        del world.github.installations[1]
        deleted = command(world, "forget", "1", "--yes")
        assert (deleted.exit_code, deleted.stderr) == (0, "")
        total = counted.stdout.partition("would be deleted: ")[2].partition(".")[0]
        assert deleted.stdout.endswith(f"Rows deleted: {total}.\n")
        again = command(world, "forget", "1", "--yes", "--force")
        assert (again.exit_code, again.stdout) == (0, "Nothing is stored of installation 1.\n")


def test_without_github_only_force_deletes(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        world.open()
        world.settle()
        world.stop()
        nowhere = {"GHAPP_GITHUB_API_URL": "http://127.0.0.1:9"}
        ended = command(world, "forget", "1", "--yes", **nowhere)
        assert (ended.exit_code, ended.stdout) == (1, "")
        assert ended.stderr.endswith(
            "whether the App is still installed is not known: try again, or --force\n"
        )
        assert command(world, "forget", "1", "--yes", "--force", **nowhere).exit_code == 0
        assert command(world, "forget", "1").stdout.startswith("Nothing is stored")
        missing = command(world, "forget", "1", GHAPP_DATA_DIR=f"{tmp_path}/none")
        assert missing.exit_code == 2
        assert "there is no database yet" in missing.stderr
