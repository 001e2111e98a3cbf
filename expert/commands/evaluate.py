"""The commands `charley evaluate` and `charley explain`: what is typed, what is printed, the exit status."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from expert.commands.options import (
    CONTEXT,
    FAILED,
    REFUSED,
    format_option,
    knowledge_option,
    load_for_assessing,
    what_would_change_option,
)
from expert.commands.record_options import judging_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from expert.cohorts.record_tables import RecordTables
    from facts.intake.judging import Judging
    from knowledge_base.model import KnowledgeBase


@click.command(context_settings=CONTEXT)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), metavar="FOLDER", help="Where the conclusions go; a new folder."
)
@click.option("--resume", is_flag=True, help="Go on with a run that was broken off; what is finished is not done again.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Take the first N rows only.")
@click.option(
    "--columns",
    metavar="GROUPS",
    default="urgency,leading_cause,warning_signs,standings,rules",
    show_default=True,
    help="What to write of each case. Writing the rules takes a third of the time.",
)
@click.option("--also", type=click.Choice(["csv", "ndjson"]), multiple=True, help="Write the conclusions in this format too.")
@click.option(
    "--engine",
    type=click.Choice(["polars", "duckdb", "spark"]),
    default="polars",
    show_default=True,
    help="What judges the cases. All write the same; DuckDB and Spark are extras.",
)
@click.option(
    "--master", metavar="URL", help="Where Spark is: spark://HOST:PORT, or (as without it) local[*] for this machine's cores."
)
@click.option(
    "--part-rows",
    type=click.IntRange(min=1),
    metavar="N",
    help="Rows in a part: what fits into memory, and what a worker of Spark takes at a time. [default: 500000]",
)
@judging_options
@knowledge_option
def evaluate(
    files: tuple[Path, ...],
    output: Path,
    resume: bool,
    limit: int | None,
    columns: str,
    also: tuple[str, ...],
    engine: str,
    master: str | None,
    part_rows: int | None,
    judging: "Judging",
    knowledge: Path | None,
) -> None:
    """Conclude every case of FILES into a folder: by the thousand or by the million, with the same conclusions as one by one.

    A FILE is CSV, Parquet or NDJSON with a row for each case (columns `case`, a finding each, `medicines`; a unit stands in
    the name: "serum_magnesium [mg/dL]"), or a case file as `charley report` takes it; a folder stands for the files in it. The
    folder gets conclusions.parquet (every urgency, ceiling, warning sign, standing, and every rule: true fired, false ruled
    out, null open), refused.csv, summary.json and cohort.html. Exit status 2 when a row was refused.

    FHIR R4 records (Bundles, or Bulk Data in .ndjson, also as .gz) are first made into tables, a row for each patient; the
    tables stand in FOLDER.records, with refused.csv (what cannot be read, and the deceased) and unverified.csv (results that
    nobody has verified, such as preliminary ones: the conclusions are without them, and their warnings are listed there).

    \b
    Examples:
      charley evaluate clinic.csv --output clinic-2026/
      charley evaluate cohort/*.parquet --output cohort-out/ --resume
      charley evaluate cohort.parquet --output quick/ --columns urgency,leading_cause --also csv
      charley evaluate /shared/cohort.parquet --output /shared/out/ --engine spark --master spark://head:7077
      charley evaluate bulk-export/ --output hospital/ --as-of 2026-03-01
      charley explain clinic-2026/ clinic-0042
    """
    from expert.cohorts.evaluation import GROUPS, ROWS_A_PART, CohortError
    from expert.cohorts.evaluation import evaluate as conclude
    from expert.cohorts.record_tables import RecordError
    from facts.intake.files import told_apart
    from reports.view import clean

    groups = [group.strip() for group in columns.split(",") if group.strip()]
    for group in groups:
        if group not in GROUPS:
            raise click.UsageError(f"--columns: {clean(group)!r} is no group of columns; there are {', '.join(GROUPS)}")
    if master is not None and engine != "spark":
        raise click.UsageError("--master names where Spark is; give --engine spark too")
    base = load_for_assessing(knowledge)
    apart = told_apart(files)
    try:
        records = _tables_of(apart.fhir, output, base, judging, resume=resume)
        files = (*apart.others, *records.tables)
        with _Progress() as progress:
            outcome = conclude(
                files,
                output,
                base,
                resume=resume,
                limit=limit,
                kept=groups,
                also=also,
                rows_a_part=part_rows or ROWS_A_PART,
                engine=engine,
                master=master,
                progress=progress.tell,
                notice=lambda text: click.echo(clean(text), err=True),
            )
    except (CohortError, RecordError) as error:
        click.echo(clean(str(error)), err=True)
        sys.exit(FAILED)
    except OSError as error:
        told = f"{error.filename or output}: {error.strerror}; check the space left, and go on with --resume"
        click.echo(clean(told), err=True)
        sys.exit(FAILED)
    click.echo(f"{outcome.read:,} read = {outcome.concluded:,} concluded + {outcome.refused:,} refused; in {outcome.folder}")
    if outcome.refused or records.refused:
        sys.exit(REFUSED)


def _tables_of(
    files: "Sequence[Path]",
    output: Path,
    base: "KnowledgeBase",
    judging: "Judging",
    *,
    resume: bool,
) -> "RecordTables":
    """Make tables of the FHIR files, if there are any, and say what was in them."""
    from expert.cohorts.evaluation import CohortError
    from expert.cohorts.record_tables import REFUSED as REFUSED_FILE
    from expert.cohorts.record_tables import UNVERIFIED, RecordTables, beside, make_tables

    if not files:
        return RecordTables((), 0, 0, 0)
    if output.exists():
        raise CohortError(f"{output} exists already; name another folder, or remove it first")
    records = make_tables(files, beside(output), base, judging, resume=resume)
    click.echo(f"{records.patients:,} patients in {len(files):,} files of FHIR records", err=True)
    if records.refused:
        click.echo(f"{records.refused:,} parts of them refused: {beside(output) / REFUSED_FILE}", err=True)
    if records.unverified:
        told = "with results that nobody has verified; the conclusions are without them, and what they would warn of is in"
        click.echo(f"{records.unverified:,} patients {told} {beside(output) / UNVERIFIED}", err=True)
    return records


@click.command(context_settings=CONTEXT)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("case")
@format_option
@what_would_change_option
@knowledge_option
def explain(folder: Path, case: str, form: str, what_would_change: bool, knowledge: Path | None) -> None:
    """Explain one CASE of a FOLDER that `charley evaluate` wrote: the same report as `charley report` gives.

    The case is read again from its own file, which must still be there unchanged.

    \b
    Examples:
      charley explain clinic-2026/ clinic-0042
      charley explain clinic-2026/ clinic-0042 --format html > clinic-0042.html
    """
    from expert.cohorts.evaluation import CohortError, case_of
    from expert.inference.assessing import Assessor
    from expert.proofs.what_would_change import explaining_changes
    from reports.view import clean
    from reports.writing import together

    base = load_for_assessing(knowledge)
    try:
        assessor = Assessor(base)
        assess = explaining_changes(assessor) if what_would_change else assessor.assess
        assessment = assess(case_of(folder, case, base))
    except CohortError as error:
        click.echo(clean(str(error)), err=True)
        sys.exit(FAILED)
    click.echo(together(base, [assessment], [], form), nl=False)


class _Progress:
    """A bar where somebody watches; nothing through a pipe."""

    def __enter__(self) -> "_Progress":
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        console = Console(stderr=True)
        self.bar = Progress(
            BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console, disable=not console.is_terminal
        )
        self.bar.start()
        self.task = self.bar.add_task("rows", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def tell(self, done: int, rows: int) -> None:
        """Show that so many rows of so many are done."""
        self.bar.update(self.task, completed=done, total=rows)
