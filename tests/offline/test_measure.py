"""`ghapp measure`: what would have been asked about the merged changes of a clone."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ghapp.cli import app
from ghapp.offline import git
from ghapp.offline.measure import drawn
from tests.offline.repositories import Repo

POLICY = """\
areas:
  ranking:
    title: {en: Ranking, ja: ランキング}
    detect: {paths: ['src/ranking/**']}
    flag: evidence
    items:
      - {id: rank-latency, sev: should, cat: performance, en: Is it fast?, ja: 速いですか？,
         when: {diff: 'score'}, must_when: {diff: 'slow_score'}}
"""


@pytest.fixture
def repo(tmp_path):
    made = Repo(tmp_path / "repo")
    made.commit("start", **{".github/nfr.yml": POLICY, "a.txt": "a\n"})
    made.commit("feat: rank", **{"src/ranking/a.py": "score = 1\n"})
    made.commit("feat: rank slowly", **{"src/ranking/b.py": "slow_score = 2\n"})
    made.commit("docs", **{"a.txt": "b\n"})
    made.git("switch", "-qc", "topic", "HEAD~1")
    made.commit("one", **{"src/ranking/c.py": "x = 1\n"})
    made.commit("two", **{"src/ranking/c.py": "score = 3\n"})
    made.git("switch", "-q", "main")
    made.git("merge", "-q", "--no-ff", "-m", "Merge topic", "topic")
    return made


def measured(repo, *more, language="en"):
    arguments = ["measure", str(repo.folder), *more, "--lang", language]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "100"})
    return done.exit_code, done.output


def test_text_shows_how_much_would_have_been_asked(repo):
    status, text = measured(repo)
    assert status == 0
    assert text.startswith(
        "4 of 4 merged changes: 3 flagged (75 %)\n"
        "Questions of a flagged change: median 1, 90th percentile 1, most 1\n"
        "With a must question: 1 (25 %)\n"
        "With nothing but should and could: 2 (50 %)\n"
        "With a finding: 0 (0 %)\n"
        "Policy: HEAD:.github/nfr.yml\n"
    )
    assert "    3  75 %  rank-latency (1 must, 2 should)\n             Is it fast?\n" in text


def test_json_has_every_change(repo):
    repo.git("remote", "add", "origin", "git@github.com:acme/shop.git")
    status, text = measured(repo, "--format", "json")
    found = json.loads(text)
    assert status == 0
    assert {key: found[key] for key in ("version", "repository", "merged", "measured")} == {
        "version": 1,
        "repository": "https://github.com/acme/shop",
        "merged": 4,
        "measured": 4,
    }
    assert found["questions"] == {"median": 1, "p90": 1, "most": 1}
    assert found["items"][0]["severities"] == {"must": 1, "should": 2}
    assert [one["areas"] for one in found["changes"]] == [["ranking"], [], ["ranking"], ["ranking"]]
    assert found["changes"][2]["questions"] == [
        {"item": "rank-latency", "area": "ranking", "severity": "must"}
    ]


@pytest.mark.parametrize(
    ("remote", "linked"),
    [
        ("https://github.com/acme/shop", True),
        ("https://user:secret@github.com/acme/shop.git", True),
        ("ssh://git@github.com/acme/shop", True),
        ("/srv/git/shop", False),
    ],
)
def test_markdown_links_to_commits_if_the_repository_is_known(repo, remote, linked):
    repo.git("remote", "add", "origin", remote)
    sha = repo.git("rev-parse", "HEAD")[:12]
    text = measured(repo, "--format", "markdown")[1]
    assert (f"[{sha}](https://github.com/acme/shop/commit/{sha})" in text) is linked
    assert (f"`{sha}`" in text) is not linked
    assert "secret" not in text
    assert "## 4 of 4 merged changes: 3 flagged (75 %)" in text


def test_japanese(repo):
    status, text = measured(repo, "--since", "2020-01-01", language="ja")
    assert status == 0
    assert text.startswith(
        "マージ済みの変更 4 件（2020-01-01 以降）のうち 4 件を調査：対象 3 件（75 %）\n"
    )


def test_branch_of_an_ignored_author_asks_nothing(repo):
    repo.write(".github/nfr.yml", f"ignore: {{authors: ['renovate[bot]']}}\n{POLICY}")
    repo.git("commit", "-qam", "policy")
    repo.git("switch", "-qc", "bump")
    repo.write("src/ranking/a.py", "score = 5\n")
    repo.git("commit", "-qam", "bump", "--author", "renovate[bot] <bot@example.com>")
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "-m", "Merge bump", "bump")
    found = json.loads(measured(repo, "--sample", "0", "--format", "json")[1])["changes"]
    assert found[0]["areas"] == []


def test_built_in_packs_are_measured_without_a_policy(repo, tmp_path):
    plain = Repo(tmp_path / "plain")
    plain.commit("start", **{"a.txt": "a\n"})
    plain.commit("more", **{"db/migrate/1_a.rb": "drop_table :parcels\n"})
    status, text = measured(plain)
    assert status == 0
    assert "Policy: the built-in packs, no policy file" in text
    assert "With a finding: 1 (100 %)" in text
    assert "DBM-006 (1 must)" in text


def test_sample_is_always_the_same_and_newest_first():
    changes = tuple(git.Merged(f"{n:040}", "", "", "") for n in range(100))
    assert drawn(changes, 0) == drawn(changes, 100) == changes
    some = drawn(changes, 10)
    assert some == drawn(changes, 10) == tuple(sorted(some, key=changes.index))
    assert len(some) == 10


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--head", "nowhere"), "ghapp measure: `nowhere` is not a commit here"),
        (("--since", "2050-01-01"), "has no merged change since 2050-01-01"),
        (("--policy", "missing.yml"), "cannot read the policy missing.yml"),
    ],
)
def test_wrong_use_is_named(repo, more, says):
    status, text = measured(repo, *more)
    assert status == 2
    assert says in text


def test_broken_policy_is_named(repo, tmp_path):
    broken = tmp_path / "broken.yml"
    broken.write_text("mood: good\n")
    status, text = measured(repo, "--policy", str(broken))
    assert status == 2
    assert "unknown key `mood`" in text
    assert "fix the policy and measure again" in text


def test_change_that_git_cannot_read_is_left_out_and_counted(repo):
    tree = repo.git("rev-parse", "HEAD~1^{tree}")
    (repo.folder / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    status, text = measured(repo)
    assert status == 0
    assert "Not readable in this clone, and left out: " in text
