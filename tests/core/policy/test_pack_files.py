import pytest

from ghapp.core.policy import pack_files
from ghapp.core.policy.pack_files import (
    MAX_ENTRIES,
    MAX_FILES,
    chosen,
    concerns,
    decides,
    fault,
    folders,
    is_references,
    named,
    readable,
    too_many,
    unread,
)
from ghapp.core.records import PackFile


def lying(*names, folder=".github/nfr", **more):
    return [PackFile(f"{folder}/{name}", f"sha of {name}", 10, **more) for name in names]


def paths(files):
    return [one.path for one in files]


@pytest.mark.parametrize(
    "glob",
    [".github/nfr/*.yml", ".github/*.yaml", ".github/nfr/a?.yml", ".github/a b/c.d/x.yml"],
)
def test_a_glob_below_github_with_wildcards_in_the_file_name_is_good(glob):
    assert fault(glob) == ""


@pytest.mark.parametrize(
    ("glob", "words"),
    [
        ("nfr/*.yml", "`nfr/*.yml` does not begin with `.github/`: keep packs there, as"),
        ("/.github/nfr/*.yml", "does not begin with `.github/`"),
        (".github\\nfr\\*.yml", "does not begin with `.github/`"),
        (".github/workflows/*.yml", "`.github/workflows/` holds workflows: keep packs in a fol"),
        (".github/*/a.yml", "has a wildcard in its folder: only the file name may have one"),
        (".github/**/*.yml", "has a wildcard in its folder"),
        (".github/nfr/[ab].yml", "only `*` and `?` are wildcards here, brackets and `\\` are"),
        (".github/nfr/{a,b}.yml", "only `*` and `?` are wildcards here"),
        (".github/nfr/a\n.yml", "only `*` and `?` are wildcards here"),
        (".github/nfr/../*.yml", "has an empty folder, `.` or `..` in it"),
        (".github//*.yml", "has an empty folder, `.` or `..` in it"),
        (".github/./a.yml", "has an empty folder, `.` or `..` in it"),
        (".github/nfr/*", "does not end in `.yml` or `.yaml`: packs are YAML files"),
        (".github/nfr/", "does not end in `.yml` or `.yaml`"),
        (".github/" + "a" * 500 + ".yml", "the glob is 512 characters long, more than 500"),
    ],
)
def test_any_other_glob_is_refused_with_what_to_do(glob, words):
    assert words in fault(glob)


@pytest.mark.parametrize(
    ("text", "globs"),
    [
        ("packs: ['.github/nfr/*.yml', .github/a.yml]", (".github/nfr/*.yml", ".github/a.yml")),
        ("packs: ['x.yml', 7, .github/a.yml]\nmode: nonsense", (".github/a.yml",)),
        ("packs: .github/a.yml", ()),
        ("packs:", ()),
        ("mode: enforce", ()),
        ("[packs]", ()),
        ("packs: [", ()),
        (f"packs: [{', '.join(f'.github/{n}.yml' for n in range(9))}]",
         tuple(f".github/{n}.yml" for n in range(5))),
    ],
)  # fmt: skip
def test_the_sound_globs_of_a_policy_are_known_before_it_is_judged(text, globs):
    assert named(text) == globs


def test_each_folder_is_listed_once():
    globs = (".github/nfr/a*.yml", ".github/b.yml", ".github/nfr/c?.yml")
    assert folders(globs) == (".github/nfr", ".github")


def test_what_the_globs_match_is_chosen_in_path_order():
    entries = {".github/nfr": lying("b.yml", "a.yml", "c.yaml", "a.yml.bak", "b.txt")}
    files = chosen((".github/nfr/*.yml", ".github/nfr/?.yaml"), entries)
    assert paths(files) == [".github/nfr/a.yml", ".github/nfr/b.yml", ".github/nfr/c.yaml"]
    assert [one.sha for one in files] == ["sha of a.yml", "sha of b.yml", "sha of c.yaml"]


def test_the_policy_itself_is_no_pack_and_folders_are_none():
    entries = {".github": [*lying("nfr.yml", "a.yml", folder=".github"),
                           PackFile(".github/dir.yml", kind="dir")]}  # fmt: skip
    assert paths(chosen((".github/*.yml",), entries)) == [".github/a.yml"]


def test_references_beside_the_packs_come_with_them_whatever_the_globs_say():
    entries = {".github/nfr": lying("a.yml", "references.yml")}
    for glob in (".github/nfr/*.yml", ".github/nfr/a.yml"):
        files = chosen((glob,), entries)
        assert paths(files) == [".github/nfr/a.yml", ".github/nfr/references.yml"]
        assert [is_references(one) for one in files] == [False, True]


def test_of_too_many_packs_none_is_read():
    names = [f"{number:02}.yml" for number in range(30)]
    globs = (".github/nfr/*.yml",)
    most = chosen(globs, {".github/nfr": lying(*names[:MAX_FILES], "references.yml")})
    assert (too_many(most), len(readable(most))) == (False, MAX_FILES + 1)
    beyond = chosen(globs, {".github/nfr": lying(*names)})
    assert (len(beyond), too_many(beyond), readable(beyond)) == (MAX_FILES + 1, True, ())


def test_only_files_of_a_fit_size_are_read():
    link = PackFile(".github/nfr/a.yml", "s", 10, "symlink")
    large = PackFile(".github/nfr/b.yml", "s", (256 << 10) + 1)
    good = PackFile(".github/nfr/c.yml", "s", 256 << 10)
    files = chosen((".github/nfr/*.yml",), {".github/nfr": [link, large, good]})
    assert readable(files) == (good,)
    assert unread(files[0]) == "is a symbolic link: put the file itself here"
    assert unread(files[1]) == "the file has 262,145 bytes, more than 262,144: split it"


def test_a_folder_of_which_github_lists_only_a_part_is_not_trusted():
    entries = {".github/nfr": lying("a.yml", *(f"{n}.txt" for n in range(MAX_ENTRIES - 1)))}
    crowded, pack = chosen((".github/nfr/*.yml",), entries)
    assert (crowded.path, crowded.kind, pack.path) == (
        ".github/nfr",
        "crowded",
        ".github/nfr/a.yml",
    )
    assert "GitHub lists no others: keep packs in a folder of their own" in unread(crowded)
    assert readable((crowded, pack)) == (pack,)


@pytest.mark.parametrize(
    ("path", "may_matter"),
    [
        (".github/nfr.yml", True),
        (".github/packs/deep/a.yaml", True),
        (".github/workflows/ci.yml", False),
        (".github/CODEOWNERS", False),
        ("nfr.yml", False),
    ],
)
def test_yaml_below_github_may_change_the_policy(path, may_matter):
    assert concerns(path) is may_matter


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".github/nfr.yml", True),
        (".github/nfr/shop.yml", True),
        (".github/nfr/references.yml", True),
        (".github/other/references.yml", False),
        (".github/workflows/a.yml", False),
        ("nfr.yml", False),
        ("", False),
    ],
)
def test_the_policy_its_packs_and_their_references_decide_what_is_reviewed(
    path: str, expected: bool
) -> None:
    assert decides(path, (".github/nfr/*.yml",)) is expected


NAMED = "mode: advise\nrelease:\n  calendar: .github/releases.ics\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NAMED, (".github/releases.ics", (3, 3))),
        ("", ("", (0, 0))),
        ("# no calendar\n", ("", (0, 0))),
        ("release: calendar\n", ("", (0, 0))),
        ("release: {calendar: [.github/releases.ics]}\n", ("", (0, 0))),
        ("release: {calendar: https://acme.example/a.ics}\n", ("", (0, 0))),
        ("release: {calendar: .github/releases.ics\n", ("", (0, 0))),
    ],
)
def test_the_calendar_that_a_policy_names(text: str, expected: object) -> None:
    assert pack_files.calendar(text) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".github/releases.ics", True),
        (".github/a/releases.ics", False),
        ("releases.ics", False),
        (".github/releases.ics\n", False),
        (".github/releases.yml", False),
    ],
)
def test_calendars_are_kept_beside_the_policy(path: str, *, expected: bool) -> None:
    assert pack_files.is_calendar(path) is expected
    assert pack_files.concerns_organisation(path) is (expected or path.endswith(".yml"))
    assert not pack_files.concerns(path) or path.endswith(".yml")


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (PackFile("c.ics", kind="absent"), "is not in the organisation's repository `.github`"),
        (PackFile("c.ics", kind="symlink"), "is a symlink: put the file itself there"),
        (PackFile("c.ics", size=1 << 30), "has 1,073,741,824 bytes, more than 262,144"),
        (PackFile("c.ics", text="<html>"), "not a calendar"),
        (PackFile("c.ics", text="BEGIN:VCALENDAR\nEND:VCALENDAR\n"), ""),
    ],
)
def test_why_a_calendar_is_not_read(file: PackFile, why: str) -> None:
    found = pack_files.calendar_fault(file)
    assert why in found
    assert bool(found) is bool(why)
