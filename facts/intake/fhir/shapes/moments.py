"""When things were, by the dates of a record: read in every unambiguous form, compared no finer than written."""

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

# FHIR's own forms, and what servers send for them: a space for the T, an offset without its colon, one digit for two.
_DATE = re.compile(
    r"(?P<year>\d{4})(?:[-/](?P<month>\d\d?)(?:[-/](?P<day>\d\d?)"
    r"(?:(?:[Tt]|\s+)(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r"\s*(?P<zone>[Zz]|[-+]\d\d(?::?\d\d)?)?)?)?)?"
)
# HL7 v2 (and C-CDA) write a moment as digits alone. Fewer than eight could be anything.
_DIGITS = re.compile(
    r"(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)"
    r"(?:(?P<hour>\d\d)(?P<minute>\d\d)(?:(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?(?P<zone>[Zz]|[-+]\d{4})?)?"
)


_LAST_YEAR = 2200


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """When something was: an instant to order by, the date as written, and the day where the date is whole.

    A date without a time (`timed` False) is any time of its day, and one without a day any day of its month or year; its
    instant is the beginning of that.
    """

    instant: datetime
    shown: str
    day: date | None
    timed: bool = False

    @property
    def first_day(self) -> date:
        """The earliest day that is meant."""
        return self.day or self.instant.date()

    @property
    def last_day(self) -> date:
        """The latest day that is meant."""
        first = self.first_day
        if self.day is not None:
            return self.day
        if len(self.shown) == len("YYYY-MM"):
            return first.replace(day=monthrange(first.year, first.month)[1])
        return first.replace(month=12, day=31)

    def is_after(self, other: "Timestamp") -> bool:
        """Return whether this was certainly later than another; of one day, only times decide."""
        if self.timed and other.timed:
            return self.instant > other.instant
        return self.first_day > other.last_day


def moment_of(value: Any) -> Timestamp | None:
    """Read a date or dateTime; None for anything that is none. A time without a zone is taken as UTC."""
    text = value.strip() if isinstance(value, str) else ""
    match = _DATE.fullmatch(text) or _DIGITS.fullmatch(text)
    if match is None or is_open_end(text):
        return None
    try:
        day = date(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1))
        if match["hour"] is None:
            parts = [part for part in (match["year"], match["month"], match["day"]) if part]
            shown = "-".join(part.rjust(2, "0") for part in parts)
            return Timestamp(datetime(day.year, day.month, day.day, tzinfo=UTC), shown, day if match["day"] else None)
        zone = (match["zone"] or "Z").upper().replace(":", "")
        if zone != "Z":
            zone = f"{zone[:3]}:{zone[3:] or '00'}"
        clock = f"{match['hour'].rjust(2, '0')}:{match['minute']}:{match['second'] or '00'}"
        fraction = f".{match['fraction'][:6].ljust(6, '0')}" if match["fraction"] else ""
        written = datetime.fromisoformat(f"{day.isoformat()}T{clock}{fraction}{zone}")
        return Timestamp(written.astimezone(UTC), day.isoformat(), day, timed=True)
    except (ValueError, OverflowError):
        return None


def is_open_end(value: Any) -> bool:
    """Return whether a date stands for no end at all, as databases write it: 9999-12-31."""
    year = value.strip()[:4] if isinstance(value, str) else ""
    return year.isdecimal() and int(year) > _LAST_YEAR


def when(resource: Mapping[str, Any], *elements: str) -> Timestamp | None:
    """Return the first of these elements that holds a date: a dateTime, the end or start of a Period, a Timing's last event."""
    return next((found for element in elements if (found := _moment_in(resource.get(element)))), None)


def unreadable_date(resource: Mapping[str, Any], *elements: str) -> str:
    """Return what stands in the first of these elements that is there, where that is no date that can be read; else ""."""
    for element in elements:
        value = resource.get(element)
        if value not in (None, "", [], {}):
            return "" if _moment_in(value) else _written(value)
    return ""


def moments_in(value: Any) -> Iterator[Timestamp]:
    """Return every moment of a dateTime, a Period or a Timing."""
    parts = [value]
    if isinstance(value, dict):
        events = value.get("event")
        parts = [value.get("start"), value.get("end"), *(events if isinstance(events, list) else [events])]
    yield from (found for part in parts if (found := moment_of(part)))


def _moment_in(value: Any) -> Timestamp | None:
    if not isinstance(value, dict):
        return moment_of(value)
    for part in ("end", "start"):
        if value.get(part) not in (None, "") and not is_open_end(value[part]):
            # A Period whose end cannot be read is not one that ended when it began.
            return moment_of(value[part])
    return max(moments_in(value), default=None)


def _written(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value) if isinstance(value, str | int | float) else "no text"
    parts = [value.get("end"), value.get("start"), value.get("event")]
    return next((str(part) for part in parts if isinstance(part, str)), "a timing without a date")


def days_between(earlier: date, later: date) -> int:
    """Count the days from one date to a later one."""
    return (later - earlier) // timedelta(days=1)
