"""A server that plays Slack's incoming webhooks, with the answers that a test scripts."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SILENT = 0  # no answer: the connection is closed


class SlackServer:
    """answers: of the next messages, as (status, seconds of Retry-After); then 200 for all."""

    def __init__(self, *answers: tuple[int, int]) -> None:
        self.answers, self.taken = list(answers), list[dict[str, Any]]()
        told = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                message = json.loads(self.rfile.read(size))
                status, seconds = told.answers.pop(0) if told.answers else (200, 0)
                if status in (200, SILENT):
                    told.taken.append(message)
                if status == SILENT:
                    self.close_connection = True
                    return
                self.send_response(status)
                if seconds:
                    self.send_header("Retry-After", str(seconds))
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                """Nothing: a test says what it expected."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/services/T/B/x"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
