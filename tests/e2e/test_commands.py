"""Each row of the command table, allowed and refused, and the evidence that answers need."""

from __future__ import annotations

from tests.e2e.marks import (
    HELD,
    SIGNED,
    WAITING,
    body,
    box,
    boxes,
    line,
    marks,
    reactions,
    refused,
    tick,
    title,
)
from tests.e2e.stories import LEADS, Shop, Steps, story
from tests.e2e.world import ENFORCE, MIGRATION

MUSTS = ENFORCE + "sign_off: {require_answers: must}\n"
RANKING = (
    ENFORCE
    + """comment: flagged
areas:
  ranking:
    title: {en: Ranking}
    detect: {paths: ['src/ranking/**']}
    items:
      - {id: rank-load, sev: must, cat: performance, en: 'Load test?', evidence: url}
      - {id: rank-latency, sev: must, cat: performance, en: 'p99 at peak?', evidence: number}
      - id: rank-flag
        sev: must
        cat: operability
        en: Rollout?
        evidence: choice
        choices: [Flag, Canary]
      - {id: rank-notes, sev: could, cat: operability, en: 'Notes?', evidence: text}
"""
)
SCORE = {"src/ranking/score.py": "score = 1\n"}
OPEN = dict.fromkeys(("rank-load", "rank-latency", "rank-flag", "rank-notes"), False)


@story()
def test_done_signs_off_and_only_reviewers_may(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    by_author, by_eve = pull.comment("/nfr done", "ann"), pull.comment("/nfr done", "eve")
    unknown = pull.comment("/nfr done databse-migration", "sue")
    yield
    assert marks(pull) == WAITING
    assert [reactions(pull, one) for one in (by_author, by_eve, unknown)] == [["confused"]] * 3
    assert "only team `sre` may sign off" in refused(pull, "ann")
    assert "only team `sre` may sign off" in refused(pull, "eve")
    assert "Did you mean `database-migration`?" in refused(pull, "sue")
    said = pull.comment("Fine.\n\n/nfr done database-migration -- rehearsed on staging", "sam")
    yield
    assert (marks(pull), reactions(pull, said)) == (SIGNED, ["+1"])
    assert title(pull) == "Signed off: Database migration"
    signed = line(pull, f"Signed off by sam at `{pull.head_sha[:7]}`")
    assert "`rehearsed on staging`" in signed
    assert "with open must questions: `dbm-online-ddl`" in signed
    again = pull.comment("/nfr done", "sue")
    yield
    assert (marks(pull), reactions(pull, again)) == (SIGNED, ["confused"])
    assert "sign-off: no area is waiting." in refused(pull, "sue")


@story(MUSTS)
def test_done_needs_the_must_questions_answered_if_the_policy_says_so(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    early = pull.comment("/nfr done", "sam")
    yield
    assert (marks(pull), reactions(pull, early)) == (WAITING, ["confused"])
    assert "must questions are open: `dbm-online-ddl`" in refused(pull, "sam")
    pull.comment("/nfr check dbm-online-ddl -- 3 s\n/nfr na dbm-rollback -- new table", "ann")
    yield
    assert title(pull).endswith("Waiting for SRE sign-off: Database migration")
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == SIGNED
    assert "must question" not in body(pull).partition("<details>")[0]


@story()
def test_undo_is_for_ones_own_sign_off_and_reviewers_may_undo_any(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    nothing = pull.comment("/nfr undo", "sam")
    yield
    assert reactions(pull, nothing) == ["confused"]
    assert "there is no sign-off, waiver, hold or concern to undo" in refused(pull, "sam")
    pull.comment("/nfr done", "sam")
    yield
    not_hers = pull.comment("/nfr undo", "ann")
    yield
    assert (marks(pull), reactions(pull, not_hers)) == (SIGNED, ["confused"])
    assert "only the person who gave it or a reviewer of the area" in refused(pull, "ann")
    said = pull.comment("/nfr undo", "sue")
    yield
    assert (marks(pull), reactions(pull, said)) == (WAITING, ["+1"])
    assert "Sign-off undone by sue" in body(pull)


@story()
def test_hold_blocks_and_needs_a_reason_and_the_right(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    by_ann, bare = pull.comment("/nfr hold -- no", "ann"), pull.comment("/nfr hold", "sam")
    yield
    assert marks(pull) == WAITING
    assert [reactions(pull, one) for one in (by_ann, bare)] == [["confused"]] * 2
    assert "only reviewers (team `sre`) may put this on hold" in refused(pull, "ann")
    assert "a reason is needed" in refused(pull, "sam")
    said = pull.comment("/nfr hold -- 本番の負荷試験が先", "sam")
    yield
    assert (marks(pull), reactions(pull, said)) == (HELD, ["+1"])
    assert title(pull).endswith("On hold: the whole pull request")
    assert "**On hold by sam** (the whole pull request): `本番の負荷試験が先`" in body(pull)


@story()
def test_concern_adds_a_question_and_undoes_the_sign_off(shop: Shop) -> Steps:
    pull, clear = shop.open(), shop.open({"app/a.py": "a = 1\n"}, branch="fix/a", title="fix: a")
    yield
    pull.comment("/nfr done", "sam")
    yield
    by_ann, empty = pull.comment("/nfr concern why?", "ann"), pull.comment("/nfr concern", "sam")
    yield
    assert marks(pull) == SIGNED
    assert [reactions(pull, one) for one in (by_ann, empty)] == [["confused"]] * 2
    assert "only reviewers (team `sre`) may raise one" in refused(pull, "ann")
    said = pull.comment("/nfr concern Who is paged when the backfill stops?", "sam")
    on_clear = clear.comment("/nfr concern Is this read anywhere else?", "sue")
    yield
    assert (marks(pull), reactions(pull, said)) == (WAITING, ["+1"])
    assert "`concern-1` · must · " in line(pull, "Who is paged when the backfill stops?")
    assert (marks(clear), reactions(clear, on_clear)) == (WAITING, ["+1"])
    pull.comment("/nfr check concern-1 -- the platform team", "ann")
    pull.comment("/nfr done concern-1", "sue")
    clear.comment("/nfr done", "sam")
    yield
    assert (marks(pull), marks(clear)) == (SIGNED, SIGNED)
    assert boxes(pull)["concern-1"]
    pull.push({MIGRATION: "ALTER TABLE orders ADD COLUMN p INT NOT NULL DEFAULT 0;\n"})
    yield
    assert "~~Signed off by sam" in body(pull)
    assert f"Signed off by sue at `{pull.head_sha[:7]}`" not in body(pull)
    assert title(pull).endswith(": Database migration")


@story()
def test_check_and_uncheck_need_write_access(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    by_eve = pull.comment("/nfr check dbm-rollback", "eve")
    unknown, empty = (
        pull.comment("/nfr check dbm-rolback", "bob"),
        pull.comment("/nfr check", "sue"),
    )
    yield
    assert not any(boxes(pull).values())
    assert [reactions(pull, one) for one in (by_eve, unknown, empty)] == [["confused"]] * 3
    assert "only the author and people with write access" in refused(pull, "eve")
    assert "Did you mean `dbm-rollback`?" in refused(pull, "bob")
    assert "the command is incomplete; write `check ITEM... [-- evidence]`" in refused(pull, "sue")
    said = pull.comment("/nfr check dbm_rollback, `dbm-online-ddl` — 30 秒で戻せる", "ann")
    yield
    assert reactions(pull, said) == ["+1"]
    assert boxes(pull) == {"dbm-online-ddl": True, "dbm-rollback": True, "dbm-query-plan": False}
    assert body(pull).count("answered by ann · `30 秒で戻せる`") == 2
    by_eve = pull.comment("/nfr uncheck dbm-rollback", "eve")
    pull.comment("/nfr uncheck dbm-online-ddl", "bob")
    yield
    assert reactions(pull, by_eve) == ["confused"]
    assert boxes(pull) == {"dbm-online-ddl": False, "dbm-rollback": True, "dbm-query-plan": False}


@story()
def test_na_needs_a_reason_and_strikes_the_question_through(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    bare = pull.comment("/nfr na dbm-rollback", "ann")
    by_eve = pull.comment("/nfr na dbm-rollback -- no", "eve")
    yield
    assert not any(boxes(pull).values())
    assert [reactions(pull, one) for one in (bare, by_eve)] == [["confused"]] * 2
    assert "a reason is needed after two dashes: `na ITEM... -- reason`" in refused(pull, "ann")
    said = pull.comment("/nfr na dbm-rollback -- the table is new", "ann")
    yield
    assert (reactions(pull, said), boxes(pull)["dbm-rollback"]) == (["+1"], True)
    assert box(pull, "dbm-rollback").startswith("- [x] ~~**How do you recover")
    assert "not applicable here, according to ann · `the table is new`" in body(pull)


@story()
def test_defer_is_for_the_author_and_reviewers(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    by_bob = pull.comment("/nfr defer dbm-query-plan -- later", "bob")
    bare = pull.comment("/nfr defer dbm-query-plan", "sam")
    yield
    assert [reactions(pull, one) for one in (by_bob, bare)] == [["confused"]] * 2
    assert "only the author and reviewers of its area" in refused(pull, "bob")
    assert "a reason is needed" in refused(pull, "sam")
    by_ann = pull.comment("/nfr defer dbm-query-plan by @bob -- after launch", "ann")
    by_sam = pull.comment("/nfr defer dbm-online-ddl -- next window", "sam")
    yield
    assert [reactions(pull, one) for one in (by_ann, by_sam)] == [["+1"]] * 2
    assert not any(boxes(pull).values())
    assert "owner bob · `after launch`" in line(pull, "deferred by ann until ")
    assert "owner ann · `next window`" in line(pull, "deferred by sam until ")
    assert shop.issues == []
    pull.comment("/nfr uncheck dbm-online-ddl", "ann")
    yield
    assert "deferred by sam" not in body(pull)


@story(LEADS)
def test_waive_passes_visibly_and_only_waivers_may(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    by_sam, bare = pull.comment("/nfr waive -- go", "sam"), pull.comment("/nfr waive", "lea")
    yield
    assert marks(pull) == WAITING
    assert [reactions(pull, one) for one in (by_sam, bare)] == [["confused"]] * 2
    assert "only team `sre-leads` may waive a review" in refused(pull, "sam")
    assert "a reason is needed" in refused(pull, "lea")
    said = pull.comment("/nfr waive -- outage 42, reviewed tomorrow", "lea")
    yield
    assert (marks(pull), reactions(pull, said)) == (("neutral", {"waived"}), ["+1"])
    assert title(pull) == "Waived: Database migration"
    assert "### NFR review: waived, not signed off" in body(pull)
    assert "`outage 42, reviewed tomorrow`" in line(
        pull, f"**Waived by lea** at `{pull.head_sha[:7]}`: "
    )
    pull.comment("/nfr done", "sam")
    yield
    assert marks(pull) == SIGNED


@story(None)
def test_maintainers_review_if_the_policy_names_no_reviewers(shop: Shop) -> Steps:
    shop.repository.collaborator("max", "maintain")
    pull = shop.open()
    yield
    refused = pull.comment("/nfr done", "sam")
    yield
    assert (marks(pull), reactions(pull, refused)) == (
        ("neutral", {"needs sign-off"}),
        ["confused"],
    )
    pull.comment("/nfr hold -- not on Friday", "max")
    yield
    assert marks(pull) == ("neutral", {"on hold"})
    pull.comment("/nfr undo\n/nfr waive -- it is Monday", "max")
    yield
    assert marks(pull) == ("neutral", {"waived"})


@story()
def test_anyone_may_refresh_explain_and_ask_for_help(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    before = body(pull)
    refresh, helped = pull.comment("/nfr refresh", "eve"), pull.comment("/nfr help", "eve")
    explained = pull.comment("/nfr explain", "bob")
    yield
    assert [reactions(pull, one) for one in (refresh, helped, explained)] == [["eyes"]] * 3
    first, *replies = [one.body for one in pull.comments if one.via_app]
    assert first == before
    assert len(replies) == 2
    help_text = next(one for one in replies if "`/nfr waive -- reason`" in one)
    assert "`/nfr concern TEXT`" in help_text
    why = next(one for one in replies if one is not help_text)
    assert "matches `**/db/migrate/**`" in why
    assert all(f"`{item}`" in why for item in boxes_of(before))
    strange = pull.comment("/nfr explain dbm-rollback", "bob")
    yield
    assert reactions(pull, strange) == ["confused"]


def boxes_of(text: str) -> list[str]:
    return [one.split("`")[1] for one in text.splitlines() if one.startswith("- [ ]")]


@story(RANKING)
def test_evidence_of_another_kind_is_refused_with_an_example(shop: Shop) -> Steps:
    pull = shop.open(SCORE)
    yield
    assert boxes(pull) == OPEN
    said = [
        pull.comment(f"/nfr check {words}", "ann")
        for words in (
            "rank-load -- looks good",
            "rank-latency -- fast enough",
            "rank-flag -- big bang",
        )
    ]
    yield
    assert [reactions(pull, id) for id in said] == [["confused"]] * 3
    assert boxes(pull) == OPEN
    example = "`/nfr check rank-load -- https://example.com/report`"
    assert example in line(pull, "`rank-load` needs")
    assert "`/nfr check rank-latency -- 72 ms`" in line(pull, "`rank-latency` needs")
    assert "`Flag | Canary`" in line(pull, "`rank-flag` needs")


@story(RANKING)
def test_evidence_of_the_right_kind_answers_and_is_shown(shop: Shop) -> Steps:
    pull = shop.open(SCORE)
    yield
    url = "https://load.example/runs/7"
    for words in (
        f"rank-load -- {url}",
        "rank-latency -- ７２ ms",
        "rank-flag -- canary",
        "rank-notes -- 夜間に確認",
    ):
        pull.comment(f"/nfr check {words}", "ann")
    yield
    assert boxes(pull) == dict.fromkeys(OPEN, True)
    for shown in (f"`{url}`", "`７２ ms`", "`Canary`", "`夜間に確認`"):
        assert shown in body(pull)
    assert "Not done" not in body(pull)


@story(RANKING)
def test_a_tick_without_the_needed_evidence_is_removed(shop: Shop) -> Steps:
    pull = shop.open(SCORE)
    yield
    tick(pull, "rank-latency", "ann")
    yield
    assert boxes(pull) == OPEN
    assert "needs evidence" in line(pull, "`rank-latency` needs")


@story()
def test_an_incident_is_linked_after_the_merge(shop: Shop) -> Steps:
    """To a question that was not asked, by somebody with write access."""
    pull = shop.open()
    yield
    pull.merge(by="bob")
    yield
    linked = pull.comment(
        "/nfr incident https://status.example/42 dbm-rollback -- no way back", "bob"
    )
    refused_one = pull.comment("/nfr incident https://status.example/42 dbm-rollback", "eve")
    strange = pull.comment("/nfr incident http://status.example/42 dbm-rollback", "bob")
    yield
    assert reactions(pull, linked) == ["+1"]
    assert reactions(pull, refused_one) == ["confused"]
    assert reactions(pull, strange) == ["confused"]
    undone = pull.comment("/nfr incident undo dbm-rollback", "bob")
    yield
    twice = pull.comment("/nfr incident undo dbm-rollback", "bob")
    yield
    assert (reactions(pull, undone), reactions(pull, twice)) == (["+1"], ["confused"])
