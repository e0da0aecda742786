"""What `ghapp lint` and `ghapp check` write for programs: workflow commands and SARIF."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ghapp.offline.reports import Result, Rule, as_commands, as_sarif, command, from_root
from tests.offline.sarif import checked

RULE = Rule("DBM-001", "It locks.", "error", "How long?", ("database-migration",))
RESULT = Result(RULE, "error", "50% of it,\r\nall: gone", "a,b:c/d e%.py", 3, 7)


def test_a_command_escapes_its_text_and_its_properties() -> None:
    assert as_commands([RESULT]) == (
        "::error file=a%2Cb%3Ac/d e%25.py,line=3,col=7,title=DBM-001::50%25 of it,%0D%0Aall: gone"
    )


def test_a_command_leaves_out_what_is_not_known() -> None:
    assert as_commands([Result(RULE, "note", "x", "a.py", 0)]) == (
        "::notice file=a.py,title=DBM-001::x"
    )
    assert command("notice", "x") == "::notice::x"


def test_accepted_results_are_no_commands_and_are_suppressed_in_sarif() -> None:
    accepted = Result(RULE, "error", "x", "a.py", 1, accepted="a tool")
    assert as_commands([accepted]) == ""
    (result,) = checked(as_sarif("check", [accepted]))["results"]
    assert result["suppressions"] == [{"kind": "inSource", "justification": "a tool"}]


def test_sarif() -> None:
    run = checked(as_sarif("check", [RESULT, RESULT], [RULE], ["some files could not be read"]))
    (rule,) = run["tool"]["driver"]["rules"]
    assert (rule["id"], rule["defaultConfiguration"]) == ("DBM-001", {"level": "error"})
    assert run["automationDetails"] == {"id": "ghapp/check/"}
    (notification,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"] == {"text": "some files could not be read"}
    first, second = run["results"]
    assert first == second
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%2Cb%3Ac/d%20e%25.py"
    assert place["region"] == {"startLine": 3, "startColumn": 7}


def test_sarif_of_a_whole_file_is_shown_at_its_beginning() -> None:
    (result,) = checked(as_sarif("lint", [Result(RULE, "note", "x", "a.py", 0)]))["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


def test_sarif_without_results_is_valid() -> None:
    run = checked(as_sarif("lint", []))
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])


def test_the_same_finding_keeps_its_identity_if_only_its_line_moves() -> None:
    def identity(line: int, text: str = "x") -> object:
        log = json.loads(as_sarif("check", [Result(RULE, "error", text, "a.py", line)]))
        return log["runs"][0]["results"][0]["partialFingerprints"]

    assert identity(1) == identity(9) != identity(1, "y")


def test_a_path_starts_at_the_root_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repo/.git").mkdir(parents=True)
    (tmp_path / "repo/sub").mkdir()
    monkeypatch.chdir(tmp_path / "repo/sub")
    assert from_root(Path("a.yml")) == "sub/a.yml"
    (tmp_path / "repo/.git").rmdir()
    assert from_root(Path("a.yml")) == "a.yml"
    assert from_root(tmp_path / "b.yml") == f"{tmp_path}/b.yml"
