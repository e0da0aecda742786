"""`ghapp init`: a checkout and its history become a policy to start with."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ghapp import builtin_packs
from ghapp.cli import app
from ghapp.core.i18n import Words
from ghapp.core.policy.policy import POLICY_PATH, Policy, effective
from ghapp.core.records import PolicySource
from ghapp.offline import git
from ghapp.offline.init import History, Start, pull_body
from ghapp.offline.lint import linted
from ghapp.offline.measure import measured
from ghapp.offline.survey import Globbed, Survey, survey
from tests.offline.repositories import Repo

TABLE = "ALTER TABLE orders ADD COLUMN points INT;\n"
ENGLISH = """\
# yaml-language-server: $schema=nfr.schema.json
# What ghapp asks about in this repository, and who signs off. `ghapp init` wrote this start:
# change what does not fit. Every key may be left out. `ghapp lint` checks the file, and
# `ghapp schema > .github/nfr.schema.json` lets your editor complete and explain the keys.

version: 1

# observe: record only. advise: ask, but never block. enforce: block until signed off.
mode: advise

language: en  # en, ja

# Who may sign off. Without reviewers: people with maintain or admin on the repository.
# reviewers: {teams: ['platform']}  # found in .github/CODEOWNERS

# PostgreSQL: compose.yml
# Rules for other databases are off.
database: {dialect: postgres}

# Files that nobody is asked about: the two defaults, then code that machines or others wrote.
# Secrets are looked for all the same.
ignore:
  paths:
    - 'docs/**'
    - '**/*.md'
    - '**/*.pb.go'  # 1 file

# Tables whose indexes your migrations build online, as people do with large tables.
# A change to a table in this list brings up more questions:
# large_tables: ['orders']

# The built-in areas are on. They would have asked about 2 of the newest 3 merged
# changes (since 2026-01-31); `ghapp measure` shows which. An area asks only if a line of the
# change calls for it. Named here with `on`, it needs a sign-off at every touch of its files.
# `{mode: enforce}` in the place of `on` also blocks, and `off` switches the area off.
areas:
  database-migration:  # 2 of 3 changes
    # Numbered files that change tables, where the area does not look by itself:
    flag: evidence
    paths_add:
      - 'store/steps/**'  # 3 files
#
# In none of these changes. Leave them on: they ask nothing until they matter.
"""
JAPANESE = """\
# yaml-language-server: $schema=nfr.schema.json
# このリポジトリで ghapp が何を質問し、誰が承認するかを決めるファイルです。
# `ghapp init` が作成したたたき台なので、合わない部分は書き換えてください。どのキーも省略できます。
# `ghapp lint` で検査できます。`ghapp schema > .github/nfr.schema.json` を実行すると、
# エディターでキーの補完と説明が使えます。

version: 1

# observe：記録のみ　advise：質問するがブロックしない　enforce：承認までブロックする
mode: advise

language: ja  # en, ja

# 承認できる人。省略時は、リポジトリの maintain または admin 権限を持つ人です。
# reviewers: {teams: ['platform']}  # .github/CODEOWNERS より

# PostgreSQL（compose.yml）
# ほかのデータベース向けのルールは無効です。
database: {dialect: postgres}

# 質問の対象外とするファイル：既定の 2 件と、自動生成または外部のコードです。
# 機密情報の検出は、これらのファイルでも行います。
ignore:
  paths:
    - 'docs/**'
    - '**/*.md'
    - '**/*.pb.go'  # 1 ファイル

# マイグレーションがインデックスをオンラインで作成しているテーブルです（大きなテーブルの可能性）。
# ここに挙げたテーブルを変更すると、質問が増えます。
# large_tables: ['orders']

# 組み込みの領域は有効です。最新のマージ済み変更 3 件（2026-01-31 以降）のうち、
# 2 件が質問の対象でした（内訳は `ghapp measure`）。領域は、該当する行があるときだけ質問します。
# ここに `on` と書いた領域は、対象ファイルに触れるたびに承認が必要になります。
# `on` の代わりに `{mode: enforce}` と書くとブロックし、`off` と書くと無効になります。
areas:
  database-migration:  # 3 件中 2 件
    # テーブルを変更する連番のファイルです。この領域の既定の対象には含まれていません。
    flag: evidence
    paths_add:
      - 'store/steps/**'  # 3 ファイル
#
# この期間の変更では対象になりませんでした。必要になるまで質問しないので、有効のままにしてください。
"""


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture
def shop(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A small shop: three changes, two of which change tables."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_DATE", "2026-01-31T12:00:00Z")
    repo.commit(
        "start",
        **{
            "README.md": "# shop\n",
            "compose.yml": "services:\n  db:\n    image: postgres:18\n",
            "rpc/cart.pb.go": "package rpc\n",
            ".github/CODEOWNERS": "* @acme/shop\n/store/ @acme/platform # not @acme/other\n",
            "db/migrate/001_i.sql": "CREATE INDEX CONCURRENTLY i ON orders (id);\n",
            "store/steps/001_orders.go": "var s = `create table orders (id int)`\n",
        },
    )
    repo.commit("add points", **{"store/steps/002_points.go": f"var s = `{TABLE}`\n"})
    repo.commit("docs", **{"docs/a.md": "a\n"})
    repo.commit("add more", **{"store/steps/003_more.go": f"var s = `{TABLE}`\n"})
    return repo


def ghapp(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, words, env={"COLUMNS": "100"})
    return done.exit_code, done.stdout, done.stderr


def printed(repo: Repo, *more: str) -> str:
    status, text, errors = ghapp("init", str(repo.folder), "--stdout", *more)
    assert status == 0, errors
    return text


def found(repo: Repo, *titles: str) -> Survey:
    with git.snapshot(repo.folder, staged=False) as files:
        return survey(files, titles, Policy(areas=builtin_packs.rules("advise").packs))


@pytest.mark.parametrize(("language", "expected"), [("en", ENGLISH), ("ja", JAPANESE)])
def test_the_policy_says_what_was_found(shop: Repo, language: str, expected: str) -> None:
    text = printed(shop, "--lang", language)
    assert text.startswith(expected)
    rest = text.removeprefix(expected)
    assert "payments-checkout" in rest and "search-index" in rest.splitlines()[-1]


def test_it_writes_the_file_and_says_what_comes_next(shop: Repo) -> None:
    text = printed(shop)
    (shop.folder / "deep/er").mkdir(parents=True)
    status, out, errors = ghapp("init", str(shop.folder / "deep/er"))
    assert (status, errors) == (0, "")
    assert (shop.folder / POLICY_PATH).read_text("utf-8") == text
    assert out.startswith(f"ghapp init: wrote {shop.folder / POLICY_PATH}\n")
    assert re.search(
        r"^  History +2 of the newest 3 merged changes since 2026-01-31", out, re.MULTILINE
    )
    assert re.search(r"^  Migrations +store/steps/\*\* \(3 files\)$", out, re.MULTILINE)
    assert out.index("ghapp lint") < out.index("git add") < out.index("ghapp doctor")


def test_the_counts_are_those_of_measure(shop: Repo) -> None:
    """Under the very policy that is written."""
    shop.commit("query", **{"app/a.py": "rows = db.execute('SELECT * FROM orders WHERE a = 1')\n"})
    shop.commit("more", **{"db/migrate/002_x.sql": TABLE})
    assert ghapp("init", str(shop.folder))[0] == 0
    policy = shop.folder / POLICY_PATH
    _, out, _ = ghapp(
        "measure", str(shop.folder), "--policy", str(policy), "--sample", "0", "--format", "json"
    )
    counts = {row["id"]: row["changes"] for row in json.loads(out)["areas"]}
    lines = re.findall(r"^[# ]+([\w-]+):.*# (\d+) of 5 changes$", policy.read_text(), re.MULTILINE)
    assert {area: int(count) for area, count in lines} == counts
    assert counts["database-migration"] == 3


class TestPlace:
    def test_a_policy_that_exists_is_kept(self, shop: Repo) -> None:
        place = shop.write(POLICY_PATH, "mode: enforce\n")
        status, out, errors = ghapp("init", str(shop.folder))
        assert (status, out, place.read_text()) == (2, "", "mode: enforce\n")
        assert "exists" in errors and "--force" in errors and "--stdout" in errors
        assert ghapp("init", str(shop.folder), "--force")[0] == 0
        assert place.read_text().startswith("# yaml-language-server")

    def test_a_link_is_never_followed(self, shop: Repo, tmp_path: Path) -> None:
        outside = tmp_path / "outside.yml"
        outside.write_text("mine\n")
        place = shop.folder / POLICY_PATH
        place.symlink_to(outside)
        assert ghapp("init", str(shop.folder))[0] == 2
        assert ghapp("init", str(shop.folder), "--force")[0] == 0
        assert outside.read_text() == "mine\n" and not place.is_symlink()

    def test_a_folder_that_is_a_link_is_refused(self, repo: Repo, tmp_path: Path) -> None:
        (tmp_path / "outside").mkdir()
        (repo.folder / ".github").symlink_to(tmp_path / "outside")
        for more in ((), ("--force",)):
            status, _, errors = ghapp("init", str(repo.folder), *more)
            assert status == 2 and "not a folder" in errors
        assert not [*(tmp_path / "outside").iterdir()]

    def test_no_checkout(self, tmp_path: Path, repo: Repo) -> None:
        (tmp_path / "empty").mkdir()
        for folder in (tmp_path / "empty", repo.folder / ".git"):
            status, out, errors = ghapp("init", str(folder))
            assert (status, out) == (2, "") and "not a checkout" in errors


def test_an_empty_history_needs_no_measures(repo: Repo) -> None:
    repo.write("Gemfile", "gem 'mysql2'\n")
    text = printed(repo)
    assert "database: {dialect: mysql}" in text
    assert "Nothing was measured yet" in text and " of " not in text.partition("# The built-in")[2]
    repo.commit("start")  # a history with one commit has no merged change either
    assert printed(repo) == text
    assert "no merged change was measured" in ghapp("init", str(repo.folder))[1]


def test_no_more_changes_are_measured_than_asked_for(shop: Repo) -> None:
    assert "1 of the newest 1 merged" in printed(shop, "--sample", "1")
    assert "Nothing was measured yet" in printed(shop, "--sample", "0")


def test_measuring_ends_in_time(shop: Repo) -> None:
    policy = effective(PolicySource(), builtin_packs.rules("advise"))
    times = iter([0.0, 1.0, 61.0])
    done = measured(shop.folder, policy, git.merged(shop.folder), 60.0, lambda: next(times))
    assert [one.change.title for one in done] == ["add more", "docs"]


def test_team_and_mode_are_what_the_user_says(shop: Repo) -> None:
    policy = yaml.safe_load(printed(shop, "--team", "sre", "--mode", "enforce"))
    assert (policy["reviewers"], policy["mode"]) == ({"teams": ["sre"]}, "enforce")
    status, _, errors = ghapp("init", str(shop.folder), "--team", "@acme/sre")
    assert status == 2 and "sre" in errors


class TestDatabase:
    @pytest.mark.parametrize(
        ("file", "text", "dialects"),
        [
            ("docker-compose.yml", "  image: 'ghcr.io/acme/postgis:17'", "postgres"),
            ("dev/compose.yaml", "  - image: mariadb", "mysql"),
            ("compose.yml", "  image: redis:8 # not postgres", ""),
            ("Gemfile", "gem 'pg', '~> 1'", "postgres"),
            ("Gemfile", "gem 'pg_search'", ""),
            ("requirements.txt", "psycopg2-binary==2.9", "postgres"),
            ("pyproject.toml", 'dependencies = [\n  "PyMySQL>=1",\n]', "mysql"),
            ("go.mod", "require (\n\tgithub.com/jackc/pgx/v5 v5.7.1\n)", "postgres"),
            ("go.mod", "require (\n\tgithub.com/lib/pq v1.10.9 // indirect\n)", ""),
            ("package.json", '{"dependencies": {"mysql2": "3"}}', "mysql"),
            ("prisma/schema.prisma", '  provider = "postgresql"', "postgres"),
            ("composer.json", '{"require": {"ext-pdo_mysql": "*"}}', "mysql"),
            ("build.gradle", "runtimeOnly 'org.postgresql:postgresql'", "postgres"),
            ("App/App.csproj", '<PackageReference Include="Npgsql" />', "postgres"),
            ("Cargo.toml", 'diesel = { features = ["postgres"] }', "postgres"),
            ("config/database.yml", "default:\n  adapter: mysql2", "mysql"),
            (".env.example", "DB_CONNECTION=pgsql", "postgres"),
            ("tests/compose.yml", "  image: mysql:8", ""),
            ("examples/Gemfile", "gem 'mysql2'", ""),
        ],
    )
    def test_is_read_from_what_the_code_uses(
        self, repo: Repo, file: str, text: str, dialects: str
    ) -> None:
        repo.write(file, text + "\n")
        assert found(repo).databases == ({dialects: file} if dialects else {})

    def test_is_left_open_if_there_are_two(self, repo: Repo) -> None:
        repo.write("Gemfile", "gem 'pg'\n")
        repo.write("compose.yml", "  image: mysql:8\n")
        text = printed(repo)
        assert "\n# MySQL: compose.yml\n# PostgreSQL: Gemfile\n" in text
        assert "database" not in yaml.safe_load(text)


class TestOwners:
    @pytest.mark.parametrize(
        ("text", "team"),
        [
            ("* @acme/shop @ann\n", "shop"),
            ("* @acme/shop\n/infra/ @acme/infra-team\n", "infra-team"),
            ("* @ann\n", ""),
            ("/web/ @acme/web\n", ""),
            ("# * @acme/shop\n", ""),
            ("* ann@acme.example/shop\n", ""),
            ("* @acme/Not-A-Slug'\n", ""),
        ],
    )
    def test_suggest_a_team(self, repo: Repo, text: str, team: str) -> None:
        repo.write("CODEOWNERS", text)
        assert (found(repo).team, bool(found(repo).team_file)) == (team, bool(team))
        assert "reviewers" not in yaml.safe_load(printed(repo))


class TestForeignCode:
    def test_is_ignored(self, repo: Repo) -> None:
        repo.write("third_party/a.c", "a")
        repo.write("api/b_pb2.py", "b")
        repo.write("sdk/c.ts", "c")
        for name in ("one", "two", "three", "four"):
            repo.write(f"app/{name}.py", name)
        repo.write(".gitattributes", "/sdk/** linguist-generated=true\n*.css text\n")
        globs = [one.glob for one in found(repo).ignored]
        assert globs == ["**/third_party/**", "**/*_pb2.py", "sdk/**"]
        paths = yaml.safe_load(printed(repo))["ignore"]["paths"]
        assert paths == [*Policy().ignore_paths, *globs]

    @pytest.mark.parametrize(
        "line",
        [
            "* linguist-generated",  # all of it
            "*.sql linguist-generated",  # migrations
            "*.py linguist-vendored",  # often a trick to change the language
            "*.py -linguist-generated",
            "*.py linguist-generated=false",
            "# *.py linguist-generated",
            "*.lock linguist-generated",  # left out anyway
            "*.nothing linguist-generated",
            "[z-a] linguist-generated",  # no glob
        ],
    )
    def test_is_not_what_an_attribute_may_get_wrong(self, repo: Repo, line: str) -> None:
        repo.write(".gitattributes", line + "\n")
        for name in ("db/migrate/1_a.sql", "a.py", "b.lock", "c.js", "d.rb", "e.go"):
            repo.write(name, name)
        assert found(repo).ignored == ()


class TestMigrations:
    def test_in_unusual_folders_are_added(self, repo: Repo) -> None:
        for release in ("1.0", "1.1"):
            for number in range(3):
                repo.write(f"core/upgrade/{release}/V{number}__x.sql", TABLE)
        for number in range(3):
            repo.write(f"db/migrate/{number}_known.sql", TABLE)
            repo.write(f"docs/steps/{number}_text.sql", TABLE)
            repo.write(f"tests/data/{number}_test.sql", TABLE)
            repo.write(f"posts/{number}_hello.py", "hello\n")
        repo.write("few/1_a.sql", TABLE)
        assert found(repo).migrations == (Globbed("core/upgrade/**", 6),)

    def test_that_build_indexes_online_name_large_tables(self, repo: Repo) -> None:
        repo.write("db/migrate/1.sql", 'CREATE INDEX CONCURRENTLY i ON "public"."Orders" (id);\n')
        repo.write(
            "db/migrate/2.rb",
            "add_index :items,\n  [:a],\n  algorithm: :concurrently\nadd_index :x\n",
        )
        repo.write(
            "db/migrate/3.py",
            'op.create_index("i", "carts", ["a"], postgresql_concurrently=True)\n',
        )
        repo.write("db/migrate/4.sql", "ALTER TABLE `lines` ADD INDEX i (a), LOCK=NONE;\n")
        repo.write("db/migrate/5.sql", "CREATE INDEX i ON small (id);\n" + TABLE)
        repo.write("app/6.sql", "CREATE INDEX CONCURRENTLY i ON elsewhere (id);\n")
        assert sorted(found(repo).tables) == ["carts", "items", "lines", "orders"]


@pytest.mark.parametrize(
    ("readme", "titles", "language"),
    [
        ("# 店舗\n\n注文を受け付けるサービスです。\n", (), "ja"),
        (
            "# shop\n\nTakes orders. [日本語はこちら](README.ja.md)\n" + "It is fast. " * 50,
            (),
            "en",
        ),
        ("# shop\n", ("注文を追加する", "fix", "fix"), "ja"),
        ("", (), "en"),
    ],
)
def test_language_is_that_of_the_repository(
    repo: Repo, readme: str, titles: tuple[str, ...], language: str
) -> None:
    repo.write("README.md", readme)
    assert found(repo, *titles).language == language
    assert f"language: {language}" in printed(repo) or titles


HOSTILE = st.text(
    st.sampled_from([*"ab01/_.-*?[]{}!#'\"\\:%&@|>` \t\n\r", "\u2028", "\x85", "é", "表", "\x1b"]),
    min_size=1,
    max_size=24,
)
NAMES = st.one_of(
    st.sampled_from(
        ["compose.yml", "Gemfile", "CODEOWNERS", ".gitattributes", "README.md", "a_pb2.py"]
    ),
    st.builds(lambda folder, name: f"{folder}/{name}", HOSTILE, HOSTILE),
    st.builds(lambda folder, n: f"{folder}/{n}_a.sql", HOSTILE, st.integers(0, 99)),
    HOSTILE,
)
CONTENTS = st.one_of(
    HOSTILE,
    st.builds(lambda glob: f"{glob} linguist-generated\n", HOSTILE),
    st.builds(lambda team: f"* @acme/{team}\n", HOSTILE),
    st.builds(lambda name: f"CREATE INDEX CONCURRENTLY i ON {name} (a);\n", HOSTILE),
    st.just("image: postgres\n"),
    st.just("gem 'mysql2'\n"),
)


@given(files=st.dictionaries(NAMES, CONTENTS, max_size=12), language=st.sampled_from(["en", "ja"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_it_writes_is_good(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, str], language: str
) -> None:
    repo = Repo(tmp_path_factory.mktemp("any") / "repo")
    for name, content in files.items():
        path = os.path.normpath(name.strip("/"))
        whole = repo.folder / path
        if path.startswith((".git/", "..")) or path in (".", ".git") or whole.exists():
            continue
        try:
            repo.write(path, content)
        except (NotADirectoryError, FileExistsError):
            continue
    status, _, errors = ghapp("init", str(repo.folder), "--lang", language, "--force")
    assert status == 0, errors
    assert linted([repo.folder / POLICY_PATH]).problems == ()


TEXT = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=30)


@given(
    globs=st.lists(st.sampled_from(["a'b/**", "# a", "a: b", "{x}", "- [a]"]), max_size=3),
    file=TEXT,
    counts=st.lists(st.integers(1, 200), max_size=4),
    changes=st.integers(0, 200),
    language=st.sampled_from(["en", "ja"]),
)
def test_whatever_was_found_and_measured_is_good(
    tmp_path_factory: pytest.TempPathFactory,
    globs: list[str],
    file: str,
    counts: list[int],
    changes: int,
    language: str,
) -> None:
    places = tuple(Globbed(glob, 3) for glob in globs if not glob.startswith("#"))
    areas = [area.id for area in builtin_packs.builtin() if area.enabled]
    start = Start(
        Survey(language, {"postgres": file}, places, places, ("order's",), "sre", file),
        Words(language),
        history=History(
            changes, "2026-01-31", 1, tuple(zip(areas, counts, strict=False)), tuple(areas[4:])
        ),
    )
    place = tmp_path_factory.getbasetemp() / "found.yml"
    place.write_text(start.text(), encoding="utf-8")
    assert linted([place]).problems == ()


def test_the_pull_request_mentions_nobody(repo: Repo) -> None:
    start = Start(Survey(databases={"mysql": "@ann/<b>x</b>.yml"}), Words("en"))
    assert "@ann" not in pull_body(start) and "<b>" not in pull_body(start)
