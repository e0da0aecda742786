"""State as GitHub's JSON, in answers and in deliveries."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

Json = dict[str, Any]


def iso(moment: datetime | None) -> str | None:
    """GitHub's spelling of a time, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def node_id(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode()
