"""Changed lines -> the dependencies whose version they change, and how far.

A line names one dependency and its version, in the forms of manifests and lock files: `"rails":
"^7.1"`, `rails (7.1.3)`, `django==5.1`, `FROM node:20-alpine`, `go 1.22`, `version: 11.0.0`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import IntEnum
from itertools import zip_longest


class Bump(IntEnum):
    """The first part of a version that differs. Below 1.0 the second part counts as the first."""

    PATCH = 1
    MINOR = 2
    MAJOR = 3


Version = tuple[int, ...]

LINE = re.compile(
    r"^\s*(?:-\s+)?(?:(?:gem|require|FROM|ARG|ENV|uses:|image:)\s+)?"
    r"[\"'({\[]*(?P<name>[A-Za-z@][\w@./+-]*?)[\"')\]}]*"
    r"(?:\s*[:=,(@<>~!]|\s)[\s\"'(=:,~^<>v@\[{]*"
    r"(?:.*?\bversion\s*=\s*[\"'\[]?[~^<>=v ]*)?"
    r"(?P<version>\d+(?:\.\d+)*)(?![\d/]|[0-9a-f]{4})"  # a commit is not a version
)
# Maven and Gradle: <spring.version>6.1</spring.version>, 'org.acme:parcel:1.2.3'
JAVA = re.compile(
    r"<(?P<tag>[\w.-]*version)>v?(?P<plain>\d+(?:\.\d+)*)"
    r"|[\"'](?P<artifact>[\w.-]+:[\w.-]+):v?(?P<number>\d+(?:\.\d+)*)"
)


def bumps(removed: Iterable[str], added: Iterable[str]) -> Iterator[tuple[str, Bump]]:
    """Each dependency that both sides name, with the part of its version that differs.

    removed, added: lines of one file. A name that comes up several times, such as `version`, is
    compared in the order of the lines.
    """
    before: defaultdict[str, list[Version]] = defaultdict(list)
    for name, version in _dependencies(removed):
        before[name].append(version)
    for name, new in _dependencies(added):
        old = before[name].pop(0) if before[name] else new
        pairs = zip_longest(old, new, fillvalue=0)
        place = next((at for at, (one, other) in enumerate(pairs) if one != other), None)
        if place is None:
            continue
        if old[0] == new[0] == 0:  # nothing is promised between 0.4 and 0.5
            place -= 1
        yield name, (Bump.MAJOR, Bump.MINOR)[place] if place < 2 else Bump.PATCH


def _dependencies(lines: Iterable[str]) -> Iterator[tuple[str, Version]]:
    for line in lines:
        if found := JAVA.search(line):
            name, number = found["tag"] or found["artifact"], found["plain"] or found["number"]
        elif found := LINE.match(line):
            name, number = found["name"], found["version"]
        else:
            continue
        yield name, tuple(int(part) for part in number.split(".")[:4])
