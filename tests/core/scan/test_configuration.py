"""What is searched of a whole tree, and what is found in its files."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghapp import builtin_packs
from ghapp.core.policy.policy import Policy, effective
from ghapp.core.records import PolicySource
from ghapp.core.scan import configuration
from ghapp.core.scan.configuration import Spot, TreeFile, before, fixed, rules_of, spots, wanted

RULES = builtin_packs.rules("advise")
OPEN = 'resource "aws_security_group_rule" "ssh" {\n  cidr_blocks = ["0.0.0.0/0"]\n}\n'


def policy(text: str = "version: 1\n") -> Policy:
    return effective(PolicySource(text=text), RULES)


def listed(*paths: str, text: str = "version: 1\n") -> list[str]:
    files = [TreeFile(path, "a" * 40, 1) for path in paths]
    return [one.file.path for one in wanted(rules_of(policy(text)), files)]


@pytest.mark.parametrize(
    "path",
    [
        "infra/main.tf",
        "deploy/anything.yaml",
        "Dockerfile",
        ".github/workflows/test.yml",
        "charts/web/values.yaml",
    ],
)
def test_files_of_configuration_are_searched(path: str) -> None:
    assert listed(path) == [path]


@pytest.mark.parametrize(
    "path", ["app/orders.py", "docs/main.tf", "README.md", "vendor/x/main.tf", "db/1.sql"]
)
def test_all_other_files_are_left_alone(path: str) -> None:
    assert listed(path) == []


def test_what_the_policy_ignores_is_left_out() -> None:
    text = "version: 1\nignore: {paths: ['legacy/**']}\n"
    assert listed("legacy/main.tf", "infra/main.tf", text=text) == ["infra/main.tf"]


def test_the_same_content_is_read_once_wherever_it_is_the_same_kind_of_file() -> None:
    rules = rules_of(policy())
    paths = ["a/main.tf", "b/main.tf", "staging/main.tf", "a/other.tf"]
    keys = {one.file.path: one.key for one in wanted(rules, [TreeFile(p, "s", 1) for p in paths])}
    assert keys["a/main.tf"] == keys["b/main.tf"]
    assert keys["staging/main.tf"] != keys["a/main.tf"]  # some hazards leave staging out
    assert keys["a/other.tf"] != keys["a/main.tf"]


def test_other_rules_are_another_reading() -> None:
    files = [TreeFile("main.tf", "s", 1)]
    one, other = (
        next(wanted(rules_of(policy(text)), files)).reading
        for text in (
            "version: 1\n",
            "version: 1\nareas: {infrastructure-as-code: {hazards: {IAC-001: could}}}\n",
        )
    )
    assert one != other


def test_a_finding_has_the_severity_and_the_words_of_the_policy() -> None:
    text = "version: 1\nareas: {infrastructure-as-code: {hazards: {IAC-001: could}}}\n"
    rules = rules_of(policy(text))
    found = spots(rules, "main.tf", OPEN)
    assert found == (Spot("IAC-001", 2),)
    finding = rules.finding("main.tf", found[0])
    assert finding is not None
    assert (finding.severity, finding.path, finding.line) == ("could", "main.tf", 2)
    assert finding.message.en
    assert finding.source == ""  # no content is kept
    assert rules.finding("main.tf", Spot("NONE-001", 1)) is None


def test_a_reason_on_the_line_is_kept() -> None:
    line = OPEN.replace('"]\n', '"] # nfr:ignore IAC-001 a bastion\n')
    assert spots(rules_of(policy()), "main.tf", line) == (Spot("IAC-001", 2, "a bastion"),)
    line = OPEN.replace('"]\n', '"] # nfr:ignore IAC-001\n')
    (found,) = spots(rules_of(policy()), "main.tf", line) or ()
    assert found.ignore_rejected


def test_hazards_about_what_is_removed_or_replaced_find_nothing() -> None:
    text = 'resource "aws_db_instance" "a" {\n  instance_class = "db.m5.large"\n}\n'
    found = {one.hazard for one in spots(rules_of(policy()), "main.tf", text) or ()}
    assert "IAC-014" not in found


def test_a_file_that_is_not_searched_in_full_has_no_findings() -> None:
    rules = rules_of(policy())
    assert spots(rules, "main.tf", "a = 1\n" * 200_000) is None
    assert spots(rules, "main.tf", OPEN, overdue=lambda: True) is None


def test_an_area_that_is_only_observed_is_not_searched() -> None:
    text = "version: 1\nareas: {infrastructure-as-code: {mode: observe}}\n"
    now = datetime(2026, 12, 1, tzinfo=UTC)
    assert "IAC-001" in rules_of(policy().on(now)).hazards
    assert "IAC-001" not in rules_of(policy(text).on(now)).hazards


# --- what a pull request fixes --------------------------------------------------------------------

PATCH = "@@ -1,4 +1,3 @@\n a\n-b\n-c\n+x\n d"


def test_the_old_version_follows_from_the_new_one_and_the_patch() -> None:
    assert before(PATCH, "a\nx\nd\ne\n") == "a\nb\nc\nd\ne"
    assert before(PATCH, "a\r\nx\r\nd\r\n") == "a\nb\nc\nd"
    assert before("@@ -1,2 +0,0 @@\n-a\n-b", "") == "a\nb\n"
    assert before("", "a\nb\n") == "a\nb"


@pytest.mark.parametrize("text", ["a\ny\nd\n", "a\n"])
def test_a_patch_of_another_version_gives_none(text: str) -> None:
    assert before(PATCH, text) is None


@given(st.lists(st.sampled_from("abc"), min_size=1), st.lists(st.sampled_from("abc"), min_size=1))
def test_any_patch_can_be_undone(old: list[str], new: list[str]) -> None:
    rows = [*difflib.unified_diff(old, new, lineterm="", n=3)][2:]
    assert before("\n".join(rows), "\n".join(new) + "\n") == "\n".join(old)


def test_what_is_gone_is_counted_by_hazard() -> None:
    one, two, other = Spot("A-1", 1), Spot("A-1", 9), Spot("B-1", 3)
    accepted = Spot("C-1", 4, accepted="fine")
    assert fixed([one, two, other, accepted], [Spot("A-1", 5)]) == (two, other)
    assert fixed([one], [one, two]) == ()


def test_the_digest_depends_on_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = rules_of(policy()).digest
    monkeypatch.setattr(configuration, "ENGINE", 2)
    configuration._rules.cache_clear()
    assert rules_of(policy()).digest != digest
    configuration._rules.cache_clear()


def test_a_question_about_a_change_is_none_about_what_is_there() -> None:
    text = "moved {\n  from = aws_sqs_queue.a\n  to   = aws_sqs_queue.b\n}\n"
    assert spots(rules_of(policy()), "main.tf", text) == ()
    assert any(one.of_change for area in policy().areas for one in area.hazards)
