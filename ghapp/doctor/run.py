"""`ghapp doctor` from its settings to its exit status."""

from __future__ import annotations

import asyncio
import sys
from typing import Literal

from ghapp.doctor import report
from ghapp.doctor.examine import examined
from ghapp.doctor.report import Finding
from ghapp.settings import Settings, named


def run(settings: Settings, output: Literal["text", "json"], *, deliver: bool) -> bool:
    """Whether nothing is wrong; what was found is on standard output, progress beside it.

    Raises WrongSetting.
    """
    return asyncio.run(_run(settings, output, deliver=deliver))


async def _run(settings: Settings, output: Literal["text", "json"], *, deliver: bool) -> bool:
    found: list[Finding] = []
    plain = not _takes(sys.stdout.encoding)
    async for finding in examined(settings, named(), deliver=deliver, progress=_progress):
        if output == "text":
            for line in report.lines(finding, found[-1] if found else None, plain=plain):
                print(line, flush=True)  # as it is found: some of it takes a while
        found.append(finding)
    print(report.encoded(found) if output == "json" else f"\n{report.summary(found)}")
    return not report.is_bad(found)


def _takes(encoding: str | None) -> bool:
    """Whether an output takes the symbols."""
    try:
        "".join(report.SYMBOLS.values()).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"... {text}", file=sys.stderr, flush=True)
