"""Structured logs on standard error: one line per delivery and per run; never a body or token.

What strangers wrote, as in GitHub's words about a refusal, neither steers a terminal nor passes for
a line of ours: characters that are not seen are spelled out.
"""

from __future__ import annotations

import logging
import re
import sys
import textwrap
from io import StringIO
from typing import Any, TextIO

from ghapp.heap import without

# Where structlog finds rich, which the command line brings, it loads it to draw tracebacks that are
# not drawn here: 3 MB, and a tenth of the start.
with without("rich"):
    import structlog
    from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger, Processor

# What moves the cursor, changes colours or the direction of reading, or is drawn as nothing.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
_BREAKS = re.compile("[\t\n]")


class _Handler(logging.StreamHandler[TextIO]):
    """Ours among the root's handlers: the one that the next `configure` takes off again."""


def configure(log_format: str) -> None:
    """Set up for the process. log_format: json | console | off (errors only, for people)."""
    level = logging.ERROR if log_format == "off" else logging.INFO
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendered = _rendered(log_format)
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _join_libraries(level, shared, rendered)


def logger() -> FilteringBoundLogger:
    """One that goes by the newest `configure`."""
    found: FilteringBoundLogger = structlog.get_logger()
    return found


def bind(**values: Any) -> None:
    """What each line of this task tells from now on."""
    structlog.contextvars.bind_contextvars(**values)


def _rendered(log_format: str) -> list[Processor]:
    if log_format == "json":
        # Tracebacks as text: structured ones would carry local variables, and so secrets.
        return [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
            _seen_line,
        ]
    colours = sys.stderr.isatty()
    return [
        _seen_words,
        structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=_traceback),
    ]


def _seen_line(logger: Any, method: str, line: Any) -> str:
    """A line of JSON: what is spelled out here, a reader of JSON takes for the character."""
    return _UNSEEN.sub(_spelt, line)


def _seen_words(logger: Any, method: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _BREAKS.sub(_spelt, _UNSEEN.sub(_spelt, value))
    return event


def _traceback(out: TextIO, exc_info: ExcInfo) -> None:
    """Without values, and indented: an error's own words may be several lines."""
    told = StringIO()
    structlog.dev.plain_traceback(told, exc_info)
    out.write(textwrap.indent(_UNSEEN.sub(_spelt, told.getvalue()), "  "))


def _spelt(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _join_libraries(level: int, shared: list[Processor], rendered: list[Processor]) -> None:
    """What libraries log goes the same way: uvicorn's failures, SQLAlchemy's, asyncio's."""
    handler = _Handler(sys.stderr)
    without_meta: Any = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[without_meta, *rendered],
        )
    )
    root = logging.getLogger()
    for former in [one for one in root.handlers if isinstance(one, _Handler)]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(max(level, logging.WARNING))
