"""Real git repositories in a folder, for tests."""

import os
import subprocess
from pathlib import Path

IDENTITY = ("-c", "user.name=Ann Example", "-c", "user.email=ann@example.com")


class Repo:
    """A repository on branch main; `commit` writes files and gives the SHA."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["git", "-C", os.fspath(self.folder), *IDENTITY, *arguments],
            check=True,
            capture_output=True,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, **(env or {})},
        )
        return done.stdout.decode("utf-8", "replace").strip()

    def write(self, name: str | bytes, content: str | bytes) -> Path:
        path = self.folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def commit(self, message: str = "change", **files: str | bytes) -> str:
        for name, content in files.items():
            self.write(name, content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")
