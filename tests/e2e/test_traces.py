"""One trace shows the way of a delivery through two processes, and says nothing private."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from ghapp.settings import CREDENTIALS
from ghapp.tracing import trace_id
from tests.e2e.marks import WAITING, marks
from tests.e2e.processes import started
from tests.e2e.world import SECRET, World

TITLE, BRANCH, BODY = "feat: the unannounced merger", "feat/merger", "with a company in Osaka"


class Collector:
    """Takes OTLP over HTTP on loopback, and keeps the spans that it decodes."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

        class Answer(BaseHTTPRequestHandler):
            def do_POST(answer) -> None:  # noqa: N805 -- its self is the collector
                assert answer.path == "/v1/traces"
                assert answer.headers["Content-Type"] == "application/x-protobuf"
                length = int(answer.headers["Content-Length"])
                self.bodies.append(answer.rfile.read(length))
                answer.send_response(200)
                answer.send_header("Content-Type", "application/x-protobuf")
                answer.send_header("Content-Length", "0")
                answer.end_headers()

            def log_message(answer, *_: object) -> None:  # noqa: N805
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def services(self) -> set[str]:
        return {
            one.value.string_value
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for one in resource.resource.attributes
            if one.key == "service.name"
        }

    def spans(self, guid: str) -> dict[str, Span]:
        """The spans of a delivery's trace, by name."""
        wanted = trace_id(guid).to_bytes(16, "big")
        return {
            span.name: span
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
            if span.trace_id == wanted
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def spread(tmp_path: Path, empty_postgres_url: str) -> Iterator[World]:
    world = World(tmp_path, GHAPP_DATABASE_URL=empty_postgres_url)
    yield world
    world.close()


def words(span: Span) -> dict[str, str]:
    return {one.key: one.value.string_value or str(one.value.int_value) for one in span.attributes}


def test_a_trace_follows_a_delivery_from_process_to_process(
    spread: World, collector: Collector
) -> None:
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with (
        started(spread, "serve", "--no-worker", **traced) as web,
        started(spread, "work", **traced),
    ):
        spread.github.listen(f"{web.url}/webhook")
        pull = spread.open(title=TITLE, branch=BRANCH, body=BODY)
        spread.until("the marks", lambda: marks(pull) == WAITING)
        (opened,) = (
            one
            for one in spread.github.deliveries.all
            if (one.event, one.action) == ("pull_request", "opened")
        )
        whole = {"webhook", "store", "queue", "run", "gather", "admit", "write", "record"}
        spread.until("the trace", lambda: whole <= {*collector.spans(opened.guid)})
    spans = collector.spans(opened.guid)
    ids = {span.span_id: name for name, span in spans.items()}
    parents = {name: ids.get(span.parent_span_id, "") for name, span in spans.items()}
    assert parents["webhook"] == ""
    assert {parents[name] for name in ("store", "queue", "run")} == {"webhook"}
    assert {parents[name] for name in ("gather", "admit", "write", "record")} == {"run"}
    assert parents["GET repos/{owner}/{repo}/pulls/{number}/files"] == "gather"
    assert parents["POST repos/{owner}/{repo}/check-runs"] == "write"
    times = [
        (spans[name].start_time_unix_nano, spans[name].end_time_unix_nano)
        for name in ("gather", "admit", "write", "record")
    ]
    assert times == sorted(times)
    assert words(spans["webhook"])["ghapp.delivery"] == opened.guid
    assert words(spans["webhook"])["ghapp.outcome"] == "stored"
    run = words(spans["run"])
    assert (run["ghapp.delivery"], run["ghapp.outcome"]) == (opened.guid, "done")
    effects = [words(event)["ghapp.effect"] for event in spans["write"].events]
    assert {"PutCheckRun", "PutComment"} <= {*effects}
    assert collector.services() == {"ghapp"}
    private = [TITLE, BRANCH, BODY, SECRET, "acme/shop", "ghs_", *secrets(spread)]
    for body in collector.bodies:
        assert [one for one in private if one.encode() in body] == []


def secrets(world: World) -> list[str]:
    return [world.environment[name] for name in CREDENTIALS if name != "GHAPP_APP_ID"]


def test_without_a_collector_everything_else_works(spread: World) -> None:
    nobody = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with started(spread, "serve", **nobody) as server:
        spread.github.listen(f"{server.url}/webhook")
        pull = spread.open()
        spread.until("the marks", lambda: marks(pull) == WAITING)
        server.terminate()  # it waits neither for a collector nor for its retries
