"""FHIR records made into tables of findings, so that every engine concludes a cohort of them as it concludes any table.

The tables stand beside the results, in `FOLDER.records`, with a manifest of the files that they come from; a case is explained
from those files, where its findings have their origins. They are made a few thousand patients at a time.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from expert.cohorts.plan import fingerprint
from facts.answers import write_answer
from facts.case import Case
from facts.intake.case_files import Refusal
from facts.intake.judging import Judging
from facts.intake.tables.columns import Part
from facts.intake.tables.opening import CASE, ROW, polars_type
from facts.quantities import Interval
from facts.vocabulary import QuantityFinding
from knowledge_base.judging.judgement import Judge
from knowledge_base.judging.suspicion import suspicions
from knowledge_base.model import KnowledgeBase
from reports.words.wording import value_text

if TYPE_CHECKING:
    from facts.intake.fhir.intake import Records

MANIFEST, REFUSED, UNVERIFIED = "manifest.json", "refused.csv", "unverified.csv"
_PATIENTS_A_TABLE = 5_000


class RecordError(Exception):
    """Records that cannot be made into tables, or a case that cannot be read from them again; the text says what to do."""


@dataclass(frozen=True, slots=True)
class RecordTables:
    """The tables that were made: how many patients are in them, how many patients or resources were refused.

    `unverified` counts the patients with results that nobody has verified; a table has no place for them.
    """

    tables: tuple[Path, ...]
    patients: int
    refused: int
    unverified: int


def beside(folder: Path) -> Path:
    """Return the folder of the tables that belong to a folder of results."""
    return folder.with_name(folder.name + ".records")


def make_tables(
    files: Sequence[Path],
    folder: Path,
    knowledge: KnowledgeBase,
    judging: Judging,
    *,
    resume: bool = False,
) -> RecordTables:
    """Make tables of FHIR files in a folder of their own; with `resume`, take those that are there if nothing changed.

    Raises RecordError when the folder is in the way, and OSError.
    """
    made_of = {
        "files": {str(file): fingerprint(file) for file in files},
        "knowledge": knowledge.hash,
        "as_of": judging.as_of.isoformat() if judging.as_of else None,
        "within_days": judging.within_days,
        "orders_within_days": judging.orders_within_days,
        "accepted": sorted(judging.accepted),
    }
    if folder.exists():
        manifest = _manifest(folder)
        if not resume or {key: manifest.get(key) for key in made_of} != made_of:
            raise RecordError(f"{folder} holds tables of another run; remove it, or name another folder")
        tables = tuple(folder / name for name in manifest["tables"])
        return RecordTables(tables, manifest["patients"], manifest["refused"], manifest["unverified"])
    # The reader of records is large, and tables of other origins do without it.
    from facts.intake.fhir.intake import opened

    work = folder.with_name(folder.name + ".partial")
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    with opened(files, knowledge.vocabulary, knowledge.dictionary, judging) as records:
        made = _write_tables(records, work, knowledge)
    _write_csv(work / REFUSED, _REFUSED_COLUMNS, _refused_rows(made.refusals))
    _write_csv(work / UNVERIFIED, _UNVERIFIED_COLUMNS, made.unverified)
    unverified = len({row[0] for row in made.unverified})
    manifest = {
        **made_of,
        "tables": made.names,
        "patients": made.patients,
        "refused": len(made.refusals),
        "unverified": unverified,
    }
    (work / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    for file in work.iterdir():
        file.chmod(0o600)
    work.rename(folder)
    return RecordTables(tuple(folder / name for name in made.names), made.patients, len(made.refusals), unverified)


@dataclass
class _Made:
    names: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    patients: int = 0
    unverified: list[tuple[str, ...]] = field(default_factory=list)


def _write_tables(records: "Records", work: Path, knowledge: KnowledgeBase) -> _Made:
    made = _Made()
    judge = Judge(knowledge)
    for number, first in enumerate(range(0, len(records.patients), _PATIENTS_A_TABLE)):
        intake = records.intake(first, _PATIENTS_A_TABLE)
        made.refusals += intake.refusals
        cases = [case for case, _ in intake.cases]
        made.patients += len(cases)
        made.unverified += [row for case in cases if case.unverified for row in _unverified_rows(case, judge, knowledge)]
        if cases:
            made.names.append(f"records-{number:05}.parquet")
            _frame(cases, knowledge).write_parquet(work / made.names[-1])
            _unrecognized(cases).write_parquet(_beside_table(work / made.names[-1]))
    if not records.patients:
        made.refusals += records.refusals
    return made


_UNVERIFIED_COLUMNS = ("patient", "finding", "value", "where", "why", "urgency", "warns")


def _unverified_rows(case: Case, judge: Judge, knowledge: KnowledgeBase) -> Iterator[tuple[str, ...]]:
    """Return a row for each unverified reading, with the urgency that it would demand and the rules that it sets off."""
    found = list(suspicions(case, judge(case.values), judge, knowledge))
    for reading in case.unverified:
        own = [suspicion for suspicion in found if reading in suspicion.readings]
        highest = max((suspicion.level for suspicion in own), key=knowledge.level_rank.__getitem__, default="")
        observed, finding = reading.observed, knowledge.vocabulary.findings[reading.finding]
        value = value_text(finding, observed.value, observed.given)
        rules = " ".join(suspicion.rule.id for suspicion in own)
        yield case.name, reading.finding, value, observed.origin, reading.reason, highest, rules


def _frame(cases: Sequence[Case], knowledge: KnowledgeBase) -> pl.DataFrame:
    known = {name for case in cases for name in case.findings}
    findings = [finding for name, finding in knowledge.vocabulary.findings.items() if name in known]
    # What is known in part is written as people write it, and so is the rest of its column.
    in_part = {name for case in cases for name, value in case.values.items() if isinstance(value, Interval)}
    schema: dict[str, Any] = {CASE: pl.String}
    # A number of a record had its unit, which its column tells.
    schema |= {
        f"{finding.id} [{finding.unit}]" if isinstance(finding, QuantityFinding) else finding.id: (
            pl.String if finding.id in in_part else polars_type(finding)
        )
        for finding in findings
    }
    rows = []
    for case in cases:
        values: dict[str, Any] = dict(case.values)
        for name in in_part & set(values):
            values[name] = str(write_answer(knowledge.vocabulary.findings[name], replace(case.findings[name], given="")))
        rows.append((case.name, *(values.get(finding.id) for finding in findings)))
    return pl.DataFrame(rows, schema=schema, orient="row")


def _unrecognized(cases: Sequence[Case]) -> pl.DataFrame:
    rows = [(case.name, entry.text, entry.reason) for case in cases for entry in case.unrecognized]
    return pl.DataFrame(rows, schema={CASE: pl.String, "text": pl.String, "reason": pl.String}, orient="row")


def _beside_table(table: Path) -> Path:
    return table.with_name(f"{table.stem}.unrecognized.parquet")


def with_unrecognized_of_records(part: Part, table: Path) -> Part:
    """Add to rows of a table what of their records was not recognized or not used."""
    noted = pl.read_parquet(_beside_table(table))
    rows = part.cases.select("file", ROW, CASE).join(noted, on=CASE, how="inner", maintain_order="left_right")
    return replace(part, unrecognized=rows.select(list(part.unrecognized.columns)))


_REFUSED_COLUMNS = ("file", "line", "entry", "patient", "reason", "fix")


def _refused_rows(refusals: Sequence[Refusal]) -> Iterator[tuple[object, ...]]:
    for refusal in refusals:
        for problem in refusal.problems:
            place = problem.place
            yield place.file, place.line, place.column, refusal.case or "", problem.message, problem.fix


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for cells in rows:
            # A spreadsheet would take a text that begins like this for a formula.
            writer.writerow([f"'{cell}" if str(cell).startswith(("=", "+", "-", "@")) else cell for cell in cells])


def is_record_table(table: Path) -> bool:
    """Return whether a table was made of FHIR records."""
    return (table.parent / MANIFEST).is_file()


def case_of_record(table: Path, name: str, knowledge: KnowledgeBase) -> Case:
    """Read a patient again from the FHIR files that a table was made of. Raises RecordError when that is not possible."""
    from facts.intake.fhir.intake import opened

    manifest = _manifest(table.parent)
    for file, before in manifest["files"].items():
        if fingerprint(Path(file)) != before:
            raise RecordError(f"{file} has changed since the run")
    as_of = date.fromisoformat(manifest["as_of"]) if manifest["as_of"] else None
    accepted = frozenset(manifest["accepted"])
    judging = Judging(as_of, manifest["within_days"], manifest["orders_within_days"], accepted)
    files = [Path(file) for file in manifest["files"]]
    with opened(files, knowledge.vocabulary, knowledge.dictionary, judging, only=name) as records:
        case = next((case for case, _ in records.intake().cases if case.name == name), None)
    if case is None:
        raise RecordError(f"{name!r} is not in the files of that run any more")
    return case


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise RecordError(f"{folder} is not a folder of tables made of records; remove it, or name another folder")
    return manifest
