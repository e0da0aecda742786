"""Which folders may be new with a pull."""

from __future__ import annotations

import pytest

from ghapp.core.model import File
from ghapp.core.scan.patch import perhaps_new


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], set()),
        ([("README.md", "added")], set()),
        ([("payments/app.py", "added"), ("payments/db/1.sql", "added")], {"payments"}),
        ([("payments/app.py", "added"), ("payments/old.py", "modified")], set()),
        ([("payments/app.py", "added"), ("payments/old.py", "removed")], set()),
        ([("lib/a.py", "renamed"), ("b/a.py", "copied")], set()),
        ([("a/x", "added"), ("b/x", "added"), ("c/x", "modified")], {"a", "b"}),
    ],
)
def test_a_folder_may_be_new_where_everything_in_it_is_added(
    changes: list[tuple[str, str]], expected: set[str]
) -> None:
    assert perhaps_new(File(path, status) for path, status in changes) == expected
