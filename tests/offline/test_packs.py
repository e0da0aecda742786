"""`ghapp packs list`."""

import json
from collections import Counter

import pytest
import yaml
from rich.cells import cell_len

from tests.offline.packs import CHECKLISTS


def test_every_pack_is_listed_with_its_figures(ghapp):
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


def test_heaviest_packs_come_first(ghapp):
    _, out, _ = ghapp("packs", "--format", "json")
    packs = json.loads(out)["packs"]
    assert packs == sorted(packs, key=lambda pack: (-pack["weight"], pack["id"]))


def test_packs_alone_lists(ghapp):
    assert ghapp("packs", "list", "--lang", "ja") == ghapp("packs", "--lang", "ja")
    assert "質問" in ghapp("packs", "--lang", "ja")[1]


def test_json(ghapp, own):
    status, out, _ = ghapp("packs", "list", own(enabled=False), "--format", "json")
    assert status == 0
    counts = {"must": 1, "should": 0, "could": 0, "hazards": 1}
    assert json.loads(out) == {
        "packs": [{"id": "shop", "title": "Shop", "weight": 3, "enabled": False, "counts": counts}]
    }


def test_markdown_is_a_table(ghapp, own):
    status, out, _ = ghapp("packs", "list", own(enabled=False), "--format", "markdown")
    assert status == 0
    assert out.splitlines()[2:] == [
        "| area | weight | must/should/could | hazards | title |",
        "| --- | --: | --: | --: | --- |",
        "| `shop` | 3 | 1/0/0 | 1 | Shop (off by default) |",
    ]


@pytest.mark.parametrize("columns", [40, 80, 100])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_lines_fit_the_terminal(ghapp, monkeypatch, columns, language):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = ghapp("packs", "--lang", language)[1].splitlines()
    widest = max(map(cell_len, lines))
    assert widest <= columns or columns == 40  # narrower than the figures alone
