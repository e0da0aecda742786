"""Where each value in force comes from: the layer and the line."""

from ghapp.core.policy.policy import effective
from ghapp.core.policy.settings import all_settings, set_by_files
from ghapp.core.records import PolicySource
from tests.core.policy.test_layers import RANKING, RULES, joined


def origins(found):
    return {one.key: f"{one.value} {one.origin.layer} {one.origin.line}" for one in found}


ORGANISATION = """\
mode: enforce
language: ja
reviewers: {teams: [sre]}
areas:
  db: {paths_add: ['sql/**']}
  idx: on
locked: [mode, areas.db]
"""
REPOSITORY = """\
mode: advise
language: en
reviewers: {users: [ann]}
defer: {never_add: [db-size]}
areas:
  db: {paths_add: ['more/**'], items: {db-size: off}}
  pay: {mode: observe, items: {pay-once: off}}
  web: off
  idx: {hazards: {}}
"""


def test_each_value_that_a_file_sets_has_its_layer_and_line():
    found = set_by_files(joined(ORGANISATION, REPOSITORY))
    assert origins(found) == {
        "mode": "enforce organisation 1",
        "language": "en repository 2",
        "reviewers": "{users: [ann]} repository 3",
        "waivers": "{teams: [sre]} organisation 3",
        "defer.never": "[db-rollback, db-size] repository 4",
        "locked": "[mode, areas.db] organisation 7",
        "areas.db.reviewers": "{teams: [sre]} organisation 3",
        "areas.db.detect.paths": "[db/**, sql/**, more/**] repository 6",
        "areas.idx": "on repository 9",
        "areas.pay.mode": "enforce organisation 1",
        "areas.pay.items.pay-once": "off repository 7",
        "areas.web": "off repository 8",
    }


def test_nothing_is_listed_without_a_file():
    assert set_by_files(effective(PolicySource(), RULES)) == ()


def test_areas_of_an_organisation_keep_their_lines():
    found = origins(set_by_files(joined(RANKING, "areas: {ranking: {weight: 5}}")))
    assert found == {
        "areas.ranking.weight": "5 repository 1",
        "areas.ranking.title": "Ranking / Ranking organisation 3",
        "areas.ranking.detect.paths": "[rank/**] organisation 4",
        "areas.ranking.items.rank-latency": "must organisation 5",
    }


def test_the_whole_policy_has_origins():
    found = origins(
        all_settings(joined("reviewers: {teams: [sre]}", "areas: {db: off, web: {weight: 1}}"))
    )
    assert found["mode"] == "advise builtin 0"
    assert found["waivers"] == found["reviewers"] == "{teams: [sre]} organisation 1"
    assert found["areas.db"] == "off repository 1"
    assert found["areas.pay"] == "on builtin 0"
    assert found["areas.pay.reviewers"] == "{teams: [sre]} organisation 1"
    assert found["areas.web.weight"] == "1 repository 1"
    assert list(found)[-1] == "areas.db"
