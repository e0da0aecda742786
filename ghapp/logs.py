"""Structured logs on standard error: one line per delivery and per run; never a body or token."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import Processor


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


def _rendered(log_format: str) -> list[Processor]:
    if log_format == "json":
        # Tracebacks as text: structured ones would carry local variables, and so secrets.
        return [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


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
