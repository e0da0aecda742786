"""The standing review: one issue about the configuration of a repository, kept in line."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from ghapp.core.model import Repository
from ghapp.emulator.issue import Issue
from ghapp.store import configurations
from ghapp.store.schema import configuration_findings
from ghapp.store.sql import Connection, Statement
from tests.e2e.stories import Shop, Steps, story
from tests.e2e.world import in_store

WEEKLY = "version: 1\nreviewers: {teams: [sre]}\nconfiguration: {scan: weekly}\n"
OFF = "version: 1\nreviewers: {teams: [sre]}\n"
OPEN_TO_ALL = 'resource "aws_security_group_rule" "ssh" {\n  cidr_blocks = ["0.0.0.0/0"]\n}\n'
CLOSED = 'resource "aws_security_group_rule" "ssh" {\n  cidr_blocks = ["10.0.0.0/8"]\n}\n'
PLACE = "IAC-001 infra/ssh.tf"


def search(shop: Shop) -> None:
    """Have the repository searched, as a week later."""
    place, installation = shop.repository, shop.repository.installation
    assert installation
    known = Repository(installation.id, place.id, place.full_name)
    in_store(shop.world, lambda store: store.records.write(configurations.want, [known]))


def aged(connection: Connection) -> None:
    """Let a day pass for what was found: only GitHub's clock is set forward in a story."""
    first_seen = configuration_findings.c.first_seen - 86_400.0
    connection.change(Statement(update(configuration_findings).values(first_seen=first_seen)))


def text(issue: Issue) -> str:
    return issue.body or ""


def reactions(issue: Issue, comment_id: int) -> list[str]:
    return [one.content for one in issue.find_comment(comment_id).reactions]


@story(OFF)
def test_without_the_policy_nobody_gets_an_issue(shop: Shop) -> Steps:
    shop.repository.push("main", {"infra/ssh.tf": OPEN_TO_ALL}, by="sue")
    search(shop)
    yield
    assert shop.issues == []


@story(OFF)
def test_one_issue_follows_what_is_found(shop: Shop) -> Steps:
    shop.repository.push("main", {"infra/ssh.tf": OPEN_TO_ALL}, by="sue")
    shop.policy(WEEKLY)
    yield
    (issue,) = shop.issues
    assert issue.labels == {"nfr: configuration"}
    assert "**1 finding open** in the configuration of the default branch: 1 must." in text(issue)
    assert "- **must** `IAC-001` " in text(issue)
    assert "  - `infra/ssh.tf`, line 2 · since " in text(issue)
    assert "**new**" not in text(issue)
    shop.repository.push("main", {"infra/ssh.tf": CLOSED, "infra/all.tf": OPEN_TO_ALL}, by="sue")
    search(shop)
    yield
    assert shop.issues == [issue]
    assert "  - `infra/all.tf`, line 2 · **new**" in text(issue)
    assert "Since the search before: 1 new, 1 gone." in text(issue)
    gone = text(issue).partition("**Gone since the search before**")[2]
    assert "- `IAC-001` `infra/ssh.tf`" in gone
    search(shop)
    yield
    assert "Gone since" not in text(issue)
    assert "**new**" not in text(issue)


@story(WEEKLY)
def test_reviewers_accept_a_finding_and_open_it_again(shop: Shop) -> Steps:
    shop.repository.push("main", {"infra/ssh.tf": OPEN_TO_ALL}, by="sue")
    search(shop)
    yield
    (issue,) = shop.issues
    by_author = issue.comment(f"/nfr accept {PLACE} -- it is a bastion", "ann")
    without_reason = issue.comment(f"/nfr accept {PLACE}", "sam")
    unknown = issue.comment("/nfr accept IAC-001 infra/other.tf -- it is a bastion", "sam")
    helped = issue.comment("/nfr help", "ann")
    yield
    assert reactions(issue, helped) == ["eyes"]
    answer = issue.comments[-1]
    assert "- `/nfr accept HAZARD" in answer.body
    once_more = issue.comment("/nfr help", "ann")
    yield
    assert reactions(issue, once_more) == ["eyes"]
    assert issue.comments[-1].id == once_more
    assert f"comment:{once_more}" in answer.body
    for one in (by_author, without_reason, unknown):
        assert reactions(issue, one) == ["confused"]
    assert "(ann): only reviewers may do this" in text(issue)
    assert "there is no such finding" in text(issue)
    assert "**1 finding open**" in text(issue)
    until = (shop.world.clock() + timedelta(days=400)).date().isoformat()
    accepted = issue.comment(f"/nfr accept {PLACE} until {until} -- it is a bastion", "sam")
    yield
    assert reactions(issue, accepted) == ["+1"]
    assert "**No open findings**" in text(issue)
    listed = f"- `IAC-001` `infra/ssh.tf`, line 2 · until {until}: `it is a bastion` (sam)"
    assert listed in text(issue)
    undone = issue.comment(f"/nfr undo {PLACE}", "sue")
    yield
    assert reactions(issue, undone) == ["+1"]
    assert "**1 finding open**" in text(issue)
    assert len(shop.issues) == 1


@story(WEEKLY)
def test_a_reason_in_the_code_accepts_a_finding(shop: Shop) -> Steps:
    ignored = OPEN_TO_ALL.replace('"]\n', '"] # nfr:ignore IAC-001 a bastion\n')
    shop.repository.push("main", {"infra/ssh.tf": ignored}, by="sue")
    search(shop)
    yield
    (issue,) = shop.issues
    assert "**No open findings**" in text(issue)
    assert "- `IAC-001` `infra/ssh.tf`, line 2 · in the code: `a bastion`" in text(issue)


@story(WEEKLY)
def test_a_command_on_another_issue_does_nothing(shop: Shop) -> Steps:
    shop.repository.push("main", {"infra/ssh.tf": OPEN_TO_ALL}, by="sue")
    search(shop)
    yield
    (issue,) = shop.issues
    other = shop.repository.open_issue("ann", "Mine", text(issue))
    said = other.comment(f"/nfr accept {PLACE} -- it is a bastion", "sam")
    yield
    assert reactions(other, said) == ["confused"]  # and nothing else
    assert "**1 finding open**" in text(issue)


@story(WEEKLY)
def test_an_issue_that_was_closed_is_reopened_by_something_new_alone(shop: Shop) -> Steps:
    shop.repository.push("main", {"infra/ssh.tf": OPEN_TO_ALL, "infra/a.tf": OPEN_TO_ALL}, by="sue")
    search(shop)
    yield
    (issue,) = shop.issues
    in_store(shop.world, lambda store: store.records.write(aged))
    issue.close("sam")
    before = text(issue)
    yield
    shop.repository.push("main", {"infra/a.tf": CLOSED}, by="sue")
    search(shop)
    yield
    assert (issue.state, text(issue)) == ("closed", before)
    issue.reopen("sam")
    yield
    assert "**1 finding open**" in text(issue)
    issue.close("sam")
    in_store(shop.world, lambda store: store.records.write(aged))
    yield
    shop.repository.push("main", {"infra/all.tf": OPEN_TO_ALL}, by="sue")
    search(shop)
    yield
    assert issue.state == "open"
    assert "  - `infra/all.tf`, line 2 · **new**" in text(issue)
    assert shop.issues == [issue]


@story(WEEKLY)
def test_an_issue_that_was_deleted_is_opened_once_more(shop: Shop) -> Steps:
    shop.repository.push("main", {"infra/ssh.tf": OPEN_TO_ALL}, by="sue")
    search(shop)
    yield
    (issue,) = shop.issues
    issue.delete("sue")
    shop.repository.push("main", {"infra/all.tf": OPEN_TO_ALL}, by="sue")
    search(shop)
    yield
    (again,) = shop.issues
    assert "**2 findings open**" in text(again)


@story(WEEKLY)
def test_a_pull_request_says_what_it_fixes(shop: Shop) -> Steps:
    files = {"infra/ssh.tf": OPEN_TO_ALL, "infra/old.tf": OPEN_TO_ALL, "infra/all.tf": OPEN_TO_ALL}
    shop.repository.push("main", files, by="sue")
    search(shop)
    yield
    pull = shop.open({"infra/ssh.tf": CLOSED, "infra/old.tf": None}, branch="feat/fix")
    other = shop.open({"app/orders.py": "total = len\n"}, branch="feat/other")
    yield
    summary = pull.check_runs()[-1].summary or ""
    fixes = "**Fixes 2 findings** in the configuration: `IAC-001` `infra/old.tf`, `IAC-001` "
    assert f"{fixes}`infra/ssh.tf`." in summary
    assert "Fixes" not in (other.check_runs()[-1].summary or "")
    pull.push({"infra/ssh.tf": f"{OPEN_TO_ALL}# unchanged rule\n"}, by="ann")
    yield
    assert "**Fixes 1 finding**" in (pull.check_runs()[-1].summary or "")
