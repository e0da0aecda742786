"""`benchmarks.judged`: verdicts meet what is asked now."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks.judged import __main__ as judged
from benchmarks.judged import draw
from tests.offline.repositories import Repo

SLOW_INDEX = {"db/migrate/20260101000000_add.sql": "CREATE INDEX by_sku ON orders (sku);\n"}


@pytest.fixture
def clones(tmp_path):
    """A folder with one clone, and its commits: the start, an index, a text."""
    repo = Repo(tmp_path / "clones" / "shop")
    start = repo.commit("start", **{"a.txt": "a\n"})
    index = repo.commit("feat: index", **SLOW_INDEX)
    text = repo.commit("docs", **{"a.txt": "b\n"})
    return tmp_path / "clones", start, index, text


def run(module, monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["benchmark", *map(str, arguments)])
    module.main()
    return capsys.readouterr().out


def test_what_is_asked_now_is_counted_with_its_verdicts(clones, tmp_path, monkeypatch, capsys):
    folder, start, index, text = clones
    verdicts = (("dbm-online-ddl", "must", "right"), ("dbm-gone", "should", "noise"))
    change = {
        "questions": [
            {"item": item, "severity": severity, "verdict": verdict}
            for item, severity, verdict in verdicts
        ],
        "repo": "acme/shop",
        "commit": index,
        "parent": start,
    }
    quiet = {
        "repo": "acme/shop",
        "commit": text,
        "questions": [{"item": "cq-lost", "severity": "must", "verdict": "right"}],
    }
    path = next(iter(SLOW_INDEX))
    finding = {"repo": "acme/shop", "commit": index, "severity": "must", "path": path, "line": 1}
    data = tmp_path / "data.json"
    data.write_text(
        json.dumps(
            {
                "changes": [change, quiet],
                "findings": [
                    finding | {"hazard": "DBM-001", "verdict": "true"},
                    finding | {"hazard": "DBM-002", "verdict": "true"},
                ],
            }
        )
    )
    told = run(judged, monkeypatch, capsys, folder, "--data", data, "--list", "right")
    assert "2 changes, all flagged before; flagged now: 1 (50 %)" in told
    assert "before must   100 % of 2 (2 right)" in told
    assert "before should   0 % of 1 (1 noise)" in told
    assert "after  must   100 % of 1 (1 right" in told
    assert "right questions: 2, still asked 1 (50 %), lost 1" in told
    assert "true findings lost: 1" in told
    assert told.endswith(f"acme/shop {text[:12]} lost cq-lost\n")
    listed = run(judged, monkeypatch, capsys, folder, "--data", data, "--list", "findings")
    assert listed.endswith(f"acme/shop {index[:12]} DBM-002 {path}:1 true: lost\n")


def test_a_draw_is_written_for_readers_and_counted(clones, tmp_path, monkeypatch, capsys):
    folder, _, index, _ = clones
    to = tmp_path / "draw"
    run(draw, monkeypatch, capsys, folder, "--repos", "acme/shop", "--flagged", 1, "--to", to)
    drawn = json.loads((to / "draw.json").read_text())
    assert drawn["measured"] == {"acme/shop": [2, 1]}
    assert [one["commit"] for one in drawn["changes"]] == [index]
    page = (to / "flagged-001.md").read_text()
    assert "question `dbm-online-ddl` (must)" in page
    assert "+CREATE INDEX by_sku ON orders (sku);" in page
    assert len(list(to.glob("quiet-*.md"))) == 1
    keys = [key for key, _, _ in draw.places_of(drawn)]
    readers = (dict.fromkeys(keys, "right"), dict.fromkeys(keys, "right"), {keys[0]: "noise"})
    readers[1][keys[0]] = "noise"
    files = [to / f"{name}.json" for name in "ABS"]
    for path, said in zip(files, readers, strict=True):
        path.write_text(json.dumps(said))
    told = run(draw, monkeypatch, capsys, "--count", to / "draw.json", *files)
    assert "2 changes measured, 1 flagged (50 %)" in told
    assert f"{len(keys)} judged by both, apart on 1; not settled 0" in told


def test_a_missing_clone_is_named(tmp_path):
    with pytest.raises(SystemExit, match="acme/shop is not in"):
        judged.clone(tmp_path, "acme/shop")
