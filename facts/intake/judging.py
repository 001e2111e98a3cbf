"""The day at which a patient record is judged; apart from the reader of records, which a case file does not need."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Judging:
    """When a patient is judged: on a day, or by default on the newest one in the record; and what of the record counts.

    A reading counts for as long as its finding lasts, and for no more than `within_days`; an order for `orders_within_days`. A
    result whose status is in `accepted` counts as a final one.
    """

    as_of: date | None = None
    within_days: int | None = None
    orders_within_days: int | None = None
    accepted: frozenset[str] = frozenset()


VOID = frozenset({"cancelled", "entered-in-error"})
"""Statuses of what was withdrawn: nothing may make it count."""
NEWEST = Judging()
"""Judge on the newest day of the record, by readings for as long as their findings last."""
