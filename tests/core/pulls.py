"""Pulls and files for the tables of tests on detection."""

from dataclasses import replace
from datetime import UTC, datetime

from ghapp.core.areas import Area, Detect, Text
from ghapp.core.model import File, Pull, PullKey, Repository
from ghapp.core.policy.policy import Policy
from ghapp.core.scan.scan import scan

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
    moved = status == "renamed" and not body
    return File(path, status, len(added), len(removed), patch, "s", previous, same_blob=moved)


OTHER = replace(AREA, id="other", detect=Detect(paths=("other/**",), diff=("other",)))


def touched(*files, area=AREA, **changes):
    """How a pull of these files touches the area, beside another one; None if it does not."""
    policy = Policy(areas=(OTHER, area), ignore_paths=())
    return scan(replace(PULL, files=files, **changes), policy).touched.get(area.id)


def own(found):
    """The paths of the files that belong to a touched area."""
    return [one.file.path for one in found.changes]
