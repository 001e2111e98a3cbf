"""The command `charley evaluate`: what is typed, what is printed, the exit status."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from expert.cohorts.engines import DEFAULT, ENGINES, ROWS_A_PART
from expert.commands.options import (
    CONTEXT,
    FAILED,
    PATH,
    REFUSED,
    knowledge_option,
    load_for_assessing,
)
from expert.commands.record_options import judging_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import Progress

    from expert.cohorts.record_tables import RecordTables
    from facts.intake.judging import Judging
    from facts.intake.tables.mapping import TableMapping
    from facts.measuring.unit_systems import UnitSystem
    from knowledge_base.model import KnowledgeBase


@click.command(context_settings=CONTEXT)
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="FILE...")
@click.option("--output", required=True, type=PATH, metavar="FOLDER", help="Where the conclusions go; a new folder.")
@click.option("--resume", is_flag=True, help="Resume an interrupted run; what is finished is not done again.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Take the first N rows only.")
@click.option(
    "--columns",
    metavar="GROUPS",
    default="urgency,leading_cause,warning_signs,standings,fired,rules",
    show_default=True,
    help="What to write of each case; rules is the file with every rule's state, fired the list of those that fired.",
)
@click.option("--also", type=click.Choice(["csv", "ndjson"]), multiple=True, help="Write the conclusions in this format too.")
@click.option(
    "--engine",
    type=click.Choice(list(ENGINES)),
    default=DEFAULT,
    show_default=True,
    help="Where the cases are judged: in this process, or on the workers of Spark (an extra). Both write the same.",
)
@click.option(
    "--master", metavar="URL", help="Where Spark is: spark://HOST:PORT, or (as without it) local[*] for this machine's cores."
)
@click.option(
    "--part-rows",
    type=click.IntRange(min=1),
    metavar="N",
    default=ROWS_A_PART,
    show_default=True,
    help="Rows in a part: what fits into memory, and what a worker of Spark takes at a time.",
)
@click.option(
    "--map",
    "map_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A YAML file that says which column is which finding, in which unit, and what counts as yes and no.",
)
@click.option("--yes", "yes", multiple=True, metavar="VALUE", help="A cell that means yes in every yes/no column, such as 1.")
@click.option("--no", "no", multiple=True, metavar="VALUE", help="A cell that means no there, such as 0.")
@click.option("--ignore", multiple=True, metavar="COLUMNS", help="Columns that do not belong to the case, commas between.")
@click.option(
    "--units",
    type=click.Choice(["SI", "conventional"]),
    help="What bare numbers of the laboratory are in, where a magnesium of 1.2 may be mmol/L or mg/dL.",
)
@click.option(
    "--against",
    type=PATH,
    metavar="FOLDER",
    help="An earlier run over the same cases: which verdicts and leading causes changed is in drift.csv and on the page.",
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
    part_rows: int,
    map_file: Path | None,
    yes: tuple[str, ...],
    no: tuple[str, ...],
    ignore: tuple[str, ...],
    units: "UnitSystem | None",
    against: Path | None,
    judging: "Judging",
    knowledge: Path | None,
) -> None:
    """Conclude every case of FILES into a folder: by the thousand or by the million, with the same conclusions as one by one.

    A FILE is CSV, Parquet or NDJSON with a row for each case (columns `case`, a finding each, `medicines`; a unit stands in
    the name: "serum_magnesium [mg/dL]"), or a case file as `charley report` takes it; a folder stands for the files in it. The
    folder gets conclusions.parquet (the urgency, its ceiling and whether it is decided, the leading cause, every warning sign
    and standing, the rules that fired as a list), rules.arrow (every rule: true fired, false ruled out, null open),
    refused.csv, unrecognized.csv (medicines and results from which nothing, or not all, was concluded), summary.json and
    cohort.html. Exit status 2 when a row was refused.

    A CSV may have semicolons between its cells; its numbers then have decimal commas. `charley schema table` prints a filled
    example, `charley schema mapping` a mapping file for --map.

    FHIR R4 records (Bundles, or Bulk Data in .ndjson, also as .gz) are first made into tables, a row for each patient; the
    tables stand in FOLDER.records, with refused.csv (what cannot be read, and the deceased) and unverified.csv (results that
    nobody has verified, such as preliminary ones: the conclusions are without them, and their warnings are listed there). A
    folder in the OMOP Common Data Model (5.4; CSV or Parquet) is judged as of a day, its persons' records in FOLDER.omop.

    \b
    Examples:
      charley evaluate clinic.csv --output clinic-2026/
      charley evaluate cohort/*.parquet --output cohort-out/ --resume
      charley evaluate redcap.csv --output trial/ --yes 1 --no 0 --ignore ward,sample_date
      charley evaluate export.csv --output trial/ --map export-columns.yaml --units conventional
      charley evaluate cohort.parquet --output quick/ --columns urgency,leading_cause --also csv
      charley evaluate /shared/cohort.parquet --output /shared/out/ --engine spark --master spark://head:7077
      charley evaluate bulk-export/ --output hospital/ --as-of 2026-03-01
      charley evaluate cdm/ --output study/ --as-of 2026-03-01
      charley evaluate clinic.csv --output clinic-2027/ --against clinic-2026/
      charley explain clinic-2026/ clinic-0042
    """
    # numpy's threads for linear algebra, of which there is none here, would wait in a loop and take time from ours.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from expert.cohorts.evaluation import GROUPS, UNRECOGNIZED_FILE, CohortError
    from expert.cohorts.evaluation import evaluate as conclude
    from expert.cohorts.record_tables import RecordError
    from facts.intake.files import partition
    from facts.problems import CharleyError
    from reports.words.cleaning import clean

    groups = [group.strip() for group in columns.split(",") if group.strip()]
    for group in groups:
        if group not in GROUPS:
            raise click.UsageError(f"--columns: {clean(group)!r} is no group of columns; there are {', '.join(GROUPS)}")
    if master is not None and not ENGINES[engine].takes_master:
        elsewhere = " or ".join(f"--engine {name}" for name, entry in ENGINES.items() if entry.takes_master)
        raise click.UsageError(f"--master names where to run; give {elsewhere} too")
    try:
        mapping = _mapping(map_file, yes, no, ignore, units)
    except (CharleyError, ValueError) as error:
        click.echo(clean(str(error)), err=True)
        sys.exit(FAILED)
    base = load_for_assessing(knowledge)
    try:
        files = _without_models(files, output, base, judging, resume=resume)
        apart = partition(files)
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
                rows_a_part=part_rows,
                engine=engine,
                master=master,
                mapping=mapping,
                against=against,
                progress=progress.tell,
                notice=lambda text: click.echo(clean(text), err=True),
            )
    except (CharleyError, CohortError, RecordError) as error:
        click.echo(clean(str(error)), err=True)
        sys.exit(FAILED)
    except OSError as error:
        from expert.disk_errors import advise

        told = f"{error.filename or output}: {error.strerror}; {advise(error)}, and go on with --resume"
        click.echo(clean(told), err=True)
        sys.exit(FAILED)
    click.echo(f"{outcome.read:,} read = {outcome.concluded:,} concluded + {outcome.refused:,} refused; in {outcome.folder}")
    if outcome.unrecognized:
        listed = outcome.folder / UNRECOGNIZED_FILE
        click.echo(f"{outcome.unrecognized:,} concluded with something in them that was not recognized: {listed}")
    if outcome.refused or records.refused:
        sys.exit(REFUSED)


def _mapping(
    file: Path | None, yes: "Sequence[str]", no: "Sequence[str]", ignore: "Sequence[str]", units: "UnitSystem | None"
) -> "TableMapping":
    """Put together what the mapping file and the options say of the tables; an option goes before the file."""
    from facts.intake.tables.mapping import AS_WRITTEN, declare_values, read_mapping

    told = AS_WRITTEN if file is None else read_mapping(file)
    ignored = [column.strip() for columns in ignore for column in columns.split(",") if column.strip()]
    return replace(
        told,
        values={**told.values, **declare_values(yes, no)},
        ignored=tuple(dict.fromkeys([*told.ignored, *ignored])),
        system=units or told.system,
    )


def _without_models(
    files: "Sequence[Path]", output: Path, base: "KnowledgeBase", judging: "Judging", *, resume: bool
) -> "tuple[Path, ...]":
    """Put records in the place of folders in the OMOP Common Data Model, and say what became of their rows."""
    from expert.cohorts.evaluation import CohortError
    from facts.intake.omop.tables import find_model

    found = {path: find_model(path) for path in files}
    models, others = [model for model in found.values() if model], [path for path, model in found.items() if not model]
    if not models:
        return tuple(files)
    from expert.cohorts.omop_records import make_records, tell

    if len(models) > 1:
        raise CohortError(
            "several folders are in the OMOP Common Data Model, and their persons may have the same numbers; take one"
        )
    if output.exists() and not resume:
        raise CohortError(f"{output} exists already; name another folder, or remove it first")
    folder = output.with_name(output.name + ".omop")
    records, counted = make_records(models[0], folder, base, judging.as_of, resume=resume)
    for line in tell(counted):
        click.echo(line, err=True)
    return (*others, *records)


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
    if output.exists() and not resume:
        raise CohortError(f"{output} exists already; name another folder, or remove it first")
    records = make_tables(files, beside(output), base, judging, resume=resume)
    click.echo(f"{records.patients:,} patients in {len(files):,} files of FHIR records", err=True)
    if records.refused:
        click.echo(f"{records.refused:,} parts of them refused: {beside(output) / REFUSED_FILE}", err=True)
    if records.unverified:
        told = "with results that nobody has verified; the conclusions are without them, and what they would warn of is in"
        click.echo(f"{records.unverified:,} patients {told} {beside(output) / UNVERIFIED}", err=True)
    return records


class _Progress:
    """A bar where somebody watches; nothing through a pipe, where what draws it is not even imported."""

    bar: "Progress | None" = None

    def __enter__(self) -> "_Progress":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

            self.bar = Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True))
            self.bar.start()
            self.task = self.bar.add_task("rows", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def tell(self, done: int, rows: int) -> None:
        """Show that so many rows of so many are done."""
        if self.bar is not None:
            self.bar.update(self.task, completed=done, total=rows)
