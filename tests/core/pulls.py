"""Pulls and files for the tables of tests on detection."""

from datetime import UTC, datetime

from ghapp.core.areas import Area, Detect, Text
from ghapp.core.model import File, Pull, PullKey, Repository

DETECT = Detect(
    paths=("**/migrations/**",),
    exclude=("**/test/**", "**/migrations/__init__.py"),
    diff=(r"(?i)\balter\s+table\b", "^drop$"),
    diff_files=("**/*.sql", "**/*.lock"),
    labels=("Database",),
    title="(?i)migration|マイグレーション",
)
AREA = Area("database", Text("Database", "DB"), 5, DETECT, ())
PULL = Pull(
    PullKey(Repository(1, 1, "acme/shop"), 1),
    title="Add a column",
    author="ann",
    head_sha="a" * 40,
    head_ref="topic",
    base_ref="main",
    updated_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def file(path, *added, status="modified", previous="", removed=()):
    body = "".join(f"\n-{text}" for text in removed) + "".join(f"\n+{text}" for text in added)
    patch = f"@@ -1 +7 @@{body}" if body else ""
    return File(path, status, len(added), len(removed), patch, "s", previous)
