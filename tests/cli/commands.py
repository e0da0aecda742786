"""The commands as people run them: in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import PRIVATE_KEY
from tests.web.posting import APP_ID, SECRET


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a server whose GitHub cannot be reached."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GHAPP_")}
    return ours | {
        "GHAPP_APP_ID": str(APP_ID),
        "GHAPP_PRIVATE_KEY": PRIVATE_KEY,
        "GHAPP_WEBHOOK_SECRET": SECRET,
        "GHAPP_GITHUB_API_URL": "http://127.0.0.1:9",
        "GHAPP_DATA_DIR": str(tmp_path / "data"),
        "HOST": "127.0.0.1",
        "PORT": "0",
    }


def ghapp(*words: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ghapp", *words]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False)
