"""Who signs off what no pack flags."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from ghapp.core.areas import Reviewers
from ghapp.core.model import File
from ghapp.core.review.special_areas import guards
from tests.core.build import facts, policy

LEADS = Reviewers(teams=("leads",))
RULES = replace(policy(), waivers=LEADS)


@pytest.mark.parametrize(
    ("patch", "weakens"),
    [
        ("@@ -1 +1,3 @@\n version: 1\n+areas:\n+  pay: {paths_add: ['pay/**']}", False),
        ("@@ -1 +1,2 @@\n version: 1\n+# the pay team asked for it", False),
        ("@@ -1,2 +1,2 @@\n version: 1\n-# old words\n+# new words", False),
        ("@@ -1,2 +1,2 @@\n version: 1\n-  \n+  pay: {paths_add: ['pay/**']}", False),
        ("@@ -1 +1,2 @@\n version: 1\n+mode: observe", True),
        ("@@ -1 +1,2 @@\n version: 1\n+areas: {pay: off}", True),
        ("@@ -1 +1,2 @@\n version: 1\n+ignore: {paths: ['db/**']}", True),
        ("@@ -1 +1,2 @@\n version: 1\n+reviewers: {users: [ann]}", True),
        ("@@ -1,2 +1 @@\n version: 1\n-language: ja", True),
        ("@@ -1,2 +1,2 @@\n version: 1\n-language: ja\n+language: en", True),
        ("", True),
    ],
)
def test_what_may_weaken_the_policy_is_signed_off_by_waivers(patch: str, weakens: bool) -> None:
    added, removed = patch.count("\n+"), patch.count("\n-")
    file = File(".github/nfr.yml", "modified", added or 1, removed, patch, "a" * 40)
    assert guards(facts(RULES, files=(file,))) == (LEADS if weakens else RULES.reviewers)


@pytest.mark.parametrize("status", ["removed", "renamed", "changed"])
def test_a_policy_that_goes_or_moves_is_signed_off_by_waivers(status: str) -> None:
    file = File(".github/nfr.yml", status, 1, 0, "@@ -0,0 +1 @@\n+# x", "a" * 40)
    assert guards(facts(RULES, files=(file,))) == LEADS
    moved = msgspec.structs.replace(file, path="nfr.yml", previous_path=".github/nfr.yml")
    assert guards(facts(RULES, files=(moved,))) == LEADS


def test_without_a_change_of_the_policy_reviewers_sign_off() -> None:
    assert guards(facts(RULES, files=(File("a.py", "removed"),))) == RULES.reviewers
