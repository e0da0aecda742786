"""compose.yaml is what Compose reads, and its services work together behind a real Caddy."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ghapp.settings import FIXES
from ghapp.web.webhook import MOST_BYTES
from tests.deploy.recipes import (
    CREDENTIALS,
    NO_GITHUB,
    PATIENCE_SECONDS,
    ROOT,
    VERSION,
    Document,
    Process,
    environment,
    free_port,
    needs,
    text,
)
from tests.deploy.test_container import health_check
from tests.web.posting import encoded, headers, payload

VARIABLES = {"GHAPP_HOST": "ghapp.example.com", "GHAPP_APP_ID": CREDENTIALS["GHAPP_APP_ID"]}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Document:
    """The project as Compose understands it."""
    program = needs("docker-compose")
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "compose.yaml", folder)

    def config(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
        command = [program, "config", "--format", "json"]
        given = environment(**variables)
        return subprocess.run(
            command, cwd=folder, env=given, capture_output=True, text=True, check=False
        )

    refused = config({})
    assert refused.returncode != 0 and "is missing a value" in refused.stderr
    done = config(VARIABLES)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_ghapp_may_do_little(project: Document) -> None:
    for name in ("web", "worker"):
        service = project["services"][name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["image"] == f"ghapp:{VERSION}"
        assert "ports" not in service  # only the proxy is reached from outside
        assert {*service["environment"]} <= {*FIXES}
    assert project["networks"]["back"]["internal"]
    assert {*project["services"]["proxy"]["networks"]} == {"front"}
    assert {*project["services"]["database"]["networks"]} == {"back"}


def test_secrets_are_files_with_the_names_of_variables(project: Document) -> None:
    for name in ("web", "worker"):
        service = project["services"][name]
        sources = {one["source"] for one in service["secrets"]}
        assert sources <= {*FIXES} and sources.isdisjoint(service["environment"])
        assert service["environment"]["GHAPP_SECRETS_DIR"] == "/run/secrets"
        assert sources <= {*project["secrets"]}
    files = [Path(one["file"]).parent.name for one in project["secrets"].values()]
    assert {*files} == {"secrets"}
    assert "deploy/compose/secrets/" in text(".gitignore").splitlines()


class Service:
    """A service of ghapp as a process. Of its environment only where it listens differs."""

    def __init__(self, service: dict[str, Any], secrets: Path) -> None:
        given: dict[str, str] = {**service["environment"], **NO_GITHUB}
        assert given["HOST"] == "0.0.0.0"
        self.port, own = str(free_port()), given["PORT"]
        arguments = [self.port if one == own else one for one in service["command"]]
        given |= {"HOST": "127.0.0.1", "PORT": self.port, "GHAPP_SECRETS_DIR": str(secrets)}
        self.environment = environment(**given)
        self.process = Process([sys.executable, "-m", "ghapp", *arguments], self.environment)

    def healthy(self) -> bool:
        command = [sys.executable, *health_check()[1:]]
        done = subprocess.run(command, env=self.environment, capture_output=True, check=False)
        return done.returncode == 0


@pytest.fixture
def services(project: Document, tmp_path: Path, empty_postgres_url: str) -> Iterator[list[Service]]:
    held = {**CREDENTIALS, "GHAPP_DATABASE_URL": empty_postgres_url, "GHAPP_SECRET_KEY": "k" * 64}
    for one in project["services"]["web"]["secrets"]:
        (tmp_path / one["source"]).write_text(held[one["source"]])
    started = [Service(project["services"][name], tmp_path) for name in ("web", "worker")]
    yield started
    for service in started:
        service.process.kill()


def test_a_delivery_comes_through_the_proxy_and_nothing_else_does(
    services: list[Service], tmp_path: Path
) -> None:
    caddy, port = needs("caddy"), free_port()
    web, worker = services
    config = text("deploy/compose/Caddyfile").replace("web:8000", f"127.0.0.1:{web.port}")
    # A certificate of its own, which nobody else needs to trust, and no other ports.
    only_here = (
        "{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\tlocal_certs"
    )
    (tmp_path / "Caddyfile").write_text(
        re.sub(r"^\{$", only_here, config, count=1, flags=re.MULTILINE)
    )
    own = {"GHAPP_HOST": f"https://localhost:{port}", "XDG_DATA_HOME": str(tmp_path)}
    own["XDG_CONFIG_HOME"] = str(tmp_path)
    command = [caddy, "run", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")]
    proxy = Process(command, environment(**own))
    try:
        for service in services:
            service.process.wait_for(f"http://127.0.0.1:{service.port}/healthz")
            assert service.healthy()
        with httpx.Client(
            base_url=f"https://localhost:{port}", verify=False, trust_env=False
        ) as client:
            body = encoded(payload())
            deadline = time.monotonic() + PATIENCE_SECONDS
            while True:
                try:
                    answer = client.post("/webhook", content=body, headers=headers(body))
                    break
                except httpx.TransportError:  # it has no certificate yet
                    assert time.monotonic() < deadline, proxy.log
                    time.sleep(0.05)
            assert answer.status_code == 202
            for path in ("/", "/metrics", "/healthz", "/webhooks", "/webhook/x", "/setup"):
                assert client.get(path).status_code == 404, path
            large = b"x" * (MOST_BYTES + 1)
            try:
                refused = client.post("/webhook", content=large, headers=headers(large))
            except httpx.TransportError:
                pass  # ghapp, which reads the declared length, closed before all of it was sent
            else:
                assert refused.status_code in (413, 502)
        assert worker.healthy()
    finally:
        proxy.kill()
