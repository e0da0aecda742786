"""What holds for every answer."""

from __future__ import annotations

import pytest

from ghapp.web.app import SECURITY_HEADERS
from tests.web.site import Site

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 200),
        ("POST", "/metrics", 405),
        ("HEAD", "/readyz", 200),
        ("POST", "/webhook", 401),
        ("GET", "/webhook", 405),
        ("DELETE", "/healthz", 405),
        ("GET", "/favicon.ico", 404),
        ("POST", "/webhook/", 404),
        ("GET", "/../../etc/passwd", 404),
    ],
)
async def test_every_answer_is_short_and_safe(
    site: Site, method: str, path: str, status: int
) -> None:
    answer = await site.client.request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "server" not in answer.headers
    if status >= 400:
        assert list(answer.json()) == ["error"]
    if status == 405:
        assert answer.headers["Allow"]


async def test_bug_is_answered_without_its_details(site: Site) -> None:
    await site.store.close()  # so that reading the health fails
    answer = await site.client.get("/readyz")
    assert answer.status_code == 500
    assert list(answer.json()) == ["error"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await site.client.get("/healthz")).status_code == 200
