"""`ghapp check`, `lint` and `schema` in processes of their own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import ghapp
from tests.offline.repositories import Repo

GOOD = "version: 1\nmode: enforce\n"
BAD = "version: 1\nmode: strict\nareaz: {}\n"


class TestCheck:
    @pytest.fixture
    def check(self, environment: dict[str, str], tmp_path: Path) -> str:
        """A command that prints what is flagged in a range."""
        repo = Repo(tmp_path / "repo")
        repo.commit(**{"README.md": "x"})
        repo.commit(**{f"migrations/{number}.sql": "DROP TABLE x;" for number in range(2)})
        return f"{shlex.quote(sys.executable)} -m ghapp check repo --base HEAD~1"

    def shell(
        self, command: str, env: dict[str, str], cwd: Path
    ) -> subprocess.CompletedProcess[str]:
        words = ["bash", "-o", "pipefail", "-c", command]
        return subprocess.run(words, env=env, cwd=cwd, capture_output=True, text=True, check=False)

    def test_all_shows_folded_questions(
        self, environment: dict[str, str], tmp_path: Path, check: str
    ) -> None:
        (tmp_path / "policy.yml").write_text("max_items: 1\n")
        shown = self.shell(f"{check} --policy policy.yml", environment, tmp_path)
        unfolded = self.shell(f"{check} --policy policy.yml --all", environment, tmp_path)
        assert "--all" in shown.stdout
        assert (shown.returncode, unfolded.returncode) == (1, 1)
        assert "folded" not in unfolded.stdout

    def test_output_that_cannot_be_written_is_named(
        self, environment: dict[str, str], tmp_path: Path, check: str
    ) -> None:
        ended = self.shell(f"{check} > /dev/full", environment, tmp_path)
        assert ended.returncode == 2
        assert ended.stderr == "ghapp check: cannot write the output: No space left on device\n"

    def test_reader_that_stops_early_is_not_an_error(
        self, environment: dict[str, str], tmp_path: Path, check: str
    ) -> None:
        ended = self.shell(f"{check} | true", environment, tmp_path)
        assert (ended.returncode, ended.stderr) == (1, "")  # flagged, as ever

    def test_severities_are_coloured_on_a_terminal_only(
        self, environment: dict[str, str], tmp_path: Path, check: str
    ) -> None:
        terminal = environment | {"TERM": "xterm-256color", "COLUMNS": "100"}
        plain = self.shell(check, terminal, tmp_path).stdout
        assert "\x1b" not in plain
        for variables, coloured in (
            ({}, True),
            ({"NO_COLOR": "1"}, False),
            ({"TERM": "dumb"}, False),
        ):
            ours, theirs = os.openpty()
            words = ["bash", "-c", check]
            env = terminal | variables
            with subprocess.Popen(words, env=env, cwd=tmp_path, stdout=theirs) as running:
                os.close(theirs)
                shown = b""
                while chunk := _read(ours):
                    shown += chunk
            os.close(ours)
            assert running.returncode == 1
            text = shown.decode().replace("\r\n", "\n")
            assert ("\x1b[1;31mmust\x1b[0m" in text) is coloured
            assert re.sub(r"\x1b\[[\d;]*m", "", text) == plain


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""


class TestLint:
    def test_good_policy(self, environment: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "nfr.yml").write_text(GOOD)
        ended = ghapp("lint", "nfr.yml", env=environment, cwd=tmp_path)
        assert (ended.returncode, ended.stdout) == (0, "1 file, no problems\n")

    def test_all_problems_of_all_files_are_named(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        (tmp_path / "nfr.yml").write_text(BAD)
        (tmp_path / "other.yml").write_bytes(b"\xff")
        ended = ghapp("lint", "nfr.yml", "other.yml", env=environment, cwd=tmp_path)
        assert ended.returncode == 1
        lines = ended.stdout.splitlines()
        assert all(re.match(r"(nfr|other)\.yml:\d+:\d+: .+", line) for line in lines)
        assert {line.partition(":")[0] for line in lines} == {"nfr.yml", "other.yml"}
        assert any("areas" in line for line in lines)

    def test_problems_of_its_packs_are_named(
        self, environment: dict[str, str], tmp_path: Path
    ) -> None:
        (tmp_path / ".github/nfr").mkdir(parents=True)
        (tmp_path / ".github/nfr.yml").write_text("packs: ['.github/nfr/*.yml']\n")
        (tmp_path / ".github/nfr/a.yml").write_text("area: [\n")
        ended = ghapp("lint", ".github/nfr.yml", env=environment, cwd=tmp_path)
        assert ended.returncode == 1
        assert re.fullmatch(r"\.github/nfr/a\.yml:\d+:\d+: not YAML.+\n", ended.stdout)

    @pytest.mark.parametrize(
        "words", [["lint"], ["lint", "missing.yml"], ["lint", "."], ["lint", "--format", "x"]]
    )
    def test_wrong_use(self, environment: dict[str, str], tmp_path: Path, words: list[str]) -> None:
        ended = ghapp(*words, env=environment, cwd=tmp_path)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr


def test_schema_is_json(environment: dict[str, str], tmp_path: Path) -> None:
    ended = ghapp("schema", env=environment, cwd=tmp_path)
    assert ended.returncode == 0
    assert "areas" in json.loads(ended.stdout)["properties"]
    ended = ghapp("schema", "--pack", env=environment, cwd=tmp_path)
    assert ended.returncode == 0
    assert "hazards" in json.loads(ended.stdout)["properties"]
