"""The rules of SARIF 2.1.0 and of GitHub's code scanning that a log of ghapp has to keep."""

from __future__ import annotations

import json
import re
from typing import Any

SOURCE = re.compile(r"[A-Za-z0-9._~/%+-]+")  # a relative URI that is percent-encoded


def checked(text: str) -> dict[str, Any]:
    """The only run of the log."""
    log = json.loads(text)
    assert log["version"] == "2.1.0"
    assert log["$schema"].startswith("https://")
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "ghapp"
    rules = driver["rules"]
    ids = [rule["id"] for rule in rules]
    assert len(set(ids)) == len(ids)
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        assert result["partialFingerprints"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert SOURCE.fullmatch(place["artifactLocation"]["uri"])
        assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
        assert place["region"]["startLine"] >= 1
        assert place["region"].get("startColumn", 1) >= 1
    run_result: dict[str, Any] = run
    return run_result
