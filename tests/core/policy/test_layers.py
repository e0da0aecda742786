"""The file of an organisation below that of a repository: how they join, and what a lock holds."""

from dataclasses import replace

import pytest

from ghapp.core.areas import Area, Clause, Combined, Detect, Hazard, Item, Reviewers, SameAs, Text
from ghapp.core.policy.policy import Rules, effective, problems_of
from ghapp.core.policy.strictness import changes
from ghapp.core.records import PackFile, PolicySource


def item(id, **more):
    return Item(id, "must", "performance", Text(id, id), **more)


def pack(name, *items, weight=3, hazards=(), **more):
    found = tuple(Hazard(id, "must", items[0].id, name, "x", Text(id, id)) for id in hazards)
    detect = Detect((f"{name}/**",), diff=(name,))
    return Area(name, Text(name, name), weight, detect, items, hazards=found, **more)


RULES = Rules(
    (
        pack("db", item("db-rollback", never_defer=True), item("db-size"), hazards=("DB-001",)),
        pack("pay", item("pay-once", must_when=Clause("hazard", ("DB-001",))), weight=5),
        pack("web", item("web-speed"), retired=(("web-old", ("web-speed",)),)),
        pack("idx", item("idx-size"), enabled=False),
    ),
    "advise",
)

RANKING = """\
areas:
  ranking:
    title: {en: Ranking}
    detect: {paths: ['rank/**']}
    items: [{id: rank-latency, sev: must, cat: performance, en: Fast?}]
"""


def source(organisation, repository=None, good=None):
    below = None if organisation is None else PolicySource(text=organisation)
    return PolicySource(text=repository, good=good, organisation=below)


def joined(organisation, repository=None, good=None):
    return effective(source(organisation, repository, good), RULES)


def area(policy, name):
    return {one.id: one for one in policy.areas}.get(name)


def refused(organisation, repository):
    """What a lock refuses, as `LINE:COLUMN KEY`; the file is sound."""
    assert problems_of(repository, RULES, organisation=PolicySource(text=organisation)) == ()
    found = joined(organisation, repository)
    assert (found.standing, found.problems) == ("good", ())
    return [f"{one.line}:{one.column} {one.text.split('`')[1]}" for one in found.refused]


# --- how the layers join -------------------------------------------------------------------


def test_without_a_file_of_its_own_a_repository_has_that_of_its_organisation():
    found = joined("mode: enforce\nareas: {idx: on}")
    assert found.mode == "enforce"
    assert {one.id: one.mode for one in found.areas} == dict.fromkeys(
        ("pay", "db", "web", "idx"), "enforce"
    )


def test_a_repository_says_only_what_differs():
    organisation = (
        "language: ja\nsign_off: {by: [review], stale_on: any-push}\nareas: {db: {weight: 5}}"
    )
    found = joined(organisation, "sign_off: {by: [command]}\nareas: {db: {mode: enforce}}")
    assert (found.language, found.sign_off_by) == ("ja", {"command"})
    assert found.stale_on == "any-push"
    assert (area(found, "db").weight, area(found, "db").mode) == (5, "enforce")


def test_a_repository_refers_to_the_areas_of_its_organisation():
    found = joined(RANKING, "areas: {ranking: {mode: enforce, items: {rank-latency: off}}}")
    assert (found.standing, found.problems) == ("good", ())
    assert (area(found, "ranking").mode, area(found, "ranking").items) == ("enforce", ())


def test_a_repository_refers_to_what_its_organisation_switched_off():
    organisation = "areas: {db: off, web: {items: {web-speed: off}}}"
    found = joined(organisation, "areas: {db: on, web: {items: {web-speed: on}}}")
    assert (found.standing, found.problems) == ("good", ())
    assert area(found, "db")
    assert [one.id for one in area(found, "web").items] == ["web-speed"]


def test_packs_of_both_layers_are_in_force():
    def pack_file(name):
        text = (
            f"area: {name}\ntitle: {{en: N, ja: N}}\nweight: 3\n"
            f"detect: {{paths: ['{name}/**'], path_hit: ['{name}/a']}}\n"
            f"items: [{{id: {name}-one, cat: cost, sev: must, en: A?, ja: A?, "
            f"why_en: W, why_ja: W, ev_en: E, ev_ja: E}}]\n"
        )
        return PackFile(f".github/nfr/{name}.yml", size=len(text), text=text)

    named = "packs: ['.github/nfr/*.yml']\n"
    below = PolicySource(text=named + "locked: [areas.gifts]", packs=(pack_file("gifts"),))
    above = PolicySource(
        text=named + "areas: {gifts: {mode: enforce}, cards: {mode: enforce}}",
        packs=(pack_file("cards"),),
        organisation=below,
    )
    found = effective(above, RULES)
    assert (found.problems, area(found, "gifts").mode) == ((), "enforce")
    assert area(found, "cards").items[0].id == "cards-one"
    twice = effective(replace(above, packs=(pack_file("gifts"), pack_file("cards"))), RULES)
    assert [one.path for one in twice.problems] == [".github/nfr/gifts.yml"] * 2


def test_a_question_of_the_organisation_is_not_taken_by_another_area():
    again = RANKING.replace("ranking", "sorting")
    found = problems_of(again, RULES, organisation=PolicySource(text=RANKING))
    assert [one.text for one in found] == [
        "the item id `rank-latency` is used already in `areas.ranking`: take another"
    ]


def test_values_have_to_go_together_over_both_layers():
    organisation = "sign_off: {by: [button]}\npending: action_required"
    found = joined(organisation, "mode: enforce\npending: in_progress")
    assert found.standing == "unreadable"
    assert "`sign_off.by` is only `button`" in found.problems[0].text
    assert joined("labels: {hold: wait}", "labels: {waived: WAIT}").problems
    assert joined("defer: {max_days: 20}", "defer: {default_days: 25}").problems
    assert joined("language: ja", RANKING).problems


def test_a_policy_is_worked_out_once():
    assert joined(RANKING, "mode: enforce") is joined(RANKING, "mode: enforce")
    assert joined(RANKING) is effective(source(RANKING), RULES)


# --- absent, empty, broken, in each layer --------------------------------------------------


def test_an_organisation_without_a_file_says_nothing():
    nothing = PolicySource(text=None, organisation=PolicySource())
    assert effective(nothing, RULES) == effective(PolicySource(), RULES)
    assert joined("", "mode: enforce") == effective(PolicySource(text="mode: enforce"), RULES)


def test_a_broken_file_of_the_organisation_is_bridged():
    below = PolicySource(text="mode: [", good="mode: enforce\nlocked: [mode]")
    found = effective(PolicySource(text="mode: advise", organisation=below), RULES)
    assert (found.standing, found.mode) == ("bridged", "enforce")
    assert [str(one).partition(" not")[0] for one in found.problems] == [
        "organisation: .github/nfr.yml:1:1:"
    ]
    assert [one.line for one in found.refused] == [1]


def test_a_file_of_the_organisation_that_is_gone_still_holds():
    below = PolicySource(text=None, good="mode: enforce\nlocked: [mode]")
    found = effective(PolicySource(text="mode: observe", organisation=below), RULES)
    assert (found.standing, found.mode) == ("bridged", "enforce")
    assert "commit an empty one" in found.problems[0].text
    ended = PolicySource(text="", good="mode: enforce\nlocked: [mode]")
    assert (
        effective(PolicySource(text="mode: observe", organisation=ended), RULES).mode == "observe"
    )


@pytest.mark.parametrize("good", [None, "mode: ["])
@pytest.mark.parametrize("repository", [None, "", "mode: enforce", "mode: ["])
def test_nothing_is_trusted_if_the_organisation_never_had_a_good_file(good, repository):
    below = PolicySource(text="mode: [", good=good)
    found = effective(PolicySource(text=repository, organisation=below), RULES)
    assert found.standing == "unreadable"
    assert found.problems[0].path == "organisation: .github/nfr.yml"


def test_a_broken_file_of_the_repository_is_bridged_over_its_organisation():
    found = joined("mode: enforce\nlocked: [mode]", "mode: {", good="mode: advise\nmax_items: 9")
    assert (found.standing, found.mode, found.max_items) == ("bridged", "enforce", 9)
    found = joined("mode: enforce", "mode: {")
    assert (found.standing, found.mode) == ("unreadable", "enforce")


def test_both_layers_are_named_if_both_are_broken():
    below = PolicySource(text="mode: [", good="")
    above = PolicySource(text="max_items: x", good="", organisation=below)
    found = effective(above, RULES)
    assert found.standing == "bridged"
    paths = [one.path for one in found.problems]
    assert paths == ["organisation: .github/nfr.yml", ".github/nfr.yml"]


def moved(text, organisation):
    """A file that was good before the organisation's became this one."""
    return effective(source(organisation, text, good=text), RULES)


def test_a_file_that_names_what_its_organisation_took_away_holds_otherwise():
    text = (
        "mode: enforce\ndefer: {never_add: [rank-latency, db-size]}\n"
        "areas: {ranking: {mode: enforce}, db: {weight: 5}}\n"
    )
    assert joined(RANKING, text).standing == "good"
    found = moved(text, "max_items: 9")
    assert (found.standing, found.mode, found.max_items) == ("bridged", "enforce", 9)
    assert [(one.line, one.column) for one in found.problems] == [(2, 21), (3, 9)]
    assert (area(found, "ranking"), area(found, "db").weight) == (None, 5)
    assert found.defer.never == {"db-rollback", "db-size"}


@pytest.mark.parametrize("inside", ["items: {rank-gone: off}", "hazards: {RANK-001: off}"])
def test_switches_of_what_is_gone_are_left_out(inside):
    found = moved(f"mode: enforce\nareas: {{db: {{weight: 5, {inside}}}}}", "max_items: 9")
    assert (found.standing, found.mode) == ("bridged", "enforce")
    assert area(found, "db").weight == 5


def test_a_text_may_lack_the_language_of_the_organisation():
    found = moved(RANKING + "mode: enforce\n", "language: ja")
    assert (found.standing, found.mode, found.language) == ("bridged", "enforce", "ja")
    assert area(found, "ranking").title == Text("Ranking", "Ranking")


def test_a_file_holds_as_far_as_it_fits_while_its_organisation_is_unreadable():
    found = moved("mode: enforce\nareas: {ranking: {weight: 5}}", "mode: [")
    assert (found.standing, found.mode) == ("unreadable", "enforce")


@pytest.mark.parametrize(
    "text",
    [
        "mode: [",
        "- a",
        "mode: enfroce",
        "packs: ['.github/gone.yml']",
        RANKING.replace("ranking", "sorting"),
        "sign_off: {by: [button]}",
    ],
)
def test_what_fits_in_no_way_is_unreadable(text):
    found = moved(text, RANKING + "mode: enforce\n")
    assert (found.standing, found.mode) == ("unreadable", "enforce")


# --- locks ---------------------------------------------------------------------------------


def test_only_an_organisation_locks():
    text = "locked: [mode]"
    assert problems_of(text, RULES, layer="organisation") == ()
    assert "organisation's file" in problems_of(text, RULES)[0].text


@pytest.mark.parametrize(
    ("lock", "meant"),
    [
        ("moed", "did you mean `mode`?"),
        ("areas.bd", "did you mean `areas.db`?"),
        ("sign_off.bye", "did you mean `sign_off.by`?"),
        ("version", "known here: "),
        ("packs", "known here: "),
        ("locked", "known here: "),
    ],
)
def test_a_lock_that_names_nothing_is_a_mistake(lock, meant):
    found = problems_of(f"locked: [mode, {lock}]", RULES, layer="organisation")
    assert [(one.line, one.column) for one in found] == [(1, 16)]
    assert meant in found[0].text


@pytest.mark.parametrize("lock", ["areas", "areas.db", "areas.ranking", "sign_off", "words.users"])
def test_what_can_be_locked(lock):
    assert problems_of(f"{RANKING}locked: [{lock}]", RULES, layer="organisation") == ()


@pytest.mark.parametrize(
    ("organisation", "weaker", "named"),
    [
        ("mode: enforce\nlocked: [mode]", "mode: advise", "1:1 mode"),
        (
            "mode: enforce\nlocked: [mode]",
            "areas: {db: {mode: observe}}",
            "1:14 areas.db.mode",
        ),
        ("locked: [language]", "language: ja", "1:1 language"),
        (
            "reviewers: {teams: [sre]}\nlocked: [reviewers]",
            "reviewers: {users: [me]}",
            "1:1 reviewers",
        ),
        ("reviewers: {teams: [sre]}\nlocked: [reviewers]", "waivers: {users: [me]}", "1:1 waivers"),
        (
            "reviewers: {teams: [sre]}\nlocked: [reviewers]",
            "areas: {db: {reviewers: {users: [me]}}}",
            "1:14 areas.db.reviewers",
        ),
        ("locked: [sign_off]", "sign_off: {allow_author: on}", "1:12 sign_off.allow_author"),
        ("locked: [sign_off.by]", "sign_off: {by: [review]}", "1:12 sign_off.by"),
        ("locked: [defer]", "defer: {never: []}", "1:9 defer.never"),
        ("locked: [defer]", "defer: {max_days: 200}", "1:9 defer.max_days"),
        ("locked: [words]", "words: {users: buyers}", "1:9 words.users"),
        ("locked: [labels]", "labels: {waiting: wait}", "1:10 labels.waiting"),
        ("locked: [features]", "features: {labels: [x]}", "1:12 features.labels"),
        ("locked: [areas.db]", "areas: {db: off}", "1:9 areas.db"),
        ("locked: [areas]", "areas: {db: off}", "1:9 areas.db"),
        ("locked: [areas.db]", "areas: {db: {weight: 1}}", "1:14 areas.db.weight"),
        (
            "locked: [areas.db]",
            "areas: {db: {paths_remove: ['db/**']}}",
            "1:14 areas.db.detect.paths",
        ),
        (
            "locked: [areas.db]",
            "areas: {db: {paths_remove: ['db/x']}}",
            "1:14 areas.db.detect.exclude",
        ),
        (
            "locked: [areas.db]",
            "areas: {db: {detect: {diff: [y]}}}",
            "1:23 areas.db.detect.diff",
        ),
        (
            "locked: [areas.db]",
            "areas: {db: {items: {db-size: off}}}",
            "1:22 areas.db.items.db-size",
        ),
        (
            "locked: [areas.web]",
            "areas: {web: {items: {web-old: off}}}",
            "1:23 areas.web.items.web-speed",
        ),
        (
            "locked: [areas.db]",
            "areas: {db: {items: [{id: db-size, sev: could, cat: cost, en: X}]}}",
            "1:27 areas.db.items.db-size.sev",
        ),
        (
            "locked: [areas.db]",
            "areas: {db: {hazards: {DB-001: should}}}",
            "1:24 areas.db.hazards.DB-001.sev",
        ),
        (
            "locked: [areas.db]",
            "areas: {db: {hazards: {DB-001: off}}}",
            "1:24 areas.db.hazards.DB-001",
        ),
        ("locked: [areas.db]", "ignore: {paths: ['db/**']}", "1:10 ignore.paths"),
        ("locked: [areas.db]", "ignore: {authors: [me]}", "1:10 ignore.authors"),
        ("locked: [areas.db]", "sign_off: {stale_on: never}", "1:12 sign_off.stale_on"),
        ("locked: [areas.db]", "max_items: 1", "1:1 max_items"),
        ("locked: [areas.db]", "pending: action_required", "1:1 pending"),
        ("locked: [areas.db]", "waivers: {users: [me]}", "1:1 waivers"),
        ("large_tables: [a]\nlocked: [areas.db]", "large_tables: [b]", "1:1 large_tables"),
        ("locked: [areas.db]", "database: {dialect: mysql}", "1:12 database.dialect"),
        (
            "mode: enforce\nlocked: [mode]",
            "mode_when: [{author: me, mode: observe}]",
            "1:1 mode_when",
        ),
        (
            "mode_when: [{base: main, mode: enforce}]\nlocked: [mode]",
            "mode_when: [{team: me, mode: advise}]",
            "1:1 mode_when",
        ),
        (
            "mode: enforce\nlocked: [mode]",
            "areas: {web: {mode_when: [{author: me, mode: observe}]}}",
            "1:15 areas.web.mode_when",
        ),
        (
            "mode: enforce\nlocked: [areas.db]",
            "areas: {db: {mode_when: [{author: me, mode: observe}]}}",
            "1:14 areas.db.mode_when",
        ),
        (
            "mode: enforce\nlocked: [areas.db]",
            "areas: {db: {when: {base: main}}}",
            "1:14 areas.db.when",
        ),
        # Questions of `pay` depend on a hazard of `db`.
        ("locked: [areas.pay]", "areas: {db: off}", "1:9 areas.db"),
    ],
)
def test_a_value_that_weakens_a_lock_is_named_and_ignored(organisation, weaker, named):
    assert refused(organisation, weaker) == [named]
    left = changes(joined(organisation), joined(organisation, weaker))
    # An area that a file names is flagged by a touch, and what it adds to a list is kept.
    assert {one.direction for one in left} <= {"stricter"}


@pytest.mark.parametrize(
    ("organisation", "stricter"),
    [
        ("locked: [mode]", "mode: enforce"),
        ("locked: [mode]", "mode_when: [{base: main, mode: enforce}]"),
        ("reviewers: {teams: [sre, dba]}\nlocked: [reviewers]", "reviewers: {teams: [dba]}"),
        ("locked: [sign_off]", "sign_off: {by: [command], require_answers: must}"),
        ("locked: [areas.db]", "max_items: 9"),
        ("locked: [areas.db]", "ignore: {paths: []}"),
        ("locked: [areas.db]", "areas: {db: {paths_add: ['more/**'], mode: enforce}}"),
        ("locked: [areas.db]", "defer: {never_add: [db-size]}"),
        ("locked: [areas.db]", "areas: {web: off}"),
        ("locked: [areas]", RANKING),
        (
            "locked: [areas.db]",
            "areas: {db: {items: [{id: db-new, sev: must, cat: cost, en: X}]}}",
        ),
        ("areas: {db: off}\nlocked: [areas.db]", "areas: {db: on}"),
    ],
)
def test_a_lock_allows_what_is_not_weaker(organisation, stricter):
    assert refused(organisation, stricter) == []
    assert joined(organisation, stricter) != joined(organisation)


def test_the_rest_of_a_file_with_refused_values_applies():
    text = "mode: observe\nlanguage: ja\nareas:\n  web: {mode: advise, weight: 5}\n"
    found = joined("mode: enforce\nlocked: [mode]", text)
    assert [(one.line, one.column) for one in found.refused] == [(1, 1), (4, 9)]
    assert (found.mode, found.language) == ("enforce", "ja")
    assert (area(found, "web").mode, area(found, "web").weight) == ("enforce", 5)


def test_what_a_refused_file_adds_to_a_locked_list_is_kept():
    text = "areas: {db: {paths_add: ['more/**'], paths_remove: ['db/**']}}\nlarge_tables: [b]"
    organisation = "large_tables: [a]\nlocked: [areas.db]"
    assert refused(organisation, text) == ["1:38 areas.db.detect.paths", "2:1 large_tables"]
    found = joined(organisation, text)
    assert area(found, "db").detect.paths == ("db/**", "more/**")
    assert found.large_tables == ("a", "b")


def test_what_is_refused_says_what_holds_and_why():
    found = joined("mode: enforce\nlocked: [mode, language]", "mode: advise\nlanguage: ja")
    assert [str(one) for one in found.refused] == [
        ".github/nfr.yml:1:1: `mode` is weaker than what the organisation locks (`mode`): "
        "`enforce` holds, take it out",
        ".github/nfr.yml:2:1: `language` differs from what the organisation locks (`language`): "
        "`en` holds, take it out",
    ]


def test_a_locked_area_keeps_the_mode_and_reviewers_it_inherits():
    organisation = "mode: enforce\nreviewers: {teams: [sre]}\nlocked: [areas.db]"
    repository = "mode: observe\nreviewers: {users: [me]}"
    assert refused(organisation, repository) == []  # they hold for other areas
    found = joined(organisation, repository)
    assert (found.mode, found.reviewers) == ("observe", Reviewers(users=("me",)))
    assert found.waivers == Reviewers(("sre",))
    kept, other = area(found, "db"), area(found, "web")
    assert (kept.mode, kept.reviewers) == ("enforce", Reviewers(("sre",)))
    assert (other.mode, other.reviewers) == ("observe", Reviewers(users=("me",)))


def test_what_nobody_could_read_is_signed_off_by_the_organisation_if_it_locks_areas():
    organisation, repository = "reviewers: {teams: [sre]}\n", "reviewers: {users: [me]}"
    free, locked = (
        joined(f"{organisation}locked: [{lock}]", repository) for lock in ("max_items", "areas.db")
    )
    assert free.unread_reviewers == free.reviewers == Reviewers(users=("me",))
    assert locked.unread_reviewers == Reviewers(("sre",))
    assert locked.kept.areas == {"db"}
    assert locked.kept.items == {"db-rollback", "db-size"}
    assert joined("locked: [areas.db]", repository).unread_reviewers == Reviewers()


def test_no_general_rule_of_a_repository_reaches_a_locked_area():
    organisation = "mode: enforce\nlocked: [areas.db]"
    found = joined(organisation, "mode_when: [{author: me, mode: observe}]")
    assert (area(found, "db").mode, area(found, "db").mode_when) == ("enforce", ())
    assert [rule.mode for rule in area(found, "web").mode_when] == ["observe"]


def test_questions_of_a_locked_area_come_before_those_that_are_added():
    repository = (
        "areas: {db: {items: [{id: db-rollback, sev: should, cat: cost, en: X}, "
        "{id: db-new, sev: must, cat: cost, en: X}]}}"
    )
    found = joined("locked: [areas.db]", repository)
    assert [one.id for one in area(found, "db").items] == ["db-rollback", "db-size", "db-new"]
    assert area(found, "db").items[0].severity == "must"


def test_a_lock_reaches_the_areas_that_its_questions_depend_on():
    def named(**more):
        rules = Rules((pack("a", item("a-one", **more)), pack("b", item("b-one"))), "advise")
        below = PolicySource(text="locked: [areas.a]")
        return effective(PolicySource(text="areas: {b: off}", organisation=below), rules).refused

    inside = Combined("any", (Clause("diff", ("x",)), Combined("not", (Clause("area", ("b",)),))))
    assert named() == ()
    assert named(when=inside)
    assert named(same_as=SameAs("b-one"))


def test_a_policy_gives_questions_of_a_pack_another_scope():
    text = (
        "areas: {db: {items: {db-size: {scope: project}}}, "
        "web: {items: {web-old: {scope: project}}}}"
    )
    found = effective(source(None, text), RULES)
    assert {one.id: one.scope for one in area(found, "db").items} == {
        "db-rollback": "change",
        "db-size": "project",
    }
    assert [one.scope for one in area(found, "web").items] == ["project"]
    problems = problems_of("areas: {db: {items: {db-size: {scop: project}}}}", RULES)
    assert any("`scop`" in one.text for one in problems)


def test_a_policy_says_which_issues_are_projects():
    found = effective(source(None, "projects: {from: [command], max_age_days: 30}"), RULES).projects
    assert (found.ways, found.max_age_days, found.inherit) == ({"command"}, 30, "answers")
    assert found.label == "nfr: project"
