"""When a team works: how much working time lies between two times, and when some of it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

import jpholiday

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# A team that never works again must not keep a loop busy.
MOST_DAYS = 400


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """The same hours on each working day, by the wall clock of `zone`; all as a policy writes it.

    days: of DAYS. hours: "09:00-18:00", until 24:00 at most. holidays: JP for the public holidays
    of Japan, "" for none. days_off: further ones, "2026-12-29" or "2026-12-29..2027-01-03".
    """

    days: tuple[str, ...] = DAYS[:5]
    hours: str = "09:00-18:00"
    zone: tzinfo = UTC
    holidays: str = ""
    days_off: tuple[str, ...] = ()

    @property
    def day(self) -> timedelta:
        """How long a working day is."""
        opens, closes = _times(self.hours)
        return closes - opens

    def amount(self, text: str) -> timedelta:
        """So many hours, "4h", or working days, "2d"."""
        return int(text[:-1]) * {"h": timedelta(hours=1), "d": self.day}[text[-1]]

    def works_on(self, day: date) -> bool:
        """Whether the team works on that day."""
        is_off = any(first <= day <= last for first, last in map(_range, self.days_off))
        if is_off or DAYS[day.weekday()] not in self.days:
            return False
        return not (self.holidays == "JP" and jpholiday.is_holiday(day))

    def day_from(self, day: date) -> date:
        """That day, or the next one on which the team works; itself if there is none in 400."""
        days = (day + timedelta(days=later) for later in range(MOST_DAYS))
        return next(filter(self.works_on, days), day)

    def opens_on(self, day: date) -> datetime:
        """When the working day, or the next one, begins; midnight if there is none in 400 days."""
        day = self.day_from(day)
        midnight = datetime.combine(day, time.min, self.zone).astimezone(UTC)
        return next(iter(_working(self, day) or ()), midnight)

    def days_later(self, day: date, count: int) -> date:
        """The day so many working days later."""
        for _ in range(count):
            day = self.day_from(day + timedelta(days=1))
        return day

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much working time lies between them; none if they are in the other order."""
        found, day = timedelta(), start.astimezone(self.zone).date()
        last = end.astimezone(self.zone).date()
        # Times of one zone differ by the wall clock in Python, which is wrong when it is changed.
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        while day <= last:
            if times := _working(self, day):
                opens, closes = times
                found += max(min(end, closes) - max(start, opens), timedelta())
            day += timedelta(days=1)
        return found

    def after(self, start: datetime, amount: timedelta) -> datetime:
        """When so much working time has passed since then, or 400 days have."""
        left, day = amount, start.astimezone(self.zone).date()
        start = start.astimezone(UTC)
        for _ in range(MOST_DAYS):
            if times := _working(self, day):
                opens, closes = times
                begins = max(start, opens)
                if begins < closes and left <= closes - begins:
                    return begins + left
                left -= max(closes - begins, timedelta())
            day += timedelta(days=1)
        return start + timedelta(days=MOST_DAYS)


@lru_cache(maxsize=4096)
def _working(team: WorkingTime, day: date) -> tuple[datetime, datetime] | None:
    """When the team begins and ends on that day; None if it does not work."""
    if not team.works_on(day):
        return None
    midnight = datetime.combine(day, time.min)
    opens, closes = ((midnight + one).replace(tzinfo=team.zone) for one in _times(team.hours))
    return opens.astimezone(UTC), closes.astimezone(UTC)


@lru_cache(maxsize=1024)
def _times(hours: str) -> tuple[timedelta, timedelta]:
    """Since midnight."""
    opens, closes = (
        timedelta(hours=int(hour), minutes=int(minute))
        for hour, _, minute in (one.partition(":") for one in hours.split("-"))
    )
    return opens, closes


@lru_cache(maxsize=1024)
def _range(days: str) -> tuple[date, date]:
    """The first and the last day."""
    first, _, last = days.partition("..")
    return date.fromisoformat(first), date.fromisoformat(last or first)
