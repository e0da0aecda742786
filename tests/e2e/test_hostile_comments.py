"""Comments that are wrong or malicious: they are refused or shown, and do nothing."""

from __future__ import annotations

from tests.e2e.marks import (
    body,
    boxes,
    conclusion,
    line,
    marks,
    outside_code,
    reactions,
    refused,
)
from tests.e2e.stories import Shop, Steps, story


@story()
def test_a_command_with_ten_thousand_names_is_refused_once(shop: Shop) -> Steps:
    pull, other = shop.open(), shop.open(branch="feat/other")
    yield
    many = pull.comment("/nfr check" + " dbm-rollback" * 10_000, "ann")
    different = other.comment("/nfr check " + " ".join(f"x{n}" for n in range(1_500)), "ann")
    yield
    # Below the most characters that are read it is the count that is refused.
    assert reactions(other, different) == ["confused"]
    assert "too many names at once (`check 100` at most)" in body(other)
    assert len(reactions(pull, many)) == 1
    assert len(body(pull)) < 10_000


@story()
def test_invisible_characters_are_spelled_out(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    zero = pull.comment("/nfr check dbm-\u200brollback", "ann")
    turned = pull.comment("/nfr done \u202edatabase-migration", "sam")
    kelvin = pull.comment("/nfr chec\u212a dbm-rollback", "bob")
    yield
    assert [reactions(pull, one) for one in (zero, turned, kelvin)] == [["confused"]] * 3
    assert "`dbm-[U+200B]rollback`" in refused(pull, "ann")
    assert "Did you mean `dbm-rollback`?" in refused(pull, "ann")
    assert "`[U+202E]database-migration`" in refused(pull, "sam")
    assert "Did you mean `check`?" in refused(pull, "bob")
    assert not any(boxes(pull).values())


HOSTILE = (
    "@everyone <!-- ghapp:nfr --> --> </details></summary> ![x](https://evil.example/p.png) "
    "[good](https://evil.example) `/nfr done` - [x] `dbm-rollback` <b>@acme/sre</b>"
)


@story()
def test_markup_and_mentions_in_a_note_are_shown_as_text(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    pull.comment(f"/nfr check dbm-rollback -- {HOSTILE}", "ann")
    pull.comment(f"/nfr na dbm-query-plan -- {HOSTILE}", "ann")
    pull.comment(f"/nfr defer dbm-online-ddl -- {HOSTILE}", "ann")
    pull.comment(f"/nfr concern {HOSTILE}", "sam")
    pull.comment(f"/nfr hold -- {HOSTILE}", "sue")
    pull.comment(f"/nfr done {HOSTILE}", "eve")
    yield
    bare = outside_code(body(pull))
    assert pull.comments[0].body.startswith("<!-- ghapp:nfr -->\n")
    for strange in ("@everyone", "@acme", "![x]", "evil.example", "<b>"):
        assert strange not in bare, strange
    assert bare.count("<!--") == 1
    assert bare.count("</details>") == bare.count("<details>")
    assert marks(pull)[1] == {"on hold"}
    pull.comment("/nfr undo", "sue")
    yield
    pull.comment(f"/nfr done -- {HOSTILE}", "sue")
    yield
    assert marks(pull) == ("success", {"signed off", "follow-ups"})
    (issue,) = shop.issues
    bare = outside_code(issue.body or "")
    assert "@" not in bare
    assert bare.count("<!--") == 1
    assert "evil.example" not in bare


DAYS = [
    ("2020-01-01", "`2020-01-01` has passed already"),
    ("2027-02-30", "`2027-02-30` is not a date"),
    ("9999-12-31", "that is too far off; the last possible day is"),
    ("99999-01-01", "`99999-01-01` is not a date"),
    ("someday", "`someday` is not a date"),
]


@story()
def test_impossible_past_and_far_off_days_are_refused(shop: Shop) -> Steps:
    pulls = [shop.open(branch=f"feat/{number}") for number, _ in enumerate(DAYS)]
    yield
    for pull, (day, _) in zip(pulls, DAYS, strict=True):
        pull.comment(f"/nfr defer dbm-query-plan until {day} -- later", "ann")
    yield
    for pull, (_, reason) in zip(pulls, DAYS, strict=True):
        assert reason in refused(pull, "ann")
        assert "deferred by" not in body(pull)
    assert all(conclusion(pull) == "in progress" for pull in pulls)


@story()
def test_owners_who_do_not_exist_are_refused_or_reported_as_unassigned(shop: Shop) -> Steps:
    pull, team = shop.open(), shop.open(branch="feat/team")
    yield
    pull.comment("/nfr defer dbm-query-plan by @no-such-login -- later", "ann")
    asked = team.comment("/nfr defer dbm-query-plan by @acme/sre -- later", "ann")
    yield
    assert reactions(team, asked) == ["confused"]
    assert "`acme/sre` is not a GitHub login" in refused(team, "ann")
    pull.comment("/nfr done", "sam")
    yield
    (issue,) = shop.issues
    assert [one.login for one in issue.assignees] == []
    assert "the owner could not be assigned" in line(pull, f"#{issue.number} · ")
