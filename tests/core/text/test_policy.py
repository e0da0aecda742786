"""What a check run says about the policy in force, and about what a lock refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ghapp.core.decide import decide
from ghapp.core.markdown import MOST_TEXT
from ghapp.core.marks import CheckRun, Marks
from ghapp.core.model import Problem
from ghapp.core.policy.policy import Origin, Policy
from tests.core.build import asked, facts, flagged, history, policy
from tests.core.text.scenes import DB

FILES = {
    "mode": Origin("organisation", 3),
    "language": Origin("repository", 2),
    "areas.db": Origin("repository", 7),
}


def marks(rules: Policy, *, clear: bool = False) -> Marks:
    found = asked() if clear else asked(flagged(DB))
    return decide(facts(rules), history(), found, (), ()).marks


def run_of(rules: Policy, *, clear: bool = False) -> CheckRun:
    run = marks(rules, clear=clear).check_run
    assert run
    return run


def test_the_details_end_with_the_values_that_files_set() -> None:
    text = run_of(policy(DB, origins=FILES)).text
    assert text.endswith("""\
<details><summary>Policy in force when this was written: 3 values set by files</summary>

- `mode`: `advise` (organisation, line 3)
- `language`: `en` (repository, line 2)
- `areas.db`: `on` (repository, line 7)

</details>""")
    japanese = run_of(policy(DB, origins=FILES, language="ja"), clear=True).text
    assert "- `mode`：`advise`（組織、3 行目）" in japanese


def test_a_policy_that_leads_to_the_same_review_rewrites_nothing() -> None:
    moved = FILES | {"mode": Origin("organisation", 9)}
    before, after = run_of(policy(DB, origins=FILES)), run_of(policy(DB, origins=moved))
    assert before.text != after.text
    assert before == after


def test_without_files_the_details_say_nothing_of_a_policy() -> None:
    assert "Policy in force" not in run_of(policy(DB)).text


@pytest.mark.parametrize(("areas", "listed"), [(150, True), (0, False)])
def test_the_values_are_left_out_where_they_do_not_fit(areas: int, listed: bool) -> None:
    many = {f"areas.a{n}": Origin("repository", n) for n in range(areas)}
    found = asked(flagged(DB))
    if not areas:
        long = [replace(one, id=f"q{n}") for one in flagged(DB).items for n in range(900)]
        found = asked(replace(flagged(DB), items=tuple(long)))
    rules = policy(DB, origins=FILES | many)
    run = decide(facts(rules), history(), found, (), ()).marks.check_run
    assert run and len(run.text) <= MOST_TEXT
    assert ("- and 53 more" in run.text) is listed


def test_what_a_lock_refuses_is_in_the_check_run_alone() -> None:
    said = Problem(".github/nfr.yml", 4, 2, "`mode` is weaker than what the organisation locks")
    rules = policy(DB, refused=(said,), comment="flagged")
    for clear in (False, True):
        summary = run_of(rules, clear=clear).summary
        assert "weaker than its organisation allows" in summary
        assert "- ``.github/nfr.yml:4:2: `mode` is weaker" in summary
    comment = marks(rules).comment
    assert comment and "organisation" not in comment
    assert run_of(rules) != run_of(policy(DB, comment="flagged"))
