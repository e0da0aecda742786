"""The Dockerfile, as far as it shows without a container engine; deploy/container/try builds it."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.recipes import (
    CREDENTIALS,
    NO_GITHUB,
    ROOT,
    Process,
    environment,
    free_port,
    text,
)
from tests.meta.test_lock import PROJECT, parsed

DOCKERFILE = text("Dockerfile")
# (instruction, rest) of each instruction, with its continued lines.
STEPS = [
    (name, " ".join(rest.replace("\\\n", " ").split()))
    for name, rest in re.findall(r"^([A-Z]+) ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)
]
FINAL = STEPS[[step[0] for step in STEPS].index("FROM", 1) :]


def final(name: str) -> str:
    (found,) = (rest for instruction, rest in FINAL if instruction == name)
    return found


def health_check() -> list[str]:
    return list(json.loads(final("HEALTHCHECK").partition("CMD ")[2]))


def variables() -> dict[str, str]:
    pairs = " ".join(rest for name, rest in FINAL if name == "ENV").split()
    return dict(pair.split("=", 1) for pair in pairs)


def test_the_image_has_no_system_but_python_and_runs_as_nobody() -> None:
    assert FINAL[0] == ("FROM", "scratch")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", final("USER"))
    assert final("ENTRYPOINT") == '["ghapp"]' and final("CMD") == '["serve"]'
    assert variables()["GHAPP_DATA_DIR"] == final("VOLUME") == final("WORKDIR") == "/data"
    # Without a shell only the form with brackets works.
    assert all(rest.startswith("[") for name, rest in FINAL if name in ("RUN", "CMD"))


def test_every_file_that_it_copies_is_sent_to_the_engine() -> None:
    allowed = {line.removeprefix("!") for line in text(".dockerignore").splitlines()}
    copied = [rest.split()[:-1] for name, rest in STEPS if name == "COPY" and "--from" not in rest]
    for source in (path for paths in copied for path in paths):
        assert (ROOT / source).exists()
        assert source in allowed


def test_what_it_installs_has_a_hash() -> None:
    installs = re.findall(
        r"pip\S*(?: --python \S+)? install ([^&]+)", " ".join(map(" ".join, STEPS))
    )
    assert len(installs) == 3
    for options in installs:
        assert "--require-hashes" in options or "--no-index" in options


def test_the_build_is_locked_with_hashes() -> None:
    lock = text("deploy/container/build.lock")
    lines = re.findall(r"^([^\s#-][^\\\n]*?) \\$", lock, re.MULTILINE)
    pinned = {name: version for name, version, _ in parsed(lines)}
    for line in PROJECT["build-system"]["requires"]:
        wanted = Requirement(line)
        version = pinned[canonicalize_name(wanted.name)].removeprefix("==")
        assert wanted.specifier.contains(version)
    entries = re.split(r"^(?=[^\s#])", lock, flags=re.MULTILINE)
    assert all("--hash=sha256:" in entry for entry in entries if entry)


def test_the_modules_that_it_compiles_exist() -> None:
    (command,) = (json.loads(rest) for name, rest in FINAL if name == "RUN")
    (statement,) = ast.parse(command[2]).body
    assert isinstance(statement, ast.Import)
    subprocess.run([sys.executable, *command[1:]], check=True)


def test_its_health_check_follows_the_server(tmp_path: Path) -> None:
    port = str(free_port())
    own = {**variables(), "HOST": "127.0.0.1", "PORT": port, "GHAPP_DATA_DIR": str(tmp_path)}
    del own["PATH"]
    given = environment(**own, **CREDENTIALS, **NO_GITHUB)
    check = [sys.executable, *health_check()[1:]]

    def healthy() -> int:
        return subprocess.run(check, env=given, capture_output=True, check=False).returncode

    assert healthy() == 1
    server = Process([sys.executable, "-m", "ghapp", "serve"], given)
    try:
        server.wait_for(f"http://127.0.0.1:{port}/healthz")
        assert healthy() == 0
        assert server.ended() == 0
    finally:
        server.kill()
    assert healthy() == 1
