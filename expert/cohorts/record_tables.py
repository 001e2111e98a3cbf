"""FHIR records made into tables of findings, so that every engine concludes a cohort of them as it concludes any table.

The tables stand beside the results, in `FOLDER.records`, with a manifest of the files that they come from; a case is explained
from those files, where its findings have their origins. They are made a few thousand patients at a time.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from expert.cohorts.plan import fingerprint
from facts.answers import write_answer
from facts.case import Case, Observed
from facts.intake.case_files import Refusal
from facts.intake.fhir.intake import Judging, Records, opened
from facts.intake.tables import CASE, polars_type
from facts.quantities import Interval
from knowledge_base.model import KnowledgeBase

MANIFEST, REFUSED = "manifest.json", "refused.csv"
_PATIENTS_A_TABLE = 5_000


class RecordError(Exception):
    """Records that cannot be made into tables, or a case that cannot be read from them again; the text says what to do."""


@dataclass(frozen=True, slots=True)
class RecordTables:
    """The tables that were made: how many patients are in them, and how many patients or resources were refused."""

    tables: tuple[Path, ...]
    patients: int
    refused: int


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
    }
    if folder.exists():
        manifest = _manifest(folder)
        if not resume or {key: manifest.get(key) for key in made_of} != made_of:
            raise RecordError(f"{folder} holds tables of another run; remove it, or name another folder")
        return RecordTables(tuple(folder / name for name in manifest["tables"]), manifest["patients"], manifest["refused"])
    work = folder.with_name(folder.name + ".partial")
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    with opened(files, knowledge.vocabulary, knowledge.dictionary, judging) as records:
        names, refusals, patients = _write_tables(records, work, knowledge)
    _write_refusals(work / REFUSED, refusals)
    manifest = {**made_of, "tables": names, "patients": patients, "refused": len(refusals)}
    (work / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    for file in work.iterdir():
        file.chmod(0o600)
    work.rename(folder)
    return RecordTables(tuple(folder / name for name in names), patients, len(refusals))


def _write_tables(records: Records, work: Path, knowledge: KnowledgeBase) -> tuple[list[str], list[Refusal], int]:
    names: list[str] = []
    refusals: list[Refusal] = []
    patients = 0
    for number, first in enumerate(range(0, len(records.patients), _PATIENTS_A_TABLE)):
        intake = records.intake(first, _PATIENTS_A_TABLE)
        refusals += intake.refusals
        cases = [case for case, _ in intake.cases]
        patients += len(cases)
        if cases:
            names.append(f"records-{number:05}.parquet")
            _frame(cases, knowledge).write_parquet(work / names[-1])
    if not records.patients:
        refusals += records.refusals
    return names, refusals, patients


def _frame(cases: Sequence[Case], knowledge: KnowledgeBase) -> pl.DataFrame:
    known = {name for case in cases for name in case.findings}
    schema: dict[str, Any] = {CASE: pl.String}
    schema |= {name: polars_type(finding) for name, finding in knowledge.vocabulary.findings.items() if name in known}
    partly = {name for case in cases for name, value in case.values.items() if isinstance(value, Interval)}
    # A text, as the reader of tables reads it.
    schema |= dict.fromkeys(partly, pl.String)
    rows = []
    for case in cases:
        values: dict[str, Any] = case.values
        for name in partly.intersection(values):
            values[name] = str(write_answer(knowledge.vocabulary.findings[name], Observed(values[name])))
        rows.append((case.name, *(values.get(name) for name in list(schema)[1:])))
    return pl.DataFrame(rows, schema=schema, orient="row")


def _write_refusals(path: Path, refusals: Sequence[Refusal]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("file", "line", "entry", "patient", "reason", "fix"))
        for refusal in refusals:
            for problem in refusal.problems:
                place = problem.place
                cells = (place.file, place.line, place.column, refusal.case or "", problem.message, problem.fix)
                # A spreadsheet would take a text that begins like this for a formula.
                writer.writerow([f"'{cell}" if str(cell).startswith(("=", "+", "-", "@")) else cell for cell in cells])


def is_record_table(table: Path) -> bool:
    """Return whether a table was made of FHIR records."""
    return (table.parent / MANIFEST).is_file()


def case_of_record(table: Path, name: str, knowledge: KnowledgeBase) -> Case:
    """Read a patient again from the FHIR files that a table was made of. Raises RecordError when that is not possible."""
    manifest = _manifest(table.parent)
    for file, before in manifest["files"].items():
        if fingerprint(Path(file)) != before:
            raise RecordError(f"{file} has changed since the run")
    as_of = date.fromisoformat(manifest["as_of"]) if manifest["as_of"] else None
    judging = Judging(as_of, manifest["within_days"])
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
