"""On what and when figures were measured, and the progress of a run."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime


def machine() -> str:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    today = datetime.now(UTC).date()
    return (
        f"{today}, {os.cpu_count()} cores, load {load}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}"
    )


def tell(words: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {words}", flush=True)
