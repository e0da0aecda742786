from dataclasses import replace
from time import process_time
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from ghapp.core.areas import Area, Detect, Hazard, Item, Text
from ghapp.core.policy import fields, own_packs
from ghapp.core.policy.areas import DEFAULT
from ghapp.core.policy.fields import login_fault, team_fault
from ghapp.core.policy.pack_schema import PackPart, References
from ghapp.core.policy.policy import (
    DEFAULT_LABELS,
    POLICY_PATH,
    Policy,
    Rules,
    effective,
    problems_of,
)
from ghapp.core.policy.policy_schema import PolicyFile, schema
from ghapp.core.records import PolicySource


def pack(name, *items, hazards=()):
    asked = tuple(Item(item, "must", "performance", Text(item, item)) for item in items)
    found = tuple(Hazard(one, "must", items[0], name, "x", Text(one, one)) for one in hazards)
    return Area(name, Text(name, name), 5, Detect(paths=(f"**/{name}/**",)), asked, hazards=found)


RULES = Rules(
    (
        pack("payments-checkout", "pay-exactly-once"),
        pack("database-migration", "dbm-rollback", "dbm-type-choice", hazards=["DBM-010"]),
        pack("search-index", "idx-size", hazards=["APP-007"]),
    ),
    "advise",
    References({"squawk": ("squawk", "https://squawk.example/")}, {"tests": ("**/test/**",)}),
)


def told(text):
    return [str(one).removeprefix(".github/nfr.yml:") for one in problems_of(text, RULES)]


OWN = "areas:\n  own:\n    title: {en: Own}\n    detect: {paths: ['a/**']}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a\n- b\n", "1:1: the file should be a mapping, as in `key: value`"),
        ("enforce", "1:1: the file should be a mapping, as in `key: value`"),
        ("mode: x\non: y", "2:1: YAML reads the key `on` as true: put it in quotes"),
        ("version: 2", "1:10: `version` should be 1"),
        ("verison: 1", "1:1: unknown key `verison`: did you mean `version`?"),
        (
            "reviewers: {robots: [x]}",
            "1:13: unknown key `robots`: known here: teams, users",
        ),
        (
            "mode: enfroce",
            "1:7: `mode` should be 'observe', 'advise' or 'enforce': did you mean enforce?",
        ),
        (
            "areas: {too-many-files: {mode: advise}}",
            "1:9: `areas.too-many-files` is an id of ghapp's own: take another",
        ),
        ("mode: off", "1:7: `mode` should be 'observe', 'advise' or 'enforce'"),
        ("language: fr", "1:11: `language` should be 'en' or 'ja'"),
        ("max_items: 0", "1:12: `max_items` should be at least 1"),
        ("max_items: 51", "1:12: `max_items` should be at most 50"),
        ("max_items: '9'", "1:12: `max_items` should be a whole number"),
        ("max_items: on", "1:12: `max_items` should be a whole number"),
        ("sign_off: {by: []}", "1:16: `sign_off.by` should not be empty"),
        (
            "sign_off: {by: [comand]}",
            "1:17: `sign_off.by[0]` should be 'command', 'label', 'review' or 'button': "
            "did you mean command?",
        ),
        ("sign_off: {allow_author: 1}", "1:26: `sign_off.allow_author` should be on or off"),
        ("sign_off: command", "1:11: `sign_off` should be a mapping, as in `key: value`"),
        ("reviewers: {teams: sre}", "1:20: `reviewers.teams` should be a list, as in `[a, b]`"),
        (
            "reviewers: {teams: [acme/sre]}",
            "1:21: `reviewers.teams[0]` should be the team's slug alone, as in `sre`: "
            "the organisation is the repository's",
        ),
        (
            "reviewers: {users: ['@ann']}",
            "1:21: `reviewers.users[0]` should be written without `@`",
        ),
        ("reviewers: {users: [7]}", "1:21: `reviewers.users[0]` should be text: put it in quotes"),
        (
            "areas: {search-index: {detect: {exclude_sets: [test]}}}",
            "1:48: `test` is not a set of globs: did you mean `tests`?",
        ),
        ("labels: {hold: ''}", "1:16: `labels.hold` should not be empty"),
        ("labels: {hold: 5}", "1:16: `labels.hold` should be text: put it in quotes"),
        (f"labels: {{hold: {'x' * 51}}}", "1:16: `labels.hold` should have at most 50 characters"),
        (
            "labels: {hold: ' x'}",
            "1:16: `labels.hold` should be one line without spaces around it",
        ),
        (
            "labels: {waiting: 'NFR: On Hold'}",
            "1:10: `labels.waiting` and `labels.hold` are the same label on GitHub: rename one",
        ),
        (
            "labels: {hold: X, waived: x}",
            "1:19: `labels.hold` and `labels.waived` are the same label on GitHub: rename one",
        ),
        (
            "defer: {default_days: 91}",
            "1:9: `defer.default_days` is more than `defer.max_days`: lower it",
        ),
        ("labels: {hold: '..'}", "1:16: `labels.hold` should be a name, not `.` or `..`"),
        (
            "reviewers: {teams: [..]}",
            "1:21: `reviewers.teams[0]` should be the team's slug, the end of its address on "
            "GitHub",
        ),
        (
            "waivers: {teams: ['SRE Leads']}",
            "1:19: `waivers.teams[0]` should be the team's slug, the end of its address on GitHub: "
            "write `sre-leads`",
        ),
        ("waivers: {teams: ['@sre']}", "1:19: `waivers.teams[0]` should be written without `@`"),
        (
            "reviewers: {users: [ann.lee]}",
            "1:21: `reviewers.users[0]` should be a login, and `ann.lee` cannot be one: write "
            "letters and digits, with single hyphens between them, and `[bot]` after the name of "
            "an App",
        ),
        (
            f"reviewers: {{users: [{'a' * 40}]}}",
            "1:21: `reviewers.users[0]` should have at most 39 characters, as every login on "
            "GitHub",
        ),
        (
            "reviewers: {users: [acme/sre]}",
            "1:21: `reviewers.users[0]` should be a login: teams belong in `teams`, each by its "
            "slug alone",
        ),
        (
            "reviewers: {users: [ann@acme.example]}",
            "1:21: `reviewers.users[0]` should be a login, not a mail address: write the end of "
            "the profile's address",
        ),
        (
            "ignore: {authors: [app/renovate]}",
            "1:20: `ignore.authors[0]` should be the App's login: write `renovate[bot]`",
        ),
        (
            f"reviewers: {{teams: [{', '.join('1' * 20_000)}]}}",
            "1:20: `reviewers.teams` should have at most 200 entries: take some out",
        ),
        (
            f"areas: {{search-index: {{title: {{en: {'x' * 101}}}}}}}",
            "1:36: `areas.search-index.title.en` should have at most 100 characters",
        ),
        (
            'areas: {search-index: {title: {en: "a\\u202eb"}}}',
            "1:36: `areas.search-index.title.en` should be one line without characters "
            "that nobody sees",
        ),
        (
            OWN + f"    items: [{{id: own-a, sev: must, cat: cost, en: {'x' * 501}}}]",
            "5:51: `areas.own.items[0].en` should have at most 500 characters",
        ),
        (
            "features: {titles: ['(?:.?){200}']}",
            "1:21: `features.titles[0]`: the regular expression takes 1,804 steps, "
            "more than 500: lower its repeat counts",
        ),
        (
            "features: {titles: ['(?=x)']}",
            "1:21: `features.titles[0]`: RE2 has no lookahead: match the text itself "
            "(invalid perl operator: (?=)",
        ),
        (
            "ignore: {paths: [a, '!b']}",
            "1:21: `ignore.paths[1]`: `!b` starts with `!`, which is not read as a negation: "
            "leave such paths out",
        ),
        (
            "locked: [mode]",
            "1:1: `locked` belongs in the organisation's file, in its repository `.github`: "
            "take it out of this one",
        ),
        (
            "packs: [a.yml]",
            "1:9: `packs[0]`: `a.yml` does not begin with `.github/`: keep packs there, "
            "as `.github/nfr/*.yml`",
        ),
        (
            "packs: .github/a.yml",
            "1:8: `packs` should be a list, as in `[a, b]`",
        ),
        (
            f"packs: [{', '.join(f'.github/{n}.yml' for n in range(6))}]",
            "1:8: `packs` should have at most 5 globs: put the packs into one folder",
        ),
        (
            "packs: ['.github/nfr/*.yml']",
            "1:9: `.github/nfr/*.yml` matches no file: add the pack, or take the glob out",
        ),
        (
            "database: {dialect: postgresql}",
            "1:21: `database.dialect` should be 'mysql' or 'postgres': did you mean postgres?",
        ),
        (
            "areas: {database-migration: {hazards: {DBM-10: off}}}",
            "1:40: unknown hazard `DBM-10` in `areas.database-migration`: did you mean `DBM-010`?",
        ),
        (
            "areas: {database-migration: {hazards: {APP-007: off}}}",
            "1:40: unknown hazard `APP-007` in `areas.database-migration`: "
            "it belongs to `search-index`",
        ),
        (
            "areas: {payments-checkout: {hazards: {PAY-001: off}}}",
            "1:39: unknown hazard `PAY-001` in `areas.payments-checkout`: "
            "hazards come with packs, and this area has none",
        ),
        (
            "areas: {database-migration: {hazards: {DBM-010: 'off'}}}",
            "1:49: `areas.database-migration.hazards.DBM-010` should be on, off, must, should "
            "or could: write `off` without quotes",
        ),
        (
            "areas: {database-migration: {hazards: {dbm-010: off}}}",
            "1:40: `areas.database-migration.hazards.dbm-010` should be capitals, "
            "a hyphen and a number, as in `DBM-010`",
        ),
        (
            OWN + "    items: [{id: own-a, sev: must, cat: cost, en: A?, refs: [sqawk]}]",
            "5:62: `sqawk` is not in references.yml: did you mean `squawk`?",
        ),
        (
            OWN + "    items: [{id: own-a, sev: must, cat: cost, en: A?, refs: [xyz]}]",
            "5:62: `xyz` is not in references.yml",
        ),
        (
            "areas: {databse-migration: off}",
            "1:9: unknown area `databse-migration`: did you mean `database-migration`? "
            "(an area of your own needs `title`, `detect` and `items`)",
        ),
        (
            "areas: {zzz: {mode: enforce}}",
            "1:9: unknown area `zzz`: known here: database-migration, payments-checkout, "
            "search-index (an area of your own needs `title`, `detect` and `items`)",
        ),
        ("areas: {Own: off}", "1:9: `areas.Own` should be lower-case words joined by `-`"),
        (
            "areas: {search-index: 'on'}",
            "1:23: `areas.search-index` should be on, off or a mapping: write `on` without quotes",
        ),
        ("areas: {search-index: x}", "1:23: `areas.search-index` should be on, off or a mapping"),
        (
            "areas: {search-index: 7}",
            "1:23: `areas.search-index` should be a mapping, as in `key: value`",
        ),
        (
            "areas: {search-index: ''}",
            "1:23: `areas.search-index` should be on, off or a mapping",
        ),
        (
            "areas: {search-index: {hazards: {APP-007: 'Off'}}}",
            "1:43: `areas.search-index.hazards.APP-007` should be on, off, must, should or could: "
            "write `Off` without quotes",
        ),
        (
            "sign_off: {allow_author: 'no'}",
            "1:26: `sign_off.allow_author` should be on or off: write `no` without quotes",
        ),
        (
            "areas: {search-index: {itmes: {}}}",
            "1:24: unknown key `itmes`: did you mean `items`?",
        ),
        (
            "areas: {database-migration: {items: {dbm-rolback: off}}}",
            "1:38: unknown item `dbm-rolback` in `areas.database-migration`: "
            "did you mean `dbm-rollback`?",
        ),
        (
            "defer: {never: [dbm-rolback]}",
            "1:17: unknown item `dbm-rolback` in `defer.never`: did you mean `dbm-rollback`?",
        ),
        (
            "defer: {never_add: [idx-size, secrets]}",
            "1:31: unknown item `secrets` in `defer.never_add`: `ghapp packs show AREA` lists them",
        ),
        (
            "areas: {database-migration: {items: {dbm-rollback: 'off'}}}",
            "1:52: `areas.database-migration.items.dbm-rollback` should be on or off: "
            "write `off` without quotes",
        ),
        (
            "areas: {search-index: {detect: {diff: ['(a']}}}",
            "1:40: `areas.search-index.detect.diff[0]`: not a regular expression: missing ): (a",
        ),
        (
            f"areas: {{search-index: {{detect: {{paths: [{', '.join('a' * 201)}]}}}}}}",
            "1:40: `areas.search-index.detect.paths` should have at most 200 entries: "
            "take some out",
        ),
        (
            OWN,
            "2:3: `items` is not a list of questions in `areas.own`: "
            "an area of your own needs `title`, `detect` and `items`",
        ),
        (
            OWN + "    items: {own-a: off}",
            "2:3: `items` is not a list of questions in `areas.own`: "
            "an area of your own needs `title`, `detect` and `items`",
        ),
        (
            "areas:\n  own:\n    detect: {labels: [x]}\n"
            "    items: [{id: own-a, sev: must, cat: cost, en: A?}]",
            "2:3: `title` is missing in `areas.own`: "
            "an area of your own needs `title`, `detect` and `items`",
        ),
        (
            "areas:\n  own:\n    title: {en: Own}\n    detect: {title: own}\n"
            "    items: [{id: own-a, sev: must, cat: cost, en: A?}]",
            "4:5: `areas.own.detect` flags nothing: give `paths`, `diff`, `removed`, `labels`, "
            "`pull`, `size` or `submodules`",
        ),
        (
            OWN + "    items: [{id: own-a, cat: cost, en: A?}]",
            "5:13: `sev` is missing in `areas.own.items[0]`",
        ),
        (
            OWN + "    items: [{id: own-a, sev: must, cat: cost, en: A?, evidence: choice}]",
            "5:13: `areas.own.items[0]` needs `choices` exactly with `evidence: choice`",
        ),
        (
            OWN + "    items: [{id: dbm-rollback, sev: must, cat: cost, en: A?}]",
            "5:14: the item id `dbm-rollback` is used already in `areas.database-migration`: "
            "take another",
        ),
        (
            OWN + "    items:\n"
            "      - {id: own-a, sev: must, cat: cost, en: A?}\n"
            "      - {id: own-a, sev: must, cat: cost, en: A?}",
            "7:10: the item id `own-a` is used already in `areas.own`: take another",
        ),
        (
            OWN + "    items: [{id: own-a, sev: must, cat: cost, ja: A?}]",
            "5:13: `en` is missing: it is the policy's language",
        ),
        (
            "areas: {search-index: {title: {ja: 検索}}}",
            "1:24: `en` is missing: it is the policy's language",
        ),
        ("a: *x", "1:4: `*x`: aliases are not read, repeat the text"),
        (
            "[" * 50_000 + "]" * 50_000,
            "1:65: nested more than 64 deep: flatten it",
        ),
        ("#" * 300_000, "0:0: the file has 300,000 bytes, more than 262,144: split it"),
    ],
)
def test_one_mistake_is_one_problem_with_its_place_and_what_to_do(text, problem):
    assert told(text) == [problem]


@pytest.mark.parametrize(
    ("paths", "problem"),
    [
        ("'docs/**', '**'", "1:29: `**` matches every file"),
        ("'*'", "1:18: `*` matches every file"),
        ("'**/*'", "1:18: `**/*` matches every file"),
        ("'/**'", "1:18: `/**` matches every file"),
        ("'?*'", "1:18: `?*` matches every file"),
        ("'/*', '*/**'", "1:10: these globs together match every file"),
    ],
)
def test_a_policy_that_ignores_every_file_is_a_problem(paths, problem):
    (found,) = told(f"ignore: {{paths: [{paths}]}}")
    assert found.startswith(f"{problem}, so that ghapp would review nothing: ")


@pytest.mark.parametrize("paths", ["", "'**/*.*'", "'*.md', 'docs/**'", "'*/**'", "'.*'"])
def test_a_policy_that_ignores_some_files_is_not(paths):
    assert told(f"ignore: {{paths: [{paths}]}}") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("working_time: {hours: '19:00-10:00'}", "should end after it begins, on the same day"),
        ("working_time: {hours: 9-18}", "should be two times on one day, such as `10:00-19:00`"),
        (
            "working_time: {days_off: ['2026-02-30']}",
            "should be a day, such as `2026-12-29`, or days",
        ),
        ("working_time: {days_off: [2027-01-03..2026-12-29]}", "should begin before it ends"),
        ("working_time: {days: [monday]}", "did you mean mon?"),
        ("request_review: true\nremind: {after: 2 days}", "should be hours or working days"),
        ("remind: {after: 2d}", "`remind` requests a review once more, and needs `request_review"),
    ],
)
def test_times_at_which_nobody_could_work_are_problems(text, problem):
    (found,) = told(text)
    assert problem in found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("calendar: https://x/releases.ics", "should be a file such as `.github/releases.ics`"),
        ("calendar: releases.ics", "should be a file such as `.github/releases.ics`"),
        ("calendar: .github/../x.ics", "should be a file such as `.github/releases.ics`"),
        ("calendar: .github/a/x.ics", "should be a file such as `.github/releases.ics`"),
        (f"calendar: .github/{'x' * 100}.ics", "should be a file such as `.github/releases.ics`"),
        ("from: [milestones]", "did you mean milestone?"),
        ("sources: [milestone]", "unknown key `sources`"),
        ("freeze: {mode: block}", "should be"),
        ("freeze: {periods: [{from: 2026-12-25}]}", "`to`"),
        ("freeze: {periods: [{from: 2026-12-25, to: 2026-12-24}]}", "`to` is before `from`"),
        ("freeze: {periods: [{from: 2026-02-30, to: 2026-12-24}]}", "should be a day of the"),
        ("freeze: {periods: [{from: 0001-01-01, to: 2026-12-24}]}", "of the years 2000 to 2999"),
        ("freeze: {periods: [{from: 2026-12-24, to: 9999-12-31}]}", "of the years 2000 to 2999"),
    ],
)
def test_releases_that_cannot_be_planned_are_problems(text, problem):
    (found,) = told(f"release: {{{text}}}\n")
    assert problem in found


BUTTON = "sign_off: {by: [button]}\n"


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        (f"{BUTTON}mode: enforce", "advise"),
        (f"{BUTTON}mode: enforce\npending: in_progress", "advise"),
        (f"{BUTTON}areas: {{search-index: {{mode: enforce}}}}", "advise"),
        (BUTTON, "enforce"),  # the default mode of the server
    ],
)
def test_a_check_that_nobody_could_ever_sign_off_is_a_problem(text, mode):
    (problem,) = problems_of(text, replace(RULES, default_mode=mode))
    assert (problem.line, problem.column) == (1, 12)
    assert "`pending: action_required`" in problem.text


@pytest.mark.parametrize(
    "text",
    [
        BUTTON,
        f"{BUTTON}mode: enforce\npending: action_required",
        "sign_off: {by: [button, command]}\nmode: enforce",
        "mode: enforce",
    ],
)
def test_a_check_that_somebody_can_sign_off_is_not(text):
    assert told(text) == []


def test_all_mistakes_are_told_at_once_in_their_order():
    text = """\
mode: enfroce
modee: x
labels: {hold: 5}
areas:
  databse-migration: off
  search-index: {mode: nope}
  payments-checkout:
    items: {pay-exactly-onec: off}
defer: {default_days: 100}
"""
    assert [one.split(": ")[0] for one in told(text)] == [
        "1:7",
        "2:1",
        "3:16",
        "5:3",
        "6:24",
        "8:13",
        "9:9",
    ]


def many(count, key, *values):
    lists = (f"  a{n}: {{detect: {{{key}: [{', '.join(values)}]}}}}" for n in range(count))
    return "areas:\n" + "\n".join(lists)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            many(4, "diff", *"abc" * 26),
            "1:1: the file has 312 regular expressions, more than 300: join some by `|`",
        ),
        (
            many(1, "diff", *(f"'{n}.{{40}}'" for n in range(16))),
            "1:1: the file's regular expressions take 5,206 steps together, more than 5,000: "
            "shorten them, lower their repeat counts",
        ),
        (
            many(11, "paths", *"abcd" * 46),
            "1:1: the file has 2,024 globs, more than 2,000: name folders instead of files",
        ),
    ],
)
def test_one_file_has_a_bounded_number_of_regexes_and_globs(text, problem):
    assert told(text)[0] == problem


@pytest.mark.parametrize(
    "text",
    [
        f"{OWN}    items: [{{id: own-a, sev: mast, cat: cost, en: A?}}]\ndefer: {{never: [own-a]}}",
        "packs: [x]\ndefer: {never: [own-a]}",
    ],
)
def test_a_question_that_may_be_in_an_unread_part_is_not_called_unknown(text):
    (problem,) = told(text)
    assert "own-a" not in problem


@pytest.mark.parametrize(
    "areas", ["[a]", "{search-index: 'off'}", "{own: {items: 7}}", "{own: {items: [7, {id: 7}]}}"]
)
def test_an_unknown_question_is_named_beside_malformed_areas(areas):
    *_, problem = told(f"areas: {areas}\ndefer: {{never: [dbm-rolback]}}")
    assert problem.startswith("2:17: unknown item `dbm-rolback` in `defer.never`: did you mean")


def test_a_question_of_the_policy_itself_may_not_be_deferred():
    own = OWN + "    items: [{id: own-a, sev: must, cat: cost, en: A?}]\n"
    assert told(f"{own}defer: {{never: [own-a], never_add: [idx-size]}}") == []


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a", True),
        ("7", True),
        ("Ann-Lee-2", True),
        ("a" * 39, True),
        ("dependabot[bot]", True),
        ("ann-lee_acme", True),  # a managed user of the enterprise `acme`
        ("-ann", False),
        ("ann-", False),
        ("ann--lee", False),
        ("_acme", False),
        ("ann[bot", False),
        ("ann lee", False),
        ("ann\n", False),
        ("an\N{LATIN SMALL LETTER E WITH ACUTE}", False),
        (".", False),
    ],
)
def test_a_login_is_one_that_github_may_have(name, good):
    assert (login_fault(name) == "") is good


@pytest.mark.parametrize(
    ("slug", "good"),
    [
        ("sre", True),
        ("sre-leads_2", True),
        ("ent:security", True),  # a team of the enterprise
        ("SRE", False),
        ("sre leads", False),
        ("-sre", False),
        ("node.js", False),
        ("\N{HIRAGANA LETTER A}", False),
        ("sre\n", False),
        ("", False),
    ],
)
def test_a_slug_is_one_that_github_may_have(slug, good):
    assert (team_fault(slug) == "") is good


def test_many_mistakes_are_told_by_their_first_fifty():
    start = process_time()
    found = told("".join(f"k{number}: 1\n" for number in range(20_000)))
    assert [one.split(":")[0] for one in found] == [str(line) for line in range(1, 51)]
    assert process_time() - start < 4


def test_few_days_at_most_are_few_days_by_default():
    assert told("defer: {max_days: 7}") == []


def test_words_may_be_folded_over_lines_of_the_file():
    items = '    items:\n      - {id: own-a, sev: must, cat: cost, en: "a\n b"}'
    assert told(OWN + items) == []


def test_where_the_policy_speaks_japanese_so_must_what_is_ones_own():
    items = "    items: [{id: own-a, sev: must, cat: cost, en: A?}]"
    assert told("language: ja\n" + OWN + items) == [
        "4:5: `ja` is missing: it is the policy's language",
        "6:13: `ja` is missing: it is the policy's language",
    ]


def test_a_problem_names_the_file_it_was_asked_about():
    assert problems_of("a: 1", RULES)[0].path == POLICY_PATH
    assert problems_of(b"a: 1", RULES, "x.yml")[0].path == "x.yml"


def test_the_schema_knows_every_key_and_refuses_others():
    found = schema()
    assert set(found["properties"]) == set(PolicyFile.model_fields)
    assert found["additionalProperties"] is False
    assert found["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert found["$id"] == "urn:ghapp:schema:policy:1"


SCHEMAS = (schema(), own_packs.schema())
KEYS_SHOWN = [
    pytest.param(shown, key in part.get("required", ()), id=f"{name}.{key}")
    for whole in SCHEMAS
    for name, part in (("", whole), *whole["definitions"].items())
    for key, shown in part.get("properties", {}).items()
]


@pytest.mark.parametrize(("shown", "needed"), KEYS_SHOWN)
def test_editors_show_what_each_key_means_its_default_and_an_example(shown, needed):
    assert shown["description"].endswith(".")
    assert len(shown["examples"]) == 1
    assert ("default" in shown) is not needed


def schemas_in(node):
    """Every mapping inside a schema."""
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node:
        if isinstance(inner, dict | list):
            yield from schemas_in(inner)


@pytest.mark.parametrize("whole", SCHEMAS, ids=["policy", "pack"])
def test_the_schema_keeps_to_draft_7(whole):
    for node in schemas_in({key: whole[key] for key in ("properties", "definitions")}):
        assert not {"$defs", "prefixItems", "unevaluatedProperties"} & set(node)
        if "$ref" in node:
            assert set(node) == {"$ref"}
            start, _, name = node["$ref"].rpartition("/")
            assert start == "#/definitions"
            assert name in whole["definitions"]


def test_the_schema_takes_what_the_policy_takes():
    parts = schema()["definitions"]
    switch = {"anyOf": [{"type": "boolean"}, {"enum": ["on", "off", "yes", "no"]}]}
    (areas,) = schema()["properties"]["areas"]["anyOf"][0]["patternProperties"].values()
    assert switch in areas["oneOf"]  # `off` is text in YAML 1.2
    assert {"type": "string"} in parts["WhenPart"]["properties"]["diff"]["anyOf"]
    assert {"type": "string"} in parts["VocabularyPart"]["properties"]["users"]["anyOf"]


def parts_of(model, known=None):
    """The model and all models inside."""
    known = set() if known is None else known
    if model not in known:
        known.add(model)
        for one in model.model_fields.values():
            for part in fields.inside(one.annotation):
                if isinstance(part, type) and issubclass(part, BaseModel):
                    parts_of(part, known)
    return known


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (model, name)
        for model in sorted(parts_of(PolicyFile) | parts_of(PackPart), key=lambda one: one.__name__)
        for name in model.model_fields
    ],
)
def test_an_example_is_a_value_that_the_key_may_have(model, name):
    one = model.model_fields[name]
    (example,) = one.examples
    if (model, name) not in ((PackPart, "items"), (PackPart, "hazards")):  # too long to show
        whole = Annotated[(one.annotation, *one.metadata, "")]
        TypeAdapter(whole).validate_python(example, context={"trusted": False})


def test_the_defaults_that_editors_show_are_those_of_the_policy():
    policy, found = Policy(), schema()
    parts = found["definitions"]

    def shown(part):
        keys = parts[part]["properties"] if part else found["properties"]
        return {key: one["default"] for key, one in keys.items()}

    top, sign_off, defer = shown(""), shown("SignOffPart"), shown("DeferPart")
    for key in ("mode", "language", "pending", "comment", "max_items"):
        assert top[key] == getattr(policy, key)
    assert tuple(top["large_tables"]) == policy.large_tables
    assert set(sign_off.pop("by")) == policy.sign_off_by
    assert sign_off == {key: getattr(policy, key) for key in sign_off}
    assert shown("LabelsPart") == DEFAULT_LABELS
    assert (defer["default_days"], defer["max_days"]) == (30, 90)
    features = shown("FeaturesPart")
    assert features.pop("added_lines") is None
    assert {key: tuple(one) for key, one in features.items()} == {
        key: getattr(policy.features, key) for key in features
    }
    ignore = shown("IgnorePart")
    assert (set(ignore["authors"]), tuple(ignore["paths"])) == (
        policy.ignore_authors, policy.ignore_paths,
    )  # fmt: skip
    assert shown("VocabularyPart") == {key: text.en for key, text in DEFAULT.items()}


# --- whatever is written -------------------------------------------------------------------

KEYS = st.sampled_from([*PolicyFile.model_fields, "teams", "by", "hold", "items", "on", "x"])
IDS = st.sampled_from(["database-migration", "search-index", "own", "dbm-rollback", "Ä"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("enforce")
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | IDS, inner, max_size=3),
    max_leaves=12,
)


@given(st.text() | st.binary())
def test_any_text_has_problems_or_none(text):
    assert isinstance(problems_of(text, RULES), tuple)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_values_under_known_keys_make_a_policy_with_all_labels(values):
    text = TypeAdapter(dict[str, object]).dump_json(values).decode()
    found = effective(PolicySource(text=text), RULES)
    assert (found.standing == "good") == (not problems_of(text, RULES))
    assert set(found.labels) == set(DEFAULT_LABELS)
    assert all(isinstance(one.line, int) and one.text for one in found.problems)
