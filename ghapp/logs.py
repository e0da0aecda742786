"""Structured logs on standard error: one line per delivery and per run; never a body or token.

Text from outside, such as GitHub's reason for a refusal, can neither control a terminal nor pass
for a line of the log: invisible characters are escaped.
"""

from __future__ import annotations

import logging
import re
import sys
import textwrap
from io import StringIO
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger, Processor

# Characters that move the cursor, change colours or the direction of reading, or draw nothing.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
_BREAKS = re.compile("[\t\n]")


class _Handler(logging.StreamHandler[TextIO]):
    """Our handler of the root logger, which the next `configure` replaces."""


def configure(log_format: str) -> None:
    """Set up for the process. log_format: json | console | off (errors only, for people).

    Warnings and errors of libraries (uvicorn, SQLAlchemy, asyncio) are logged in the same format.
    """
    level = logging.ERROR if log_format == "off" else logging.INFO
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if log_format == "json":
        rendered: list[Processor] = [
            # Tracebacks as text: structured ones would carry local variables, and so secrets.
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
            _escaped_line,
        ]
    else:
        colours = sys.stderr.isatty()
        rendered = [
            _escaped_values,
            structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=_traceback),
        ]
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    without_meta: Any = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = _Handler(sys.stderr)
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


def logger() -> FilteringBoundLogger:
    """A logger that follows the latest `configure`."""
    found: FilteringBoundLogger = structlog.get_logger()
    return found


def bind(**values: Any) -> None:
    """Add these values to each line of this task from now on."""
    structlog.contextvars.bind_contextvars(**values)


def _escaped_line(logger: Any, method: str, line: Any) -> str:
    """A line of JSON; a reader of JSON decodes the escapes to the characters."""
    return _INVISIBLE.sub(_escape, line)


def _escaped_values(logger: Any, method: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _BREAKS.sub(_escape, _INVISIBLE.sub(_escape, value))
    return event


def _traceback(out: TextIO, exc_info: ExcInfo) -> None:
    """A traceback without values, indented because the text of an error may have several lines."""
    text = StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    out.write(textwrap.indent(_INVISIBLE.sub(_escape, text.getvalue()), "  "))


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
