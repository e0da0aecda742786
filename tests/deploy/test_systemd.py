"""The unit: systemd accepts it, it exposes little, and ghapp reads its secrets from files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from ghapp.settings import FIXES
from tests.deploy.recipes import (
    CREDENTIALS,
    NO_GITHUB,
    Process,
    environment,
    free_port,
    needs,
    text,
)

UNIT = text("deploy/systemd/ghapp.service")
MOST_EXPOSURE = 2.0  # of 10; systemd calls what is below "OK"


def values(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)


def unit(folder: Path, content: str = UNIT) -> Path:
    """The unit as a file, with a program that exists on this machine."""
    file = folder / "ghapp.service"
    file.write_text(content.replace("/opt/ghapp/bin/ghapp serve", "/bin/true"))
    return file


def test_systemd_accepts_it(tmp_path: Path) -> None:
    analyze = needs("systemd-analyze")

    def verified(content: str) -> subprocess.CompletedProcess[str]:
        command = [analyze, "verify", str(unit(tmp_path, content))]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = verified(UNIT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Unknown key" in verified(UNIT.replace("DynamicUser", "DynamicUsr")).stderr


def test_little_is_exposed(tmp_path: Path) -> None:
    analyze = needs("systemd-analyze")

    def exposure(content: str) -> float:
        command = [analyze, "security", "--offline=true", "--no-pager", "--threshold=100"]
        command.append(str(unit(tmp_path, content)))
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        (found,) = re.findall(r"exposure level for ghapp\.service: ([\d.]+)", done.stdout)
        return float(found)

    assert exposure(UNIT) < MOST_EXPOSURE < exposure("[Service]\nExecStart=/bin/true\n")


def test_it_has_a_user_and_a_folder_of_its_own() -> None:
    assert values("DynamicUser") == ["yes"] and values("StateDirectory") == ["ghapp"]
    assert int(values("TimeoutStopSec")[0]) >= 30
    # Each of them would be readable in `systemctl show`.
    names = {pair.partition("=")[0] for line in values("Environment") for pair in line.split()}
    assert names <= {*FIXES} - {*CREDENTIALS, "GHAPP_SECRET_KEY", "GHAPP_DATABASE_URL"}


def test_what_it_starts_reads_its_credentials(tmp_path: Path) -> None:
    state, credentials = tmp_path / "state", tmp_path / "credentials"
    credentials.mkdir()
    held = {**CREDENTIALS, "GHAPP_SECRET_KEY": "k" * 64}
    loaded = [line.partition(":")[0] for line in values("LoadCredential")]
    for name in loaded:
        (credentials / name).write_text(f"{held[name]}\n")
    given: dict[str, str] = {"GHAPP_APP_ID": CREDENTIALS["GHAPP_APP_ID"], **NO_GITHUB}
    for line in values("Environment"):
        for pair in line.split():
            name, _, value = pair.partition("=")
            given[name] = value.replace("%S", str(state)).replace("%d", str(credentials))
    given["PORT"] = str(free_port())
    (command,) = values("ExecStart")
    assert command.split()[0] == "/opt/ghapp/bin/ghapp"
    arguments = [sys.executable, "-m", "ghapp", *command.split()[1:]]
    server = Process(arguments, environment(**given))
    try:
        ready = server.wait_for(f"http://127.0.0.1:{given['PORT']}/readyz")
        assert ready.json()["status"] == "ready"
        assert server.ended() == 0
        events = [json.loads(line)["event"] for line in server.log.splitlines()]
        assert events[-1] == "stopped"
    finally:
        server.kill()
    assert (state / "ghapp" / "ghapp.sqlite3").exists()
