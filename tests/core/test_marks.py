from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.marks import (
    AddLabels,
    CheckRun,
    CloseIssue,
    EditIssue,
    Effect,
    Issue,
    Marks,
    OpenIssue,
    PostReply,
    PutCheckRun,
    Reaction,
    Reply,
    RequestReview,
    Written,
    after,
    is_repeatable,
    plan,
    traces,
)

RUN = CheckRun("a" * 40, "d1", "neutral", annotated="n1")

runs = st.builds(
    CheckRun,
    st.sampled_from(["a" * 40, "b" * 40]),
    st.sampled_from(["d1", "d2"]),
    st.sampled_from(["", "success"]),
)
marks = st.builds(
    Marks,
    check_run=runs,
    comment=st.sampled_from(["x", "y"]),
    labels=st.frozensets(st.sampled_from(["l1", "l2", "l3"])),
    reactions=st.frozensets(
        st.builds(Reaction, st.integers(1, 3), st.sampled_from(["+1", "eyes"]))
    ),
    replies=st.frozensets(st.builds(Reply, st.sampled_from(["c1", "c2"]), st.just("help"))),
    issues=st.dictionaries(st.sampled_from(["i1", "i2"]), st.sampled_from(["may", "june"])).map(
        lambda due: frozenset(Issue(item, day) for item, day in due.items())
    ),
)


def planned(desired: Marks, there: Marks) -> tuple[Effect, ...]:
    # What was said stays: reactions and replies are only ever added, and issues never taken away.
    wanted = {one.item for one in desired.issues}
    desired = replace(
        desired,
        reactions=desired.reactions | there.reactions,
        replies=desired.replies | there.replies,
        issues=desired.issues | {one for one in there.issues if one.item not in wanted},
    )
    return plan(desired, there, Written(), {}, {"i1": 11, "i2": 12})


@given(desired=marks, observed=marks)
def test_a_plan_reaches_its_goal(desired: Marks, observed: Marks) -> None:
    there = after(observed, planned(desired, observed))
    assert planned(desired, there) == ()
    assert (there.check_run, there.comment, there.labels) == (
        desired.check_run,
        desired.comment,
        desired.labels,
    )
    assert there.issues >= desired.issues


@given(desired=marks, observed=marks, stop=st.integers(0, 9))
def test_a_plan_may_be_cut_short_anywhere(desired: Marks, observed: Marks, stop: int) -> None:
    part = after(observed, planned(desired, observed)[:stop])
    assert planned(desired, after(part, planned(desired, part))) == ()


def test_the_gate_is_written_first() -> None:
    desired = Marks(RUN, "c", frozenset({"l"}), frozenset({Reaction(1, "+1")}))
    effects = plan(desired, Marks(), Written(), {"l": ("0e8a16", "words")})
    assert [type(effect).__name__ for effect in effects] == [
        "PutCheckRun",
        "AddLabels",
        "PutComment",
        "React",
    ]
    assert AddLabels((("l", "0e8a16", "words"),)) in effects


def patched(there: CheckRun | None, written: Written, desired: CheckRun = RUN) -> int:
    (effect,) = plan(Marks(desired), Marks(there), written, {})
    assert isinstance(effect, PutCheckRun)
    return effect.run_id


def test_a_run_is_patched_only_where_github_lets_it_become_what_it_should() -> None:
    there = replace(RUN, digest="d0")
    known = Written(check_run_id=9, annotated="n1")
    assert patched(there, known) == 9
    assert patched(None, known) == 0
    assert patched(replace(there, head_sha="b" * 40), known) == 0  # another commit's run
    assert patched(there, replace(known, annotated="n0")) == 0  # annotations are never removed
    assert patched(there, known, replace(RUN, conclusion="")) == 0  # completed stays completed
    assert patched(replace(there, conclusion=""), known, replace(RUN, conclusion="")) == 9


def test_an_issue_with_another_due_day_is_edited_where_github_has_one() -> None:
    desired, there = Marks(issues=frozenset({Issue("i1", "june")})), Issue("i1", "may")
    moved = plan(desired, Marks(issues=frozenset({there})), Written(), {}, {"i1": 11})
    assert moved == (EditIssue(Issue("i1", "june"), 11),)
    for known in ({"i1": 0}, {}):
        assert plan(desired, Marks(issues=frozenset({there})), Written(), {}, known) == ()
    assert plan(desired, Marks(), Written(), {}) == (OpenIssue(Issue("i1", "june")),)


def test_an_issue_is_closed_once_for_each_time_that_it_is_done() -> None:
    desired, there = Marks(issues=frozenset({Issue("i1", "may", done="c#0")})), Issue("i1", "may")
    observed = Marks(issues=frozenset({there}))
    (closes,) = plan(desired, observed, Written(), {}, {"i1": 11})
    assert (closes, closes.name) == (
        CloseIssue(Issue("i1", "may", done="c#0"), 11),
        "CloseIssue i1",
    )
    assert plan(desired, after(observed, [closes]), Written(), {}, {"i1": 11}) == ()
    assert plan(desired, observed, Written(), {}, {"i1": 0}) == ()
    assert is_repeatable(closes.name)


def test_writes_of_which_there_may_be_several_are_named_by_what_they_are_about() -> None:
    assert OpenIssue(Issue("dbm-lock", "june")).name == "OpenIssue dbm-lock"
    assert PostReply(Reply("help:eve", "comment:1", "help")).name == "PostReply comment:1"
    assert PutCheckRun(RUN, 0).name == "PutCheckRun"


def test_what_must_not_be_written_twice_leaves_a_trace() -> None:
    there = Marks(
        check_run=RUN,
        comment="x",
        labels=frozenset({"l1"}),
        reactions=frozenset({Reaction(1, "+1")}),
        replies=frozenset({Reply("help:eve", "c1", "help")}),
        issues=frozenset({Issue("i1", "may")}),
    )
    found = traces(there, Written(comment_id=7, check_run_id=8))
    assert found == {"PutCheckRun", "PutComment", "PostReply c1", "OpenIssue i1"}
    effects = plan(there, Marks(), Written(), {})
    assert {one.name for one in effects if not is_repeatable(one.name)} == found
    assert traces(Marks(), Written()) == frozenset()


def test_a_request_names_each_team_and_person_once() -> None:
    wanted = Marks(requests=frozenset({"team:sre:1", "team:sre:2", "user:wes:1", "team:old:0"}))
    observed = Marks(requests=frozenset({"team:old:0"}))
    (effect,) = plan(wanted, observed, Written(), {})
    assert isinstance(effect, RequestReview)
    assert (effect.names("team"), effect.names("user")) == (["sre"], ["wes"])
    assert after(observed, (effect,)) == wanted
    assert plan(wanted, wanted, Written(), {}) == ()
