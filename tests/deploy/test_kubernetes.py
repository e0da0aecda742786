"""The manifests fit the schemas of Kubernetes and each other, and what they start runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from ghapp.settings import FIXES
from tests.deploy.recipes import (
    CREDENTIALS,
    DEPLOY,
    NO_GITHUB,
    VERSION,
    Document,
    Process,
    environment,
    free_port,
    needs,
)

NEWEST = "1.37"  # of those that kubernetes_validate has
OLDEST = "1.30"  # the sleep before a stop is on by default since then
OPERATOR = "monitoring.coreos.com/v1"


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    command = [needs("kustomize"), "build", str(DEPLOY / "kubernetes")]
    built = subprocess.run(command, capture_output=True, text=True, check=True)
    return list(yaml.safe_load_all(built.stdout))


def of(documents: list[Document], *kinds: str) -> dict[str, Document]:
    return {one["metadata"]["name"]: one for one in documents if one["kind"] in kinds}


def pods(documents: list[Document]) -> dict[str, Document]:
    """The spec of the pod of each workload."""
    found = of(documents, "Deployment", "Job").items()
    return {name: one["spec"]["template"]["spec"] for name, one in found}


def test_they_are_what_is_needed(documents: list[Document]) -> None:
    kinds = [one["kind"] for one in documents]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "ConfigMap": 1,
        "Deployment": 2,
        "Job": 1,
        "NetworkPolicy": 2,
        "PodDisruptionBudget": 2,
        "Service": 2,
        "ServiceAccount": 1,
        "ServiceMonitor": 1,
    }
    assert {one["metadata"]["namespace"] for one in documents} == {"ghapp"}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_they_fit_the_schemas(documents: list[Document], version: str) -> None:
    checked = [one for one in documents if one["apiVersion"] != OPERATOR]
    for one in checked:
        kubernetes_validate.validate(one, version, strict=True)
    worse = {**checked[0], "no-such-key": 1}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(worse, version, strict=True)


def test_every_pod_is_restricted(documents: list[Document]) -> None:
    """The `restricted` standard for pods, and a root that is read-only."""
    for pod in pods(documents).values():
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod["automountServiceAccountToken"]
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert {*container["resources"]} == {"requests", "limits"}
            assert container["image"] == f"ghapp:{VERSION}"


def test_a_run_may_end_before_its_pod_is_killed(documents: list[Document]) -> None:
    for name in ("ghapp-web", "ghapp-worker"):
        pod = pods(documents)[name]
        (container,) = pod["containers"]
        before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {"seconds": 0})
        assert pod["terminationGracePeriodSeconds"] >= before["seconds"] + 30


def test_secrets_come_in_files_alone(documents: list[Document]) -> None:
    assert of(documents, "Secret") == {}
    (config,) = of(documents, "ConfigMap").values()
    assert not {"GHAPP_PRIVATE_KEY", "GHAPP_WEBHOOK_SECRET", "GHAPP_DATABASE_URL"} & {
        *config["data"]
    }
    for pod in pods(documents).values():
        (container,) = pod["containers"]
        given = {one["name"]: one["value"] for one in container["env"]}
        assert {*given, *config["data"]} <= {*FIXES}
        (mount,) = (one for one in container["volumeMounts"] if one["name"] == "secrets")
        assert given["GHAPP_SECRETS_DIR"] == mount["mountPath"]


def test_selectors_select_something(documents: list[Document]) -> None:
    deployments = of(documents, "Deployment")
    labels = {
        name: one["spec"]["template"]["metadata"]["labels"] for name, one in deployments.items()
    }

    def matched(selector: dict[str, str]) -> set[str]:
        return {name for name, own in labels.items() if selector.items() <= own.items()}

    for name, one in {**deployments, **of(documents, "PodDisruptionBudget")}.items():
        assert matched(one["spec"]["selector"]["matchLabels"]) == {name}
    services = of(documents, "Service")
    for name, one in services.items():
        assert matched(one["spec"]["selector"]) == {name}
    policies = of(documents, "NetworkPolicy")
    assert matched(policies["ghapp"]["spec"]["podSelector"]["matchLabels"]) == {*labels}
    assert matched(policies["ghapp-web"]["spec"]["podSelector"]["matchLabels"]) == {"ghapp-web"}
    monitor = of(documents, "ServiceMonitor")["ghapp"]["spec"]
    for one in services.values():
        own = one["metadata"]["labels"]
        assert monitor["selector"]["matchLabels"].items() <= own.items()
        assert own[monitor["jobLabel"]] == "ghapp"  # the job of the alerts
        assert monitor["endpoints"][0]["port"] in {port["name"] for port in one["spec"]["ports"]}


class Run:
    """The container of a pod as a process: its arguments, variables, files and ports."""

    def __init__(self, pod: Document, config: Document, secrets: Path) -> None:
        (container,) = pod["containers"]
        given = dict(config["data"]) if "envFrom" in container else {}
        given |= {one["name"]: one["value"] for one in container["env"]}
        assert given["GHAPP_SECRETS_DIR"] == "/run/secrets/ghapp"
        given |= {"GHAPP_SECRETS_DIR": str(secrets), **NO_GITHUB}
        arguments = list(container["args"])
        ports = container.get("ports", [])
        self.port = free_port()
        for one in ports:  # 0.0.0.0 and the port of a pod are not this machine's to give
            assert given["HOST"] == "0.0.0.0"
            number = str(one["containerPort"])
            given["HOST"] = "127.0.0.1"
            if given.get("PORT") == number:
                given["PORT"] = str(self.port)
            else:
                arguments[arguments.index(number)] = str(self.port)
        self.probes = [container[name]["httpGet"] for name in container if name.endswith("Probe")]
        self.names = {one["name"] for one in ports}
        command = [sys.executable, "-m", "ghapp", *arguments]
        self.process = Process(command, environment(**given))


@pytest.fixture
def secrets(tmp_path: Path, empty_postgres_url: str) -> Iterator[Path]:
    held: dict[str, Any] = {**CREDENTIALS, "GHAPP_DATABASE_URL": empty_postgres_url}
    for name, value in held.items():
        (tmp_path / name).write_text(f"{value}\n")
    return tmp_path


def test_what_they_start_runs_and_answers_its_probes(
    documents: list[Document], secrets: Path
) -> None:
    (config,) = of(documents, "ConfigMap").values()
    specs = pods(documents)
    migrate = Run(specs["ghapp-migrate"], config, secrets)
    assert migrate.process.ended(0) == 0, migrate.process.log
    migrate.process.kill()
    runs = [Run(specs[name], config, secrets) for name in ("ghapp-web", "ghapp-worker")]
    try:
        for run in runs:
            assert len(run.probes) == 3
            for probe in run.probes:
                assert probe["port"] in run.names
                url = f"http://127.0.0.1:{run.port}"
                assert run.process.wait_for(url + probe["path"]).status_code == 200
            assert "ghapp_build_info" in run.process.wait_for(f"{url}/metrics").text
        assert [run.process.ended() for run in runs] == [0, 0]
    finally:
        for run in runs:
            run.process.kill()
