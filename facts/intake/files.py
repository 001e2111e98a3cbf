"""Any files of patients: FHIR records and case files told apart, each read by its own reader, for every command and page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from facts.intake.case_files import Intake, read_case_files
from facts.intake.judging import NEWEST, Judging
from facts.medicines import MedicineDictionary
from facts.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Files:
    """What was given, told apart: the files that hold FHIR resources, and the paths of everything else as they were given."""

    fhir: tuple[Path, ...]
    others: tuple[Path, ...]


def partition(paths: Iterable[Path]) -> Files:
    """Find the FHIR files among these paths; a folder that holds other files too stays among the others."""
    fhir: dict[Path, None] = {}
    others: list[Path] = []
    for path in paths:
        inside = _files_in(path)
        records = [file for file in inside if _holds_fhir(file)]
        fhir.update(dict.fromkeys(records))
        if not records:
            others.append(path)
        elif path.is_dir():
            # Broken gzip and unknown endings are told by nobody else; what a case file or table ends in, its reader takes.
            others += [file for file in inside if file not in fhir and file.suffix.lower() in _OTHERS]
    return Files(tuple(fhir), tuple(others))


def _holds_fhir(file: Path) -> bool:
    if file.suffix.lower() not in _PERHAPS_FHIR:
        return False
    # The reader of records is large, and most files are none.
    from facts.intake.fhir.intake import is_fhir

    return is_fhir(file)


_PERHAPS_FHIR = (".json", ".jsonl", ".ndjson", ".gz", ".xml")
_OTHERS = (".yaml", ".yml", ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")


def _files_in(path: Path) -> Sequence[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def read_files(
    paths: Iterable[Path], vocabulary: Vocabulary, dictionary: MedicineDictionary, judging: Judging = NEWEST
) -> Intake:
    """Read case files and FHIR records into cases. Bad input becomes refusals, never an exception."""
    files = partition(paths)
    written = read_case_files(files.others, vocabulary, dictionary)
    if not files.fhir:
        return written
    from facts.intake.fhir.intake import read_fhir

    recorded = read_fhir(files.fhir, vocabulary, dictionary, judging)
    cases, refusals = (*written.cases, *recorded.cases), (*written.refusals, *recorded.refusals)
    return Intake(cases, refusals, written.read + recorded.read)
