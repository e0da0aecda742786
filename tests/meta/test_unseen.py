"""However a danger is wrapped, a pull that brings it is not green without somebody's sign-off."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from ghapp import builtin_packs
from ghapp.core.model import File
from ghapp.core.policy.policy import Policy
from ghapp.core.scan import new_file, unshown
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.scan import scan
from ghapp.core.scan.unshown import TreeEntry
from tests.core.pulls import PULL

POLICY = Policy(areas=tuple(builtin_packs.builtin()))
KEY = "AKIA" + "QYLPMN5HFIQR7XYA"
# What the scan of a whole tree finds: a dropped table in a migration, a key in any file.
DANGERS = (
    ("db/migrate/2.sql", "DROP TABLE orders;"),
    ("db/migration/test/V2__a.sql", "DROP TABLE orders;"),
    ("db/migrate/generated/2.sql", "DROP TABLE orders;"),
    ("app/pay.js", f"const key = '{KEY}';"),
    ("app/pay.min.js", f"const key = '{KEY}';"),
    ("x.lock", f"key: {KEY}"),
    ("generated/pay.py", f"KEY = '{KEY}'"),
    ("vendor/pay.py", f"KEY = '{KEY}'"),
)
FILLERS = st.sampled_from(["", "x = 1;", "--", "/* a */", "y" * 3_000, "注文"])
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\n\0\n"])
STATUSES = st.sampled_from(["added", "modified", "renamed", "copied", "changed"])


def listed(path: str, status: str, text: str, *, shown: bool) -> File:
    """The file as GitHub lists it. shown: whether the diff is small enough to be shown."""
    previous = "old.txt" if status in ("renamed", "copied") else ""
    file = File(path, status, sha="new", previous_path=previous)
    if "\0" in text:  # binary for git: neither patch nor counts
        return file
    rows = text.split("\n")
    patch = "\n+".join([f"@@ -0,0 +1,{len(rows)} @@", *rows]) if shown else ""
    return File(path, status, len(rows), 0, patch, "new", previous)


@given(
    st.sampled_from(DANGERS),
    st.lists(st.tuples(FILLERS, ENDS), max_size=4),
    STATUSES,
    st.booleans(),
    st.booleans(),
)
@example(DANGERS[0], [("--", "\n\0\n")], "renamed", True, True)
def test_no_wrapping_makes_a_danger_green(
    danger: tuple[str, str],
    wrapping: list[tuple[str, str]],
    status: str,
    shown: bool,
    readable: bool,
) -> None:
    path, line = danger
    text = "".join(filler + end for filler, end in wrapping) + line
    file = listed(path, status, text, shown=shown)
    trees = {"old.txt": TreeEntry("old", "100644")}, {path: TreeEntry("new", "100644")}
    (known,) = unshown.identified([file], *trees) if unshown.to_identify([file]) else (file,)
    texts = {path: new_file.text(text.encode()) if readable else None}
    (read,) = unshown.read([known], texts) if unshown.is_unshown(known) else (known,)
    found = scan(replace(PULL, files=(read,)), POLICY)
    asked = checklist(found, POLICY, findings(found.suspicion, {}))
    # Names that machines write are not asked about for what is not shown at all.
    nothing = not (shown or "\0" in text) or ("\0" in text and not readable)
    if nothing and path in ("app/pay.min.js", "x.lock", "generated/pay.py", "vendor/pay.py"):
        return
    assert asked.flagged or asked.unread
