"""ghapp's own rules find nothing in its own recipes, and would if these were worse."""

from __future__ import annotations

from pathlib import Path

from tests.deploy.recipes import ROOT, findings

RECIPES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "Dockerfile", *ROOT.glob("deploy/**/*"))
    if path.is_file() and "__pycache__" not in path.parts
}
# (file, old, new, the hazard that the change is)
WORSE = [
    ("Dockerfile", "FROM debian:trixie-slim", "FROM debian:latest", "K8S-014"),
    ("Dockerfile", "USER 10001:10001", "USER root", "K8S-020"),
    ("Dockerfile", "ENV PATH=", "ENV API_TOKEN=s3cr3tvalue PATH=", "K8S-017"),
]


def test_they_find_nothing(tmp_path: Path) -> None:
    assert findings(tmp_path, RECIPES) == []


def test_they_would_find(tmp_path: Path) -> None:
    files = {}
    for number, (name, old, new, _) in enumerate(WORSE):
        assert old in RECIPES[name], old
        files[f"worse-{number}/{name}"] = RECIPES[name].replace(old, new)
    found = set(findings(tmp_path, files))
    for number, (name, _, new, hazard) in enumerate(WORSE):
        assert (hazard, f"worse-{number}/{name}") in found, new
