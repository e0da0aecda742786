"""`ghapp scan` on a checkout: what is found in its files as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ghapp.offline.scan import listed, run
from tests.offline.repositories import Repo
from tests.offline.sarif import checked

OPEN = 'resource "aws_security_group_rule" "ssh" {\n  cidr_blocks = ["0.0.0.0/0"]\n}\n'
IGNORED = OPEN.replace('"]\n', '"] # nfr:ignore IAC-001 a bastion\n')


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "repo")
    repo.commit(**{"infra/ssh.tf": OPEN, "app/x.py": "x = 1\n", ".gitignore": "tmp/\n"})
    return repo


def found(repo: Repo, capsys: pytest.CaptureFixture[str], *where: str, **more: str) -> list[str]:
    """The places of the findings."""
    commit = more.pop("commit", None)
    assert run(str(repo.folder.joinpath(*where)), commit, None, "json", None, **more) == 0  # type: ignore[arg-type]
    outcome = json.loads(capsys.readouterr().out)
    return [f"{one['path']}:{one['line']} {one['hazard']}" for one in outcome["findings"]]


def test_the_files_are_read_as_they_are(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    repo.write("infra/new.tf", OPEN)  # new files count, too
    repo.write("tmp/x.tf", OPEN)  # ignored ones do not
    assert found(repo, capsys) == ["infra/new.tf:2 IAC-001", "infra/ssh.tf:2 IAC-001"]
    (repo.folder / "infra/ssh.tf").unlink()
    assert found(repo, capsys) == ["infra/new.tf:2 IAC-001"]


def test_a_folder_is_scanned_alone(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    repo.write("other/x.tf", OPEN)
    assert found(repo, capsys, "other") == ["other/x.tf:2 IAC-001"]


def test_a_commit_is_read_without_the_working_tree(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.commit(**{"infra/ssh.tf": "# nothing\n"})
    assert found(repo, capsys) == []
    assert found(repo, capsys, commit=first) == ["infra/ssh.tf:2 IAC-001"]


def test_links_are_not_followed(repo: Repo, tmp_path: Path) -> None:
    outside = tmp_path / "secret.tf"
    outside.write_text(OPEN)
    (repo.folder / "infra/link.tf").symlink_to(outside)
    assert "infra/link.tf" not in {one.path for one in listed(str(repo.folder), None)}
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "link")
    assert "infra/link.tf" not in {one.path for one in listed(str(repo.folder), "HEAD")}


def test_the_policy_of_the_checkout_counts(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    repo.write(".github/nfr.yml", "version: 1\nignore: {paths: ['infra/**']}\n")
    assert found(repo, capsys) == []
    repo.write(".github/nfr.yml", "versio: 1\n")
    assert run(str(repo.folder), None, None, "text", None) == 2
    assert "fix the policy and scan again" in capsys.readouterr().err


def test_the_exit_status_is_asked_for(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    def status(fail_on: str) -> int:
        return run(str(repo.folder), None, None, "text", None, fail_on=fail_on)

    assert [status(one) for one in ("never", "must", "should", "finding")] == [0, 1, 1, 1]
    repo.write("infra/ssh.tf", IGNORED)
    assert [status(one) for one in ("must", "finding")] == [0, 0]
    assert "accepted" in capsys.readouterr().out


def test_people_read_it_by_area(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    run(str(repo.folder), None, None, "text", "en")
    shown = capsys.readouterr().out
    assert "1 file searched, 1 must\n\nInfrastructure as code\n  infra/ssh.tf:2: must: " in shown
    run(str(repo.folder), None, None, "markdown", "ja")
    assert "### Infrastructure as Code\n\n- **必須**" in capsys.readouterr().out
    (repo.folder / "infra/ssh.tf").unlink()
    run(str(repo.folder), None, None, "text", "en")
    assert "0 files searched, no findings" in capsys.readouterr().out


def test_a_long_list_is_cut_unless_asked(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    repo.write("infra/ssh.tf", OPEN * 12)
    run(str(repo.folder), None, None, "text", "en")
    shown = capsys.readouterr().out
    assert "IAC-001: 2 more" in shown
    assert "(--all shows all)" in shown
    run(str(repo.folder), None, None, "text", "en", unfolded=True)
    assert capsys.readouterr().out.count("[IAC-001]") == 12


def test_programs_read_sarif_and_workflow_commands(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    run(str(repo.folder), None, None, "sarif", None)
    (result,) = checked(capsys.readouterr().out)["results"]
    assert (result["ruleId"], result["level"]) == ("IAC-001", "error")
    run(str(repo.folder), None, None, "github", None)
    shown = capsys.readouterr().out
    assert shown.startswith("::error file=infra/ssh.tf,line=2,title=IAC-001::")


def test_what_is_too_large_is_named(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    repo.commit(**{"infra/large.tf": "a = 1\n" * 200_000})
    run(str(repo.folder), None, None, "text", "en")
    assert "Not searched, because they are too large" in capsys.readouterr().out
    run(str(repo.folder), "HEAD", None, "github", "en")
    assert "`infra/large.tf`" in capsys.readouterr().out


def test_a_folder_without_a_repository_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(tmp_path), None, None, "text", None) == 2
    assert "is not a checkout of a git repository" in capsys.readouterr().err
