"""`ghapp lint`: problems of policies, packs and references."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from ghapp import builtin_packs
from ghapp.errors import BadPack
from ghapp.offline import lint
from tests.offline.own_packs import BROKEN, NAMES, RANKING, REFERENCES, with_own_pack
from tests.offline.repositories import Repo
from tests.offline.sarif import checked


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return with_own_pack(tmp_path / "repo")


def problems_of(*files: str) -> list[str]:
    return [str(one) for one in lint.linted([Path(file) for file in files]).problems]


class TestLint:
    @pytest.fixture(autouse=True)
    def _here(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(repo.folder)

    def test_packs_of_a_policy_are_checked_with_it(self, repo: Repo) -> None:
        assert problems_of(".github/nfr.yml") == []
        repo.write(".github/nfr/ranking.yml", BROKEN)
        problem = ".github/nfr/ranking.yml:3:9: `weight` should be at most 5"
        assert problems_of(".github/nfr.yml") == [problem]
        whole = repo.folder / ".github/nfr"
        assert problems_of(str(repo.folder / ".github/nfr.yml")) == [
            problem.replace(".github/nfr", str(whole))
        ]

    def test_policy_elsewhere_takes_packs_from_the_current_folder(self, repo: Repo) -> None:
        repo.write("ci/strict.yml", NAMES)
        assert problems_of("ci/strict.yml") == []
        (repo.folder / ".github/nfr/ranking.yml").unlink()
        assert problems_of("ci/strict.yml") == [
            "ci/strict.yml:1:9: `.github/nfr/*.yml` matches no file: add the pack, "
            "or take the glob out"
        ]

    def test_packs_and_references_are_recognized(self, repo: Repo) -> None:
        files = [".github/nfr/ranking.yml", ".github/nfr/references.yml"]
        assert problems_of(*files) == []
        repo.write(files[0], BROKEN)
        repo.write(files[1], REFERENCES + "pci-dss: [a, 'https://b.example']\n")
        assert [one.partition(": ")[0] for one in problems_of(*files)] == [
            ".github/nfr/references.yml:2:1",
            ".github/nfr/ranking.yml:3:9",
        ]
        repo.write(files[1], "[")
        assert ": not YAML" in problems_of(files[1])[0]

    def test_problem_of_policy_and_pack_is_reported_once(self, repo: Repo) -> None:
        repo.write(".github/nfr/ranking.yml", BROKEN)
        assert len(problems_of(".github/nfr.yml", ".github/nfr/ranking.yml")) == 1

    def test_packs_of_one_repository_may_not_have_the_same_ids(self, repo: Repo) -> None:
        repo.write(".github/nfr/other.yml", RANKING)
        found = problems_of(".github/nfr/other.yml", ".github/nfr/ranking.yml")
        assert len(found) == 3
        assert "used already, by `.github/nfr/other.yml`, line 1" in found[0]

    def test_missing_file_is_wrong_use(self) -> None:
        with pytest.raises(BadPack, match=r"missing\.yml: cannot be read"):
            problems_of("missing.yml")


def test_built_in_packs_and_references_are_good() -> None:
    folder = Path(builtin_packs.__file__).parents[1] / "checklists"
    assert lint.linted(sorted(folder.glob("*.yml"))).problems == ()


class TestRun:
    @pytest.fixture(autouse=True)
    def _here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / ".git").mkdir()
        (tmp_path / ".github").mkdir()
        (tmp_path / ".github/nfr.yml").write_text("mode: advise\n")
        monkeypatch.chdir(tmp_path)

    def test_good_files_are_counted(
        self, repo: Repo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert lint.run([Path(".github/nfr.yml")], "text") == 0
        assert capsys.readouterr() == ("1 file, no problems\n", "")
        monkeypatch.chdir(repo.folder)  # its policy names a pack and references
        assert lint.run([Path(".github/nfr.yml"), Path(".github/nfr/ranking.yml")], "text") == 0
        assert capsys.readouterr() == ("3 files, no problems\n", "")

    @pytest.mark.parametrize(
        ("folder", "name"), [(".", ".github/nfr.yml"), ("src/api", "../../.github/nfr.yml")]
    )
    def test_the_policy_of_the_repository_is_the_default(
        self, folder: str, name: str, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(".github/nfr.yml").write_text("mode: advice\n")
        monkeypatch.chdir(folder)
        assert lint.run([], "text") == 1
        out, err = capsys.readouterr()
        assert out.startswith(f"{name}:1:7: `mode` should be")
        assert err == "ghapp lint: 1 file, 1 problem\n"

    def test_a_policy_above_the_repository_is_another_one(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("inner/.git").mkdir(parents=True)
        monkeypatch.chdir("inner")
        assert lint.run([], "text") == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("ghapp lint: no .github/nfr.yml here or in the repository's root")

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (b"mode: advice\n", "-:1:7: `mode` should be"),
            (BROKEN.encode(), "-:3:9: `weight` should be"),
            (b"\xff", "-:1:1: not UTF-8"),
        ],
    )
    def test_standard_input_may_be_a_policy_or_a_pack(
        self, text: bytes, problem: str, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
        assert lint.run([Path("-")], "text") == 1
        assert capsys.readouterr().out.startswith(problem)

    def test_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path(".github/nfr.yml").write_text("mode: advice\n")
        assert lint.run([], "json") == 1
        found = json.loads(capsys.readouterr().out)
        (problem,) = found["problems"]
        assert (found["version"], found["files"]) == (1, [".github/nfr.yml"])
        assert [problem[key] for key in ("path", "line", "column")] == [".github/nfr.yml", 1, 7]
        assert problem["message"].startswith("`mode` should be")

    def test_commands_of_github_name_the_file_from_the_root(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("sub").mkdir()
        Path(".github/nfr.yml").write_text("mode: advice\n")
        monkeypatch.chdir("sub")
        assert lint.run([], "github") == 1
        out, err = capsys.readouterr()
        assert out.startswith("::error file=.github/nfr.yml,line=1,col=7,title=ghapp-lint::`mode`")
        assert err == ""
        (Path("..") / ".github/nfr.yml").write_text("mode: advise\n")
        assert lint.run([], "github") == 0
        assert capsys.readouterr().out == "1 file, no problems\n"

    def test_sarif(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path(".github/nfr.yml").write_text("mode: advice\nlanguag: en\n")
        assert lint.run([], "sarif") == 1
        run = checked(capsys.readouterr().out)
        assert [one["ruleId"] for one in run["results"]] == ["ghapp-lint", "ghapp-lint"]
        assert run["automationDetails"]["id"] == "ghapp/lint/"
