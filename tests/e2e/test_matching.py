"""Policies that depend on the pull request: its base, its author, its labels, its repository."""

from __future__ import annotations

from ghapp.emulator.faults import Fault
from ghapp.emulator.repository import Pull
from tests.e2e.marks import conclusion, marks
from tests.e2e.stories import Shop, Steps, story

ADVISE = "version: 1\nmode: advise\nreviewers: {teams: [sre]}\n"
MIGRATIONS = "areas:\n  database-migration:\n    when: "
ENFORCED, ADVISED = "in progress", "neutral"


def summary(pull: Pull) -> str:
    """Of the newest check run on the head."""
    return pull.check_runs()[-1].summary or ""


@story(ADVISE + "mode_when:\n  - {base: main, mode: enforce}\n")
def test_the_base_decides_the_mode_and_another_base_is_checked_again(shop: Shop) -> Steps:
    shop.repository.branch("next")
    shop.repository.protected.add("next")
    pull = shop.open(base="next")
    yield
    assert conclusion(pull) == ADVISED
    pull.retarget("main", by="ann")
    yield
    assert conclusion(pull) == ENFORCED
    assert "Mode `enforce` for " in summary(pull)
    assert "base branch `main`" in summary(pull)


@story(ADVISE + "mode_when: [{team: dba, mode: enforce}]\n")
def test_a_team_of_the_author_decides_the_mode(shop: Shop) -> Steps:
    shop.repository.collaborator("dee", "write")
    member, other = shop.open(author="dee"), shop.open(branch="feat/other")
    yield
    assert (conclusion(member), conclusion(other)) == (ENFORCED, ADVISED)
    assert "author in the team `dba`" in summary(member)
    assert "Mode" not in summary(other)


@story(ADVISE + "mode_when: [{team: no-such-team, mode: enforce}]\n")
def test_a_team_that_cannot_be_seen_does_not_make_the_mode_laxer(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    assert conclusion(pull) == ENFORCED
    assert "not known whether the author is in the team `no-such-team`" in summary(pull)


@story(
    ADVISE + "mode_when:\n"
    "  - {topic: payments, mode: enforce}\n"
    "  - {property: {tier: ['1', '2']}, mode: enforce}\n"
)
def test_topics_and_custom_properties_of_the_repository_decide_the_mode(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    assert conclusion(pull) == ADVISED
    shop.repository.topics = ["payments"]
    pull.push({"app.py": "x = 1\n"}, by="ann")
    yield
    assert conclusion(pull) == ENFORCED
    assert "topic `payments`" in summary(pull)
    shop.repository.topics, shop.repository.properties = [], {"tier": "2"}
    pull.push({"app.py": "x = 2\n"}, by="ann")
    yield
    assert conclusion(pull) == ENFORCED
    assert "custom property `tier: 2`" in summary(pull)
    shop.repository.properties = {"tier": "3"}
    pull.push({"app.py": "x = 3\n"}, by="ann")
    yield
    assert conclusion(pull) == ADVISED
    shop.spoil(Fault("GET */properties/values", None, status=403))
    pull.push({"app.py": "x = 4\n"}, by="ann")
    yield
    assert conclusion(pull) == ENFORCED  # not known


@story(ADVISE + MIGRATIONS + "{not: {label: no-migration}}\n")
def test_a_label_takes_a_pull_request_out_and_the_label_of_the_area_takes_it_in(
    shop: Shop,
) -> Steps:
    pull = shop.open()
    yield
    assert marks(pull) == (ADVISED, {"needs sign-off"})
    pull.add_label("no-migration", by="ann")
    yield
    assert marks(pull) == ("success", frozenset())
    assert "takes this pull request out of" in summary(pull)
    assert "label `no-migration`" in summary(pull)
    pull.add_label("nfr/area: database-migration", by="sue")
    yield
    assert marks(pull) == (ADVISED, {"needs sign-off"})


@story(
    ADVISE + "areas:\n"
    "  hotfix:\n"
    "    title: {en: Hotfix}\n"
    "    mode: enforce\n"
    "    detect: {pull: {title: '(?i)^hotfix', draft: off}}\n"
    "    items: [{id: hotfix-why, sev: must, cat: operability, en: Why now?}]\n"
)
def test_a_title_flags_an_area_of_its_own_and_a_new_title_is_checked_again(shop: Shop) -> Steps:
    pull = shop.open({"app.py": "x = 1\n"}, title="fix: totals")
    yield
    assert conclusion(pull) == "success"
    pull.edit(title="Hotfix: totals", by="ann")
    yield
    assert conclusion(pull) == ENFORCED
    assert "title `Hotfix: totals`, not a draft" in f"{pull.check_runs()[-1].text}"
    pull.draft(by="ann")
    yield
    assert conclusion(pull) == "success"


@story("version: 1\nmode: enforce\nmode_when: [{draft: on, mode: advise}]\n")
def test_a_rule_by_which_authors_avoid_a_review_is_a_mistake_of_the_policy(shop: Shop) -> Steps:
    pull = shop.open()
    yield
    assert conclusion(pull) != "success"
    assert "lets authors avoid `enforce` by `draft`" in summary(pull)
