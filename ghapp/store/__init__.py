"""What is stored: deliveries, dirty keys, the ledger, the last runs. SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ghapp.store.records import Records
from ghapp.store.stats import Health, Parked
from ghapp.store.work_queue import WorkQueue, accept
from ghapp.store.work_queue.leases import MAX_ATTEMPTS

__all__ = ["MAX_ATTEMPTS", "Health", "Parked", "Records", "Store", "WorkQueue"]


@dataclass(frozen=True, slots=True)
class Store:
    """An open database: the keys to re-check, and everything else that is stored."""

    queue: WorkQueue
    records: Records

    @classmethod
    async def open(
        cls, url: str, *, migrate: bool = True, clock: Callable[[], float] | None = None
    ) -> Store:
        """Connect, and bring the schema up to date. Raises WrongSetting (the URL), WrongDatabase.

        url: sqlite:////absolute/path or postgresql://... migrate: False changes nothing; the schema
        must fit already, and whether the database takes writes is not checked.
        clock: gives the time in seconds since 1970 in place of SQLite's own clock, for a history
        that is played within seconds.
        """
        records = await Records.open(url, accept, migrate=migrate, clock=clock)
        return cls(WorkQueue(records), records)

    async def close(self) -> None:
        """Finish what was submitted, and disconnect."""
        await self.queue.close()
        await self.records.close()
