"""FHIR R4 records to cases: Bundles, folders of them and Bulk Data NDJSON, one case for each patient.

Bulk Data stands in a file for each kind of resource, so a patient's resources are found all over the files. They are filed by
patient in a private SQLite database that is deleted when it is closed; only one patient at a time is held in memory.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from facts.case import Case
from facts.intake.case_files import Intake, Refusal
from facts.intake.fhir.codes import code_index
from facts.intake.fhir.essentials import essential
from facts.intake.fhir.files import is_fhir, read_resources, resources_of
from facts.intake.fhir.kinds.people import death, replaced_by, replaces
from facts.intake.fhir.record import read_record
from facts.intake.fhir.shapes.operation_outcomes import error_of
from facts.intake.fhir.shapes.pages import Page, missing_pages
from facts.intake.fhir.shapes.resources import KINDS, NOT_READ, OLD_NAMES, Resource, patient_of
from facts.intake.judging import NEWEST, Judging
from facts.medicines import MedicineDictionary
from facts.problems import Place, Problem, quoted
from facts.vocabulary import Vocabulary

__all__ = ["NEWEST", "Judging", "Records", "cases_from_resources", "is_fhir", "opened", "read_fhir"]

_PATIENT = "Patient/"
_MAY_DIFFER = ("meta", "text", "extension")
"""What may differ between two copies of one Patient."""
_SCHEMA = """
    CREATE TABLE resource(patient TEXT, file INTEGER, line INTEGER, entry INTEGER, body TEXT);
    CREATE TABLE medication(name TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID;
    CREATE TABLE merged(patient TEXT PRIMARY KEY, successor TEXT) WITHOUT ROWID;
"""


_NEARLY = {kind.casefold(): kind for kind in (*KINDS, *OLD_NAMES)}
"""Kinds that are read, for names of them in other letters."""


class Records:
    """The resources of many files by patient, as long as it is open. Use it as a context manager."""

    def __init__(
        self, vocabulary: Vocabulary, dictionary: MedicineDictionary, judging: Judging = NEWEST, *, only: str | None = None
    ) -> None:
        self.only = only
        self.index = code_index(vocabulary, dictionary)
        self.judging = judging
        self.refusals: list[Refusal] = []
        self.patients: list[str] = []
        # An empty name is a temporary database: in memory while it is small, in an unlinked private file when it grows.
        self.store = sqlite3.connect("", isolation_level=None)
        self.store.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_SCHEMA}")
        self.store.execute("BEGIN")
        self.files: dict[str, int] = {}
        self.pages: list[Page] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.store.close()

    def file(self, resources: Iterable[Resource | Problem | Page]) -> None:
        """File resources by patient; what cannot be filed is refused."""
        for resource in resources:
            if isinstance(resource, Problem):
                self.refusals.append(Refusal(None, (resource,)))
            elif isinstance(resource, Page):
                self.pages.append(resource)
            elif resource.kind in KINDS:
                self._file(resource)
            elif release := NOT_READ.get(resource.kind):
                message = f"{resource.name}: a resource of {release}, which is not read"
                self._refuse(resource.place, message, "convert it to FHIR R4")
            elif written := _NEARLY.get(resource.kind.casefold()):
                message = f"{resource.name}: found the resourceType {quoted(resource.kind)}, expected {written}"
                self._refuse(resource.place, message, "write it so")
            elif resource.kind == "OperationOutcome" and (error := error_of(resource.value)):
                self._refuse(resource.place, f"an OperationOutcome in the place of data: {error}", "ask the server again")

    def _file(self, resource: Resource) -> None:
        place = resource.place
        try:
            body = json.dumps(essential(resource, self.index), ensure_ascii=False, separators=(",", ":"))
            body.encode()
        except (RecursionError, UnicodeError):
            self._refuse(place, f"{quoted(resource.name)}: it is nested too deep, or holds what is no text", "correct it")
            return
        if resource.kind == "Medication":
            self._file_medication(resource, body)
            return
        try:
            patient = patient_of(resource.value)
        except ValueError as error:
            self._refuse(place, f"{resource.name}: {error}", "only the resources of patients are read")
            return
        if resource.kind == "Patient":
            self._file_merger(resource, patient)
        number = self.files.setdefault(place.file, len(self.files))
        row = (patient, number, place.line, place.column, body)
        self.store.execute("INSERT INTO resource VALUES (?, ?, ?, ?, ?)", row)

    def _file_medication(self, resource: Resource, body: str) -> None:
        row = self.store.execute("SELECT body FROM medication WHERE name = ?", (resource.name,)).fetchone()
        if row is None:
            self.store.execute("INSERT INTO medication VALUES (?, ?)", (resource.name, body))
        elif row[0] != body:
            # Files of several servers may use one id for two medicines; whose order means which, nobody can tell.
            nameless = json.dumps({"resourceType": "Medication"})
            self.store.execute("UPDATE medication SET body = ? WHERE name = ?", (nameless, resource.name))
            self._refuse(resource.place, f"{resource.name}: another Medication has this id", "read their files apart")

    def _file_merger(self, resource: Resource, patient: str) -> None:
        mergers = [(patient, replaced_by(resource)), *((other, patient) for other in replaces(resource))]
        for merged, successor in mergers:
            if successor and merged != successor:
                self.store.execute("INSERT OR IGNORE INTO merged VALUES (?, ?)", (merged, successor))

    def _merge(self) -> None:
        """Read what is recorded under a patient who was merged into another as the other's."""
        successors = dict(self.store.execute("SELECT patient, successor FROM merged"))
        for patient in successors:
            met = {patient}
            last = patient
            while (following := successors.get(last)) is not None and following not in met:
                met.add(following)
                last = following
            if last not in successors:
                self.store.execute("UPDATE resource SET patient = ? WHERE patient = ?", (last, patient))

    def _refuse(self, place: Place, message: str, fix: str) -> None:
        self.refusals.append(Refusal(None, (Problem(place, message, fix),)))

    def close_filing(self) -> None:
        """Close the filing; from then on patients can be read."""
        self.store.execute("COMMIT")
        self.store.execute("CREATE INDEX by_patient ON resource(patient)")
        self._merge()
        self.patients = [
            row[0]
            for row in self.store.execute("SELECT DISTINCT patient FROM resource ORDER BY patient")
            if self.only is None or row[0].removeprefix(_PATIENT) == self.only
        ]
        self.refusals += [Refusal(None, (problem,)) for problem in missing_pages(self.pages)]

    def intake(self, first: int = 0, count: int | None = None) -> Intake:
        """Read some of the patients, in the order of their names; what could not be filed is told with the first of them."""
        chosen = self.patients[first:] if count is None else self.patients[first : first + count]
        cases: list[tuple[Case, Place]] = []
        refusals = list(self.refusals) if first == 0 else []
        for patient in chosen:
            case, place, refused = self.case(patient)
            refusals += refused
            if case is not None:
                cases.append((case, place))
        return Intake(tuple(cases), tuple(refusals), len(cases) + len(refusals))

    def case(self, patient: str) -> tuple[Case | None, Place, list[Refusal]]:
        """Read one patient; gives the case, the place of its Patient (or of the first resource), and what was refused."""
        resources = list(self._resources(patient))
        name = patient.removeprefix(_PATIENT)
        own = [resource for resource in resources if resource.kind == "Patient" and resource.name == patient]
        place = (own or resources)[0].place
        if any(_person(one) != _person(own[0]) for one in own[1:]):
            message = f"{patient}: two different patients have this id, one of them at {own[0].place}"
            other = next(one for one in own[1:] if _person(one) != _person(own[0]))
            return None, place, [Refusal(name, (Problem(other.place, message, "read their files apart"),))]
        if died := death(own, self.judging.as_of):
            fix = "give --as-of and a day before that to assess how the patient was then"
            return None, place, [Refusal(name, (Problem(place, f"patient {quoted(name)}: {died}; nothing is assessed", fix),))]
        case, problems = read_record(name, resources, self.index, self._medication, self.judging)
        refused = [Refusal(name, (Problem(p.place, f"patient {quoted(name)}: {p.message}", p.fix),)) for p in problems]
        return case, place, refused

    def _resources(self, patient: str) -> Iterator[Resource]:
        shown = list(self.files)
        rows = self.store.execute("SELECT file, line, entry, body FROM resource WHERE patient = ? ORDER BY rowid", (patient,))
        for number, line, entry, body in rows:
            yield Resource(json.loads(body), Place(shown[number], line, entry))

    def _medication(self, name: str) -> Mapping[str, Any] | None:
        row = self.store.execute("SELECT body FROM medication WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])


def read_fhir(
    paths: Iterable[Path], vocabulary: Vocabulary, dictionary: MedicineDictionary, judging: Judging = NEWEST
) -> Intake:
    """Read FHIR files into cases, joined by patient over all of them. Bad input becomes refusals, never an exception."""
    with opened(paths, vocabulary, dictionary, judging) as records:
        return records.intake()


def opened(
    paths: Iterable[Path],
    vocabulary: Vocabulary,
    dictionary: MedicineDictionary,
    judging: Judging = NEWEST,
    *,
    only: str | None = None,
) -> Records:
    """File the resources of FHIR files by patient, or of the one patient named `only`. The caller closes what is given."""
    paths = list(paths)
    records = Records(vocabulary, dictionary, judging, only=only)
    for path in paths:
        records.file(read_resources(path, str(path)))
    records.close_filing()
    if not records.patients and not records.refusals and paths:
        problem = Problem(
            Place(str(paths[0])), "no resource of a patient is in it", "give the Patient and what is recorded of it"
        )
        records.refusals.append(Refusal(None, (problem,)))
    return records


def cases_from_resources(
    resources: Iterable[Any],
    vocabulary: Vocabulary,
    dictionary: MedicineDictionary,
    as_of: date | None = None,
    shown: str = "the request",
) -> Intake:
    """Read resources or Bundles that were received rather than stored; messages count them from 1 in what they call `shown`."""
    with Records(vocabulary, dictionary, Judging(as_of)) as records:
        for number, resource in enumerate(resources, 1):
            records.file(resources_of(resource, Place(shown, number)))
        records.close_filing()
        return records.intake()


def _person(resource: Resource) -> str:
    kept = {key: value for key, value in resource.value.items() if key not in _MAY_DIFFER}
    return json.dumps(kept, sort_keys=True)
