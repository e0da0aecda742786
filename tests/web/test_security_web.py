"""A connection that takes what it can get."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from ghapp.errors import Refused
from ghapp.web.webhook import Bodies

pytestmark = pytest.mark.anyio


class Hasty(Bodies):
    read_seconds = 0.05


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def receive() -> Message:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    request = Request({"type": "http", "headers": []}, receive)
    with pytest.raises(Refused) as refused:
        async with Hasty().of(request):
            raise AssertionError("it never ends")
    assert refused.value.status == 408
