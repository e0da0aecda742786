"""ghapp's own rules find nothing in its own recipes, and would if these were worse."""

from __future__ import annotations

from pathlib import Path

from tests.deploy.recipes import ROOT, findings

RECIPES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (
        ROOT / "Dockerfile",
        ROOT / "compose.yaml",
        ROOT / "Procfile",
        *ROOT.glob("deploy/**/*"),
    )
    if path.is_file() and "__pycache__" not in path.parts
}
# It fires for each such resource; the cost stands beside it, and the tag is the provider's.
KNOWN = [("IAC-024", "deploy/ecs/main.tf")]
# (file, old, new, the hazard that the change is)
WORSE = [
    ("Dockerfile", "FROM debian:trixie-slim", "FROM debian:latest", "K8S-014"),
    ("Dockerfile", "USER 10001:10001", "USER root", "K8S-020"),
    ("Dockerfile", "ENV PATH=", "ENV API_TOKEN=s3cr3tvalue PATH=", "K8S-017"),
    ("compose.yaml", "caddy:2.10-alpine", "caddy:latest", "K8S-019"),
    ("deploy/kubernetes/web.yaml", "replicas: 2", "replicas: 1", "K8S-003"),
    ("deploy/kubernetes/web.yaml", "ghapp:0.1.0", "ghapp:latest", "K8S-002"),
    ("deploy/kubernetes/worker.yaml", "resources:", "unlimited:", "K8S-001"),
    ("deploy/kubernetes/worker.yaml", "topologySpreadConstraints", "ex", "K8S-016"),
    ("deploy/kubernetes/disruption.yaml", "maxUnavailable: 1", "maxUnavailable: 0", "K8S-007"),
    (
        "deploy/ecs/main.tf",
        "storage_encrypted               = true",
        "storage_encrypted = false",
        "IAC-007",
    ),
    (
        "deploy/ecs/main.tf",
        "deletion_protection             = true",
        "deletion_protection = false",
        "IAC-003",
    ),
    (
        "deploy/ecs/main.tf",
        "publicly_accessible          = false",
        "publicly_accessible = true",
        "IAC-002",
    ),
    ("deploy/ecs/main.tf", "retention_in_days = 90", "", "IAC-016"),
]


def test_they_find_nothing(tmp_path: Path) -> None:
    assert findings(tmp_path, RECIPES) == KNOWN


def test_they_would_find(tmp_path: Path) -> None:
    files = {}
    for number, (name, old, new, _) in enumerate(WORSE):
        assert old in RECIPES[name], old
        files[f"worse-{number}/{name}"] = RECIPES[name].replace(old, new)
    found = set(findings(tmp_path, files))
    for number, (name, _, new, hazard) in enumerate(WORSE):
        assert (hazard, f"worse-{number}/{name}") in found, new
