"""Diffs that are too much: looked at within bounds by all packs, and what is left out is said."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from msgspec import structs

from ghapp.core.decide import decide
from ghapp.core.model import File
from ghapp.core.policy.policy import Policy
from ghapp.core.records import History, PolicySource
from ghapp.core.review.facts import Facts
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.hazards import MOST_OF_HAZARD, findings
from ghapp.core.scan.scan import scan
from tests.meta.test_simulation import AREAS, PULL, added

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = Policy(areas=AREAS, mode="enforce")


def judged(*files):
    """The checklist, the findings and the check run's summary."""
    pull = replace(PULL, files=files, changed_files=len(files))
    seen = scan(pull, POLICY)
    found = findings(seen.suspicion, dict.fromkeys(one.path for one in seen.wanted))
    asked = checklist(seen, POLICY, found)
    facts = Facts(NOW, pull, POLICY, PolicySource())
    run = decide(facts, History(), asked, (), ()).marks.check_run
    return asked, found, run


def test_a_line_of_two_megabytes_is_not_looked_at_and_makes_the_file_an_area():
    asked, found, run = judged(added("src/data.py", "DROP TABLE orders; " + "x" * (2 << 20)))
    assert found == ()
    assert asked.unread == ("src/data.py",)
    assert run.conclusion == ""
    assert "`src/data.py`" in run.summary


def test_a_long_line_is_searched_to_its_end():
    _, found, _ = judged(added("src/data.sql", "x" * 200_000 + "; DROP TABLE orders;"))
    assert [one.hazard for one in found] == ["DBM-006"]


def test_a_patch_that_github_cuts_is_searched_as_far_as_it_goes_and_the_check_says_so():
    cut = structs.replace(added("db/migrate/1.sql", "DROP TABLE orders;"), additions=400)
    asked, found, run = judged(cut)
    assert [one.hazard for one in found if one.severity == "must"] == ["DBM-006"]
    assert asked.partly == ("db/migrate/1.sql",)
    assert "`db/migrate/1.sql`" in run.summary


def test_a_binary_file_is_no_text():
    asked, found, run = judged(File("logo.png", "added", sha="s"))
    assert (asked.flagged, found, asked.partly) == ((), (), ())
    assert run.conclusion == "success"


@pytest.mark.parametrize(("line", "flagged"), [("DROP TABLE x{n};", True), ("x = {n}", False)])
def test_a_file_of_100000_lines_gives_a_bounded_number_of_findings(line, flagged):
    text = "\n".join(line.format(n=n % 10) for n in range(100_000))[: 1 << 19]
    asked, found, run = judged(added("db/migrate/1.sql", text))
    assert len(found) <= MOST_OF_HAZARD * 3
    assert ("database-migration" in {one.area.id for one in asked.flagged}) is flagged
    assert len(run.text) <= 65_535
    assert len(run.annotations) <= 30


def test_all_files_that_github_lists_are_looked_at():
    files = [added(f"db/migrate/{n}.sql", "ALTER TABLE a DROP COLUMN b;") for n in range(3_000)]
    asked, found, run = judged(*files)
    assert len(asked.flagged[0].files) == 3_000
    assert sum(one.hazard == "DBM-005" for one in found) == MOST_OF_HAZARD
    assert len(run.summary) <= 65_535
