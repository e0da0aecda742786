"""Whatever a pull changes and people say: what is only observed leaves no trace."""

from __future__ import annotations

from functools import cache
from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from ghapp import builtin_packs
from ghapp.core.decide import Decision, decide
from ghapp.core.ledger import Entry, Verb
from ghapp.core.model import File
from ghapp.core.policy.policy import Policy, effective, problems_of
from ghapp.core.records import PolicySource
from ghapp.core.scan.checklist import checklist
from ghapp.core.scan.hazards import findings
from ghapp.core.scan.scan import scan
from tests.core.build import START, entry, facts, history, shown

AREAS = (
    "background-jobs", "config-secrets", "database-migration", "frontend-performance", "http-api",
    "new-service-large-change", "payments-checkout", "sql-query",
)  # fmt: skip
LINES = {
    "db/migrate/1_points.sql": "ALTER TABLE orders ADD COLUMN points INT NOT NULL DEFAULT 0;",
    "app/jobs/charge.py": "@shared_task",
    "app/payments/checkout.py": "stripe.Charge.create(amount=total)",
    "app/api/routes.py": "@app.post('/orders')",
    "app/orders.py": "rows = db.execute('SELECT * FROM orders WHERE total > 5')",
    "config/app.yml": "password: 'hunter2hunter2hunter2'",
    "web/app.tsx": "import _ from 'lodash'",
    ".github/nfr.yml": "mode: observe",
}


def file(path: str, hidden: bool) -> File:
    """A new file with one line; hidden: GitHub leaves its patch out."""
    patch = "" if hidden else f"@@ -0,0 +1 @@\n+{LINES[path]}"
    sha = PurePosixPath(path).name.ljust(40, "0")[:40]
    return File(path, "added", 1, 0, patch, sha)


FILES = st.dictionaries(st.sampled_from(sorted(LINES)), st.booleans()).map(
    lambda found: tuple(file(path, hidden) for path, hidden in sorted(found.items()))
)
LEDGERS = st.lists(
    st.builds(
        lambda verb, subject: entry(verb, subject, note="why"),
        st.sampled_from([Verb.SIGN_OFF, Verb.HOLD, Verb.CHECK, Verb.REFUSED, Verb.EXPLAIN]),
        st.sampled_from(["", "database-migration", "http-api", "dbm-rollback"]),
    ),
    max_size=3,
)
MODES = st.sampled_from(["observe", "advise", "enforce"])
GENERAL = st.sampled_from(["observe", "advise", "enforce", "enforce\nenforce_from: 2100-01-01"])
RULES = builtin_packs.rules("advise")


@cache
def policy(general: str, areas: tuple[tuple[str, str], ...], max_items: int) -> Policy:
    """areas: by id, what stands for the area in the file."""
    listed = "".join(f"  {name}: {value}\n" for name, value in areas)
    text = f"mode: {general}\nmax_items: {max_items}\nareas:\n{listed or '  {}'}\n"
    assert not problems_of(text, RULES)
    return effective(PolicySource(text), RULES).on(START)


def decided(rules: Policy, files: tuple[File, ...], ledger: list[Entry]) -> Decision:
    """What a run decides that finds these files, and reads no whole file."""
    seen = facts(rules, files=files, changed_files=len(files))
    scanned = scan(seen.pull, rules)
    found = findings(scanned.suspicion, {})
    was = history(shown({"database-migration": "f1"}))
    return decide(seen, was, checklist(scanned, rules, found), tuple(ledger), ())


@given(FILES, LEDGERS, st.dictionaries(st.sampled_from(AREAS), MODES), GENERAL, st.integers(1, 7))
def test_an_observed_area_changes_nothing_that_is_written(
    files: tuple[File, ...],
    ledger: list[Entry],
    areas: dict[str, str],
    general: str,
    max_items: int,
) -> None:
    """As if it were switched off."""

    def with_observed(value: str) -> Policy:
        listed = {
            name: value if mode == "observe" else f"{{mode: {mode}}}"
            for name, mode in sorted(areas.items())
        }
        return policy(general, tuple(listed.items()), max_items)

    off, observed = with_observed("off"), with_observed("{mode: observe}")
    one, other = (decided(rules, files, ledger) for rules in (off, observed))
    if off.writes == observed.writes:
        assert other.marks == one.marks
        assert other.verdict == one.verdict
    assert {area.id for area in observed.observed} >= {
        name for name, mode in areas.items() if mode == "observe"
    }


@given(FILES, LEDGERS, st.sets(st.sampled_from(AREAS)))
def test_where_everything_is_observed_nothing_is_written(
    files: tuple[File, ...], ledger: list[Entry], named: set[str]
) -> None:
    listed = tuple((name, "{mode: observe}") for name in sorted(named))
    made = decided(policy("observe", listed, 7), files, ledger)
    assert not made.writes
    assert made.review.areas == ()
    assert made.marks.labels | made.marks.requests == frozenset()
