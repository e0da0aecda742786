"""`ghapp packs` and `ghapp test`, as people run them."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from rich.cells import cell_len
from typer.testing import CliRunner

from ghapp.cli import app

CHECKLISTS = Path(__file__).parents[2] / "checklists"
ITEM = {"id": "shop-safe", "cat": "security", "sev": "must", "refs": ["owasp-asvs"]}
TEXTS = {"en": "Safe?", "ja": "安全ですか？", "why_en": "Money.", "why_ja": "お金です。"}
PROOF = {"ev_en": "A test", "ev_ja": "テスト"}
HAZARD = {
    "id": "SHOP-001",
    "item": "shop-safe",
    "sev": "should",
    "match": "danger",
    "en": "Look out.",
    "ja": "注意してください。",
    "hit": ["danger"],
    "miss": ["safe"],
}
PACK = {
    "area": "shop",
    "title": {"en": "Shop", "ja": "店舗"},
    "weight": 3,
    "detect": {"paths": ["**/shop/**"], "path_hit": ["shop/a.py"], "path_miss": ["a.py"]},
    "items": [ITEM | TEXTS | PROOF],
    "hazards": [HAZARD],
}


@pytest.fixture
def ghapp(monkeypatch):
    """The command, on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words):
        done = CliRunner().invoke(app, [*map(str, words)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return call


@pytest.fixture
def own(tmp_path):
    """Writes a pack, changed as told, and gives its file."""

    def write(name="shop.yml", hazard=None, **changes):
        hazards = [HAZARD | hazard] if hazard else PACK["hazards"]
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(PACK | {"hazards": hazards} | changes, allow_unicode=True)
        file.write_text(text, encoding="utf-8")
        return file

    return write


class TestList:
    def test_every_pack_is_listed_with_its_figures(self, ghapp):
        status, out, err = ghapp("packs")
        lines = out.splitlines()
        assert (status, err) == (0, "")
        packs = [yaml.safe_load(file.read_bytes()) for file in CHECKLISTS.glob("*.yml")]
        packs = [pack for pack in packs if "area" in pack]
        hazards = sum(len(pack.get("hazards", ())) for pack in packs)
        assert lines[0].startswith(f"{len(packs)} packs, ")
        assert lines[0].endswith(f", {hazards} hazards")
        (migration,) = [line for line in lines if line.startswith("database-migration ")]
        (pack,) = [pack for pack in packs if pack["area"] == "database-migration"]
        counts = Counter("must" if "must_when" in one else one["sev"] for one in pack["items"])
        figures = "/".join(str(counts[name]) for name in ("must", "should", "could"))
        found = len(pack["hazards"])
        assert migration.split()[1:] == ["5", figures, str(found), "Database", "migration"]
        assert "off by default" in " ".join(out.split())

    def test_the_heaviest_come_first(self, ghapp):
        _, out, _ = ghapp("packs", "--format", "json")
        packs = json.loads(out)["packs"]
        assert packs == sorted(packs, key=lambda pack: (-pack["weight"], pack["id"]))

    def test_list_needs_no_name(self, ghapp):
        assert ghapp("packs", "list", "--lang", "ja") == ghapp("packs", "--lang", "ja")
        assert "質問" in ghapp("packs", "--lang", "ja")[1]

    def test_json_has_one_shape(self, ghapp, own):
        status, out, _ = ghapp("packs", "list", own(enabled=False), "--format", "json")
        assert status == 0
        counts = {"must": 1, "should": 0, "could": 0, "hazards": 1}
        assert json.loads(out) == {
            "packs": [
                {"id": "shop", "title": "Shop", "weight": 3, "enabled": False, "counts": counts}
            ]
        }

    def test_markdown_is_a_table(self, ghapp, own):
        status, out, _ = ghapp("packs", "list", own(enabled=False), "--format", "markdown")
        assert status == 0
        assert out.splitlines()[2:] == [
            "| area | weight | must/should/could | hazards | title |",
            "| --- | --: | --: | --: | --- |",
            "| `shop` | 3 | 1/0/0 | 1 | Shop (off by default) |",
        ]

    @pytest.mark.parametrize("columns", [40, 80, 100])
    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_it_fits_the_terminal(self, ghapp, monkeypatch, columns, language):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = ghapp("packs", "--lang", language)[1].splitlines()
        widest = max(map(cell_len, lines))
        assert widest <= columns or columns == 40  # narrower than the figures alone


class TestShow:
    def test_an_area_is_shown_whole(self, ghapp):
        status, out, err = ghapp("packs", "show", "caching")
        text = " ".join(out.split())
        assert (status, err) == (0, "")
        assert text.startswith("Caching [caching] Weight 3, on by default; ")
        for words in (
            "changed files **/cache/**, **/Cache/**",
            "title, as a hint (?i)",
            "[cache-loss] why ",
            "see Amazon Builders' Library: caching https://aws.amazon.com/builders-library/",
            "asked if one of these holds - ",
            "must APP-007 ",
            "question cache-hot-ops looks at added lines in all code without tests,",
        ):
            assert words in text

    def test_it_is_shown_in_japanese(self, ghapp):
        text = "".join(ghapp("packs", "caching", "--lang", "ja")[1].split())
        assert "キャッシュ[caching]重み3、既定で有効。" in text
        assert "質問する条件次のいずれかに該当-" in text

    def test_what_each_key_says_is_in_words(self, ghapp, own):
        when = {
            "any": [{"diff": ["a", "b"]}, {"not": {"label": "x"}, "files_gte": 2}],
            "all": [{"removed": "c"}, {"path": "d/**"}],
            "size": {"changed_files_gte": 3, "added_lines_gte": 1000},
            "title": "e",
            "hazard": "SHOP-001",
            "area": "caching",
            "flagged_by": ["path"],
            "added_gte": 4,
            "table_in": "config.large_tables",
            "file": {
                "path": "f/**",
                "exclude": "g/**",
                "new": True,
                "diff": "h",
                "removed": "i",
                "unless": "j",
            },
        }
        size = {"new_top_level_dirs_gte": 1, "ignore": ["*.lock"]}
        detect = PACK["detect"] | {"size": size, "note": "Mind."}
        file = own(
            detect=detect, items=[PACK["items"][0] | {"when": when, "must_when": {"diff": "k"}}]
        )
        text = " ".join(ghapp("packs", "show", file)[1].split())
        assert (
            "asked if all of these hold"
            " - one of these holds - a line added in the area matches one of a, b"
            " - all of these hold - this does not hold - the pull request is labelled x"
            " - files of the area: 2 or more"
            " - all of these hold - a line removed in the area matches c"
            " - a file of the area is d/**"
            " - the pull request's title matches e - SHOP-001 is found"
            " - caching is touched, too - the area is flagged by path"
            " - one file of the area has all of this - it is f/** - it is not g/**"
            " - a line added in it matches h - a line removed in it matches i"
            " - lines that match j do not count - the pull request adds it"
            " - lines added in the area: 4 or more"
            " - one of these holds - changed files: 3 or more - added lines: 1,000 or more"
            " - the diff names a table of the policy's `large_tables`"
            " must if a line added in the area matches k"
        ) in text
        assert (
            "size new folders at the top of the repository: 1 or more not counted: *.lock" in text
        )
        assert "note Mind." in text

    @pytest.mark.parametrize(
        ("hazard", "words"),
        [
            ({}, "looks at added lines in files of the area match danger"),
            ({"side": "removed"}, "looks at removed lines in files of the area"),
            (
                {"unit": "statement", "unless": "ok"},
                "looks at statements that begin in an added line in files of the area match danger"
                " unless in the statement: ok",
            ),
            ({"files": ["**"]}, "added lines in all files match"),
            ({"files": ["**/*.py"]}, "added lines in **/*.py match"),
            (
                {"files": ["**/*.py"], "scope": "code", "exclude_files": ["a/**"]},
                "added lines in **/*.py without tests, documents and vendored code, except in a/**",
            ),
            ({"unless": "ok"}, "unless in the line: ok"),
            ({"unless": "ok", "unless_scope": "-2"}, "unless in the line and the 2 above: ok"),
            (
                {"unless": "ok", "unless_scope": "~2"},
                "unless in the line and the 2 above and below: ok",
            ),
            ({"unless": "ok", "unless_scope": "block"}, "unless in the block: ok"),
            (
                {"unless": "ok", "unless_scope": "block", "block_with": "kind"},
                "unless in the block that holds kind: ok",
            ),
            (
                {"unless": "ok", "unless_scope": "nearest", "nearest": "^def"},
                "unless in the nearest line at or above it that matches ^def: ok",
            ),
            (
                {"requires": "import", "requires_removed": "old"},
                "only if the file has import a line removed beside it has old",
            ),
            (
                {"match": "(?P<table>a)", "skip_new_table": True, "skip_rollback": True},
                "not found in the rollback of a migration, for a table that the pull request",
            ),
            ({"dialect": "mysql"}, "database mysql"),
            ({"cross": "squawk x", "fp": "Small tables."}, "like squawk x noise Small tables."),
        ],
    )
    def test_what_a_hazard_looks_for_is_in_words(self, ghapp, own, hazard, words):
        status, out, _ = ghapp("packs", "show", own(hazard=hazard))
        assert status == 0
        assert words in " ".join(out.split())

    def test_retired_items_are_shown(self, ghapp, own):
        retired = [{"id": "shop-old", "replaced_by": "shop-safe"}, {"id": "shop-gone"}]
        out = ghapp("packs", "show", own(retired=retired))[1]
        assert out.endswith("No longer asked\n\n  shop-old, now shop-safe\n\n  shop-gone\n")

    def test_json_has_all_and_one_shape(self, ghapp, own):
        status, out, _ = ghapp("packs", "show", own(), "--format", "json", "--lang", "ja")
        (shown,) = json.loads(out)["packs"]
        assert status == 0
        assert {*shown} == {
            *("id", "title", "weight", "enabled", "counts"),
            *("detect", "items", "hazards", "retired"),
        }
        assert {*shown["detect"]} == {
            *("paths", "exclude_sets", "exclude", "diff", "removed", "diff_files", "title"),
            *("labels", "size", "note"),
        }
        (item,) = shown["items"]
        assert item == {
            "id": "shop-safe",
            "severity": "must",
            "category": "security",
            "question": "安全ですか？",
            "why": "お金です。",
            "evidence": "テスト",
            "links": item["links"],
            "scope": "change",
            "when": None,
            "must_when": None,
            "same_as": None,
            "never_defer": False,
        }
        assert [{*link} for link in item["links"]] == [{"title", "url"}]
        (hazard,) = shown["hazards"]
        assert {*hazard} == {
            *("id", "severity", "item", "message", "scope", "files", "exclude_files", "side"),
            *("unit", "match", "unless", "unless_scope", "block_with", "nearest", "requires"),
            *("requires_scope", "requires_removed", "skip_rollback", "skip_new_table", "dialect"),
            "once_per",
            *("unless_other_side", "fix", "cross", "fp"),
        }
        assert (hazard["message"], hazard["unless"]) == ("注意してください。", None)

    def test_a_condition_is_in_json_as_in_the_pack(self, ghapp, own):
        when = {"any": [{"diff": ["a"]}, {"not": {"path": ["b"]}}]}
        file = own(items=[PACK["items"][0] | {"when": when}])
        _, out, _ = ghapp("packs", "show", file, "--format", "json")
        assert json.loads(out)["packs"][0]["items"][0]["when"] == when

    def test_several_are_shown_in_turn(self, ghapp, own):
        out = ghapp("packs", "show", "caching", own(), "--format", "json")[1]
        assert [pack["id"] for pack in json.loads(out)["packs"]] == ["caching", "shop"]

    @pytest.mark.parametrize("columns", [60, 80, 100])
    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_it_fits_the_terminal(self, ghapp, monkeypatch, columns, language):
        monkeypatch.setenv("COLUMNS", str(columns))
        areas = [file.stem for file in CHECKLISTS.glob("*.yml") if file.stem != "references"]
        lines = ghapp("packs", "show", *areas, "--lang", language)[1].splitlines()
        assert [
            line for line in lines if cell_len(line) > columns and " https://" not in line
        ] == []

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["show", "cachng"], "ghapp packs: unknown area `cachng`: did you mean `caching`?\n"),
            (["cachng"], "ghapp packs: unknown area `cachng`: did you mean `caching`?\n"),
            (["show", "zzz"], "ghapp packs: unknown area `zzz`: known here: auth-session, "),
            (["show", "a/b.yml"], "ghapp packs: a/b.yml: cannot be read (No such file or director"),
            (["list", "b.yml"], "ghapp packs: b.yml: cannot be read (No such file or directory)\n"),
            (["show"], "Usage: "),
            (["show", "caching", "--format", "markdown"], "Usage: "),
            (["--lang", "fr"], "Usage: "),
        ],
    )
    def test_wrong_use(self, ghapp, words, said):
        status, out, err = ghapp("packs", *words)
        assert (status, out) == (2, "")
        assert err.startswith(said)

    @pytest.mark.parametrize("words", [["show"], ["list"]])
    def test_a_pack_with_problems_is_not_shown(self, ghapp, own, words):
        status, out, err = ghapp("packs", *words, own(weight=9))
        assert (status, out) == (1, "")
        assert "shop.yml:" in err
        assert "`weight` should be less than or equal to 5" in err

    def test_what_a_pack_says_moves_no_cursor(self, ghapp, own):
        out = ghapp("packs", "show", own(title={"en": "a\x1b[2Jb", "ja": "x"}))[1]
        assert "\x1b" not in out


class TestTest:
    def test_all_that_is_shipped_holds(self, ghapp):
        status, out, err = ghapp("test")
        assert (status, err) == (0, "")
        found = re.match(r"(\d+) hazards, (\d+) samples, \d+ paths, 0 failed\n", out)
        assert found
        assert int(found[2]) >= 7 * int(found[1])
        assert out.endswith(" paths, 0 failed\n")

    def test_the_packs_of_a_checkout_are_no_second_ones(self, ghapp):
        assert ghapp("test", CHECKLISTS) == ghapp("test")

    def test_good_packs_are_counted(self, ghapp, own):
        own("nfr/deep/a.yml")
        assert ghapp("test", own("nfr/a.yml", area="b").parent)[0] == 1  # ids are used twice
        assert ghapp("test", own()) == (0, "1 hazard, 2 samples, 2 paths, 0 failed\n", "")

    def test_a_sample_that_fails_is_named_with_its_place_and_why(self, ghapp, own):
        file = own(hazard={"hit": ["safe"], "miss": ["a\ndanger"]})
        lines = file.read_text(encoding="utf-8").splitlines()
        at = lines.index("  - safe") + 1
        status, out, err = ghapp("test", file)
        assert (status, err) == (1, "")
        assert out.splitlines()[:2] == [
            f"{file}:{at}:5: SHOP-001, hit: should be found and is not: "
            "`match` matches in no added line",
            "    safe",
        ]
        assert "SHOP-001, miss: should not be found, but `match` matches line 2: danger" in out
        assert out.endswith("\n1 hazard, 2 samples, 2 paths, 2 failed\n")

    def test_a_path_that_fails_is_named(self, ghapp, own):
        status, out, _ = ghapp("test", own(detect={"paths": ["a/**"], "path_miss": ["a/b"]}))
        assert status == 1
        assert "shop, path_miss: should not flag the area, but `paths` has `a/**`\n    a/b\n" in out

    def test_a_long_sample_is_cut(self, ghapp, own):
        out = ghapp("test", own(hazard={"hit": ["\n".join(map(str, range(20)))]}))[1]
        assert "\n    7\n    and 12 more lines\n" in out

    def test_a_hazard_without_samples_is_named_and_no_failure(self, ghapp, own):
        status, out, _ = ghapp("test", own(hazard={"hit": [], "miss": []}))
        assert status == 0
        assert "SHOP-001 has no `hit`: no sample shows that it finds what it should" in out
        assert "SHOP-001 has no `miss`: no sample shows that it leaves alone what it should" in out

    def test_problems_are_told_beside_the_samples_of_other_packs(self, ghapp, own):
        broken = own("broken.yml", hazards=[HAZARD | {"match": "a(?=b)"}], area="other")
        status, out, _ = ghapp("test", broken, own(hazard={"hit": ["safe"]}))
        assert status == 1
        assert f"{broken}:" in out
        assert "RE2 has no lookahead" in out
        assert out.endswith("\n1 hazard, 2 samples, 2 paths, 1 failed, 1 problem\n")

    def test_ids_of_built_in_packs_are_taken(self, ghapp, own):
        status, out, _ = ghapp("test", own(area="caching"))
        assert status == 1
        assert "the area id `caching` is used already, by the built-in area `caching`" in out

    def test_references_lie_beside_the_packs(self, ghapp, own, tmp_path):
        file = own(items=[PACK["items"][0] | {"refs": ["runbook"]}])
        assert "`runbook` is not in references.yml" in ghapp("test", file)[1]
        references = tmp_path / "references.yml"
        references.write_text("runbook: [Runbook, 'https://runbook.example.com/']\n")
        assert ghapp("test", file)[0] == 0
        assert ghapp("test", file, references)[0] == 0
        assert ghapp("test", tmp_path)[0] == 0
        assert "https://runbook.example.com/" in ghapp("packs", "show", file)[1]
        references.write_text("runbook: [Runbook, 'http://runbook.example.com/']\n")
        status, out, _ = ghapp("test", file)
        assert (status, "references.yml:1:1: `runbook` needs an https:// address" in out) == (
            1,
            True,
        )

    def test_a_file_that_is_too_large_is_told(self, ghapp, own):
        file = own(detect={"paths": ["a/**"], "note": "x" * 300_000})
        status, out, _ = ghapp("test", file)
        assert status == 1
        assert "more than 262,144: split it" in out

    def test_a_file_that_is_not_utf8_is_told(self, ghapp, tmp_path):
        file = tmp_path / "shop.yml"
        file.write_bytes(b"area: \xff\n")
        status, out, _ = ghapp("test", file)
        assert (status, "not UTF-8" in out) == (1, True)

    def test_wrong_use(self, ghapp, tmp_path):
        (tmp_path / "references.yml").write_text("{}")
        for path, said in (
            ("no.yml", "ghapp test: no.yml: cannot be read (No such file or directory)\n"),
            (
                tmp_path / "references.yml",
                f"ghapp test: {tmp_path}/references.yml: holds references, not a pack",
            ),
            (Path(__file__).parent, f"ghapp test: {Path(__file__).parent}: no pack in this folder"),
        ):
            status, out, err = ghapp("test", path)
            assert (status, out) == (2, "")
            assert err.startswith(said)


@pytest.mark.parametrize("words", ["packs", "test", "packs show caching"])
def test_an_output_that_takes_nothing_is_said(words):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ghapp", *words.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    said = f"ghapp {words.split()[0]}: cannot write the output: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_a_reader_that_leaves_early_is_no_fault():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "ghapp", "packs", "show", "caching"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_terminal_without_japanese_shows_what_it_can():
    done = subprocess.run(
        [sys.executable, "-m", "ghapp", "packs", "--lang", "ja"],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert b"database-migration" in done.stdout
