"""The two lists of pinned versions say the same.

To lock anew, empty `constraint-dependencies` in pyproject.toml and run
    uv pip compile --universal --generate-hashes --no-header --no-strip-extras --extra postgres \\
        --extra calendar --extra otel pyproject.toml -o requirements.lock
then copy the versions, with their markers, into `constraint-dependencies`.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def parsed(lines: list[str]) -> set[tuple[str, str, str]]:
    """(name, version, marker) of each requirement."""
    requirements = map(Requirement, lines)
    return {(canonicalize_name(r.name), str(r.specifier), str(r.marker)) for r in requirements}


def locked() -> list[str]:
    return re.findall(r"^([^\s#-][^\\\n]*?) \\$", LOCK, re.MULTILINE)


def test_the_lock_and_the_constraints_are_equal() -> None:
    assert parsed(locked()) == parsed(PROJECT["tool"]["uv"]["constraint-dependencies"])


def test_every_dependency_is_locked_within_its_bounds() -> None:
    pinned = {name: version.removeprefix("==") for name, version, _ in parsed(locked())}
    extras = PROJECT["project"]["optional-dependencies"].values()
    lines = (line for extra in extras for line in extra)
    for line in [*PROJECT["project"]["dependencies"], *lines]:
        wanted = Requirement(line)
        assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)]), line


def test_every_locked_version_has_hashes() -> None:
    entries = re.split(r"^(?=[^\s#])", LOCK, flags=re.MULTILINE)
    assert [entry.split()[0] for entry in entries if entry and "--hash=sha256:" not in entry] == []


def test_the_lock_names_no_address() -> None:
    assert "://" not in LOCK and "--index-url" not in LOCK and "@ " not in LOCK
