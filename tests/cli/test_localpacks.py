"""A company's own packs on the command line: in a commit, and in the working tree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ghapp import builtin_packs
from ghapp.errors import BadPack
from ghapp.offline import lint
from ghapp.offline.check import run
from tests.cli.repositories import Repo

NAMES = "packs: ['.github/nfr/*.yml']\n"
RANKING = """\
area: ranking
title: {en: Ranking, ja: ランキング}
weight: 4
detect: {paths: ['src/ranking/**']}
items:
  - id: rank-latency
    cat: performance
    sev: must
    en: p99 under 80 ms?
    ja: p99 は 80 ms 以内ですか？
    why_en: Slow rankings empty carts.
    why_ja: 遅いランキングは離脱を招きます。
    ev_en: A load test
    ev_ja: 負荷試験
    refs: [runbook]
hazards:
  - id: ACME-001
    item: rank-latency
    sev: must
    match: 'sleep\\('
    en: It sleeps.
    ja: 待機します。
"""
REFERENCES = "runbook: [Runbook, 'https://docs.example/']\n"
BROKEN = RANKING.replace("weight: 4", "weight: 9")
CHANGE = {"src/ranking/score.py": "import time\ntime.sleep(1)\n"}

Check = Callable[..., tuple[int, str, str]]


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """On branch topic a change that the pack on main flags."""
    made = Repo(tmp_path / "repo")
    made.commit(
        **{
            "src/main.py": "x = 1\n",
            ".github/nfr.yml": NAMES,
            ".github/nfr/ranking.yml": RANKING,
            ".github/nfr/references.yml": REFERENCES,
        }
    )
    made.git("switch", "-qc", "topic")
    made.commit(**CHANGE)
    return made


@pytest.fixture
def check(repo: Repo, capsys: pytest.CaptureFixture[str]) -> Check:
    def call(format: str = "json", policy: Path | None = None, language: str = "en") -> object:
        file = str(policy) if policy else None
        status = run(str(repo.folder), "main", "topic", file, format, language)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call  # type: ignore[return-value]


def on_main(repo: Repo, **files: str) -> None:
    repo.git("switch", "-q", "main")
    repo.commit(**files)
    repo.git("switch", "-q", "topic")


class TestCheck:
    def test_packs_are_read_at_the_base(self, repo: Repo, check: Check) -> None:
        repo.commit(**{".github/nfr/ranking.yml": BROKEN})
        status, out, _ = check()
        found = json.loads(out)
        assert (status, [area["id"] for area in found["areas"]]) == (1, ["ranking"])
        assert found["findings"] == [
            {
                "hazard": "ACME-001",
                "severity": "must",
                "item": "rank-latency",
                "area": "ranking",
                "path": "src/ranking/score.py",
                "line": 2,
                "message": "It sleeps.",
            }
        ]

    def test_a_finding_stands_in_text_and_markdown(self, check: Check) -> None:
        text = check("text")[1].splitlines()
        assert text[-2:] == [
            "  1 finding",
            "  src/ranking/score.py:2: must: It sleeps. [ACME-001]",
        ]
        assert check("text", language="ja")[1].endswith(
            "  検出事項 1 件\n  src/ranking/score.py:2: 必須：待機します。 [ACME-001]\n"
        )
        markdown = check("markdown")[1]
        assert markdown.index("`rank-latency`") < markdown.index("**1 finding**\n\n- **must**")

    def test_of_one_hazard_ten_findings_are_shown_and_the_rest_is_counted(
        self, repo: Repo, check: Check
    ) -> None:
        repo.commit(**{"src/ranking/score.py": "".join(f"sleep({n})\n" for n in range(13))})
        text = check("text")[1]
        assert "  13 findings\n" in text
        assert text.count("It sleeps. [ACME-001]") == 10
        assert text.endswith("  ACME-001: 3 more\n")
        assert len(json.loads(check()[1])["findings"]) == 13

    def test_what_is_accepted_on_its_line_says_so(self, repo: Repo, check: Check) -> None:
        accepted = "sleep(1)  # nfr:ignore ACME-001 only in the tool\n"
        repo.commit(**{"src/ranking/score.py": accepted})
        (finding,) = json.loads(check()[1])["findings"]
        assert finding["accepted"] == "only in the tool"
        text = " ".join(check("text")[1].split())  # its lines end where the terminal does
        assert text.endswith("accepted: It sleeps. [ACME-001] Accepted because: only in the tool")

    def test_a_broken_pack_is_named_line_by_line(self, repo: Repo, check: Check) -> None:
        on_main(repo, **{".github/nfr/ranking.yml": BROKEN})
        assert check() == (
            2,
            "",
            ".github/nfr/ranking.yml:3:9: `weight` should be less than or equal to 5\n"
            "ghapp check: fix the policy and check again\n",
        )

    def test_a_policy_file_takes_the_packs_beside_it(self, repo: Repo, check: Check) -> None:
        repo.write(".github/nfr/ranking.yml", RANKING.replace("80 ms", "70 ms"))
        for policy in (repo.folder / ".github/nfr.yml", repo.write("ci/strict.yml", NAMES)):
            (area,) = json.loads(check(policy=policy)[1])["areas"]
            assert area["items"][0]["question"] == "p99 under 70 ms?"

    def test_a_broken_pack_beside_a_policy_file_is_named_where_it_lies(
        self, repo: Repo, check: Check, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        repo.write(".github/nfr/ranking.yml", BROKEN)
        pack = repo.folder / ".github/nfr/ranking.yml"
        status, _, err = check(policy=repo.folder / ".github/nfr.yml")
        assert (status, err.startswith(f"{pack}:3:9: `weight`")) == (2, True)
        monkeypatch.chdir(repo.folder / "src")
        assert check(policy=Path("../.github/nfr.yml"))[2].startswith(
            "../.github/nfr/ranking.yml:3:9"
        )

    def test_a_policy_outside_of_any_repository_takes_packs_from_here(
        self, repo: Repo, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        policy = tmp_path / "policy.yml"
        policy.write_text(NAMES)
        monkeypatch.chdir(repo.folder)
        assert json.loads(check(policy=policy)[1])["areas"][0]["id"] == "ranking"

    def test_links_and_folders_are_no_packs(self, repo: Repo, check: Check) -> None:
        repo.git("switch", "-q", "main")
        (repo.folder / ".github/nfr/link.yml").symlink_to("ranking.yml")
        repo.commit(**{".github/nfr/sub.yml/a.yml": "x"})
        for policy in (None, repo.folder / ".github/nfr.yml"):
            status, _, err = check(policy=policy)
            assert status == 2
            problem, _ = err.splitlines()
            assert problem.endswith("link.yml:0:0: is a symbolic link: put the file itself here")

    def test_a_pack_that_cannot_be_read_is_wrong_use(self, repo: Repo, check: Check) -> None:
        (repo.folder / ".github/nfr").rename(repo.folder / "away")
        (repo.folder / ".github/nfr").symlink_to("nfr")  # a loop
        status, _, err = check(policy=repo.folder / ".github/nfr.yml")
        assert status == 2
        assert ".github/nfr: cannot be read (" in err


def told(*files: str) -> list[str]:
    return [str(one) for one in lint.problems([Path(file) for file in files])]


class TestLint:
    @pytest.fixture(autouse=True)
    def _here(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(repo.folder)

    def test_the_packs_of_a_policy_are_looked_at_with_it(self, repo: Repo) -> None:
        assert told(".github/nfr.yml") == []
        repo.write(".github/nfr/ranking.yml", BROKEN)
        problem = ".github/nfr/ranking.yml:3:9: `weight` should be less than or equal to 5"
        assert told(".github/nfr.yml") == [problem]
        whole = repo.folder / ".github/nfr"
        assert told(str(repo.folder / ".github/nfr.yml")) == [
            problem.replace(".github/nfr", str(whole))
        ]

    def test_a_policy_elsewhere_takes_packs_from_the_current_folder(self, repo: Repo) -> None:
        repo.write("ci/strict.yml", NAMES)
        assert told("ci/strict.yml") == []
        (repo.folder / ".github/nfr/ranking.yml").unlink()
        assert told("ci/strict.yml") == [
            "ci/strict.yml:1:9: `.github/nfr/*.yml` matches no file: add the pack, "
            "or take the glob out"
        ]

    def test_packs_and_references_are_known_by_what_they_are(self, repo: Repo) -> None:
        files = [".github/nfr/ranking.yml", ".github/nfr/references.yml"]
        assert told(*files) == []
        repo.write(files[0], BROKEN)
        repo.write(files[1], REFERENCES + "pci-dss: [a, 'https://b.example']\n")
        assert [one.partition(": ")[0] for one in told(*files)] == [
            ".github/nfr/references.yml:2:1",
            ".github/nfr/ranking.yml:3:9",
        ]
        repo.write(files[1], "[")
        assert ": not YAML" in told(files[1])[0]

    def test_what_policy_and_pack_both_show_is_told_once(self, repo: Repo) -> None:
        repo.write(".github/nfr/ranking.yml", BROKEN)
        assert len(told(".github/nfr.yml", ".github/nfr/ranking.yml")) == 1

    def test_packs_of_one_repository_may_not_have_the_same_ids(self, repo: Repo) -> None:
        repo.write(".github/nfr/other.yml", RANKING)
        found = told(".github/nfr/other.yml", ".github/nfr/ranking.yml")
        assert len(found) == 3
        assert "used already, by `.github/nfr/other.yml`, line 1" in found[0]

    def test_a_file_that_is_not_there_is_wrong_use(self) -> None:
        with pytest.raises(BadPack, match=r"missing\.yml: cannot be read"):
            told("missing.yml")


def test_the_packs_that_are_shipped_and_their_references_are_good() -> None:
    folder = Path(builtin_packs.__file__).parents[1] / "checklists"
    assert lint.problems(sorted(folder.glob("*.yml"))) == ()
