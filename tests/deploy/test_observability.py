"""Alerts and dashboard ask for metrics that exist, and a real Prometheus answers all they ask."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import Histogram

from ghapp.metrics import SHOWN
from tests.deploy.recipes import (
    CREDENTIALS,
    DEPLOY,
    NO_GITHUB,
    PATIENCE_SECONDS,
    Process,
    environment,
    free_port,
    needs,
)

PROMETHEUS = DEPLOY / "prometheus"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "ghapp.json").read_text("utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
EXPRESSIONS = [
    target["expr"] for panel in PANELS if panel["type"] != "row" for target in panel["targets"]
]
SERIES = {
    name + ending: one.labels
    for name, one in SHOWN.items()
    for ending in (("_bucket", "_count", "_sum") if one.kind is Histogram else ("",))
}
LABELS_OF_ALL = {"job", "instance", "le"}


# --- the dashboard -----------------------------------------------------------------------


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_dashboard_asks_for_what_exists(expression: str) -> None:
    names = set(re.findall(r"\b(?:ghapp|process)_\w+", expression))
    for name in names - {"process_cpu_seconds_total"}:
        assert name in SERIES or name.startswith("process_")
    grouped = re.findall(r"by \(([^)]+)\)", expression)
    for label in (label.strip() for labels in grouped for label in labels.split(",")):
        known = {one for name in names & {*SERIES} for one in SERIES[name]}
        assert label in known | LABELS_OF_ALL


def test_the_dashboard_shows_every_metric() -> None:
    shown = " ".join(EXPRESSIONS)
    assert [name for name in SHOWN if name not in shown] == []


def test_the_legends_name_labels_that_their_series_have() -> None:
    for panel in PANELS:
        for target in panel.get("targets", ()):
            for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
                aggregated = re.findall(rf"by \([^)]*\b{label}\b[^)]*\)", target["expr"])
                assert aggregated or "by (" not in target["expr"]


def test_the_panels_fill_rows_and_do_not_overlap() -> None:
    ids = [panel["id"] for panel in PANELS]
    assert len({*ids}) == len(ids)
    places = sorted((one["gridPos"] for one in PANELS), key=lambda at: (at["y"], at["x"]))
    for one, following in pairwise(places):
        assert one["x"] + one["w"] <= 24
        beside = following["y"] == one["y"] and following["x"] == one["x"] + one["w"]
        below = following["y"] == one["y"] + one["h"] and following["x"] == 0
        assert (beside and following["h"] == one["h"]) or below
        assert below or one["x"] + one["w"] < 24


def test_the_dashboard_works_with_any_prometheus_of_a_grafana() -> None:
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    data = [panel["datasource"] for panel in PANELS if panel["type"] != "row"]
    data += [target["datasource"] for one in PANELS for target in one.get("targets", ())]
    assert {one["uid"] for one in data} == {"${datasource}"}
    used = set(re.findall(r"\$(\w+)", " ".join(EXPRESSIONS)))
    assert used == {"instance", "__rate_interval"} <= {*variables, "__rate_interval"}


def test_each_panel_gives_all_options_that_grafana_requires() -> None:
    """As the types of Grafana 13.2 have them; it would fill them in when it is opened."""
    legend = {"calcs", "displayMode", "placement", "showLegend"}
    stat = {
        "colorMode", "graphMode", "justifyMode", "orientation", "percentChangeColorMode",
        "reduceOptions", "showPercentChange", "textMode", "wideLayout",
    }  # fmt: skip
    for panel in PANELS:
        if panel["type"] == "timeseries":
            assert legend <= {*panel["options"]["legend"]}, panel["title"]
            assert {"mode", "sort"} <= {*panel["options"]["tooltip"]}, panel["title"]
        elif panel["type"] == "stat":
            assert stat <= {*panel["options"]}, panel["title"]


# --- the alerts --------------------------------------------------------------------------


def test_prometheus_accepts_the_alerts_and_their_tests_pass() -> None:
    promtool = needs("promtool")
    for command in (
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"],
        ["test", "rules", "tests.yml"],
    ):
        done = subprocess.run(
            [promtool, *command], cwd=PROMETHEUS, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_seen_firing_and_not_firing() -> None:
    alerts = (PROMETHEUS / "alerts.yml").read_text(encoding="utf-8")
    cases = yaml.safe_load((PROMETHEUS / "tests.yml").read_text(encoding="utf-8"))["tests"]
    (quiet,) = (case["alert_rule_test"] for case in cases if "alert_rule_test" in case)
    fired = re.findall(r'alertname="(\w+)"', json.dumps(cases).replace("\\", ""))
    names = re.findall(r"alert: (\w+)", alerts)
    assert [one["alertname"] for one in quiet] == names
    assert {*fired} == {*names}


# --- a real Prometheus -------------------------------------------------------------------


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[str]:
    """The address of one that scrapes a `ghapp serve`, with our configuration."""
    program = needs("prometheus")
    own, port = free_port(), free_port()
    given = environment(
        **CREDENTIALS,
        **NO_GITHUB,
        PORT=str(port),
        GHAPP_DATA_DIR=str(tmp_path / "data"),
    )
    config = (PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8")
    config = config.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace(", '127.0.0.1:9100'", "")
    config = config.replace("interval: 30s", "interval: 1s")
    (tmp_path / "prometheus.yml").write_text(config)
    (tmp_path / "alerts.yml").write_bytes((PROMETHEUS / "alerts.yml").read_bytes())
    options = [
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/series",
        f"--web.listen-address=127.0.0.1:{own}",
    ]
    processes = [
        Process([sys.executable, "-m", "ghapp", "serve"], given),
        Process([program, *options], environment()),
    ]
    try:
        processes[0].wait_for(f"http://127.0.0.1:{port}/healthz")
        processes[1].wait_for(f"http://127.0.0.1:{own}/-/ready")
        yield f"http://127.0.0.1:{own}/api/v1"
    finally:
        for process in processes:
            process.kill()


def asked(api: str, expression: str) -> list[Any]:
    answer = httpx.get(f"{api}/query", params={"query": expression}, trust_env=False).json()
    assert answer["status"] == "success", (expression, answer)
    return list(answer["data"]["result"])


def test_a_real_prometheus_answers_all_that_they_ask(prometheus: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while asked(prometheus, 'up{job="ghapp"}') == [] or not asked(prometheus, "ghapp_build_info"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for expression in EXPRESSIONS:
        filled = expression.replace("$__rate_interval", "1m").replace("$instance", ".*")
        asked(prometheus, filled)
    for name, one in SHOWN.items():  # those without labels, so that they exist from the start
        if not one.labels:
            assert asked(prometheus, f"{name}_count" if one.kind is Histogram else name), name
    while True:
        groups = httpx.get(f"{prometheus}/rules", trust_env=False).json()["data"]["groups"]
        health = {rule["name"]: rule["health"] for one in groups for rule in one["rules"]}
        if "unknown" not in health.values():
            break
        assert time.monotonic() < deadline, health
        time.sleep(0.1)
    assert len(health) == 13 and {*health.values()} == {"ok"}
