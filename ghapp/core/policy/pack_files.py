"""The globs under `packs` of a policy -> which files of the repository they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from ghapp.core import releases
from ghapp.core.patterns import globs
from ghapp.core.policy import packs, yaml
from ghapp.core.records import PackFile

POLICY = ".github/nfr.yml"
FOLDER, WORKFLOWS = ".github/", ".github/workflows/"
ENDINGS = (".yml", ".yaml")
CALENDAR = ("release", "calendar")  # the key of a policy that names one

MAX_GLOBS = 5
MAX_FILES = 20
# Source: https://docs.github.com/rest/repos/contents#get-repository-content
MAX_ENTRIES = 1_000

NO_WILDCARDS = "[]{}\\"


def concerns(path: str) -> bool:
    """Whether a change of this file may change the policy, whatever its `packs` are."""
    return path.startswith(FOLDER) and not path.startswith(WORKFLOWS) and path.endswith(ENDINGS)


def concerns_organisation(path: str) -> bool:
    """The same in the repository of an organisation's policy, which also has the calendars."""
    return concerns(path) or is_calendar(path)


def is_calendar(path: str) -> bool:
    """Whether it is a calendar of the team, as `.github/releases.ics`."""
    in_folder = path.startswith(FOLDER) and "/" not in path.removeprefix(FOLDER)
    return in_folder and path.endswith(".ics") and path.isprintable()


def fault(glob: str) -> str:
    """What is wrong with a glob under `packs` and what to do, one line; "" if nothing is."""
    folder, _, name = glob.rpartition("/")
    if len(glob) > globs.MAX_LENGTH:
        return f"the glob is {len(glob)} characters long, more than {globs.MAX_LENGTH}: shorten it"
    if not glob.startswith(FOLDER):
        return f"`{glob}` does not begin with `{FOLDER}`: keep packs there, as `.github/nfr/*.yml`"
    if glob.startswith(WORKFLOWS):
        return f"`{glob}`: `{WORKFLOWS}` holds workflows: keep packs in a folder of their own"
    if any(sign in folder for sign in "*?"):
        return f"`{glob}` has a wildcard in its folder: only the file name may have one"
    if any(sign in glob for sign in NO_WILDCARDS) or not glob.isprintable():
        return f"`{glob}`: only `*` and `?` are wildcards here, brackets and `\\` are not read"
    if {"", ".", ".."} & {*folder.split("/")}:
        return f"`{glob}` has an empty folder, `.` or `..` in it: write the folder's own path"
    if not name.endswith(ENDINGS):
        return f"`{glob}` does not end in `.yml` or `.yaml`: packs are YAML files"
    return ""


@lru_cache(maxsize=256)
def named(text: str) -> tuple[str, ...]:
    """The sound globs under `packs` in the text of a policy; () if it cannot be read."""
    tree = yaml.read(text, POLICY) if "packs" in text else None
    value = tree.value if isinstance(tree, yaml.Tree) else None
    listed = value.get("packs") if isinstance(value, dict) else None
    sound = (one for one in listed or () if isinstance(one, str) and not fault(one))
    return tuple(sound)[:MAX_GLOBS] if isinstance(listed, list) else ()


@lru_cache(maxsize=256)
def calendar(text: str) -> tuple[str, yaml.Place]:
    """The path of the calendar that the text of a policy names, and where; "" if it names none."""
    tree = yaml.read(text, POLICY) if "calendar" in text else None
    if isinstance(tree, yaml.Tree):
        value = tree.value
        for key in CALENDAR:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str) and is_calendar(value):
            return value, tree.key_at(CALENDAR)
    return "", (0, 0)


def calendar_fault(file: PackFile) -> str:
    """Why a calendar that a policy names is not read, and what to do; "" if it is. Slow."""
    if file.kind == "absent":
        return (
            f"`{file.path}` is not in the organisation's repository `.github`, or ghapp cannot "
            "read it there: create it, and install the App on that repository"
        )
    if file.kind != "file":
        return f"`{file.path}` is a {file.kind}: put the file itself there"
    if file.text is None:
        most = f"{releases.MOST_BYTES:,}"
        return f"`{file.path}` has {file.size:,} bytes, more than {most}: take old events out"
    return releases.fault(file.text)


def decides(path: str, patterns: Sequence[str]) -> bool:
    """Whether it is the policy, a pack that these globs name, or the references beside one."""
    if not path.startswith(FOLDER):  # no glob names another folder
        return False
    folder = path.rpartition("/")[0]
    return (
        path == POLICY
        or bool(globs.matches(tuple(patterns), path))
        or (folder in folders(patterns) and is_references(PackFile(path)))
    )


def folders(patterns: Sequence[str]) -> tuple[str, ...]:
    """The folders that have to be listed, each once."""
    return tuple(dict.fromkeys(glob.rpartition("/")[0] for glob in patterns))


def chosen(
    patterns: Sequence[str], entries: Mapping[str, Sequence[PackFile]]
) -> tuple[PackFile, ...]:
    """The files that the globs name, and the references beside them, in path order.

    Of too many packs only the first ones, one more than allowed.
    entries: what is in each of the `folders`; nothing if there is no such folder.
    """
    found: list[PackFile] = []
    for folder in folders(patterns):
        if len(entries[folder]) >= MAX_ENTRIES:
            found.append(PackFile(folder, kind="crowded"))
        for one in entries[folder]:
            wanted = is_references(one) or globs.matches(tuple(patterns), one.path)
            if wanted and one.kind in ("file", "symlink") and one.path != POLICY:
                found.append(replace(one, text=None))
    packs = sorted((one for one in found if not is_references(one)), key=lambda one: one.path)
    kept = [*packs[: MAX_FILES + 1], *filter(is_references, found)]
    return tuple(sorted(kept, key=lambda one: one.path))


def readable(files: Sequence[PackFile]) -> tuple[PackFile, ...]:
    """Those of the chosen files whose text is read."""
    if too_many(files):
        return ()
    return tuple(one for one in files if one.kind == "file" and one.size <= yaml.MAX_BYTES)


def too_many(files: Sequence[PackFile]) -> bool:
    """Whether more packs are named than are read."""
    return sum(not is_references(one) for one in files) > MAX_FILES


def is_references(file: PackFile) -> bool:
    """Whether the file holds references. Then it is not a pack, even if a glob matches it."""
    return file.path.endswith(f"/{packs.NAME}")


def unread(file: PackFile) -> str:
    """Why a chosen file has no text, and what to do."""
    if file.kind == "symlink":
        return "is a symbolic link: put the file itself here"
    if file.kind == "crowded":
        many = f"{MAX_ENTRIES:,} entries or more, and GitHub lists no others"
        return f"the folder has {many}: keep packs in a folder of their own"
    return f"the file has {file.size:,} bytes, more than {yaml.MAX_BYTES:,}: split it"
