"""What a pull has from its project, and what can be said on the issue of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from ghapp.core.areas import Detect
from ghapp.core.decide import ProjectDecision, decide, decide_project
from ghapp.core.i18n import LANGUAGES, Words
from ghapp.core.ledger import Entry, Verb
from ghapp.core.marks import Marks
from ghapp.core.model import Account, Message, ProjectKey
from ghapp.core.policy.policy import Policy, Projects
from ghapp.core.records import History, Membership, Project, ProjectPull
from ghapp.core.review.facts import Facts
from ghapp.core.review.judge import asks, judge
from ghapp.core.review.project_issue import areas, checklist, consultation, judging, seen
from ghapp.core.review.projects import (
    Inherited,
    Reference,
    asked_mark,
    consulted,
    expires_at,
    inherited,
    new_areas,
    open_concerns,
    reference,
    references,
    spelled,
)
from ghapp.core.review.review import review_of
from ghapp.core.scan.checklist import Flagged
from ghapp.core.text import projects as words_of
from ghapp.core.text.overview import overview
from tests.core.build import (
    SHOP,
    area,
    asked,
    at,
    comment,
    entry,
    facts,
    finding,
    flagged,
    history,
    item,
    policy,
    pull,
    shown,
)
from tests.core.review.verdicts import RIGHTS, brief

LABEL = Projects().label
PEAK = replace(item("db-rollback"), scope="project")
DB = replace(area("db"), items=(PEAK, item("db-plan", "should")))
RULES = policy(DB)
HERE = ProjectKey(SHOP, 12)


def project(*ledger: Entry, **changes: Any) -> Project:
    known = Project(HERE, "Points", "https://github.example/12", is_open=True, ledger=ledger)
    return replace(known, **changes)


def answered(verb: Verb = Verb.CHECK, minutes: float = 1, **changes: Any) -> Entry:
    values = {"fingerprint": asked_mark(PEAK), "note": "500 rps"} | changes
    return entry(verb, "db-rollback", "bob", minutes, **values)


def on(of: Project | None, rules: Policy = RULES, **changes: Any) -> Facts:
    return replace(facts(rules, **changes), project=of)


def again(of: Project, *own: Entry, rules: Policy = RULES, by: Flagged | None = None) -> str | None:
    """Why the question is asked again; None if the project says nothing about it."""
    found = inherited(on(of, rules), by or flagged(DB), own)
    return found["db-rollback"].again if found else None


# --- references ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("NFR-Project: #12", [("trailer", "acme/shop#12")]),
        ("text\r\n\r\nnfr-project: Acme/Batch#7\r\n", [("trailer", "acme/batch#7")]),
        ("See NFR-Project: #12", []),
        ("<!-- NFR-Project: #12 -->", []),
        ("```\nNFR-Project: #12\n```", []),
        ("<!--\nNFR-Project: #12", []),
        ("`fixes #12`", []),
        ("Fixes #12, closes #13", [("parent", "acme/shop#12")]),
        ("prefixes #12", []),
        ("Resolved: #0", []),
        ("closes #9\n\nNFR-Project: #12", [("trailer", "acme/shop#12"), ("parent", "acme/shop#9")]),
    ],
)
def test_a_description_names_a_project(body: str, expected: list[tuple[str, str]]) -> None:
    found = references(pull(body=body), RULES, ())
    assert [(one.how, one.issue) for one in found] == expected
    assert all(one.by == Account("ann") for one in found)


def test_a_milestone_is_the_last_way_and_a_policy_may_close_ways() -> None:
    named = pull(body="closes #9", milestone_text="NFR-Project: #12")
    assert [one.how for one in references(named, RULES, ())] == ["parent", "milestone"]
    closed = policy(projects=Projects(ways=frozenset({"milestone"})))
    assert references(named, closed, ()) == (Reference("milestone", "acme/shop#12"),)


def test_the_last_command_decides_alone() -> None:
    named = pull(body="NFR-Project: #12")
    joined = entry(Verb.PROJECT, "acme/shop#7", "bob", 2)
    left = entry(Verb.PROJECT, "none", "bob", 3)
    assert references(named, RULES, [joined]) == (
        Reference("command", "acme/shop#7", Account("bob")),
    )
    assert references(named, RULES, [left, joined]) == ()
    closed = policy(projects=Projects(ways=frozenset({"trailer"})))
    assert [one.how for one in references(named, closed, [left])] == ["trailer"]


def test_a_reference_is_read_and_written_from_its_repository() -> None:
    assert reference("#12", "acme/shop") == "acme/shop#12"
    assert reference("Acme/Batch#7", "acme/shop") == "acme/batch#7"
    assert [reference(word, "acme/shop") for word in ("12", "#", "a#b", "#12x")] == [""] * 4
    assert spelled("acme/shop#12", "Acme/Shop") == "#12"
    assert spelled("acme/batch#7", "acme/shop") == "acme/batch#7"


# --- answers ------------------------------------------------------------------------------------


def test_an_answer_of_the_project_holds_for_any_diff() -> None:
    assert again(project(answered())) == ""
    assert again(project()) is None
    assert inherited(on(None), flagged(DB), ()) == {}


def test_only_questions_about_the_project_are_inherited_and_a_policy_may_inherit_none() -> None:
    plan = entry(Verb.CHECK, "db-plan", "bob", 1, asked_mark(DB.items[1]))
    assert again(project(plan)) is None
    assert again(project(answered()), rules=policy(DB, projects=Projects(inherit="none"))) is None


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (project(answered(), entry(Verb.UNCHECK, "db-rollback", "bob", 2)), "unchecked"),
        (project(answered(), is_open=False), "closed"),
        (project(answered(fingerprint="other words")), "changed"),
        (project(answered(minutes=-90 * 24 * 60)), "age"),
        (project(answered(minutes=60 - 90 * 24 * 60 + 1)), ""),
        (project(answered(Verb.DEFER, until="2026-03-31")), "due"),
        (project(answered(Verb.DEFER, until="2026-04-01")), ""),
    ],
)
def test_a_question_is_asked_again(of: Project, why: str) -> None:
    assert again(of) == why


def test_a_finding_on_the_question_asks_it_again_unless_it_is_accepted() -> None:
    found = project(answered())
    assert again(found, by=flagged(DB, "f1", finding())) == "finding"
    assert again(found, by=flagged(DB, "f1", finding(severity="should"))) == "finding"
    assert again(found, by=flagged(DB, "f1", finding(severity="could"))) == ""
    assert again(found, by=flagged(DB, "f1", finding(accepted="generated"))) == ""
    assert again(found, by=flagged(DB, "f1", finding(item="db-plan"))) == ""


def test_an_answer_given_on_the_pull_goes_first() -> None:
    own = entry(Verb.NA, "db-rollback", "ann", 2)
    removed = entry(Verb.UNCHECK, "db-rollback", "ann", 3)
    assert again(project(answered()), own) is None
    assert again(project(answered()), own, removed) == "unchecked"
    assert again(project(answered(minutes=4)), own, removed) == ""


def test_an_inherited_answer_counts_for_the_sign_off_and_is_never_one() -> None:
    rules = policy(DB, require_answers="must")
    shows = history(shown({"db": "f1"}))
    said = comment("/nfr done")
    open_musts = judge(on(None, rules), shows, asked(flagged(DB)))
    assert open_musts.entries == ()
    seen_by = replace(facts(rules, said), project=project(answered()))
    (signed,) = judge(seen_by, shows, asked(flagged(DB))).entries
    assert signed.verb is Verb.SIGN_OFF
    (refused,) = judge(facts(rules, said), shows, asked(flagged(DB))).entries
    assert brief(refused) == ("refused", "open_musts", "db-rollback")
    review = review_of(on(project(answered()), rules), shows, asked(flagged(DB)), ())
    assert not review.areas[0].open_musts
    assert not review.areas[0].settled
    with_own = (entry(Verb.CHECK, "db-plan", "ann", 2),)
    review = review_of(on(project(answered()), rules), shows, asked(flagged(DB)), with_own)
    assert set(review.areas[0].answered) == {"db-rollback", "db-plan"}
    assert review.areas[0].deferred == {}


def test_a_pull_is_checked_again_when_an_answer_gets_too_old() -> None:
    decided = decide(on(project(answered())), history(), asked(flagged(DB)), (), ())
    assert decided.recheck_at is not None
    assert (decided.recheck_at - at(1)).days == 90
    due = on(project(answered(Verb.DEFER, until="2026-04-10")))
    decided = decide(due, history(), asked(flagged(DB)), (), ())
    assert decided.recheck_at is not None
    assert decided.recheck_at.date().isoformat() == "2026-04-11"
    assert expires_at([Inherited(answered(), "age")], on(None)) is None
    closed = on(project(answered()), is_open=False)
    assert decide(closed, history(), asked(flagged(DB)), (), ()).recheck_at is None


# --- concerns -----------------------------------------------------------------------------------


def test_a_concern_is_asked_on_the_pull_until_it_is_answered_on_the_issue() -> None:
    raised = entry(Verb.CONCERN, "concern-1", "sam", 1, right="team acme/sre", note="On call?")
    of = on(project(raised))
    review = review_of(of, history(), asked(flagged(DB)), ())
    concern = review.areas[0]
    assert (concern.id, concern.title.en) == ("project-concern-1", "Concern 1 of #12 (sam)")
    assert [one.id for one in concern.open_musts] == ["project-concern-1"]
    done = entry(Verb.CHECK, "concern-1", "bob", 2)
    assert open_concerns([raised, done]) == ()
    assert open_concerns([raised, entry(Verb.WITHDRAW, "concern-1", "sam", 2)]) == ()
    said = comment("/nfr done project-concern-1", minutes=9)
    was = history(shown({"project-concern-1": concern.fingerprint}))
    (signed,) = judge(replace(of, messages=(said,)), was, asked(flagged(DB))).entries
    assert (signed.verb, signed.subject) == (Verb.SIGN_OFF, "project-concern-1")
    unseen = judge(replace(of, messages=(said,)), history(shown({"db": "f1"})), asked(flagged(DB)))
    assert [brief(one)[1] for one in unseen.entries] == ["unknown_area"]


# --- the issue ----------------------------------------------------------------------------------

ISSUE = judging(policy(DB, replace(area("web"), items=(item("web-plan"),))))


def judged(*said: Message, was: Iterable[Entry] = (), **changes: Any) -> tuple[Entry, ...]:
    """What messages on the issue of a project add to its ledger."""
    observed = Marks(labels=frozenset({LABEL}))
    values = {"title": "Points", "author": ""} | changes
    known = facts(ISSUE, *said, rights=RIGHTS, observed=observed, **values)
    asks_about = checklist(ISSUE)
    history_ = seen(History(ledger=tuple(was)), asks_about)
    return judge(replace(known, on_issue=True), history_, asks_about).entries


def test_an_answer_on_the_issue_is_bound_to_the_words_of_the_question() -> None:
    (told,) = judged(comment("/nfr check db-rollback -- 500 rps", "bob"))
    assert (told.verb, told.fingerprint, told.right) == (Verb.CHECK, asked_mark(PEAK), "write")
    assert again(project(told)) == ""
    (refused,) = judged(comment("/nfr check db-plan", "bob"))
    assert brief(refused)[1] == "unknown_item"
    (deferred,) = judged(comment("/nfr defer db-rollback until 2026-04-20 -- later", "bob"))
    assert (deferred.until, deferred.owner, deferred.right) == ("2026-04-20", "bob", "write")


def test_everybody_needs_write_access_also_the_author_of_the_issue() -> None:
    for said in ("check db-rollback", "na db-rollback -- x", "consult db", "project"):
        (refused,) = judged(comment(f"/nfr {said}", "eve"))
        assert refused.replied
        assert refused.verb is Verb.REFUSED
    assert asks([comment("/nfr consult db", "ann")], ISSUE, pull())["ann"].permission


def test_an_issue_becomes_a_project_by_a_command_alone() -> None:
    (begun,) = judged(comment("/nfr project", "bob"))
    assert (begun.verb, begun.subject) == (Verb.PROJECT, "")
    assert [brief(one)[1] for one in judged(comment("/nfr project #3", "bob"))] == [
        "subjects_unwanted"
    ]


@pytest.mark.parametrize(
    ("issue", "expected"),
    [
        ({"title": "Rewrite area DB"}, ["db"]),
        ({"body": "about 領域 db"}, ["db"]),
        ({"labels": frozenset({"nfr/area: db"})}, ["db"]),
        ({"title": "Points"}, []),
    ],
)
def test_a_consultation_is_about_the_areas_that_the_issue_suggests(
    issue: dict[str, Any], expected: list[str]
) -> None:
    told = judged(comment("/nfr consult", "bob"), **issue)
    assert [one.subject for one in told if one.verb is Verb.CONSULT] == expected


def test_the_pattern_of_a_title_suggests_its_area() -> None:
    hinted = replace(DB, detect=Detect(title="(?i)migrat"))
    rules = judging(policy(hinted))
    known = facts(rules, comment("/nfr consult", "bob"), rights=RIGHTS, title="Migrate orders")
    known = replace(known, observed=Marks(labels=frozenset({LABEL})), on_issue=True)
    asks_about = checklist(rules)
    (told,) = judge(known, seen(History(), asks_about), asks_about).entries
    assert told.subject == "db"


def test_reviewers_answer_a_consultation_and_may_be_asked_again() -> None:
    asked_for = judged(comment("/nfr consult db -- fine?", "bob"), comment("/nfr done", number=2))
    assert [(one.verb, one.subject) for one in asked_for] == [
        (Verb.CONSULT, "db"),
        (Verb.SIGN_OFF, "db"),
    ]
    once = consulted(asked_for)["db"]
    assert once.answered
    repeated = entry(Verb.CONSULT, "db", "bob", 8, note="and now?", number=5)
    twice = consulted([*asked_for, repeated])["db"]
    assert (twice.answered, twice.asked.note) == (None, "and now?")
    undone = consulted([*asked_for, entry(Verb.UNDO, "db", "sam", 9)])["db"]
    assert undone.answered is None
    still = consulted([asked_for[0], repeated])["db"]
    assert (still.asked.note, still.last.note) == ("fine?", "and now?")
    question = judged(comment("/nfr consult -- anything else?", "bob"))
    assert [one.subject for one in question] == [""]
    (told,) = judged(comment("/nfr done"), was=question)
    assert (told.verb, told.subject, told.right) == (Verb.SIGN_OFF, "", "team acme/sre")
    (refused,) = judged(comment("/nfr done", "bob"), was=question)
    assert brief(refused)[1] == "not_reviewer"
    (named,) = judged(comment("/nfr done db"), was=question)
    assert (named.verb, named.subject) == (Verb.SIGN_OFF, "db")


def board(*ledger: Entry, begins: bool = False, **changes: Any) -> ProjectDecision:
    observed = Marks(labels=frozenset(changes.pop("labelled", {LABEL})))
    rules = replace(ISSUE, language=changes.pop("language", "en"))
    known = facts(rules, observed=observed, title="Points", author="", **changes.pop("issue", {}))
    pulls = changes.pop("pulls", ())
    return decide_project(replace(known, on_issue=True), tuple(ledger), pulls, begins=begins)


def member(number: int, state: str = "signed_off", **changes: Any) -> ProjectPull:
    known = ProjectPull("acme/shop", number, "feat: a|b", state, True, (("db", DB.title),))
    return replace(known, **changes)


def test_the_comment_on_the_issue_shows_where_the_project_is() -> None:
    raised = entry(Verb.CONCERN, "concern-1", "sam", 3, note="On call?")
    asks_ = entry(Verb.CONSULT, "db", "bob", 1, note="fine?")
    question = entry(Verb.CONSULT, "", "bob", 1, note="more?")
    done = entry(Verb.SIGN_OFF, "db", "sam", 2, note="yes")
    told = (asks_, question, done, answered(minutes=2), raised)
    text = board(*told, pulls=(member(5),)).marks.comment
    assert "NFR project: no open question" in text
    assert "asked by bob on 1 Apr · `fine?` · accepted by sam on 1 Apr · `yes`" in text
    assert "`more?` · waits for the reviewers" in text
    assert "☑" in text
    assert "answered · `500 rps` · bob · 1 Apr" in text
    assert "`concern-1` · `On call?` · sam" in text
    assert "| #5 `feat: a|b` | Area db | signed off |" in text
    start = board().marks.comment
    assert "Nobody has been consulted yet" in start
    assert "NFR project: 1 question open" in board(asks_).marks.comment


def test_a_deferral_opens_no_follow_up_and_lasts_until_its_day_is_over() -> None:
    holds, over = (answered(Verb.DEFER, until=day) for day in ("2026-04-01", "2026-03-31"))
    deferred, again = board(holds), board(over)
    assert "NFR project: no open question" in deferred.marks.comment
    assert "deferred until 2026-04-01 · `500 rps` · bob · 1 Apr" in deferred.marks.comment
    assert "Deferring here opens no follow-up: after its day, each open pull" in (
        deferred.marks.comment
    )
    assert "NFR project: 1 question open" in again.marks.comment
    assert "~~deferred until 2026-03-31 · `500 rps` · bob · 1 Apr~~ asked again" in (
        again.marks.comment
    )
    assert "opens no follow-up" not in again.marks.comment
    assert "opens no follow-up" not in board(answered()).marks.comment
    assert [bool(one.areas[0].items[0].answer) for one in (deferred, again)] == [True, False]
    assert "後日対応の Issue を作成しません" in board(holds, language="ja").marks.comment


def test_pages_show_the_areas_of_a_project_as_its_comment_does() -> None:
    asks_ = entry(Verb.CONSULT, "db", "bob", 1, note="fine?")
    question = entry(Verb.CONSULT, "", "bob", 1, note="more?")
    done = entry(Verb.SIGN_OFF, "db", "sam", 2, note="yes")
    general, known = board(asks_, question, done, answered(minutes=3)).areas
    assert (general.id, general.accepted, general.items) == ("", None, ())
    assert general.consulted and general.consulted.text == "more?"
    assert known.consulted and known.accepted
    assert (known.id, known.consulted.who, known.accepted.who) == ("db", "bob", "sam")
    (first,) = known.items
    assert first.answer and first.answer.text == "500 rps"
    (known,) = board(pulls=(member(5),)).areas
    assert (known.consulted, known.items[0].answer) == (None, None)
    assert board().areas == ()
    assert board(asks_, labelled=()).areas == ()


def test_a_pull_shows_its_project_and_what_is_answered_there() -> None:
    known = on(project(answered()))
    found = overview(review_of(known, history(), asked(flagged(DB)), ()))
    assert found.project and known.project
    assert (found.project.key, found.project.title) == (known.project.key, known.project.title)
    (flagged_area,) = found.areas
    assert {one.id: one.is_inherited for one in flagged_area.items if one.answer} == {
        "db-rollback": True
    }
    alone = overview(review_of(on(None), history(), asked(flagged(DB)), ()))
    assert alone.project is None
    assert not any(one.is_inherited for one in alone.areas[0].items)


def test_the_comment_on_the_issue_links_to_the_page_if_there_is_one() -> None:
    assert "Timeline and details" not in board().marks.comment
    known = replace(facts(ISSUE, observed=Marks(labels=frozenset({LABEL}))), on_issue=True)
    url = f"https://ghapp.example{HERE.page}"
    assert url.endswith("/projects/acme/shop/12")
    comment = decide_project(replace(known, details=url), (), (), begins=False).marks.comment
    assert f"[Timeline and details]({url})" in comment


def test_reviewers_of_what_is_asked_are_recorded() -> None:
    asks_ = entry(Verb.CONSULT, "db", "bob", 1, note="fine?")
    found = board(asks_).consultation
    assert found and found.reviewers == DB.reviewers.words


def test_at_most_fifty_pulls_are_listed() -> None:
    many = tuple(member(number) for number in range(60, 0, -1))
    many = (*many, member(61, full_name="acme/batch", is_open=False, areas=()))
    found = board(pulls=many)
    assert found.marks.comment.count("signed off |") == 50
    assert "11 more" in found.marks.comment
    assert found.touched == {"db": "acme/shop#1"}
    elsewhere = board(pulls=many[-1:]).marks.comment
    assert "| acme/batch#61 `feat: a|b` |  | closed |" in elsewhere


def test_what_waits_for_the_reviewers_is_recorded_while_the_project_is_open() -> None:
    asks_ = entry(Verb.CONSULT, "db", "bob", 1, note="fine?")
    found = board(asks_, entry(Verb.CONSULT, "", "ann", 2, note="more?", number=2))
    assert found.consultation
    assert (found.consultation.areas, found.consultation.who) == (("db",), "ann")
    assert (found.consultation.asked_at, found.consultation.question) == (at(1), "more?")
    assert board(asks_, issue={"is_open": False}).consultation is None
    assert consultation(facts(ISSUE), ()) is None


def test_an_issue_that_is_no_project_carries_nothing() -> None:
    plain = board(labelled=())
    assert (plain.is_project, plain.marks) == (False, Marks())
    begun = board(begins=True, labelled=())
    assert (begun.is_project, begun.is_open, begun.marks.labels) == (True, True, {LABEL})


def test_areas_without_questions_about_a_project_are_left_out() -> None:
    assert list(areas(ISSUE)) == ["db"]


# --- words --------------------------------------------------------------------------------------


def line(found: Membership | None, of: Project | None, language: str = "en", **more: Any) -> str:
    rules = policy(DB, language=language, **more)
    known = replace(on(of, rules), membership=found)
    return words_of.line(review_of(known, history(), asked(flagged(DB)), ()), Words(language))


JOINED = Membership("trailer", "acme/shop#12", "ann", "joined", HERE)


def test_a_pull_says_which_project_it_has_and_how_it_was_found() -> None:
    assert line(None, None) == ""
    text = line(JOINED, project(answered()))
    assert text.startswith("**Project**: [#12](https://github.example/12) `Points`, named in")
    assert "Nobody was consulted about Area db in #12 before" in text
    consulted_ = entry(Verb.CONSULT, "db", "bob", 1)
    assert "Nobody" not in line(JOINED, project(answered(), consulted_))
    assert "Nobody" not in line(JOINED, project(touched={"db": "acme/shop#3"}))
    assert "Nobody" in line(JOINED, project(touched={"db": "acme/shop#5"}))
    assert "Nobody" not in line(JOINED, project(), projects=Projects(new_area="quiet"))
    assert "It is closed" in line(JOINED, project(is_open=False))
    hint = Membership("trailer", "acme/batch#12", "eve", "hint")
    assert "comments `/nfr project acme/batch#12`" in line(hint, None)
    missing = Membership("command", "acme/shop#12", "bob", "no_project")
    assert line(missing, None).startswith("#12 is not a project")
    assert line(replace(missing, how="parent"), None) == ""
    assert list(new_areas(on(None), [flagged(DB)])) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("why", ["", "finding", "changed", "age", "due", "unchecked", "closed"])
def test_an_inherited_answer_says_from_where_and_why_it_is_asked_again(
    language: str, why: str
) -> None:
    rules = policy(DB, language=language)
    review = review_of(on(project(answered()), rules), history(), asked(flagged(DB)), ())
    found = replace(review.areas[0], inherited={"db-rollback": Inherited(answered(), why)})
    text = words_of.answer("db-rollback", found, review, Words(language))
    assert ("#12 `500 rps` bob" in text) is (why != "unchecked")
    assert text.startswith("~~") is (why not in ("", "unchecked"))
    assert words_of.answer("db-plan", found, review, Words(language)) == ""
    assert board(answered(), language=language).marks.comment


def test_what_is_no_answer_says_so() -> None:
    review = review_of(on(project(answered(Verb.NA))), history(), asked(flagged(DB)), ())
    text = words_of.answer("db-rollback", review.areas[0], review, Words("en"))
    assert text == "from #12 not applicable `500 rps` bob 1 Apr"
