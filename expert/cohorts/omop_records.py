"""A folder in the OMOP Common Data Model made into records, which every cohort of records is made of.

The records (FHIR Bulk Data) stand beside the results, in `FOLDER.omop`: cases are explained from them.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from expert.cohorts.plan import fingerprint
from expert.cohorts.record_tables import MANIFEST, RecordError
from facts.intake.fhir.codes import code_index
from facts.intake.omop.resources import (
    STARTS,
    Concepts,
    Counted,
    Resource,
    conditions,
    count,
    drugs,
    measurements,
    observations,
    persons,
)
from facts.intake.omop.tables import DataModel
from knowledge_base.model import KnowledgeBase

_KINDS: dict[str, Callable[[DataModel, Concepts, date], Iterator[Resource]]] = {
    "condition_occurrence": conditions,
    "drug_exposure": drugs,
    "measurement": measurements,
    "observation": observations,
}


def make_records(
    model: DataModel, folder: Path, knowledge: KnowledgeBase, as_of: date | None, *, resume: bool = False
) -> tuple[list[Path], dict[str, Counted]]:
    """Make records of a model up to a day, in a folder of their own; with `resume`, take those that are there.

    Returns their files, and how many rows of each table there are. Raises RecordError when no day is given or the folder is in
    the way, CharleyError for a table that cannot be read, and OSError.
    """
    if as_of is None:
        raise RecordError(f"{model.folder} is in the OMOP Common Data Model; say on which day its persons are judged: --as-of")
    made_of = {
        "files": {str(file): _state(file) for file in model.files.values()},
        "knowledge": knowledge.hash,
        "as_of": as_of.isoformat(),
    }
    if folder.exists():
        manifest = _manifest(folder)
        if not resume or {key: manifest.get(key) for key in made_of} != made_of:
            raise RecordError(f"{folder} holds records of another run; remove it, or name another folder")
        counted = {table: Counted(**told) for table, told in manifest["rows"].items()}
        return [folder / name for name in manifest["records"]], counted
    work = folder.with_name(folder.name + ".partial")
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    concepts = Concepts(model, code_index(knowledge.vocabulary, knowledge.dictionary))
    names = ["person.ndjson"]
    _write(work / names[0], persons(model))
    counted = {}
    for table, resources in _KINDS.items():
        if table in model.files:
            names.append(f"{table}.ndjson")
            _write(work / names[-1], resources(model, concepts, as_of))
            counted[table] = count(model, table, concepts, as_of)
    names = [name for name in names if (work / name).stat().st_size]
    told = {**made_of, "records": names, "rows": {table: asdict(each) for table, each in counted.items()}}
    (work / MANIFEST).write_text(json.dumps(told, indent=1), encoding="utf-8")
    for file in work.iterdir():
        file.chmod(0o600)
    work.rename(folder)
    return [folder / name for name in names], counted


def tell(counted: Mapping[str, Counted]) -> Iterator[str]:
    """Say what became of each table's rows."""
    for table in STARTS:
        if table in counted:
            each = counted[table]
            used = each.rows - each.undated - each.later - each.not_known
            parts = [f"{each.rows:,} rows of {table}: {used:,} read"]
            parts += [f"{each.not_known:,} about nothing that is known here"] if each.not_known else []
            parts += [f"{each.later:,} later"] if each.later else []
            parts += [f"{each.undated:,} without a date that can be read"] if each.undated else []
            yield ", ".join(parts)


def _write(path: Path, resources: Iterable[Resource]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for resource in resources:
            stream.write(json.dumps(resource, ensure_ascii=False) + "\n")


def _state(file: Path) -> str:
    files: Sequence[Path] = sorted(file.glob("*.parquet")) if file.is_dir() else [file]
    return " ".join(map(fingerprint, files))


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("rows"), dict):
        raise RecordError(f"{folder} is not a folder of records made of a data model; remove it, or name another folder")
    return manifest
