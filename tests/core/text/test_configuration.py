"""The issue of the standing review, and what a pull request fixes, as people read it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ghapp import builtin_packs
from ghapp.core.i18n import Words
from ghapp.core.ledger import Entry, Refusal, Verb
from ghapp.core.model import Channel, ConfigurationKey, Repository
from ghapp.core.policy.policy import Policy, effective
from ghapp.core.records import PolicySource
from ghapp.core.review.configuration import Standing, Tracked
from ghapp.core.scan.configuration import rules_of
from ghapp.core.text.configuration import MARKER, commands, fixes, issue, marked

SNAPSHOTS = Path(__file__).parent / "snapshots"
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
BEFORE = NOW - timedelta(days=7)


def policy(language: str) -> Policy:
    text = f"version: 1\nlanguage: {language}\n"
    return effective(PolicySource(text=text), builtin_packs.rules("advise"))


def tracked(
    path: str, hazard: str, line: int, severity: str, first: datetime = BEFORE, **more: object
) -> Tracked:
    values = {"number": line, "area": "iac", "last_seen": NOW, **more}
    return Tracked(path, hazard, line=line, severity=severity, first_seen=first, **values)  # type: ignore[arg-type]


def entry(verb: Verb, note: str, **more: object) -> Entry:
    return Entry("comment:1", 0, verb, "sam", NOW, Channel.COMMENT, note=note, **more)  # type: ignore[arg-type]


FINDINGS = (
    tracked("infra/ssh.tf", "IAC-001", 3, "must"),
    *(tracked("infra/net.tf", "IAC-001", line, "must", NOW) for line in range(1, 11)),
    tracked("infra/a`b.tf", "IAC-009", 7, "should"),
    tracked("infra/db.tf", "IAC-004", 2, "must"),
    tracked("infra/log.tf", "IAC-010", 2, "should"),
    tracked("infra/x.tf", "IAC-010", 5, "should", accepted="known"),
    tracked("infra/old.tf", "IAC-001", 1, "must", gone_at=NOW),
    tracked("infra/older.tf", "IAC-001", 1, "must", gone_at=BEFORE),
)
STANDING = Standing(
    findings=FINDINGS,
    accepted={
        "IAC-004 infra/db.tf": entry(Verb.ACCEPT, "a *copy*", until="2027-01-15"),
        "IAC-010 infra/log.tf": entry(Verb.ACCEPT, "no logs here"),
    },
    searched_at=NOW,
    before=BEFORE,
    files=643,
    unread=("a.tf", "b.tf", "c.tf", "d.tf"),
    complete=False,
    refused=(
        entry(Verb.REFUSED, "/nfr accept", refusal=Refusal("syntax")),
        entry(Verb.REFUSED, "/nfr undo A-1 b", refusal=Refusal("day", "soon")),
        entry(Verb.REFUSED, "not shown"),
    ),
)


def body(standing: Standing, language: str = "en") -> str:
    own = policy(language)
    return issue(standing, rules_of(own).hazards, own).body


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_issue(language: str) -> None:
    file = SNAPSHOTS / f"configuration.{language}.md"
    text = body(STANDING, language) + "\n"
    if os.environ.get("GHAPP_WRITE_SNAPSHOTS"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
    assert marked(text)


def test_an_issue_without_findings_says_so() -> None:
    text = body(Standing(searched_at=NOW, files=2))
    assert "**No open findings** in the configuration of the default branch. Last search: " in text
    assert "Since the search before" not in text
    assert body(Standing()).startswith(f"{MARKER}\n**No open findings**")


def test_a_long_list_has_fifty_lines_and_counts_the_rest() -> None:
    many = [tracked(f"infra/{n}.tf", "IAC-001", 1, "must") for n in range(60)]
    many += [tracked(f"infra/{n}.tf", "IAC-009", 1, "should") for n in range(60)]
    gone = [tracked(f"old/{n}.tf", "IAC-001", 1, "must", gone_at=NOW) for n in range(20)]
    kept = [tracked(f"ok/{n}.tf", "IAC-001", 1, "must", accepted="fine") for n in range(20)]
    text = body(Standing((*many, *gone, *kept), {}, NOW, BEFORE))
    lines = [line for line in text.splitlines() if line.lstrip().startswith("- ")]
    assert len(lines) == 50
    listed = sum("line 1 · since" in line for line in lines)
    assert f"- and {120 - listed} more, in files that are not listed here" in lines
    assert lines.count("- and 10 more") == 2


def test_a_hazard_that_the_policy_no_longer_has_is_listed_by_its_id() -> None:
    text = body(Standing((tracked("a.tf", "OWN-001", 1, "could"),), {}, NOW))
    assert "- **could** `OWN-001` \n" in text


def test_the_issue_links_to_its_page_if_there_is_one() -> None:
    own, page = policy("en"), ConfigurationKey(Repository(1, 2, "acme/shop")).page
    url = f"https://ghapp.example{page}"
    assert page == "/configuration/acme/shop"
    hazards = rules_of(own).hazards
    assert f"how many were open by week]({url})" in issue(STANDING, hazards, own, url).body
    assert "by week" not in issue(STANDING, hazards, own).body


def test_help_lists_what_there_is_on_this_issue() -> None:
    assert commands(Words("en")).splitlines() == [
        "Commands, at the start of a line of a new comment:",
        "",
        "- `/nfr accept HAZARD PATH [until YYYY-MM-DD] -- reason`: accepts all findings of the "
        "rule in that file, or until that day (reviewers)",
        "- `/nfr undo HAZARD PATH`: opens them again (reviewers)",
        "- `/nfr help`: shows this list (anyone)",
    ]
    assert "`/nfr help`：この一覧を表示します【どなたでも】" in commands(Words("ja"))


def test_only_its_own_first_line_marks_the_issue() -> None:
    assert marked(f"{MARKER}\nx")
    assert not marked(f"x\n{MARKER}")
    assert not marked("")


def test_what_a_pull_request_fixes() -> None:
    words = Words("en")
    assert fixes([], words) == ""
    one = fixes([("IAC-001", "a.tf")], words)
    assert one == "**Fixes 1 finding** in the configuration: `IAC-001` `a.tf`."
    many = [("IAC-001", "a.tf"), ("IAC-001", "a.tf"), *(("IAC-002", f"{n}.tf") for n in range(6))]
    assert fixes(many, words).startswith("**Fixes 8 findings** in the configuration: `IAC-001`")
    assert fixes(many, words).endswith("and 2 more files.")
