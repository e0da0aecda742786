"""`ghapp scan`: configuration as it is in a checkout, or in a commit of it -> its findings."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ghapp import builtin_packs
from ghapp.core.areas import Finding
from ghapp.core.i18n import Words
from ghapp.core.policy.policy import POLICY_PATH, effective
from ghapp.core.scan import configuration, new_file
from ghapp.core.scan.configuration import TreeFile, Wanted
from ghapp.errors import BadPack, BadRange
from ghapp.offline import check, git
from ghapp.offline.scan_output import FORMATS, Scanned
from ghapp.terminal import printed, progress, put, wrong

GOOD, FAILED = 0, 1  # exit statuses
COMMAND = "ghapp scan"
READ_AT_ONCE = 100  # files of a commit


def run(
    path: str,
    commit: str | None,
    policy_file: str | None,
    format: str,
    language: str | None,
    *,
    organisation: str | None = None,
    unfolded: bool = False,
    fail_on: str = "never",
) -> int:
    """Prints the findings in the files below `path`.

    commit: read these instead of the working tree, the whole of it. policy_file: None means the
    policy of the repository, there. format: text | markdown | json | github | sarif.
    unfolded: show more than ten findings of each hazard. fail_on: must | should | finding | never.
    The result is the exit status: 1 if something is as heavy as `fail_on`, else 0; 2 for wrong use,
    a broken policy or an output that cannot be written.
    """
    rules = builtin_packs.rules("advise")
    try:
        if commit is None and policy_file is None:
            own = git.root(path) / POLICY_PATH
            policy_file = str(own) if own.is_file() else None
        at = git.commit_of(path, commit or "HEAD") if policy_file is None else ""
        read = check.read_policy(path, at, commit or "HEAD", policy_file, rules, organisation)
        if read.problems:
            return wrong(*map(str, read.problems), f"{COMMAND}: fix the policy and scan again")
        files = listed(path, commit)
        policy = effective(read.source, rules).on(datetime.now(UTC))
        for refused in policy.refused:
            put(f"{COMMAND}: {refused}", sys.stderr)
        searched = configuration.rules_of(policy)
        wanted = tuple(configuration.wanted(searched, files))
        found, unread = list[Finding](), list[str]()
        for one, text in contents(path, commit, wanted):
            spots = None
            if text is not None:
                spots = configuration.spots(searched, one.file.path, text)
            unread += [one.file.path] if spots is None else []
            made = (searched.finding(one.file.path, spot) for spot in spots or ())
            found += [finding for finding in made if finding]
    except (BadRange, BadPack) as error:
        return wrong(f"{COMMAND}: {error}")
    words = Words(language or policy.language)
    name = commit or path
    scanned = Scanned(
        name, read.name, policy, tuple(found), len(wanted), tuple(unread), words, unfolded, fail_on
    )
    status = printed(FORMATS[format](scanned), COMMAND)
    return status or (FAILED if scanned.failed else GOOD)


def listed(path: git.Folder, commit: str | None) -> tuple[TreeFile, ...]:
    """The files of a commit, or those below a folder of the working tree, new ones included.

    Raises BadRange.
    """
    if commit is not None:
        found = git.files_of(git.Snapshot(path, git.commit_of(path, commit)))
        return tuple(TreeFile(name, sha, size) for name, (sha, size) in found.items())
    root, files = git.root(path), list[TreeFile]()
    for name in git.working_files(path):
        try:
            facts = os.lstat(root / name)
        except OSError:
            continue  # deleted, and not yet staged
        if stat.S_ISREG(facts.st_mode):
            files.append(TreeFile(name, "", facts.st_size))
    return tuple(files)


def contents(
    path: git.Folder, commit: str | None, files: Sequence[Wanted]
) -> Iterator[tuple[Wanted, str | None]]:
    """The files with their texts; None if one is too large or cannot be read. Raises BadRange."""
    if commit is None:
        root = git.root(path)
        for one in progress(files, "files"):
            yield one, _text(root / one.file.path)
        return
    for start in range(0, len(files), READ_AT_ONCE):
        some = files[start : start + READ_AT_ONCE]
        small = [one.file.sha for one in some if one.file.size <= configuration.MOST_BYTES]
        bodies = git.bodies(path, small)
        for one in some:
            body = bodies.get(one.file.sha)
            yield one, None if body is None else new_file.text(body)


def _text(file: Path) -> str | None:
    """The text of a file that is one itself, not a link to one."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as opened:
            return new_file.text(opened.read(configuration.MOST_BYTES + 1))
    except OSError:
        return None
