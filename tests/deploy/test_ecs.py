"""The Terraform sample parses, what it refers to exists, and what it starts is ghapp."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import hcl2
import typer.main

from ghapp.cli import app
from ghapp.settings import FIXES
from tests.deploy.recipes import text
from tests.deploy.test_container import health_check

MAIN, VARIABLES = text("deploy/ecs/main.tf"), text("deploy/ecs/variables.tf")
CODE = re.sub(r"(^|\s)#.*$", "", MAIN, flags=re.MULTILINE)


def unquoted(value: Any) -> Any:
    """Without the quotes that the parser leaves on strings."""
    if isinstance(value, dict):
        return {unquoted(name): unquoted(one) for name, one in value.items()}
    if isinstance(value, list):
        return [unquoted(one) for one in value]
    return value.strip('"') if isinstance(value, str) else value


@cache
def parsed() -> Any:
    return unquoted(hcl2.loads(MAIN))


def declared(kind: str) -> set[str]:
    """TYPE.NAME of each resource or data source."""
    return {
        f"{type}.{name}" for one in parsed()[kind] for type, named in one.items() for name in named
    }


def test_every_variable_is_declared_and_used() -> None:
    given = {name for one in unquoted(hcl2.loads(VARIABLES))["variable"] for name in one}
    assert given == set(re.findall(r"\bvar\.(\w+)", CODE))


def test_what_it_refers_to_exists() -> None:
    data = set(re.findall(r"\bdata\.(aws_\w+\.\w+)", CODE))
    assert data <= declared("data")
    others = set(re.findall(r"(?<!data\.)\b(aws_\w+\.\w+)(?=[.\[ ])", CODE))
    assert others <= declared("resource") and len(others) > 10
    (locals_,) = parsed()["locals"]
    known = {name for name in locals_ if not name.startswith("__")}  # which are the parser's
    assert set(re.findall(r"\blocal\.(\w+)", CODE)) == known


def test_what_it_starts_is_ghapp_with_its_settings() -> None:
    tasks = next(
        one["aws_ecs_task_definition"]["ghapp"]
        for one in parsed()["resource"]
        if "aws_ecs_task_definition" in one
    )["for_each"]
    commands = typer.main.get_group(app).commands
    for name in ("web", "worker"):
        assert tasks[name]["command"][0] in commands
    assert tasks["worker"]["command"][1:] == ["--metrics-port", tasks["worker"]["port"]]
    (locals_,) = parsed()["locals"]
    given = {one["name"] for one in locals_["environment"]}
    secrets = set(re.findall(r'"(GHAPP_\w+)"', CODE)) - given
    assert given | secrets <= {*FIXES}
    assert {"GHAPP_DATABASE_URL", "GHAPP_PRIVATE_KEY", "GHAPP_WEBHOOK_SECRET"} <= secrets
    container = locals_["container"]
    assert container["user"] == "10001:10001" and container["readonlyRootFilesystem"]
    (health,) = re.findall(r"^  health = (\[.*?^  \])", MAIN, re.MULTILINE | re.DOTALL)
    assert json.loads(re.sub(r",\s*\]$", "]", health)) == ["CMD", *health_check()]


def test_the_database_is_hard_to_lose() -> None:
    (cluster,) = (
        one["aws_rds_cluster"]["ghapp"] for one in parsed()["resource"] if "aws_rds_cluster" in one
    )
    assert cluster["deletion_protection"] and cluster["storage_encrypted"]
    assert not cluster["skip_final_snapshot"] and cluster["backup_retention_period"] >= 7
    assert cluster["lifecycle"] and cluster["manage_master_user_password"]
