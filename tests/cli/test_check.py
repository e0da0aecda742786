import json
import shutil

import pytest

from ghapp.offline.check import run
from tests.cli.repositories import Repo

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


def test_a_range_that_touches_nothing_is_clear(repo, check):
    repo.git("switch", "-qc", "topic")
    repo.commit(**{"app/views.py": "x = 2\n", "README.md": "x"})
    assert check() == (
        0,
        "No flagged area in main...topic (2 files). Nothing to do.\n",
        "",
    )


def test_an_empty_range_is_clear(check):
    assert check("main", "main")[:2] == (
        0,
        "No flagged area in main...main (0 files). Nothing to do.\n",
    )


def test_text_says_why_and_what_is_asked(flagged, check):
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


def test_the_language_is_asked_for_or_the_policys(flagged, check):
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


def test_json_has_the_promised_shape(flagged, check):
    status, out, _ = check(format="json")
    assert status == 1
    found = json.loads(out)
    assert list(found) == ["flagged", "base", "head", "policy", "areas", "findings"]
    assert (found["flagged"], found["base"], found["head"]) == (True, "main", "topic")
    assert found["policy"] is None
    assert [list(finding) for finding in found["findings"]] == [
        ["hazard", "severity", "item", "area", "path", "line", "message"]
    ] * 2
    (area,) = found["areas"]
    assert list(area) == ["id", "title", "reasons", "items"]
    assert area["reasons"] == ["app/migrations/0002_index.py (matches **/migrations/**)"]
    assert area["items"][-1] == {
        "id": "dbm-query-plan",
        "severity": "should",
        "question": area["items"][-1]["question"],
        "shown": True,
    }
    clear = json.loads(check("main", "main", format="json")[1])
    assert (clear["flagged"], clear["areas"], clear["findings"]) == (False, [], [])


def test_json_says_where_the_policy_was_read(flagged, check, tmp_path):
    policy = tmp_path / "policy.yml"
    policy.write_text("max_items: 1\n")
    assert json.loads(check(policy=policy, format="json")[1])["policy"] == str(policy)
    flagged.git("switch", "-q", "main")
    flagged.commit(**{".github/nfr.yml": "language: ja\n"})
    found = json.loads(check(head="topic", format="json")[1])
    assert found["policy"] == "main:.github/nfr.yml"


def test_what_is_over_the_limit_is_folded(flagged, check, tmp_path):
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


def test_all_questions_are_shown_when_asked_for(flagged, check, tmp_path):
    policy = tmp_path / "policy.yml"
    policy.write_text("max_items: 1\n")
    out = check(policy=policy, unfolded=True)[1]
    assert "folded" not in out
    assert "[dbm-query-plan]" in out
    assert check(policy=policy, unfolded=True, format="markdown")[1].count("- [ ]") == 4
    found = json.loads(check(policy=policy, unfolded=True, format="json")[1])
    assert [item["shown"] for item in found["areas"][0]["items"]] == [True, False, False, False]


def test_reasons_are_few_and_the_rest_is_counted(flagged, check):
    flagged.commit(**{f"app/migrations/000{number}_x.py": RISKY for number in range(3, 9)})
    out = check()[1]
    assert out.count("(matches") == 5
    assert "  and 2 files more\n" in out


def test_the_policy_is_read_at_the_base_and_not_at_the_head(flagged, check):
    flagged.commit(**{".github/nfr.yml": "areas: {database-migration: off}\n"})
    assert check()[0] == 1
    flagged.git("switch", "-q", "main")
    flagged.commit(**{".github/nfr.yml": "areas: {database-migration: off}\n"})
    assert check(head="topic")[0] == 0


def test_a_broken_policy_is_named_line_by_line(flagged, check, tmp_path):
    policy = tmp_path / "nfr.yml"
    policy.write_text("mode: strict\nmax_item: 3\n")
    status, out, err = check(policy=str(policy))
    assert (status, out) == (2, "")
    first, second, advice = err.splitlines()
    assert first.startswith(f"{policy}:1:7: `mode` should be 'observe', 'advise' or 'enforce'")
    assert second == f"{policy}:2:1: unknown key `max_item`: did you mean `max_items`?"
    assert advice == "ghapp check: fix the policy and check again"


def test_a_broken_policy_at_the_base_is_named_too(flagged, check):
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
def test_wrong_use_is_said_with_what_to_do(check, arguments, words):
    status, out, err = check(**arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"ghapp check: {words}")


def test_a_folder_without_repository_is_wrong_use(tmp_path, capsys):
    assert run(str(tmp_path), "main", "HEAD", None, "text", None) == 2
    assert "not a git repository" in capsys.readouterr().err


def test_names_that_no_terminal_can_show_do_not_stop_it(flagged, check):
    flagged.write(b"app/migrations/caf\xe9\x1b[31m\n.py", RISKY)
    flagged.commit()
    for format in ("text", "markdown", "json"):
        status, out, _ = check(format=format)
        assert status == 1
        assert "app/migrations/caf[31m .py" in out


def test_a_title_alone_is_a_hint_of_what_to_do_with_the_pull_request(repo, check):
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


def test_a_title_without_a_change_is_no_hint(repo, check):
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


def test_a_clone_without_the_common_ancestor_says_so(flagged, check):
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


def test_lines_are_as_wide_as_the_terminal(flagged, check, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, check()[1].splitlines())) <= 60
    assert shutil.get_terminal_size().columns == 60
