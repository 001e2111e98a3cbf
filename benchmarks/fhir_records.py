"""FHIR records measured: what of real ones becomes findings, what is lost and why, and how fast Bulk Data is read.

    python -m benchmarks.fhir_records FOLDER [PATIENTS]

FOLDER holds Bundles, such as the samples beside the project, ../shared/data/fhir_synthea and ../shared/data/fhir_smart. With a
number of PATIENTS, the same records under new ids are written as Bulk Data, a file for each kind, and made into tables.
"""

import json
import resource as system
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import cycle
from pathlib import Path

from expert.cohorts.record_tables import make_tables
from expert.inference.assessing import Assessor
from facts.intake.fhir.codes import CodeIndex, code_index
from facts.intake.fhir.files import read_resources
from facts.intake.fhir.intake import NEWEST, is_fhir, opened
from facts.intake.fhir.kinds.conditions import condition, procedure
from facts.intake.fhir.kinds.days import newest_day
from facts.intake.fhir.kinds.medicines import medication
from facts.intake.fhir.kinds.observations import observation
from facts.intake.fhir.shapes.resources import KINDS, AsOf, NotUsed, Resource, StatedFinding, Told, patient_of
from facts.intake.fhir.shapes.values import codings_of, names_of, objects_of
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase

_CODED = ("Observation", "Condition", "Procedure")
_MEDICATION = ("MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense")
_MOST_NAMED = 12


def main() -> None:
    """Print the figures."""
    folders = [Path(word) for word in sys.argv[1:] if not word.isdigit()]
    patients = next((int(word) for word in sys.argv[1:] if word.isdigit()), 0)
    files = sorted(file for folder in folders for file in folder.rglob("*") if file.is_file() and is_fhir(file))
    if not files:
        sys.exit(__doc__)
    knowledge = load_knowledge_base()
    for folder in folders:
        print(f"\n{folder.name}")
        census([file for file in files if folder in file.parents], knowledge)
    if patients:
        with tempfile.TemporaryDirectory() as temporary:
            measure(files, patients, Path(temporary), knowledge)


def census(files: list[Path], knowledge: KnowledgeBase) -> None:
    """Count, for each kind of resource, those with a code that is known, those that count, and why the others do not."""
    resources = [one for file in files for one in read_resources(file, file.name) if isinstance(one, Resource)]
    index = code_index(knowledge.vocabulary, knowledge.dictionary)
    by_patient: dict[str, list[Resource]] = {}
    for one in resources:
        if one.kind in KINDS - {"Medication"}:
            by_patient.setdefault(patient_of(one.value), []).append(one)
    newest = {name: newest_day(own) for name, own in by_patient.items()}
    unknown: dict[str, Counter[str]] = {kind: Counter() for kind in (*_CODED, "Medication")}
    for kind in _CODED:
        of_kind = [one for one in resources if one.kind == kind]
        known = [one for one in of_kind if any(index.knows(codings_of(part)) for part in _codes(one))]
        for one in of_kind:
            unknown[kind].update(_name(part) for part in _codes(one) if not index.knows(codings_of(part)))
        lost: Counter[str] = Counter()
        for one in known:
            # The day is that of the whole record, as it is for the patient's case.
            answers = list(_read(one, index, AsOf(newest[patient_of(one.value)])))
            stated = [answer for answer in answers if isinstance(answer, StatedFinding)]
            verified = "found" if any(not answer.doubt for answer in stated) else "found, but unverified"
            lost.update([verified if stated else _reason(answers)])
        outcome = ", ".join(f"{what} {count:,}" for what, count in lost.most_common())
        print(f"  {kind + 's':<22} {len(of_kind):>6,}   with a code that the vocabulary knows {len(known):>6,}: {outcome}")
    medications = [one for one in resources if one.kind in _MEDICATION]
    told = Counter(_medicine(one, index, resources, unknown["Medication"]) for one in medications)
    print(
        f"  {'Medications':<22} {len(medications):>6,}   " + ", ".join(f"{what} {count}" for what, count in told.most_common())
    )
    with opened(files, knowledge.vocabulary, knowledge.dictionary) as records:
        intake = records.intake()
    findings = [observed for case, _ in intake.cases for observed in case.findings.values()]
    unverified = [reading for case, _ in intake.cases for reading in case.unverified]
    expired = sum(len(case.record.expired) for case, _ in intake.cases if case.record)
    by_kind = Counter(_kind(observed.origin) for observed in findings)
    print(
        f"  {len(intake.cases)} patients, {len(findings)} findings: " + ", ".join(f"{k} {n}" for k, n in by_kind.most_common())
    )
    reasons_why = Counter(reading.reason.split(":")[0] for reading in unverified)
    print(f"  unverified, and shown with their values: {len(unverified)}  {dict(reasons_why.most_common())}")
    print(f"  too old to count, and named with their values: {expired}")
    print(f"  refused: {len(intake.refusals)}")
    for refusal in intake.refusals:
        print(f"    {refusal.problems[0].message}")
    assessor = Assessor(knowledge)
    print("  urgency and confirmed causes of each patient:")
    for case, _ in intake.cases:
        assessment = assessor.assess(case)
        confirmed = [cause.id for cause in assessment.causes if cause.standing == "confirmed"]
        by = f" (verified: {assessment.urgency.verified_level})" if assessment.urgency.verified_level else ""
        signs = [sign.id for sign in assessment.warning_signs]
        print(f"    {assessment.urgency.level}{by}  {' '.join(signs)}  confirmed: {' '.join(confirmed) or 'none'}")
    reasons = Counter(note.reason.split(":")[0] for case, _ in intake.cases for note in case.unrecognized)
    print("  findings of a patient that are not used, by reason:")
    for reason, count in reasons.most_common(_MOST_NAMED):
        print(f"    {count:>5}  {reason}")
    for kind, names in unknown.items():
        print(f"  {kind}s that the vocabulary does not know: {len(names)} codes, {names.total()} times, first")
        for name, count in names.most_common(_MOST_NAMED):
            print(f"    {count:>5}  {name}")


def _read(one: Resource, index: CodeIndex, as_of: AsOf) -> Iterator[Told]:
    if one.kind == "Observation":
        return observation(one, index)
    return condition(one, index, as_of) if one.kind == "Condition" else procedure(one, index)


def _reason(answers: list[Told]) -> str:
    return next((answer.reason.split(":")[0] for answer in answers if isinstance(answer, NotUsed)), "says nothing")


def _codes(one: Resource) -> Iterator[object]:
    yield one.value.get("code")
    for part in objects_of(one.value.get("component")):
        yield part.get("code")


def _name(concept: object) -> str:
    codes = ", ".join(f"{coding.system} {coding.code}" for coding in codings_of(concept))
    return f"{codes} {next(names_of(concept), '')}"[:90]


def _medicine(one: Resource, index: CodeIndex, resources: list[Resource], unknown: Counter[str]) -> str:
    by_name = {other.name: other.value for other in resources if other.kind == "Medication"}
    told = medication(one, index, by_name.get, AsOf(newest_day([one])))
    if isinstance(told, NotUsed):
        return "not used"
    if told is None:
        return "without a name"
    text = told.text if hasattr(told, "text") else told.stopped.name
    recognition = index.dictionary.recognize(text)
    if recognition.doubt:
        unknown[text] += 1
    known = "recognized" if not recognition.doubt else "recognized in part" if recognition.medicines else "not recognized"
    return f"{'taken' if hasattr(told, 'text') else 'stopped'}, {known}"


def _kind(origin: str) -> str:
    if origin.startswith(("Observation", "Condition", "Patient", "Procedure")):
        return origin.split("/", maxsplit=1)[0]
    return "implied" if origin.startswith("implied") else "medicines"


def measure(files: Iterable[Path], patients: int, folder: Path, knowledge: KnowledgeBase) -> None:
    """Write Bulk Data of so many patients, make tables of it, and print rate and memory."""
    written = _bulk(files, patients, folder / "bulk")
    size = sum(file.stat().st_size for file in (folder / "bulk").iterdir())
    began = time.process_time()
    made = make_tables(sorted((folder / "bulk").iterdir()), folder / "tables", knowledge, NEWEST)
    seconds = time.process_time() - began
    began = time.process_time()
    for file in (folder / "bulk").iterdir():
        with file.open("rb") as stream:
            for line in stream:
                json.loads(line)
    parsing = time.process_time() - began
    megabytes = system.getrusage(system.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nBulk Data: {made.patients:,} patients, {written:,} resources, {size / 1e6:,.0f} MB")
    print(f"  {seconds:.1f} s of one processor, {seconds / parsing:.1f} times what parsing the JSON alone takes")
    rates = f"{made.patients / seconds:,.0f} patients/s, {written / seconds:,.0f} resources/s"
    print(f"  {rates}, at most {megabytes:,.0f} MB of memory")


def _bulk(files: Iterable[Path], patients: int, folder: Path) -> int:
    """Write the records of some patients again and again under new ids, each kind of resource into its own file."""
    folder.mkdir()
    by_patient: dict[str, list[str]] = {}
    for file in files:
        for one in read_resources(file, file.name):
            if isinstance(one, Resource) and one.kind in KINDS - {"Medication"}:
                patient = patient_of(one.value)
                by_patient.setdefault(patient, []).append(f"{one.kind} {json.dumps(one.value)}")
    streams = {kind: (folder / f"{kind}.ndjson").open("w", encoding="utf-8") for kind in KINDS}
    count = 0
    for number, (patient, listed) in zip(range(patients), cycle(by_patient.items()), strict=False):
        own = patient.rpartition("/")[2]
        for entry in listed:
            kind, _, text = entry.partition(" ")
            streams[kind].write(text.replace(own, f"{own}-{number}") + "\n")
            count += 1
    for stream in streams.values():
        stream.close()
    return count


if __name__ == "__main__":
    main()
