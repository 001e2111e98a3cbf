"""The options of every command that reads FHIR records: the day of judging, and what of a record counts."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from datetime import datetime

_as_of = click.option(
    "--as-of",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    metavar="DATE",
    help="The day at which FHIR records are judged (YYYY-MM-DD). Default: the newest date in each. Dates FHIR documents too.",
)
_within = click.option(
    "--within-days",
    type=click.IntRange(min=0),
    metavar="N",
    help="Leave out a FHIR record's readings that are older than N days, besides those that are too old for their finding.",
)
_orders_within = click.option(
    "--orders-within-days",
    type=click.IntRange(min=0),
    metavar="N",
    help="Leave out a FHIR record's orders of medicines that began more than N days ago. Default: of any age, which is told.",
)
_accept_status = click.option(
    "--accept-status",
    multiple=True,
    metavar="STATUS",
    help="Count a FHIR record's results with this status as verified (for archives that hold `unknown`); can be repeated.",
)


def judging_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how FHIR records are judged, and give the command a `judging`."""

    @_as_of
    @_within
    @_orders_within
    @_accept_status
    @wraps(command)
    def run(
        *,
        as_of: "datetime | None",
        within_days: int | None,
        orders_within_days: int | None,
        accept_status: tuple[str, ...],
        **given: object,
    ) -> None:
        from facts.intake.judging import VOID, Judging

        for status in accept_status:
            if status in VOID:
                raise click.UsageError(f"--accept-status: a result that is {status} is void; it cannot be accepted")
        judging = Judging(as_of.date() if as_of else None, within_days, orders_within_days, frozenset(accept_status))
        command(judging=judging, **given)

    return run
