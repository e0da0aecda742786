"""Processes that send the digests that are due, each killed at one step of it.

Each line of the input starts one, and is the JSON of the database, the webhook, the time, and
before which step it is killed, from 0. A line of the output is how it ended. They are forked from
this process, which has imported ghapp once for all.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ghapp import builtin_packs
from ghapp.core.text.places import Place
from ghapp.observer import Observer
from ghapp.settings import Endpoint
from ghapp.slack import Slack
from ghapp.store import Store
from ghapp.worker.digest import Digests, Sender
from ghapp.worker.retro import Retros

TOKYO = ZoneInfo("Asia/Tokyo")
SCHEDULE = "45 11 * * 1-5"


async def sent(
    database: str,
    webhook: str,
    now: datetime,
    killed_at: int | None = None,
    *,
    retro: bool = False,
) -> None:
    """Send what is due. killed_at: before or after which write, read or post; None for never.

    retro: the message for the retro, in place of the stand-up's.
    """
    store = await Store.open(database)
    steps = iter(range(1_000))

    def step() -> None:
        if next(steps) == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def before_and_after(*args: Any) -> Any:
            step()
            found = await call(*args)
            step()
            return found

        return before_and_after

    async with Slack({"": webhook}, Endpoint("https://api.github.com")) as slack:
        place, rules = Place(TOKYO, "https://github.example"), builtin_packs.rules("advise", TOKYO)
        sender = Sender(store, None, slack, Observer())  # type: ignore[arg-type]
        digests = Digests(store, sender, slack.names, rules, place, SCHEDULE, Observer())
        retros = Retros(store, sender, slack.names, rules, place)
        store.records.write = counted(store.records.write)  # type: ignore[method-assign]
        slack.post = counted(slack.post)  # type: ignore[method-assign]
        await (retros if retro else digests).send_due(now)
    await store.close()


if __name__ == "__main__":
    for line in sys.stdin:
        database, webhook, now, killed_at = json.loads(line)
        if not (child := os.fork()):
            asyncio.run(sent(database, webhook, datetime.fromisoformat(now), killed_at))
            break
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
