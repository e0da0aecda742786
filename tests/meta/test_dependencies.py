"""What is installed beside ghapp: all of it asked for, used, and under a licence that lets us."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.meta.test_lock import PROJECT, ROOT, locked

# Imported, and brought by what is asked for: its own types are theirs.
BROUGHT = {
    "annotated-types": "pydantic",
    "cryptography": "pyjwt",
    "markupsafe": "jinja2",
    # All of them share one name to import.
    "opentelemetry-api": "opentelemetry-sdk",
    "opentelemetry-exporter-http-transport": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-exporter-otlp-common": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-exporter-otlp-proto-common": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-proto": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-semantic-conventions": "opentelemetry-sdk",
    "pydantic-core": "pydantic",
    "yarl": "aiohttp",
}
# Not imported, and what is imported works with it only: -> who loads it.
LOADED = {"hishel": "githubkit", "tzdata": "zoneinfo"}
# By SPDX. MPL and LGPL bind who changes the library, which we do not.
LICENCES = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "LGPL-3.0-only",
    "LGPL-3.0-or-later", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0",
}  # fmt: skip
# As those spell it who have no SPDX expression.
SPELT = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


def names() -> list[str]:
    return sorted(canonicalize_name(Requirement(line).name) for line in locked())


def asked_for() -> list[Requirement]:
    project = PROJECT["project"]
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    return [Requirement(line) for line in lines]


def installed(name: str) -> metadata.Distribution | None:
    """None where this platform does not want it."""
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def needed(wanted: Requirement) -> Iterator[Requirement]:
    """What a distribution asks for on any platform, with the extras that are wanted of it."""
    found = installed(wanted.name)
    for line in (found.requires if found else None) or ():
        one = Requirement(line)
        # Of markers only extras count here: the lock is for all platforms.
        if "extra" not in str(one.marker) or any(_for(one, extra) for extra in wanted.extras):
            yield one


def _for(one: Requirement, extra: str) -> bool:
    return one.marker is None or one.marker.evaluate({"extra": extra})


def reached(*asked: Requirement) -> set[str]:
    """All that comes with these, and they themselves."""
    waiting, seen = list(asked), dict[str, str]()
    while waiting:
        wanted = waiting.pop()
        if str(wanted) not in seen:
            seen[str(wanted)] = canonicalize_name(wanted.name)
            waiting += needed(wanted)
    return set(seen.values())


def test_nothing_is_locked_that_nobody_asks_for() -> None:
    found = reached(*asked_for())
    assert [name for name in names() if name not in found] == []


def test_the_lock_has_every_extra_that_is_asked_for() -> None:
    """With hashes, pip refuses `hishel[async]` if the lock says just `hishel`."""
    pinned = {canonicalize_name(one.name): one for one in map(Requirement, locked())}
    brought = [one for by in pinned.values() for one in needed(by)]
    for wanted in (*asked_for(), *brought):
        found = pinned.get(canonicalize_name(wanted.name))
        assert found is None or wanted.extras <= found.extras, wanted


def imported() -> set[str]:
    """The distributions that the package's own lines import."""
    homes = metadata.packages_distributions()
    found = set()
    for file in (ROOT / "ghapp").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    ours = found - {"ghapp", *sys.stdlib_module_names}
    return {canonicalize_name(home) for name in ours for home in homes.get(name, [name])}


def test_what_is_asked_for_is_used_and_what_is_used_is_asked_for() -> None:
    asked = {canonicalize_name(one.name) for one in asked_for()}
    used = imported()
    assert asked - used == set(LOADED)
    third = {name: by for name, by in LOADED.items() if by not in sys.stdlib_module_names}
    for name, by in third.items():
        assert any(Requirement(line).name == name for line in metadata.requires(by) or ()), name
    assert used - asked == set(BROUGHT)
    for name, by in BROUGHT.items():
        (wanted,) = (one for one in asked_for() if one.name == by)
        assert name in reached(wanted), name


@pytest.mark.parametrize("name", names())
def test_its_licence_is_one_of_those_we_may_use(name: str) -> None:
    found = installed(name)
    if found is None:
        (line,) = (one for one in locked() if canonicalize_name(Requirement(one).name) == name)
        assert "sys_platform == 'win32'" in line
        return
    told = found.metadata
    if "License-Expression" in told or ("License" in told and told["License"] in LICENCES):
        licence = told["License-Expression" if "License-Expression" in told else "License"]
    else:
        classified = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier") or ()]
        classified += told.get_all("License") or ()
        licence = " AND ".join(SPELT[line] for line in classified if line in SPELT)
    parts = licence.replace(" OR ", " AND ").split(" AND ")
    assert parts and set(parts) <= LICENCES, licence


def test_the_programs_of_the_audit_are_in_the_run() -> None:
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "--require-hashes -r requirements.lock" in run
    assert "uv pip check" in run
    assert "pip-audit" in run and Path(ROOT / "docs" / "security.md").exists()
