"""`ghapp lint`: problems of policies, packs and references."""

from __future__ import annotations

from pathlib import Path

import pytest

from ghapp import builtin_packs
from ghapp.errors import BadPack
from ghapp.offline import lint
from tests.offline.own_packs import BROKEN, NAMES, RANKING, REFERENCES, with_own_pack
from tests.offline.repositories import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return with_own_pack(tmp_path / "repo")


def problems_of(*files: str) -> list[str]:
    return [str(one) for one in lint.problems([Path(file) for file in files])]


class TestLint:
    @pytest.fixture(autouse=True)
    def _here(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(repo.folder)

    def test_packs_of_a_policy_are_checked_with_it(self, repo: Repo) -> None:
        assert problems_of(".github/nfr.yml") == []
        repo.write(".github/nfr/ranking.yml", BROKEN)
        problem = ".github/nfr/ranking.yml:3:9: `weight` should be less than or equal to 5"
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
    assert lint.problems(sorted(folder.glob("*.yml"))) == ()
