"""When stand-ups are."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo

from cronsim import CronSim

# A schedule that leaves out so many days has no last time.
MOST_DAYS = 366


def last_before_today(schedule: str, zone: tzinfo, now: datetime) -> datetime:
    """The last time of the schedule on a day before today, by the clock of the zone.

    schedule: as of cron, "45 11 * * 1-5". During today's stand-up, it is still the one before. At
    most MOST_DAYS ago.
    """
    midnight = datetime.combine(now.astimezone(zone).date(), time(), zone)
    first = midnight - timedelta(days=MOST_DAYS)
    last = next(CronSim(schedule, midnight, reverse=True), first)
    return max(last, first).astimezone(UTC)
