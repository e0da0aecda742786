"""When a team works: how much working time lies between two times, and when some of it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import jpholiday

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# A team that never works again must not keep a loop busy.
MOST_DAYS = 400


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """The same hours on each working day, by the wall clock of `zone`.

    days: of the week, 0 is Monday. hours: from, until; minutes after midnight, at most 24 * 60.
    holidays: JP for the public holidays of Japan, "" for none.
    days_off: first and last day of further time off.
    """

    days: frozenset[int] = frozenset(range(5))
    hours: tuple[int, int] = (9 * 60, 18 * 60)
    zone: tzinfo = UTC
    holidays: str = ""
    days_off: tuple[tuple[date, date], ...] = ()

    @property
    def day(self) -> timedelta:
        """How long a working day is."""
        opens, closes = self.hours
        return timedelta(minutes=closes - opens)

    def works_on(self, day: date) -> bool:
        """Whether the team works on that day."""
        is_off = any(first <= day <= last for first, last in self.days_off)
        if is_off or day.weekday() not in self.days:
            return False
        return not (self.holidays == "JP" and jpholiday.is_holiday(day))

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much working time lies between them; none if they are in the other order."""
        found, day = timedelta(), start.astimezone(self.zone).date()
        last = end.astimezone(self.zone).date()
        # Times of one zone differ by the wall clock in Python, which is wrong when it is changed.
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        while day <= last:
            if self.works_on(day):
                opens, closes = self._open(day)
                found += max(min(end, closes) - max(start, opens), timedelta())
            day += timedelta(days=1)
        return found

    def after(self, start: datetime, amount: timedelta) -> datetime:
        """When so much working time has passed since then, or 400 days have."""
        left, day = amount, start.astimezone(self.zone).date()
        start = start.astimezone(UTC)
        for _ in range(MOST_DAYS):
            if self.works_on(day):
                opens, closes = self._open(day)
                begins = max(start, opens)
                if begins < closes and left <= closes - begins:
                    return begins + left
                left -= max(closes - begins, timedelta())
            day += timedelta(days=1)
        return start + timedelta(days=MOST_DAYS)

    def _open(self, day: date) -> tuple[datetime, datetime]:
        midnight = datetime.combine(day, time.min)
        opens, closes = (midnight + timedelta(minutes=one) for one in self.hours)
        by_clock = opens.replace(tzinfo=self.zone), closes.replace(tzinfo=self.zone)
        return by_clock[0].astimezone(UTC), by_clock[1].astimezone(UTC)
