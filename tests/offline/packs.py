"""A small pack and the command, for tests of packs."""

from pathlib import Path

import pytest
import yaml
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
    """The command on a terminal of 80 columns: exit status, output, errors."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*words):
        done = CliRunner().invoke(app, [*map(str, words)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return call


@pytest.fixture
def own(tmp_path):
    """Writes a pack with some changes, and returns its file."""

    def write(name="shop.yml", hazard=None, **changes):
        hazards = [HAZARD | hazard] if hazard else PACK["hazards"]
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(PACK | {"hazards": hazards} | changes, allow_unicode=True)
        file.write_text(text, encoding="utf-8")
        return file

    return write
