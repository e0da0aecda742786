"""The page for those who run ghapp names the metrics that there are, and alerts on no others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Histogram

from ghapp.core import marks
from ghapp.github.rate_limits import WINDOWS
from ghapp.metrics import KINDS, SHOWN
from ghapp.web.health import MOST_DUE_SECONDS, MOST_FAILING_SECONDS
from ghapp.web.webhook import OUTCOMES

OPERATIONS = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
_ALERTS = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yml"
(_GROUP,) = yaml.safe_load(_ALERTS.read_text(encoding="utf-8"))["groups"]
RULES: list[dict[str, Any]] = _GROUP["rules"]
LABELS_OF_ALL = {"job", "instance", "le"}


def test_the_table_of_metrics_is_the_one_they_are_made_from() -> None:
    rows = re.findall(r"^\| `ghapp_.* \|$", OPERATIONS, re.MULTILINE)
    assert rows == [
        f"| `{name}` | {one.kind.__name__.lower()} | "
        f"{', '.join(f'`{label}`' for label in one.labels)} | {one.help} |"
        for name, one in SHOWN.items()
    ]


@pytest.mark.parametrize("name", SHOWN)
def test_names_follow_prometheus(name: str) -> None:
    kind = SHOWN[name].kind.__name__
    assert re.fullmatch(r"ghapp_[a-z]+(_[a-z]+)+", name)
    assert name.endswith("_total") == (kind == "Counter")
    assert name.endswith("_seconds") or kind != "Histogram"


def test_every_metric_that_the_page_names_is_one() -> None:
    named = set(re.findall(r"`(ghapp_[a-z_]+)`", OPERATIONS))
    assert named <= set(SHOWN)


@pytest.mark.parametrize(
    "word",
    [
        *OUTCOMES.values(),
        *("stored", "known", "ignored", "not_stored", "left"),
        *("done", "later", "parked", "gone", "lease_lost", "not_recorded", "stopped"),
        *(kind.__name__ for kind in marks.KINDS),
        *WINDOWS,
        *KINDS.values(),
        *("ok", "refused", "limited", "failed", "unanswered", "taken", "rejected"),
    ],
)
def test_every_value_of_a_label_is_explained(word: str) -> None:
    assert f"`{word}`" in OPERATIONS


def test_the_limits_of_readiness_are_those_of_the_code() -> None:
    assert f"for {MOST_FAILING_SECONDS:.0f} s no delivery could be stored" in OPERATIONS
    assert f"been due for {MOST_DUE_SECONDS / 60:.0f} minutes" in OPERATIONS


def test_the_table_of_alerts_is_that_of_the_rules() -> None:
    rows = re.findall(r"^\| `Ghapp.* \|$", OPERATIONS, re.MULTILINE)
    assert rows == [
        f"| `{rule['alert']}` | {rule['labels']['severity']} | {rule.get('for', 'at once')} | "
        f"{rule['annotations']['summary']} |"
        for rule in RULES
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
class TestAlerts:
    def test_each_is_whole(self, rule: dict[str, Any]) -> None:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"Ghapp[A-Za-z]+", rule["alert"])
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith((".", "?", "'."))
        assert re.fullmatch(r"\d+[mh]", rule.get("for", "5m"))

    def test_it_asks_for_what_there_is(self, rule: dict[str, Any]) -> None:
        expr = rule["expr"]
        for opening, closing in ("()", "{}", "[]"):
            assert expr.count(opening) == expr.count(closing)
        for name, labels in re.findall(r"(ghapp_[a-z_]+)(\{[^}]*\})?", expr):
            assert name in SERIES, name
            matched = set(re.findall(r"(\w+)=", labels))
            assert matched <= {*SERIES[name], *LABELS_OF_ALL}

    def test_where_it_sends_somebody_there_is_a_section(self, rule: dict[str, Any]) -> None:
        for section in re.findall(r"see '([^']+)'", rule["annotations"]["summary"]):
            assert f"### {section}\n" in OPERATIONS


SERIES = {
    name + ending: one.labels
    for name, one in SHOWN.items()
    for ending in (("_bucket", "_count", "_sum") if one.kind is Histogram else ("",))
}
