"""Traces for OpenTelemetry: what became of a delivery, and how long each step took.

A trace is found by the delivery's GUID, also from another process: its id is `trace_id(GUID)`.
Spans name ids, keys, routes and outcomes. No body, title, login or token is in them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.util.types import Attributes

from ghapp.core.model import Delivery
from ghapp.core.records import Claim
from ghapp.metrics import Metrics, route

FLUSH_MILLISECONDS = 3000
FAILED = ("parked", "not recorded")  # outcomes of runs that are errors


def trace_id(guid: str) -> int:
    """The id of the trace of a delivery. Hashed: of a GUID, parts hardly differ from others."""
    return int.from_bytes(hashlib.sha256(guid.encode()).digest()[:16], "big")


def _span_id(guid: str) -> int:
    """The id of its first span, so that another process can name it as the parent."""
    return int.from_bytes(hashlib.sha256(guid.encode()).digest()[16:24], "big")


class _Ids(RandomIdGenerator):
    """Random ids, except for the first span of a delivery. guid: of that delivery, else ""."""

    guid = ""

    def generate_trace_id(self) -> int:
        return trace_id(self.guid) if self.guid else super().generate_trace_id()

    def generate_span_id(self) -> int:
        return _span_id(self.guid) if self.guid else super().generate_span_id()


class Tracing(Metrics):
    """Counts as Metrics does, and sends a trace of each verified delivery and of each run.

    Where to, and how, is read from the standard variables (OTEL_EXPORTER_OTLP_ENDPOINT and others).
    """

    def __init__(self) -> None:
        super().__init__()
        ours = Resource({"service.name": "ghapp", "service.version": version("ghapp")})
        self._ids = _Ids()
        self._provider = TracerProvider(
            resource=ours.merge(OTELResourceDetector().detect()), id_generator=self._ids
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("ghapp", version("ghapp"))

    def close(self) -> None:
        """Send what is left, within a few seconds."""
        self._provider.force_flush(FLUSH_MILLISECONDS)
        self._provider.shutdown()

    def stored(self, delivery: Delivery, seconds: float) -> None:
        self._ended("store", seconds, _of(delivery.id))

    def delivered(self, outcome: str, delivery: Delivery | None, seconds: float) -> None:
        super().delivered(outcome, delivery, seconds)
        if delivery is None:
            return  # anybody may have sent it
        facts: Attributes = {
            "ghapp.delivery": delivery.id,
            "ghapp.event": delivery.event,
            "ghapp.action": delivery.action,
            "ghapp.keys": tuple(str(key) for key in delivery.keys),
            "ghapp.outcome": outcome,
        }
        self._ids.guid = delivery.id
        try:
            self._ended("webhook", seconds, Context(), facts, SpanKind.SERVER)
        finally:
            self._ids.guid = ""

    @contextmanager
    def running(self, claim: Claim) -> Iterator[None]:
        parent = _of(claim.delivery) if claim.delivery else Context()
        facts: Attributes = {
            "ghapp.key": str(claim.key),
            "ghapp.delivery": claim.delivery,
            "ghapp.attempts": claim.attempts,
        }
        with self._tracer.start_as_current_span(
            "run",
            parent,
            attributes=facts,
            kind=SpanKind.CONSUMER,
            record_exception=False,  # its words may be anybody's
            set_status_on_exception=False,
        ):
            waited = claim.waited_seconds
            if waited is not None and claim.claimed_at:
                end = int(claim.claimed_at.timestamp() * 1e9)
                self._ended("queue", waited, parent if claim.delivery else None, end=end)
            yield

    def ended(self, claim: Claim, outcome: str, seconds: float) -> None:
        super().ended(claim, outcome, seconds)
        span = get_current_span()
        span.set_attribute("ghapp.outcome", outcome)
        if outcome in FAILED:
            span.set_status(StatusCode.ERROR)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ):
            yield

    def applied(self, effect: str, result: str) -> None:
        super().applied(effect, result)
        get_current_span().add_event("effect", {"ghapp.effect": effect, "ghapp.result": result})

    def called(self, method: str, path: str, status: int, result: str, seconds: float) -> None:
        super().called(method, path, status, result, seconds)
        if get_current_span().is_recording():  # of a run, not of a sweep
            template = route(path)
            facts: Attributes = {
                "http.request.method": method,
                "http.response.status_code": status,
                "url.template": template,
                "ghapp.result": result,
            }
            self._ended(f"{method} {template}", seconds, None, facts, SpanKind.CLIENT)

    def _ended(
        self,
        name: str,
        seconds: float,
        parent: Context | None,
        facts: Attributes = None,
        kind: SpanKind = SpanKind.INTERNAL,
        *,
        end: int = 0,
    ) -> None:
        """Record a span that is over. parent: None for the current span. end: in ns, 0 for now."""
        end = end or time.time_ns()
        start = end - int(seconds * 1e9)
        self._tracer.start_span(name, parent, kind, facts, start_time=start).end(end)


def _of(guid: str) -> Context:
    """As a parent: the first span of a delivery, which another process may have recorded."""
    first = SpanContext(
        trace_id(guid), _span_id(guid), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    return set_span_in_context(NonRecordingSpan(first), Context())
