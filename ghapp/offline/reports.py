"""Results on lines of files -> what programs read: workflow commands of GitHub, and SARIF 2.1.0."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

Level = Literal["error", "warning", "note"]

# Sources: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html and
# https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
SARIF_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
COMMANDS: Mapping[Level, str] = {"error": "error", "warning": "warning", "note": "notice"}


@dataclass(frozen=True, slots=True)
class Rule:
    """What may be found. name: in one short sentence. help: more, perhaps ""."""

    id: str
    name: str
    level: Level
    help: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What was found. path: from the root of the repository, with `/`. line, column: 0 if unknown.

    accepted: the reason why it is accepted in the file itself, else "".
    """

    rule: Rule
    level: Level
    text: str
    path: str
    line: int
    column: int = 0
    accepted: str = ""


def from_root(file: Path) -> str:
    """The path of a file from the root of its repository, else from the current folder."""
    place = file.absolute()
    root = next((one for one in place.parents if (one / ".git").exists()), Path.cwd())
    return (place.relative_to(root) if place.is_relative_to(root) else place).as_posix()


def as_commands(results: Iterable[Result]) -> str:
    """One workflow command for each result, which GitHub shows on its line of the pull request.

    Accepted results are left out.
    Source: https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    return "\n".join(
        command(
            COMMANDS[one.level],
            one.text,
            file=one.path,
            line=one.line or "",
            col=one.column or "",
            title=one.rule.id,
        )
        for one in results
        if not one.accepted
    )


def command(name: str, text: str, **properties: object) -> str:
    """A workflow command; properties that are "" are left out."""
    given = {key: _escaped(str(value)) for key, value in properties.items() if value != ""}
    # A property also ends at a colon or a comma.
    pairs = (
        f"{key}={value.replace(':', '%3A').replace(',', '%2C')}" for key, value in given.items()
    )
    return f"::{name} {','.join(pairs)}".rstrip() + f"::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def as_sarif(
    command: str,
    results: Sequence[Result],
    rules: Iterable[Rule] = (),
    warnings: Iterable[str] = (),
) -> str:
    """One run with all results, for code scanning.

    command: which made them, such as "check"; it keeps the results of several commands apart.
    rules: those that could have found something. warnings: why results may be missing.
    """
    known = {one.id: one for one in (*rules, *(one.rule for one in results))}
    places = {id: at for at, id in enumerate(known)}
    notes = [{"level": "warning", "message": {"text": text}} for text in warnings]
    driver = {
        "name": "ghapp",
        "version": version("ghapp"),
        "rules": [_rule(one) for one in known.values()],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"ghapp/{command}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": True,
                **({"toolExecutionNotifications": notes} if notes else {}),
            }
        ],
        "results": [_result(one, places[one.rule.id]) for one in results],
    }
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.name},
        **({"help": {"text": rule.help}} if rule.help else {}),
        "defaultConfiguration": {"level": rule.level},
        **({"properties": {"tags": list(rule.tags)}} if rule.tags else {}),
    }


def _result(result: Result, place_of_rule: int) -> dict[str, Any]:
    # Without a line, code scanning shows a result at the beginning of the file.
    region = {"startLine": result.line or 1}
    if result.column:
        region["startColumn"] = result.column
    # It stays the same while only the line number changes.
    same = f"{result.rule.id}\0{result.path}\0{result.text}".encode("utf-8", "replace")
    suppression = {"kind": "inSource", "justification": result.accepted}
    return {
        "ruleId": result.rule.id,
        "ruleIndex": place_of_rule,
        "level": result.level,
        "message": {"text": result.text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(result.path), "uriBaseId": "%SRCROOT%"},
                    "region": region,
                }
            }
        ],
        "partialFingerprints": {"ghapp/v1": hashlib.sha256(same).hexdigest()},
        **({"suppressions": [suppression]} if result.accepted else {}),
    }
