"""Questions that ask for evidence of a kind: what answers them, and what does not."""

from __future__ import annotations

from tests.e2e.stories import Shop, Steps, body, boxes, line, reacted, story, tick
from tests.e2e.world import ENFORCE

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


@story(RANKING)
def evidence_of_another_kind_is_refused_with_an_example(shop: Shop) -> Steps:
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
    assert [reacted(pull, id) for id in said] == [["confused"]] * 3
    assert boxes(pull) == OPEN
    example = "`/nfr check rank-load -- https://example.com/report`"
    assert example in line(pull, "- ann: `rank-load`")
    assert "`/nfr check rank-latency -- 72 ms`" in line(pull, "- ann: `rank-latency`")
    assert "`Flag | Canary`" in line(pull, "- ann: `rank-flag`")


@story(RANKING)
def evidence_of_its_kind_answers_and_is_shown(shop: Shop) -> Steps:
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
def a_tick_carries_no_evidence_and_is_put_right(shop: Shop) -> Steps:
    pull = shop.open(SCORE)
    yield
    tick(pull, "rank-latency", "ann")
    yield
    assert boxes(pull) == OPEN
    assert "needs evidence" in line(pull, "- ann: `rank-latency`")
