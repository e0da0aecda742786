"""`ghapp test`."""

import re
from pathlib import Path

from tests.offline.packs import CHECKLISTS, HAZARD, PACK


def test_built_in_packs_hold(ghapp):
    status, out, err = ghapp("test")
    assert (status, err) == (0, "")
    found = re.match(r"(\d+) hazards, (\d+) samples, \d+ paths, 0 failed\n", out)
    assert found
    assert int(found[2]) >= 7 * int(found[1])
    assert out.endswith(" paths, 0 failed\n")


def test_packs_of_a_checkout_are_the_built_in_ones(ghapp):
    assert ghapp("test", CHECKLISTS) == ghapp("test")


def test_good_packs_are_counted(ghapp, own):
    own("nfr/deep/a.yml")
    assert ghapp("test", own("nfr/a.yml", area="b").parent)[0] == 1  # ids are used twice
    assert ghapp("test", own()) == (0, "1 hazard, 2 samples, 2 paths, 0 failed\n", "")


def test_failing_sample_is_named_with_its_place_and_reason(ghapp, own):
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


def test_failing_path_is_named(ghapp, own):
    status, out, _ = ghapp("test", own(detect={"paths": ["a/**"], "path_miss": ["a/b"]}))
    assert status == 1
    assert "shop, path_miss: should not flag the area, but `paths` has `a/**`\n    a/b\n" in out


def test_long_sample_is_cut(ghapp, own):
    out = ghapp("test", own(hazard={"hit": ["\n".join(map(str, range(20)))]}))[1]
    assert "\n    7\n    and 12 more lines\n" in out


def test_hazard_without_samples_is_named_but_not_a_failure(ghapp, own):
    status, out, _ = ghapp("test", own(hazard={"hit": [], "miss": []}))
    assert status == 0
    assert "SHOP-001 has no `hit`: no sample shows that it finds what it should" in out
    assert "SHOP-001 has no `miss`: no sample shows that it leaves alone what it should" in out


def test_problems_are_shown_beside_samples_of_other_packs(ghapp, own):
    broken = own("broken.yml", hazards=[HAZARD | {"match": "a(?=b)"}], area="other")
    status, out, _ = ghapp("test", broken, own(hazard={"hit": ["safe"]}))
    assert status == 1
    assert f"{broken}:" in out
    assert "RE2 has no lookahead" in out
    assert out.endswith("\n1 hazard, 2 samples, 2 paths, 1 failed, 1 problem\n")


def test_ids_of_built_in_packs_are_taken(ghapp, own):
    status, out, _ = ghapp("test", own(area="caching"))
    assert status == 1
    assert "the area id `caching` is used already, by the built-in area `caching`" in out


def test_references_are_read_beside_the_packs(ghapp, own, tmp_path):
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


def test_large_file_is_a_problem(ghapp, own):
    file = own(detect={"paths": ["a/**"], "note": "x" * 300_000})
    status, out, _ = ghapp("test", file)
    assert status == 1
    assert "more than 262,144: split it" in out


def test_invalid_utf8_is_a_problem(ghapp, tmp_path):
    file = tmp_path / "shop.yml"
    file.write_bytes(b"area: \xff\n")
    status, out, _ = ghapp("test", file)
    assert (status, "not UTF-8" in out) == (1, True)


def test_wrong_use(ghapp, tmp_path):
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
