"""The action of docs/action does what docs/ci.md says, run as a runner would run its steps."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.offline.repositories import Repo

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "action"
ACTION: dict[str, Any] = yaml.safe_load((FOLDER / "action.yml").read_text(encoding="utf-8"))
CHECK = ACTION["runs"]["steps"][-1]
DOCS = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
POLICY = "version: 1\nmode: enforce\n"
SILENT = "version: 1\nareas: {database-migration: off}\n"
RISKY = "ALTER TABLE orders ADD COLUMN points INTEGER NOT NULL;\n"
HARMLESS = "harmless`$(touch pwned)`;touch pwned"
MIGRATION = "db/migrate/20260401_add_points.sql"


@dataclass
class Job:
    """One run of the action's last step."""

    status: int
    output: str
    summary: str


def run(repo: Repo, tmp_path: Path, **inputs: str) -> Job:
    """Run the step with these inputs, as GitHub fills its environment."""
    tools = tmp_path / "temp" / "ghapp" / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    (tools / "ghapp").unlink(missing_ok=True)
    (tools / "ghapp").symlink_to(Path(sys.executable).with_name("ghapp"))
    summary = tmp_path / "summary.md"
    summary.write_text("", encoding="utf-8")
    given = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], text)
        for name, text in CHECK["env"].items()
    }
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", CHECK["run"]],
        cwd=repo.folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "RUNNER_TEMP": str(tmp_path / "temp"),
            "GITHUB_WORKSPACE": str(repo.folder),
            "GITHUB_ACTION_PATH": str(FOLDER),
            "GITHUB_STEP_SUMMARY": str(summary),
            **given,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return Job(done.returncode, done.stdout + done.stderr, summary.read_text(encoding="utf-8"))


def inputs(base: str, head: str, **more: str) -> dict[str, str]:
    return {"base": base, "head": head, "policy-at": "main", "fail-on": "must", "lang": "", **more}


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "shop")
    made.commit("first", **{".github/nfr.yml": POLICY, "README.md": "shop"})
    made.git("switch", "-q", "-c", HARMLESS.replace(" ", "-"))
    return made


def test_a_finding_is_an_annotation_and_fails_the_job(repo: Repo, tmp_path: Path) -> None:
    head = repo.commit("points", **{MIGRATION: RISKY})
    job = run(repo, tmp_path, **inputs("main", head))
    assert job.status == 1
    assert re.search(rf"^::error file={MIGRATION},line=1,.*title=DBM-\d+", job.output, re.MULTILINE)
    assert "Database migration" in job.summary


def test_what_is_harmless_passes(repo: Repo, tmp_path: Path) -> None:
    head = repo.commit("words", **{"app/texts.py": 'TITLE = "points"\n'})
    job = run(repo, tmp_path, **inputs("main", head))
    assert (job.status, "::error" in job.output) == (0, False)


def test_a_pull_request_cannot_loosen_the_policy_for_itself(repo: Repo, tmp_path: Path) -> None:
    """Nor can the branch that it is to be merged into, if that is not the default branch."""
    base = repo.commit("release", **{".github/nfr.yml": SILENT})
    head = repo.commit("points", **{MIGRATION: RISKY})
    assert run(repo, tmp_path, **inputs(base, head)).status == 1
    assert run(repo, tmp_path, **inputs(base, head, **{"policy-at": base})).status == 0


def test_a_policy_that_cannot_be_read_is_an_annotation_and_fails_the_job(
    repo: Repo, tmp_path: Path
) -> None:
    broken = repo.commit("policy", **{".github/nfr.yml": "version: 1\nmode: enfroce\n"})
    head = repo.commit("words", **{"app/texts.py": 'TITLE = "points"\n'})
    for at, reason in ((broken, "did you mean enforce?"), ("nowhere", "is not a commit here")):
        job = run(repo, tmp_path, **inputs("main", head, **{"policy-at": at}))
        assert job.status == 2
        (line,) = (one for one in job.output.splitlines() if reason in one)
        assert line.startswith("::error title=NFR review::")
        assert reason in job.summary


def test_names_that_a_stranger_chose_are_no_commands(repo: Repo, tmp_path: Path) -> None:
    repo.commit("points", **{MIGRATION: RISKY})
    branch = HARMLESS.replace(" ", "-")
    job = run(repo, tmp_path, **inputs("main", branch, lang="ja"))
    assert job.status == 1
    assert not list(tmp_path.rglob("pwned"))
    assert run(repo, tmp_path, **inputs("--help", "main")).status == 2


def test_no_script_has_an_expression_of_the_event() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]


def test_the_page_names_all_inputs_and_asks_for_no_rights() -> None:
    (workflow,) = re.findall(r"```yaml\n# \.github/workflows.*?\n(.*?)```", DOCS, re.DOTALL)
    made = yaml.safe_load(workflow)
    assert made["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in workflow
    assert "secrets." not in workflow
    for name in ACTION["inputs"]:
        assert f"`{name}`" in DOCS


@pytest.mark.slow("installs the locked packages into an environment of its own")
def test_it_installs_itself_with_hashes(tmp_path: Path) -> None:
    (tmp_path / "temp").mkdir()
    environment = {**os.environ, "RUNNER_TEMP": str(tmp_path / "temp")}
    environment |= {"GITHUB_ACTION_PATH": str(FOLDER)}
    script = ACTION["runs"]["steps"][0]["run"]
    subprocess.run(["bash", "-eo", "pipefail", "-c", script], env=environment, check=True)
    command = [str(tmp_path / "temp/ghapp/bin/ghapp"), "check", "--help"]
    assert (
        "--policy-at" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )
