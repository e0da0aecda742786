"""A company's own pack in a repository, and a change that it flags."""

from __future__ import annotations

from pathlib import Path

from tests.offline.repositories import Repo

NAMES = "packs: ['.github/nfr/*.yml']\n"
RANKING = """\
area: ranking
title: {en: Ranking, ja: ランキング}
weight: 4
detect: {paths: ['src/ranking/**']}
items:
  - id: rank-latency
    cat: performance
    sev: must
    en: p99 under 80 ms?
    ja: p99 は 80 ms 以内ですか？
    why_en: Slow rankings empty carts.
    why_ja: 遅いランキングは離脱を招きます。
    ev_en: A load test
    ev_ja: 負荷試験
    refs: [runbook]
hazards:
  - id: ACME-001
    item: rank-latency
    sev: must
    match: 'sleep\\('
    en: It sleeps.
    ja: 待機します。
"""
REFERENCES = "runbook: [Runbook, 'https://docs.example/']\n"
BROKEN = RANKING.replace("weight: 4", "weight: 9")
CHANGE = {"src/ranking/score.py": "import time\ntime.sleep(1)\n"}


def with_own_pack(folder: Path) -> Repo:
    """On branch topic a change that the pack on main flags."""
    made = Repo(folder)
    made.commit(
        **{
            "src/main.py": "x = 1\n",
            ".github/nfr.yml": NAMES,
            ".github/nfr/ranking.yml": RANKING,
            ".github/nfr/references.yml": REFERENCES,
        }
    )
    made.git("switch", "-qc", "topic")
    made.commit(**CHANGE)
    return made
