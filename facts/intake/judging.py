"""The day at which a patient record is judged; apart from the reader of records, which a case file does not need."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Judging:
    """When a patient is judged: on a day, or by default on the newest one in the record; and how old a reading may be."""

    as_of: date | None = None
    within_days: int | None = None


NEWEST = Judging()
"""Judge on the newest day of the record, by readings of any age."""
