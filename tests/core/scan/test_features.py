from dataclasses import replace

import pytest

from ghapp.core.policy.policy import Features
from ghapp.core.scan.checklist import is_feature
from tests.core.pulls import PULL, file

NONE = Features((), (), ())


@pytest.mark.parametrize(
    ("changes", "features", "expected"),
    [
        ({}, Features(), False),
        ({"labels": frozenset({"Feature"})}, Features(), True),
        ({"labels": frozenset({"feature"})}, NONE, False),
        ({"title": "feat(cart)!: pay later"}, Features(), True),
        ({"title": "決済の新機能"}, Features(), True),
        ({"title": "a feat: no"}, Features(), False),
        ({"head_ref": "feature/pay/later"}, Features(), True),
        ({"head_ref": "feat/x"}, Features(), True),
        ({"head_ref": "my/feature/x"}, Features(), False),
        ({"files": (file("a", "1", "2"), file("b", "3"))}, replace(NONE, added_lines=3), True),
        ({"files": (file("a", "1", "2"), file("b", "3"))}, replace(NONE, added_lines=4), False),
        ({"files": (file("a", "1"),)}, NONE, False),
    ],
)
def test_any_rule_makes_a_feature(changes, features, expected):
    assert is_feature(replace(PULL, **changes), features) is expected
