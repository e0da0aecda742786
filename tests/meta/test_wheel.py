"""The wheel carries all that the code reads beside itself."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow("builds the wheel")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a wheel built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("ghapp-*.whl")
    with zipfile.ZipFile(wheel) as opened:
        return set(opened.namelist())


def test_every_checklist_is_inside(inside: set[str]) -> None:
    packs = {f"ghapp/checklists/{file.name}" for file in (ROOT / "checklists").glob("*.yml")}
    assert packs and packs <= inside


def test_every_file_of_the_package_is_inside(inside: set[str]) -> None:
    files = [file for file in (ROOT / "ghapp").rglob("*") if file.is_file()]
    wanted = {str(file.relative_to(ROOT)) for file in files if "__pycache__" not in file.parts}
    assert wanted <= inside


def test_nothing_but_the_package_is_inside(inside: set[str]) -> None:
    assert {name.split("/")[0].split("-")[0] for name in inside} == {"ghapp"}


def test_licence_and_command_are_inside(inside: set[str]) -> None:
    endings = (".dist-info/licenses/LICENSE", ".dist-info/entry_points.txt", "ghapp/py.typed")
    assert all(any(name.endswith(ending) for name in inside) for ending in endings)
