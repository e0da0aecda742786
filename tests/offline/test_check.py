"""`ghapp check`: what would be asked about a range, as text, Markdown and JSON."""

import json
from collections import Counter
from functools import partial
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from ghapp.offline.check import run
from tests.offline.own_packs import BROKEN, NAMES, RANKING, with_own_pack
from tests.offline.repositories import Repo
from tests.offline.sarif import checked

RISKY = """\
class Migration:
    operations = [
        migrations.AddIndex('order', fields=['x']),
        migrations.RemoveField(model_name='order', name='memo'),
    ]
"""


@pytest.fixture
def repo(tmp_path):
    made = Repo(tmp_path / "repo")
    made.commit("start", **{"app/views.py": "x = 1\n"})
    return made


@pytest.fixture
def flagged(repo):
    repo.git("switch", "-qc", "topic")
    repo.commit("Speed up", **{"app/migrations/0002_index.py": RISKY})
    return repo


@pytest.fixture
def check(repo, capsys):
    def call(base="main", head="HEAD", policy=None, format="text", language=None, **more):
        file = policy and str(policy)
        status = run(str(repo.folder), base, head, file, format, language, **more)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call


def test_range_without_a_flagged_area_is_clear(repo, check):
    repo.git("switch", "-qc", "topic")
    repo.commit(**{"app/views.py": "x = 2\n", "README.md": "x"})
    assert check() == (
        0,
        "No flagged area in main...topic (2 files). Nothing to do.\n",
        "",
    )


def test_empty_range_is_clear(check):
    assert check("main", "main")[:2] == (
        0,
        "No flagged area in main...main (0 files). Nothing to do.\n",
    )


def test_text(flagged, check):
    status, out, err = check()
    assert status == 1
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "NFR review of main...topic: 1 file, 1 area, 4 questions"
    assert lines[2:4] == [
        "Database migration (1 file)",
        "  app/migrations/0002_index.py (matches **/migrations/**)",
    ]
    assert [line.split()[0] for line in lines if line.startswith("  m") or "should  " in line] == [
        "must",
        "should",
        "must",
        "should",
    ]
    assert "[dbm-query-plan]" in out
    assert all(len(line) <= 100 for line in lines)


def test_language_is_the_option_or_that_of_the_policy(flagged, check):
    assert check(language="ja")[1].startswith(
        "非機能レビュー main...topic：変更ファイル 1 件、対象領域 1 件、質問 4 件\n\nDB"
    )
    flagged.git("switch", "-q", "main")
    flagged.commit(**{".github/nfr.yml": "language: ja\n"})
    flagged.git("switch", "-q", "topic")
    assert check()[1].startswith("非機能レビュー")
    assert check(language="en")[1].startswith("NFR review")


def test_markdown_shows_names_as_code(flagged, check):
    flagged.commit(**{"app/migrations/@team [x](y).py": "x"})
    status, out, _ = check(format="markdown")
    assert status == 1
    assert out.startswith("## NFR review of main...topic: 2 files, 1 area, 4 questions\n\n### Data")
    assert "Flagged by `app/migrations/0002_index.py` (matches `**/migrations/**`), `app/mig" in out
    assert "`app/migrations/@team [x](y).py`" in out
    assert "\n- [ ] `dbm-rollback` **must** How do you recover" in out
    assert check("main", "main", format="markdown")[1].startswith("No flagged area")


def test_json(flagged, check):
    status, out, _ = check(format="json")
    assert status == 1
    found = json.loads(out)
    assert list(found) == [
        *("version", "flagged", "failed", "fail_on", "base", "head", "changes", "uncommitted"),
        *("policy", "mode", "complete", "exempt", "unknown", "unread", "areas", "findings"),
    ]
    assert (found["version"], found["failed"], found["fail_on"]) == (1, True, "must")
    assert (found["mode"], found["complete"], found["unread"]) == ("advise", True, [])
    assert (found["flagged"], found["base"], found["head"]) == (True, "main", "topic")
    assert found["policy"] is None
    assert [list(finding) for finding in found["findings"]] == [
        ["hazard", "severity", "item", "area", "path", "line", "message"]
    ] * 2
    (area,) = found["areas"]
    assert list(area) == ["id", "title", "mode", "reviewers", "reasons", "items"]
    assert (area["mode"], area["reviewers"]) == ("advise", {"teams": [], "users": []})
    assert area["reasons"] == ["app/migrations/0002_index.py (matches **/migrations/**)"]
    (item,) = [item for item in area["items"] if item["id"] == "dbm-query-plan"]
    assert list(item) == [
        *("id", "severity", "category", "question", "why", "evidence", "kind", "choices"),
        *("links", "shown"),
    ]
    assert (item["severity"], item["kind"], item["shown"]) == ("should", "tick", True)
    assert item["question"] and item["why"] and item["evidence"]
    assert item["links"][0]["title"] and item["links"][0]["url"].startswith("https://")
    clear = json.loads(check("main", "main", format="json")[1])
    assert (clear["flagged"], clear["areas"], clear["findings"]) == (False, [], [])


def test_json_names_where_the_policy_was_read(flagged, check, tmp_path):
    policy = tmp_path / "policy.yml"
    policy.write_text("max_items: 1\n")
    assert json.loads(check(policy=policy, format="json")[1])["policy"] == str(policy)
    flagged.git("switch", "-q", "main")
    flagged.commit(**{".github/nfr.yml": "language: ja\n"})
    found = json.loads(check(head="topic", format="json")[1])
    assert found["policy"] == "main:.github/nfr.yml"


def test_questions_above_the_limit_are_folded(flagged, check, tmp_path):
    policy = tmp_path / "policy.yml"
    policy.write_text("max_items: 1\n")
    names = "dbm-online-ddl, dbm-rollback, dbm-query-plan"
    told = " ".join(check(policy=policy)[1].split())  # wherever the terminal breaks its lines
    assert f"3 questions folded: {names} (--all shows them) 2 findings" in told
    assert "ほか 3 件の質問（折りたたみ）" in check(policy=policy, language="ja")[1]
    markdown = check(policy=policy, format="markdown")[1]
    assert markdown.count("- [ ]") == 1
    assert f"3 questions folded: {names}\n" in markdown
    items = json.loads(check(policy=policy, format="json")[1])["areas"][0]["items"]
    assert [item["shown"] for item in items] == [True, False, False, False]
    assert [item["severity"] for item in items] == ["must", "should", "should", "should"]


def test_all_shows_folded_questions(flagged, check, tmp_path):
    policy = tmp_path / "policy.yml"
    policy.write_text("max_items: 1\n")
    out = check(policy=policy, unfolded=True)[1]
    assert "folded" not in out
    assert "[dbm-query-plan]" in out
    assert check(policy=policy, unfolded=True, format="markdown")[1].count("- [ ]") == 4
    found = json.loads(check(policy=policy, unfolded=True, format="json")[1])
    assert [item["shown"] for item in found["areas"][0]["items"]] == [True, False, False, False]


def test_some_reasons_are_shown_and_the_rest_is_counted(flagged, check):
    flagged.commit(**{f"app/migrations/000{number}_x.py": RISKY for number in range(3, 9)})
    out = check()[1]
    assert out.count("(matches") == 5
    assert "  and 2 files more\n" in out


def test_policy_is_read_at_the_base_and_not_at_the_head(flagged, check):
    flagged.commit(**{".github/nfr.yml": "areas: {database-migration: off}\n"})
    assert check()[0] == 1
    flagged.git("switch", "-q", "main")
    flagged.commit(**{".github/nfr.yml": "areas: {database-migration: off}\n"})
    assert check(head="topic")[0] == 0


def test_problems_of_a_policy_are_named_line_by_line(flagged, check, tmp_path):
    policy = tmp_path / "nfr.yml"
    policy.write_text("mode: strict\nmax_item: 3\n")
    status, out, err = check(policy=str(policy))
    assert (status, out) == (2, "")
    first, second, advice = err.splitlines()
    assert first.startswith(f"{policy}:1:7: `mode` should be 'observe', 'advise' or 'enforce'")
    assert second == f"{policy}:2:1: unknown key `max_item`: did you mean `max_items`?"
    assert advice == "ghapp check: fix the policy and check again"


def test_problems_of_the_policy_at_the_base_are_named(flagged, check):
    flagged.git("switch", "-q", "main")
    flagged.commit(**{".github/nfr.yml": b"mode: caf\xe9\n"})
    status, _, err = check(head="topic")
    assert status == 2
    assert err.startswith(".github/nfr.yml:1:10: not UTF-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"base": "nowhere"}, "`nowhere` is not a commit here"),
        ({"base": "--output=x"}, "`--output=x` is not a ref"),
        ({"policy": "missing.yml"}, "cannot read the policy missing.yml: No such file"),
    ],
)
def test_wrong_use_is_named_with_what_to_do(check, arguments, words):
    status, out, err = check(**arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"ghapp check: {words}")


def test_repository_without_a_commit_is_wrong_use(tmp_path, capsys):
    Repo(tmp_path)
    for base in ("HEAD", None):
        assert run(str(tmp_path), base, "HEAD", None, "text", None, changes="staged") == 2
        assert "this repository has no commit yet" in capsys.readouterr().err


def test_folder_without_a_repository_is_wrong_use(tmp_path, capsys):
    assert run(str(tmp_path), "main", "HEAD", None, "text", None) == 2
    assert "not a git repository" in capsys.readouterr().err


def test_names_that_no_terminal_can_show_are_cleaned(flagged, check):
    flagged.write(b"app/migrations/caf\xe9\x1b[31m\n.py", RISKY)
    flagged.commit()
    for format in ("text", "markdown", "json"):
        status, out, _ = check(format=format)
        assert status == 1
        assert "app/migrations/caf[31m .py" in out


def test_title_alone_is_a_hint(repo, check):
    repo.git("switch", "-qc", "topic")
    repo.commit("Prepare the schema migration", **{"app/views.py": "x = 3\n"})
    status, out, _ = check()
    assert status == 0
    assert " ".join(out.split()).endswith(
        "Nothing to do. The last commit's title suggests Database migration, but no file in the "
        "diff does; if it applies, the pull request needs the label "
        "`nfr/area: database-migration`."
    )
    japanese = check(language="ja", format="markdown")[1]
    assert japanese.endswith("PR にラベル `nfr/area: database-migration` が必要です。\n")


def test_title_without_a_change_is_not_a_hint(repo, check):
    repo.commit("Prepare the schema migration", **{"app/views.py": "x = 3\n"})
    assert check("HEAD")[1].splitlines() == [
        "No flagged area in HEAD...main (0 files). Nothing to do."
    ]


def test_commits_of_an_ignored_author_are_not_asked_about(flagged, check):
    bot = ("--author", "renovate[bot] <bot@example.com>")
    flagged.git("commit", "-q", "--amend", "--no-edit", *bot)
    status, out, _ = check()
    assert status == 0
    assert out == (
        "Nothing is asked: all commits are by renovate[bot], whom the policy excludes.\n"
    )
    flagged.commit("by a person")
    assert check()[0] == 1


def test_missing_common_ancestor_is_named(flagged, check):
    flagged.git("switch", "-q", "--orphan", "other")
    flagged.commit(**{"app/migrations/0001.py": RISKY})
    for format in ("text", "markdown"):
        status, out, _ = check(format=format)
        assert status == 1
        assert out.startswith("main and other have no common ancestor in this clone")
        assert "run `git fetch --unshallow`" in out.replace("\n", " ")


def test_more_files_than_github_lists_are_never_clear(repo, check):
    repo.git("switch", "-qc", "topic")
    repo.commit(**{f"src/{number}.txt": "" for number in range(3_001)})
    status, out, _ = check()
    assert status == 1
    assert "GitHub lists only 3,000" in out


def test_lines_fit_the_terminal(flagged, check, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, check()[1].splitlines())) <= 60


def test_json_names_who_may_sign_off_and_how_strictly(flagged, check, tmp_path):
    policy = tmp_path / "policy.yml"
    policy.write_text(
        "mode: advise\nareas: {database-migration: {mode: enforce, reviewers: {teams: [dba]}}}\n"
    )
    found = json.loads(check(policy=policy, format="json")[1])
    (area,) = found["areas"]
    assert (found["mode"], area["mode"]) == ("advise", "enforce")
    assert area["reviewers"] == {"teams": ["dba"], "users": []}


LIGHTER = """\
areas:
  ranking: {{hazards: {{ACME-001: {severity}}}}}
packs: ['.github/nfr/*.yml']
"""


class TestExitStatus:
    """1 if a finding is as severe as `fail_on`, which is must unless said otherwise."""

    @pytest.fixture
    def repo(self, tmp_path):
        return with_own_pack(tmp_path / "repo")

    @pytest.mark.parametrize(
        ("severity", "failing"),
        [
            ("must", {"must", "should", "finding"}),
            ("should", {"should", "finding"}),
            ("could", {"finding"}),
            ("off", set()),
        ],
    )
    def test_is_that_of_the_heaviest_finding(self, repo, check, severity, failing):
        policy = repo.write("ci/lighter.yml", LIGHTER.format(severity=severity))
        for fail_on in ("must", "should", "finding", "never"):
            status, out, _ = check(policy=policy, head="topic", format="json", fail_on=fail_on)
            assert (status, fail_on in failing) in ((0, False), (1, True))
            assert json.loads(out)["failed"] is (status == 1)
            assert json.loads(out)["flagged"] is True

    def test_is_0_for_accepted_findings(self, repo, check):
        accepted = "sleep(1)  # nfr:ignore ACME-001 only in the tool\n"
        repo.commit(**{"src/ranking/score.py": accepted})
        assert check(head="topic", fail_on="finding")[0] == 0

    def test_is_1_for_what_could_not_be_read(self, repo, check):
        repo.commit(**{f"src/{number}.txt": "" for number in range(3_001)})
        policy = repo.write("ci/lighter.yml", LIGHTER.format(severity="off"))
        assert check(policy=policy, head="topic")[0] == 1
        assert check(policy=policy, head="topic", fail_on="never")[0] == 0


class TestDefaultBase:
    @pytest.fixture
    def clone(self, flagged, tmp_path):
        flagged.git("switch", "-q", "main")
        made = Repo(tmp_path / "clone")
        made.git("remote", "add", "origin", f"file://{flagged.folder}")
        made.git("fetch", "-q", "origin")
        made.git("switch", "-qc", "work", "origin/topic")
        return made

    def base(self, clone, capsys):
        status = run(str(clone.folder), None, "HEAD", None, "json", None)
        printed = capsys.readouterr()
        return json.loads(printed.out)["base"] if status < 2 else printed.err

    def test_is_the_default_branch_of_the_remote(self, flagged, clone, capsys):
        flagged.git("branch", "-m", "main", "trunk")
        clone.git("fetch", "-q", "origin")
        clone.git("remote", "set-head", "origin", "--auto")
        assert self.base(clone, capsys) == "origin/trunk"

    @pytest.mark.parametrize("branch", ["main", "master"])
    def test_is_the_usual_name_if_the_remotes_choice_is_not_known(
        self, flagged, clone, capsys, branch
    ):
        flagged.git("branch", "-m", "main", branch)
        clone.git("fetch", "-q", "--prune", "origin")
        clone.git("remote", "set-head", "origin", "--delete")
        assert self.base(clone, capsys) == f"origin/{branch}"

    def test_is_that_of_the_only_remote_whatever_its_name(self, clone, capsys):
        clone.git("remote", "rename", "origin", "company")
        assert self.base(clone, capsys) == "company/main"

    def test_has_to_be_named_if_it_is_not_known(self, repo, clone, capsys):
        clone.git("remote", "set-head", "origin", "--delete")
        clone.git("branch", "-qdr", "origin/main")
        assert "`git remote set-head origin --auto`" in self.base(clone, capsys)
        clone.git("remote", "rename", "origin", "a")
        clone.git("remote", "add", "b", "https://example.com/b.git")
        assert "several remotes, none of them `origin`" in self.base(clone, capsys)
        assert "no remote: name the branch to merge into" in self.base(repo, capsys)

    def test_comparison_starts_at_the_merge_base(self, flagged, clone, capsys):
        flagged.commit(**{"app/migrations/0009_other.py": RISKY})
        clone.git("fetch", "-q", "origin")
        assert run(str(clone.folder), None, "HEAD", None, "text", None) == 1
        assert "main...work: 1 file," in capsys.readouterr().out


class TestUncommittedChanges:
    """A risky migration is staged, a second one is not, and a third one is new."""

    NAMES = tuple(f"app/migrations/000{number}_x.py" for number in (2, 3, 4))

    @pytest.fixture
    def repo(self, repo):
        repo.commit(**{"app/migrations/0003_x.py": "x = 1\n", ".gitignore": "*.log\n"})
        repo.write(self.NAMES[0], RISKY)
        repo.git("add", "-A")
        for name in (*self.NAMES[1:], "app/migrations/0005_x.log"):
            repo.write(name, RISKY)
        return repo

    def reviewed(self, check, changes, **more):
        status, out, err = check("HEAD", format="json", changes=changes, **more)
        assert err == ""
        return status, sorted({finding["path"] for finding in json.loads(out)["findings"]})

    def test_staged(self, repo, check):
        assert self.reviewed(check, "staged") == (1, [self.NAMES[0]])

    def test_worktree_includes_new_files_that_are_not_ignored(self, repo, check):
        assert self.reviewed(check, "worktree") == (1, [*self.NAMES])

    def test_a_removed_file_is_removed(self, repo, check):
        (repo.folder / self.NAMES[1]).unlink()
        (repo.folder / "app/views.py").unlink()
        out = check("HEAD", changes="worktree")[1]
        assert out.startswith("NFR review of HEAD...main + uncommitted changes: 4 files")

    def test_nothing_in_the_repository_changes(self, repo, check):
        def state():
            files = [path for path in repo.folder.rglob("*") if path.is_file()]
            return {path: path.read_bytes() for path in files}

        before = state()
        for changes in ("", "staged", "worktree"):
            check("HEAD", changes=changes)
        assert state() == before

    def test_what_is_not_reviewed_is_named(self, repo, check):
        def left(changes):
            return json.loads(check("HEAD", format="json", changes=changes)[1])["uncommitted"]

        assert left("") == [*self.NAMES]
        assert left("staged") == [*self.NAMES[1:]]
        assert left("worktree") == []
        note = f"Not reviewed: uncommitted changes in {', '.join(f'`{one}`' for one in self.NAMES)}"
        assert note in " ".join(check("HEAD")[1].split())
        assert json.loads(check("HEAD", "main", format="json")[1])["uncommitted"] == []

    def test_last_commit_is_the_base_without_a_remote(self, repo, check):
        assert check(None, changes="staged")[1].startswith(
            "NFR review of HEAD...main + staged changes: 1 file"
        )
        assert check(None)[0] == 2

    def test_commits_of_the_branch_are_reviewed_with_them(self, repo, check):
        repo.git("commit", "-qm", "first")
        status, out, _ = check("HEAD~1", format="json", changes="worktree")
        paths = {finding["path"] for finding in json.loads(out)["findings"]}
        assert (status, paths) == (1, {*self.NAMES})

    def test_packs_and_policy_are_those_of_the_base(self, repo, check):
        repo.write(".github/nfr.yml", "areas: {database-migration: off}\n")
        assert self.reviewed(check, "worktree")[0] == 1

    def test_index_of_a_partial_commit_is_the_one_of_its_hook(self, repo, check, monkeypatch):
        monkeypatch.chdir(repo.folder)
        repo.git("read-tree", "HEAD", env={"GIT_INDEX_FILE": ".git/next-index-1.lock"})
        monkeypatch.setenv("GIT_INDEX_FILE", ".git/next-index-1.lock")
        assert self.reviewed(check, "staged") == (0, [])
        monkeypatch.setenv("GIT_INDEX_FILE", "/elsewhere/index")
        assert self.reviewed(check, "staged") == (1, [self.NAMES[0]])

    def test_filters_of_the_repository_are_not_run(self, repo, check, tmp_path):
        ran = tmp_path / "ran"
        for key, value in (("clean", f"touch {ran}; cat"), ("process", f"touch {ran}")):
            repo.git("config", f"filter.odd=name.{key}", value)
        repo.git("config", "filter.odd=name.required", "true")
        repo.write(".gitattributes", "*.py filter=odd=name\n")
        assert self.reviewed(check, "worktree") == (1, [*self.NAMES])
        check("HEAD")
        assert not ran.exists()

    def test_files_in_conflict_are_named(self, repo, check):
        repo.git("commit", "-qm", "first")
        repo.git("switch", "-qc", "other", "HEAD~1", "--force")
        repo.commit(**{self.NAMES[0]: "y = 1\n"})
        with pytest.raises(CalledProcessError):
            repo.git("merge", "-q", "main")
        status, out, err = check("HEAD", changes="staged")
        assert (status, out) == (2, "")
        assert self.NAMES[0] in err

    def test_attributes_count_as_in_a_commit(self, repo, check):
        repo.write(".gitattributes", "*.py -diff\n")
        uncommitted = self.reviewed(check, "worktree")
        repo.commit()
        status, out, _ = check("HEAD~1", format="json")
        assert (status, sorted({one["path"] for one in json.loads(out)["findings"]})) == uncommitted


def test_short_shas_are_commits(flagged, check):
    base, head = (flagged.git("rev-parse", "--short=7", ref) for ref in ("main", "topic"))
    status, out, _ = check(base, head)
    assert status == 1
    assert out.startswith(f"NFR review of {base}...{head}: 1 file")


def test_short_sha_of_several_commits_is_named(repo, check):
    for number in range(1_400):
        (repo.folder / f"{number}").write_text(f"{number}")
    repo.git("add", "-A")
    shas = repo.git("ls-files", "-s").split()
    begins = Counter(sha[:4] for sha in shas if len(sha) == 40)
    (sha, count), *_ = begins.most_common(1)
    assert count > 1
    assert check(sha)[2].startswith(f"ghapp check: `{sha}` begins several SHAs here")


class TestForPrograms:
    @pytest.fixture
    def repo(self, tmp_path):
        return with_own_pack(tmp_path / "repo")

    def test_commands_of_github(self, repo, check):
        status, out, _ = check(head="topic", format="github", language="en")
        assert status == 1
        finding, *_, summary = out.splitlines()
        assert finding == ("::error file=src/ranking/score.py,line=2,title=ACME-001::It sleeps.")
        assert summary.startswith("::notice title=NFR review::NFR review of main...topic: ")

    def test_sarif(self, repo, check):
        status, out, _ = check(head="topic", format="sarif", language="en")
        assert status == 1
        run = checked(out)
        (result,) = run["results"]
        assert (result["ruleId"], result["level"]) == ("ACME-001", "error")
        assert result["message"]["text"] == "It sleeps."
        rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
        assert rules["ACME-001"]["properties"]["tags"] == ["ranking", "rank-latency"]
        assert "DBM-001" in rules
        assert not any("{" in rule["shortDescription"]["text"] for rule in rules.values())

    def test_sarif_suppresses_accepted_findings(self, repo, check):
        accepted = "sleep(1)  # nfr:ignore ACME-001 only in the tool\n"
        repo.commit(**{"src/ranking/score.py": accepted})
        status, out, _ = check(head="topic", format="sarif")
        (result,) = checked(out)["results"]
        assert (status, result["suppressions"][0]["justification"]) == (0, "only in the tool")
        assert "::error" not in check(head="topic", format="github")[1]


def on_main(repo, **files):
    repo.git("switch", "-q", "main")
    repo.commit(**files)
    repo.git("switch", "-q", "topic")


class TestOwnPacks:
    @pytest.fixture
    def repo(self, tmp_path):
        return with_own_pack(tmp_path / "repo")

    @pytest.fixture
    def check(self, check):
        return partial(check, head="topic", language="en")

    def test_packs_are_read_at_the_base(self, repo, check):
        repo.commit(**{".github/nfr/ranking.yml": BROKEN})
        status, out, _ = check(format="json")
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

    def test_findings_in_text_and_markdown(self, check):
        text = check()[1].splitlines()
        assert text[-2:] == [
            "  1 finding",
            "  src/ranking/score.py:2: must: It sleeps. [ACME-001]",
        ]
        assert check(language="ja")[1].endswith(
            "  検出事項 1 件\n  src/ranking/score.py:2: 必須：待機します。 [ACME-001]\n"
        )
        markdown = check(format="markdown")[1]
        assert markdown.index("`rank-latency`") < markdown.index("**1 finding**\n\n- **must**")

    def test_ten_findings_of_a_hazard_are_shown_and_the_rest_is_counted(self, repo, check):
        repo.commit(**{"src/ranking/score.py": "".join(f"sleep({n})\n" for n in range(13))})
        text = check()[1]
        assert "  13 findings\n" in text
        assert text.count("It sleeps. [ACME-001]") == 10
        assert text.endswith("  ACME-001: 3 more\n")
        assert len(json.loads(check(format="json")[1])["findings"]) == 13

    def test_accepted_finding_has_its_reason(self, repo, check):
        accepted = "sleep(1)  # nfr:ignore ACME-001 only in the tool\n"
        repo.commit(**{"src/ranking/score.py": accepted})
        (finding,) = json.loads(check(format="json")[1])["findings"]
        assert finding["accepted"] == "only in the tool"
        text = " ".join(check()[1].split())  # its lines end where the terminal does
        assert text.endswith("accepted: It sleeps. [ACME-001] Accepted because: only in the tool")

    def test_problems_of_a_pack_are_named_line_by_line(self, repo, check):
        on_main(repo, **{".github/nfr/ranking.yml": BROKEN})
        assert check() == (
            2,
            "",
            ".github/nfr/ranking.yml:3:9: `weight` should be at most 5\n"
            "ghapp check: fix the policy and check again\n",
        )

    def test_policy_file_takes_the_packs_beside_it(self, repo, check):
        repo.write(".github/nfr/ranking.yml", RANKING.replace("80 ms", "70 ms"))
        for policy in (repo.folder / ".github/nfr.yml", repo.write("ci/strict.yml", NAMES)):
            (area,) = json.loads(check(format="json", policy=policy)[1])["areas"]
            assert area["items"][0]["question"] == "p99 under 70 ms?"

    def test_broken_pack_beside_a_policy_file_is_named_by_its_path(self, repo, check, monkeypatch):
        repo.write(".github/nfr/ranking.yml", BROKEN)
        pack = repo.folder / ".github/nfr/ranking.yml"
        status, _, err = check(policy=repo.folder / ".github/nfr.yml")
        assert (status, err.startswith(f"{pack}:3:9: `weight`")) == (2, True)
        monkeypatch.chdir(repo.folder / "src")
        assert check(policy=Path("../.github/nfr.yml"))[2].startswith(
            "../.github/nfr/ranking.yml:3:9"
        )

    def test_policy_outside_of_any_repository_takes_packs_from_here(
        self, repo, check, tmp_path, monkeypatch
    ) -> None:
        policy = tmp_path / "policy.yml"
        policy.write_text(NAMES)
        monkeypatch.chdir(repo.folder)
        assert json.loads(check(format="json", policy=policy)[1])["areas"][0]["id"] == "ranking"

    def test_links_and_folders_are_not_packs(self, repo, check):
        repo.git("switch", "-q", "main")
        (repo.folder / ".github/nfr/link.yml").symlink_to("ranking.yml")
        repo.commit(**{".github/nfr/sub.yml/a.yml": "x"})
        for policy in (None, repo.folder / ".github/nfr.yml"):
            status, _, err = check(policy=policy)
            assert status == 2
            problem, _ = err.splitlines()
            assert problem.endswith("link.yml:0:0: is a symbolic link: put the file itself here")

    def test_unreadable_pack_is_wrong_use(self, repo, check):
        (repo.folder / ".github/nfr").rename(repo.folder / "away")
        (repo.folder / ".github/nfr").symlink_to("nfr")  # a loop
        status, _, err = check(policy=repo.folder / ".github/nfr.yml")
        assert status == 2
        assert ".github/nfr: cannot be read (" in err


RULED = (
    "mode_when:\n"
    "  - {base: main, mode: advise}\n"
    "  - {team: contractors, mode: observe}\n"
    "areas:\n"
    "  database-migration: {when: {not: {base: main}}}\n"
    "  payments-checkout: {when: {not: {label: skip}}}\n"
)


def test_conditions_on_a_pull_request_hold_as_far_as_the_range_shows_them(flagged, check, tmp_path):
    policy = tmp_path / "nfr.yml"
    policy.write_text(RULED)
    outcome = json.loads(check(policy=policy, format="json")[1])
    assert (outcome["mode"], outcome["areas"]) == ("advise", [])
    assert outcome["exempt"] == ["database-migration"]
    assert outcome["unknown"] == ["label", "team"]
    status, out, _ = check(policy=policy)
    text = " ".join(out.split())
    assert status == 0
    assert "The policy takes this pull request out of Database migration: base branch main." in text
    assert "A local range does not show labels, the author's teams. Where" in text


@pytest.mark.parametrize(
    ("base", "branch"), [("main", "main"), ("origin/main", "main"), ("v1", ""), ("HEAD~1", "")]
)
def test_the_base_branch_is_known_if_the_range_names_one(flagged, check, tmp_path, base, branch):
    flagged.git("update-ref", "refs/remotes/origin/main", "main")
    flagged.git("tag", "v1", "main")
    policy = tmp_path / "nfr.yml"
    policy.write_text("mode_when: [{base: main, mode: enforce}, {base: '**', mode: observe}]\n")
    outcome = json.loads(check(base, policy=policy, format="json")[1])
    assert outcome["base"] == base
    assert outcome["mode"] == "enforce"  # also if it is not known: the strictest
    assert outcome["unknown"] == ([] if branch else ["base"])


def test_the_branch_of_a_commit_is_not_known(flagged, check, tmp_path):
    policy = tmp_path / "nfr.yml"
    policy.write_text("mode_when: [{branch: topic, mode: observe}]\n")
    sha = flagged.git("rev-parse", "HEAD").strip()
    for head, mode, unknown in (
        ("topic", "observe", []),
        ("HEAD", "observe", []),
        (sha, "advise", ["branch"]),
    ):
        outcome = json.loads(check(head=head, policy=policy, format="json")[1])
        assert (outcome["mode"], outcome["unknown"]) == (mode, unknown)
