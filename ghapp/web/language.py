"""The language of a page: English or Japanese, as its visitor prefers."""

from __future__ import annotations

from starlette.requests import Request

from ghapp.core.i18n import LANGUAGES


def language(request: Request) -> str:
    """The language that the address names, else the first one that the browser prefers."""
    named = request.query_params.get("lang", "")
    if named in LANGUAGES:
        return named
    weighed: list[tuple[float, int, str]] = []
    for part in request.headers.get("accept-language", "")[:1_000].replace(" ", "").split(","):
        name, _, weight = part.partition(";q=")
        try:
            weighed.append((-float(weight or 1), len(weighed), name.lower()[:2]))
        except ValueError:
            continue
    return next((one for *_, one in sorted(weighed) if one in LANGUAGES), LANGUAGES[0])
