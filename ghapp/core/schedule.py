"""When stand-ups are: the last one, and whether the message for today's is due.

A schedule is one of cron, "45 11 * * 1-5", by the clock of a zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from cronsim import CronSim

# A schedule that leaves out so many days has no last time.
MOST_DAYS = 366


def last_before_today(schedule: str, zone: tzinfo, now: datetime) -> datetime:
    """The last time of the schedule on a day before today, by the clock of the zone.

    During today's stand-up, it is still the one before. At most MOST_DAYS ago.
    """
    midnight = datetime.combine(now.astimezone(zone).date(), time(), zone)
    first = midnight - timedelta(days=MOST_DAYS)
    last = next(CronSim(schedule, midnight, reverse=True), first)
    return max(last, first).astimezone(UTC)


def due(schedule: str, zone: tzinfo, now: datetime) -> date | None:
    """The day whose message is due by now, by the clock of the zone; None before its time.

    Only the first time of a day counts.
    """
    local = now.astimezone(zone)
    midnight = datetime.combine(local.date(), time(), zone)
    first = next(CronSim(schedule, midnight - timedelta(minutes=1)), None)
    if first is None or first.date() != local.date() or first.astimezone(UTC) > now:
        return None
    return local.date()
