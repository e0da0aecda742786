import json

from hypothesis import given
from hypothesis import strategies as st

from ghapp.core.areas import Area, Detect, Hazard, Item, Text
from ghapp.core.policy.own_packs import read, schema
from ghapp.core.policy.pack_files import fault, named
from ghapp.core.policy.pack_schema import References
from ghapp.core.policy.policy import POLICY_PATH, Rules, effective, problems_of
from ghapp.core.records import PackFile, PolicySource

FOLDER = ".github/nfr"
POLICY = "packs: ['.github/nfr/*.yml']\n"


def builtin(name, item, hazard):
    asked = Item(item, "must", "performance", Text(item, item))
    found = Hazard(hazard, "must", item, name, "x", Text(hazard, hazard))
    words = Text(name, name)
    return Area(
        name,
        words,
        3,
        Detect((f"**/{name}/**",)),
        (asked,),
        hazards=(found,),
        retired=((f"{name}-old", ""),),
    )


RULES = Rules(
    (builtin("caching", "cache-ttl", "APP-007"), builtin("queues", "queue-limit", "APP-020")),
    "advise",
    References({"squawk": ("squawk", "https://squawk.example/")}, {"tests": ("**/test/**",)}),
)


def pack(area, item, hazard="", **more):
    """The text of a pack; more: further lines at the top."""
    lines = [
        f"area: {area}",
        f"title: {{en: {area}, ja: {area}}}",
        "weight: 4",
        *(f"{key}: {value}" for key, value in more.items()),
        f"detect: {{paths: ['src/{area}/**']}}",
        "items:",
        f"  - {{id: {item}, cat: performance, sev: must, en: A?, ja: B？, why_en: a, why_ja: b,",
        "     ev_en: a, ev_ja: b, refs: [squawk]}",
    ]
    if hazard:
        lines += [
            "hazards:",
            f"  - {{id: {hazard}, item: {item}, sev: should, match: 'score', en: a, ja: b}}",
        ]
    return "\n".join(lines) + "\n"


def files(**texts):
    return tuple(
        PackFile(f"{FOLDER}/{name}.yml", f"sha of {text}", len(text), text=text)
        for name, text in sorted(texts.items())
    )


def told(text, *packs):
    return [str(one) for one in problems_of(text, RULES, packs=packs)]


RANKING = pack("ranking", "rank-latency", "ACME-001")


# --- what good packs do ------------------------------------------------------------------


def policy(text, *packs):
    found = effective(PolicySource(text=text, packs=packs), RULES)
    assert found.problems == ()
    return found


def area(text, *packs):
    found = {area.id: area for area in policy(text, *packs).areas}
    return found.get("ranking")


def test_an_own_pack_is_an_area_like_a_built_in_one():
    found = area(POLICY + "mode: enforce", *files(ranking=RANKING))
    assert (found.title, found.weight, found.mode) == (Text("ranking", "ranking"), 4, "enforce")
    assert found.detect == Detect(("src/ranking/**",))
    assert [(one.id, one.links) for one in found.items] == [
        ("rank-latency", (("squawk", "https://squawk.example/"),))
    ]
    assert [(one.id, one.item, one.area) for one in found.hazards] == [
        ("ACME-001", "rank-latency", "ranking")
    ]


def test_without_packs_the_built_in_areas_alone_hold():
    assert [one.id for one in policy("mode: enforce").areas] == ["caching", "queues"]
    assert [one.id for one in policy(POLICY, *files(ranking=RANKING)).areas] == [
        "ranking", "caching", "queues",
    ]  # fmt: skip


def test_an_own_area_is_changed_like_a_built_in_one():
    packs = files(ranking=RANKING)
    assert area(POLICY + "areas: {ranking: off}", *packs) is None
    found = area(POLICY + "areas: {ranking: {weight: 1, paths_add: ['x/**']}}", *packs)
    assert (found.weight, found.detect.paths) == (1, ("src/ranking/**", "x/**"))


def test_a_pack_may_be_kept_switched_off():
    packs = files(ranking=pack("ranking", "rank-latency", enabled="off"))
    assert area(POLICY, *packs) is None
    assert area(POLICY + "areas: {ranking: on}", *packs) is not None


def test_references_beside_the_packs_may_be_referred_to():
    text = RANKING.replace("[squawk]", "[runbook]")
    packs = files(ranking=text, references="runbook: [Runbook, 'https://docs.example/']")
    assert area(POLICY, *packs).items[0].links == (("Runbook", "https://docs.example/"),)
    own = "areas: {queues: {items: [{id: q, sev: must, cat: cost, en: A?, refs: [runbook]}]}}"
    (queues,) = [one for one in policy(POLICY + own, *packs).areas if one.id == "queues"]
    assert queues.items[-1].links == (("Runbook", "https://docs.example/"),)


def test_a_policy_is_worked_out_once_however_large_its_packs_are():
    large = [f"{pack(f'a{n}', f'i{n}')}# {'x' * 200_000}\n" for n in range(3)]
    for packs in (files(ranking=RANKING), files(a=large[0], b=large[1], c=large[2])):
        assert policy(POLICY, *packs) is policy(POLICY, *packs)


# --- what is wrong with one pack ---------------------------------------------------------


def test_a_problem_of_a_pack_names_its_file_and_line():
    broken = RANKING.replace("weight: 4", "weight: 9")
    assert told(POLICY, *files(ranking=broken)) == [
        f"{FOLDER}/ranking.yml:3:9: `weight` should be at most 5"
    ]


def test_all_problems_of_policy_and_packs_are_told_at_once():
    packs = files(
        a=RANKING.replace("weight: 4", "weigth: 4"), b="area: [", references="x: 1", c="[]"
    )
    found = told(POLICY + "mode: nonsense\nareas: {gone: off, caching: {items: {x: off}}}", *packs)
    assert [one.partition(": ")[0] for one in found] == [
        f"{POLICY_PATH}:2:7", f"{POLICY_PATH}:3:38",
        f"{FOLDER}/a.yml:1:1", f"{FOLDER}/a.yml:3:1",
        f"{FOLDER}/b.yml:1:1", f"{FOLDER}/c.yml:1:1", f"{FOLDER}/references.yml:1:1",
    ]  # fmt: skip


def test_an_area_that_a_broken_pack_may_have_is_no_second_mistake():
    changes = (
        "areas:\n  ranking: {hazards: {ACME-001: off},"
        " items: [{id: x, sev: must, cat: cost, en: A?, refs: [own]}]}\n  other: on\n"
    )
    broken = RANKING.replace("weight: 4", "weight: 9")
    assert len(told(POLICY + changes, *files(ranking=broken))) == 1
    assert [one.partition(": ")[0] for one in told("packs: [x]\n" + changes)] == [
        f"{POLICY_PATH}:1:9"
    ]
    assert len(told(POLICY + changes, *files(a=pack("other", "o"), b=RANKING))) == 1


def test_references_that_cannot_be_read_are_told_alone():
    packs = files(ranking=RANKING.replace("squawk", "runbook"), references="runbook: [")
    (problem,) = told(POLICY, *packs)
    assert problem.startswith(f"{FOLDER}/references.yml:1:1: not YAML")


def test_a_key_in_two_files_of_references_is_told_in_the_second():
    other = PackFile(".github/other/references.yml", "r", 9, text="a: [B, 'https://b.example']")
    packs = (*files(references="a: [A, 'https://a.example']"), other)
    found = read((), packs, (), References())
    assert [str(one) for one in found.problems] == [
        ".github/other/references.yml:1:1: `a` exists already, as https://a.example: "
        "refer to that one, or take another key"
    ]


def test_a_file_that_was_not_read_is_told_with_the_reason():
    link = PackFile(f"{FOLDER}/link.yml", "s", 9, "symlink")
    assert told(POLICY, link) == [
        f"{FOLDER}/link.yml:0:0: is a symbolic link: put the file itself here"
    ]


# --- what packs may not do together ------------------------------------------------------


def test_a_glob_without_a_file_is_told_at_its_place():
    globs = "packs:\n  - .github/nfr/*.yml\n  - .github/nfr/b?.yml\n"
    assert told(globs, *files(ranking=RANKING)) == [
        f"{POLICY_PATH}:3:5: `.github/nfr/b?.yml` matches no file: add the pack, "
        "or take the glob out"
    ]


def test_more_packs_than_are_read_are_told():
    packs = tuple(PackFile(f"{FOLDER}/{number}.yml") for number in range(21))
    assert told(POLICY, *packs) == [
        f"{POLICY_PATH}:1:1: the globs match more than 20 files: join some packs, or name fewer"
    ]


def test_an_id_that_is_taken_is_told_with_both_places():
    packs = files(
        a=pack("caching", "rank-latency", "ACME-001"),
        b=pack("ranking", "cache-ttl", "ACME-001"),
        c=pack("ranking", "caching-old", "APP-007"),
    )
    prefix = f"{FOLDER}/"
    assert [one.removeprefix(prefix) for one in told(POLICY, *packs)] == [
        "a.yml:1:7: the area id `caching` is used already, by the built-in area `caching`: "
        "change that one under `areas` of the policy, or take another id",
        "b.yml:6:10: the item id `cache-ttl` is used already, by the built-in area `caching`: "
        "take another id",
        "b.yml:9:10: the hazard id `ACME-001` is used already, by `.github/nfr/a.yml`, line 9: "
        "take another id",
        "c.yml:1:7: the area id `ranking` is used already, by `.github/nfr/b.yml`, line 1: "
        "take another id",
        "c.yml:6:10: the item id `caching-old` is used already, by the built-in area `caching`: "
        "take another id",
        "c.yml:9:10: the hazard id `APP-007` is used already, by the built-in area `caching`: "
        "take another id",
    ]


def test_a_retired_id_is_taken_too():
    retired = "[{id: cache-ttl}]"
    (problem,) = told(POLICY, *files(a=pack("ranking", "rank", retired=retired)))
    assert "the item id `cache-ttl` is used already, by the built-in area" in problem


def test_an_item_of_the_policy_may_not_have_the_id_of_an_own_packs_item():
    own = "areas: {caching: {items: [{id: rank-latency, sev: must, cat: cost, en: A?}]}}"
    assert told(POLICY + own, *files(ranking=RANKING)) == [
        f"{POLICY_PATH}:2:28: the item id `rank-latency` is used already in `areas.ranking`: "
        "take another"
    ]


def crowd(key, *values):
    listed = ", ".join(f"'{value}'" for value in values)
    return RANKING.replace("detect: {", f"detect: {{{key}: [{listed}], ")


def test_all_packs_together_have_a_bounded_number_of_patterns():
    beyond = f"{POLICY_PATH}:1:1: the packs"
    half = [f"r{number}" for number in range(150)]
    assert told(POLICY, *files(a=crowd("diff", *half), b=crowd("diff", *half))) == [
        f"{beyond} have 302 regular expressions together, more than 300: join some by `|`"
    ]
    many = [f"p{number}" for number in range(200)]
    globs = {f"f{number:02}": crowd("exclude", *many) for number in range(10)}
    assert told(POLICY, *files(**globs)) == [
        f"{beyond} have 2,010 globs together, more than 2,000: name folders instead of files"
    ]
    values = f"area: [{'1, ' * 40_000}]\n"
    assert told(POLICY, *files(a=values, b=values, c=values, d="never read: [")) == [
        f"{beyond} have 120,006 values together, more than 100,000: take some out"
    ]
    hazards = RANKING + "\n".join("  - {}" for _ in range(100)) + "\n"
    assert told(POLICY, *files(a=hazards, b=hazards)) == [
        f"{beyond} have 202 hazards together, more than 200: take some out"
    ]
    steps = "\n".join(
        f"  - {{id: ACME-{n}, item: rank-latency, sev: must, match: '{n}.{{400}}', en: a, ja: b}}"
        for n in range(10, 17)
    )
    assert told(POLICY, *files(a=f"{RANKING}{steps}\n")) == [
        f"{beyond}' regular expressions take 22,451 steps together, more than 5,000: "
        "shorten them, lower their repeat counts"
    ]


def test_a_question_that_waits_for_what_no_pack_has_is_a_problem():
    when = "when: {any: [{hazard: [ACME-9]}, {not: {area: [rankin]}}, {hazard: [ACME-001]}]}"
    waiting = RANKING.replace("refs: [squawk]}", f"refs: [squawk], {when}}}")
    assert told(POLICY, *files(a=waiting)) == [
        f"{FOLDER}/a.yml:7:48: `ACME-9` is not a hazard of any pack: did you mean `ACME-001`?",
        f"{FOLDER}/a.yml:7:48: `rankin` is not an area of any pack: did you mean `ranking`?",
    ]


def test_a_question_with_the_answer_of_one_that_no_pack_has_is_a_problem():
    def same_as(name):
        text = RANKING.replace("refs: [squawk]}", f"refs: [squawk], same_as: {name}}}")
        return files(a=text, b=pack("other", "other-one"))

    for name in ("queue-limit", "other-one"):
        assert not told(POLICY, *same_as(name))
    for name in ("queue-limits", "caching-old"):  # a retired question is not asked
        (problem,) = told(POLICY, *same_as(name))
        assert problem.startswith(f"{FOLDER}/a.yml:7:51: `{name}` is not an item of any pack")


def test_own_packs_may_name_the_built_in_sets_of_globs():
    text = RANKING.replace("detect: {", "detect: {exclude_sets: [tests], ")
    assert area(POLICY, *files(ranking=text)).detect.exclude == ("**/test/**",)
    (problem,) = told(POLICY, *files(ranking=text.replace("[tests]", "[docs]")))
    assert problem.endswith("`docs` is not a set of globs: known here: tests")


# --- bridging ----------------------------------------------------------------------------


def test_a_broken_pack_is_bridged_by_the_last_good_version_of_policy_and_packs():
    good, broken = files(ranking=RANKING), files(ranking=RANKING.replace("weight: 4", "weight: 9"))
    now = POLICY + "mode: enforce"
    found = effective(PolicySource(text=now, good=POLICY, packs=broken, good_packs=good), RULES)
    assert (found.standing, found.mode) == ("bridged", "advise")
    assert [area.id for area in found.areas] == ["ranking", "caching", "queues"]
    assert [(one.path, one.line) for one in found.problems] == [(f"{FOLDER}/ranking.yml", 3)]


def test_a_broken_pack_without_a_good_version_makes_the_policy_unreadable():
    broken = files(ranking="area: [")
    found = effective(PolicySource(text=POLICY, good=POLICY, packs=broken), RULES)
    assert (found.standing, [area.id for area in found.areas]) == (
        "unreadable", ["caching", "queues"],
    )  # fmt: skip


def test_the_schema_knows_the_keys_of_packs():
    found = schema()
    assert {"area", "detect", "items", "hazards"} <= set(found["properties"])
    assert found["additionalProperties"] is False


# --- whatever is written -----------------------------------------------------------------

KEYS = st.sampled_from(
    ["area", "title", "items", "hazards", "detect", "id", "refs", "a", "retired"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab-:", max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_any_pack_and_any_references_are_good_or_have_problems(pack, beside):
    packs = files(a=json.dumps(pack), references=json.dumps(beside))
    found = effective(PolicySource(text=POLICY, packs=packs), RULES)
    assert (found.standing == "good") == (not found.problems)
    assert all(one.path.startswith(".github/") and one.text for one in found.problems)


@given(st.text() | st.text("packs:[]'.github/*yml \n"))
def test_the_globs_of_any_text_are_sound(text):
    assert not any(map(fault, named(text)))
