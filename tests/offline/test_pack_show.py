"""`ghapp packs show`."""

import json

import pytest
from rich.cells import cell_len

from tests.offline.packs import CHECKLISTS, PACK


def test_built_in_area(ghapp):
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


def test_japanese(ghapp):
    text = "".join(ghapp("packs", "caching", "--lang", "ja")[1].split())
    assert "キャッシュ[caching]重み3、既定で有効。" in text
    assert "質問する条件次のいずれかに該当-" in text


def test_conditions_are_put_into_words(ghapp, own):
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
    file = own(detect=detect, items=[PACK["items"][0] | {"when": when, "must_when": {"diff": "k"}}])
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
        " - one of these holds - changed files: 3 or more - added lines: 1,000 or more"
        " - one file of the area has all of this - it is f/** - it is not g/**"
        " - a line added in it matches h - a line removed in it matches i"
        " - lines that match j do not count - the pull request adds it"
        " - lines added in the area: 4 or more"
        " - the diff names a table of the policy's `large_tables`"
        " must if a line added in the area matches k"
    ) in text
    assert "size new folders at the top of the repository: 1 or more not counted: *.lock" in text
    assert "note Mind." in text


def test_conditions_on_the_pull_request_are_put_into_words(ghapp, own):
    when = {
        "base": ["main", "release/**"],
        "branch": "hotfix/**",
        "author": "ann",
        "team": "contractors",
        "draft": False,
        "adds": "a/**",
        "deletes": "b/**",
        "renames": "c/**",
        "topic": "payments",
        "property": {"tier": ["1", "2"]},
        "not": {"draft": True},
    }
    file = own(detect=PACK["detect"] | {"pull": when})
    status, out, _ = ghapp("packs", "show", file)
    assert status == 0
    assert (
        "pull request all of these hold - this does not hold - it is a draft"
        " - it is to be merged into one of main, release/**"
        " - it comes from the branch hotfix/** - its author is ann"
        " - its author is in the team contractors - it adds a file that is a/**"
        " - it deletes a file that is b/** - it renames a file that was or is c/**"
        " - the repository has the topic payments - it is not a draft"
        " - the custom property tier of the repository is one of 1, 2"
    ) in " ".join(out.split())
    shown = json.loads(ghapp("packs", "show", file, "--format", "json")[1])["packs"][0]
    assert shown["detect"]["pull"]["base"] == ["main", "release/**"]
    assert shown["detect"]["pull"]["not"] == {"draft": True}


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
            {"unless": "ok", "unless_in_block": "deny"},
            "unless in the line: ok in the block: deny",
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
def test_hazards_are_put_into_words(ghapp, own, hazard, words):
    status, out, _ = ghapp("packs", "show", own(hazard=hazard))
    assert status == 0
    assert words in " ".join(out.split())


def test_retired_items_are_shown(ghapp, own):
    retired = [{"id": "shop-old", "replaced_by": "shop-safe"}, {"id": "shop-gone"}]
    out = ghapp("packs", "show", own(retired=retired))[1]
    assert out.endswith("No longer asked\n\n  shop-old, now shop-safe\n\n  shop-gone\n")


def test_json(ghapp, own):
    status, out, _ = ghapp("packs", "show", own(), "--format", "json", "--lang", "ja")
    (shown,) = json.loads(out)["packs"]
    assert status == 0
    assert {*shown} == {
        *("id", "title", "weight", "enabled", "counts"),
        *("detect", "items", "hazards", "retired"),
    }
    assert {*shown["detect"]} == {
        *("paths", "exclude_sets", "exclude", "diff", "removed", "diff_files", "title"),
        *("labels", "pull", "size", "submodules", "note"),
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
        *("unless_in_block", "unless_other_side", "fix", "cross", "fp", "of_change"),
    }
    assert (hazard["message"], hazard["unless"]) == ("注意してください。", None)


def test_json_has_conditions_as_in_the_pack(ghapp, own):
    when = {"any": [{"diff": ["a"]}, {"not": {"path": ["b"]}}]}
    file = own(items=[PACK["items"][0] | {"when": when}])
    _, out, _ = ghapp("packs", "show", file, "--format", "json")
    assert json.loads(out)["packs"][0]["items"][0]["when"] == when


def test_several_packs_are_shown_in_turn(ghapp, own):
    out = ghapp("packs", "show", "caching", own(), "--format", "json")[1]
    assert [pack["id"] for pack in json.loads(out)["packs"]] == ["caching", "shop"]


@pytest.mark.parametrize("columns", [60, 80, 100])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_lines_fit_the_terminal(ghapp, monkeypatch, columns, language):
    monkeypatch.setenv("COLUMNS", str(columns))
    areas = [file.stem for file in CHECKLISTS.glob("*.yml") if file.stem != "references"]
    lines = ghapp("packs", "show", *areas, "--lang", language)[1].splitlines()
    assert [line for line in lines if cell_len(line) > columns and " https://" not in line] == []


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
def test_wrong_use(ghapp, words, said):
    status, out, err = ghapp("packs", *words)
    assert (status, out) == (2, "")
    assert err.startswith(said)


@pytest.mark.parametrize("words", [["show"], ["list"]])
def test_pack_with_problems_is_not_shown(ghapp, own, words):
    status, out, err = ghapp("packs", *words, own(weight=9))
    assert (status, out) == (1, "")
    assert "shop.yml:" in err
    assert "`weight` should be at most 5" in err


def test_text_of_a_pack_does_not_steer_the_terminal(ghapp, own):
    out = ghapp("packs", "show", own(title={"en": "a\x1b[2Jb", "ja": "x"}))[1]
    assert "\x1b" not in out
