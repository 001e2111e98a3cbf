"""Rows of the OMOP Common Data Model as FHIR resources, so that dates, units, codes and medicines are read by one reader.

Nothing is added: what a row does not hold, its resource does not. Each resource is named for its row (`measurement-17`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any

import polars as pl

from facts.intake.fhir.codes import CodeIndex
from facts.intake.fhir.shapes.values import codings_of
from facts.intake.omop.tables import DataModel

Resource = dict[str, Any]
_SYSTEMS = {
    "SNOMED": "http://snomed.info/sct",
    "LOINC": "http://loinc.org",
    "RxNorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ATC": "http://www.whocc.no/atc",
    "ICD10CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD10": "http://hl7.org/fhir/sid/icd-10",
    "UCUM": "http://unitsofmeasure.org",
}
_GENDERS = {8507: "male", 8532: "female", 8521: "other"}
"""OHDSI's own concepts; they have no code elsewhere."""
_ASSERTION = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "ASSERTION"}]}
_ENCOUNTER_DIAGNOSIS = [
    {
        "coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "encounter-diagnosis"},
        ]
    }
]
_PRELIMINARY = ("preliminary", "to be diagnosed")
_ID, _NUMBER, _TEXT = pl.Int64, pl.Float64, pl.String
_TIME = re.compile(r"\d\d:\d\d:\d\d")


CONCEPTS = {
    "condition_occurrence": ("condition_concept_id", "condition_source_concept_id", "condition_status_concept_id"),
    "drug_exposure": ("drug_concept_id", "drug_source_concept_id"),
    "measurement": (
        "measurement_concept_id",
        "measurement_source_concept_id",
        "value_as_concept_id",
        "unit_concept_id",
        "operator_concept_id",
    ),
    "observation": ("observation_concept_id", "observation_source_concept_id", "value_as_concept_id", "unit_concept_id"),
}
"""The columns of concepts that are read of each table; the first two say what it is about."""
_ABOUT = 2
STARTS = {
    "condition_occurrence": "condition_start_date",
    "drug_exposure": "drug_exposure_start_date",
    "measurement": "measurement_date",
    "observation": "observation_date",
}
"""The column of each table that says when."""


class Concepts:
    """What the concepts of a model's rows stand for, and which of them stand for something that the vocabulary knows."""

    def __init__(self, model: DataModel, index: CodeIndex) -> None:
        # The vocabularies have millions of concepts, of which a model's rows mention some thousands.
        mentioned: set[int] = set()
        for table, names in CONCEPTS.items():
            lazy = model.scan(table, dict.fromkeys(names, _ID))
            mentioned |= {number for name in names for (number,) in lazy.select(name).unique().collect().rows() if number}
        columns = {"concept_id": _ID, "concept_name": _TEXT, "vocabulary_id": _TEXT, "concept_code": _TEXT}
        wanted = pl.Series(sorted(mentioned), dtype=_ID).implode()
        rows = model.scan("concept", columns).filter(pl.col("concept_id").is_in(wanted)).collect().rows()
        self.names = {number: name or "" for number, name, _, _ in rows}
        self.codings = {
            number: {"system": _SYSTEMS[terminology], "code": code, "display": name or ""}
            for number, name, terminology, code in rows
            if terminology in _SYSTEMS and code
        }
        self.known = frozenset(
            number for number, coding in self.codings.items() if index.knows(codings_of({"coding": [coding]}))
        )

    def concept(self, *numbers: int | None, text: str | None = None) -> Resource | None:
        """Return a CodeableConcept of some concepts; None where they say nothing."""
        codings = [self.codings[number] for number in dict.fromkeys(numbers) if number in self.codings]
        # A concept of a terminology of OMOP's own ("No", in `Meas Value`) still has its name.
        named = text or next((self.names[number] for number in numbers if number and self.names.get(number)), "")
        if not codings and not named:
            return None
        return {**({"coding": codings} if codings else {}), **({"text": named} if named else {})}


def persons(model: DataModel) -> Iterator[Resource]:
    """Return a Patient for each person, with the day of death where there is one."""
    columns = {"person_id": _ID, "gender_concept_id": _ID, "birth_datetime": _TEXT}
    columns |= dict.fromkeys(("year_of_birth", "month_of_birth", "day_of_birth"), _ID)
    deaths = model.scan("death", {"person_id": _ID, "death_date": _TEXT}).unique("person_id", keep="first", maintain_order=True)
    rows = model.scan("person", columns).drop_nulls("person_id").join(deaths, on="person_id", how="left").sort("person_id")
    for row in rows.collect().iter_rows(named=True):
        patient: Resource = {"resourceType": "Patient", "id": f"person-{row['person_id']}"}
        if row["gender_concept_id"] in _GENDERS:
            patient["gender"] = _GENDERS[row["gender_concept_id"]]
        if born := _born(row):
            patient["birthDate"] = born
        if row["death_date"]:
            patient["deceasedDateTime"] = row["death_date"][:10]
        yield patient


def _born(row: Mapping[str, Any]) -> str:
    if row["birth_datetime"]:
        return str(row["birth_datetime"])[:10]
    parts = [row["year_of_birth"], row["month_of_birth"], row["day_of_birth"]]
    known = parts[: parts.index(None)] if None in parts else parts
    return "-".join(f"{part:02}" if place else f"{part:04}" for place, part in enumerate(known))


@dataclass
class Counted:
    """How many rows of a table there are, and why some are not used."""

    rows: int = 0
    undated: int = 0
    later: int = 0
    not_known: int = 0


def count(model: DataModel, table: str, concepts: Concepts, as_of: date) -> Counted:
    """Count a table's rows by what becomes of them."""
    day, about = _day(STARTS[table]), _is_about(table, concepts)
    told = _scan(model, table, {}).select(
        pl.len().alias("rows"),
        day.is_null().sum().alias("undated"),
        (day > as_of).sum().alias("later"),
        ((day <= as_of) & ~about).sum().alias("not_known"),
    )
    return Counted(**{name: int(number or 0) for name, number in told.collect().row(0, named=True).items()})


def conditions(model: DataModel, concepts: Concepts, as_of: date) -> Iterator[Resource]:
    """Return the conditions that the vocabulary knows, as what was diagnosed on that day."""
    first, second, status = CONCEPTS["condition_occurrence"]
    for row in _rows(model, "condition_occurrence", concepts, as_of, {"condition_end_date": _TEXT}):
        resource = _resource("Condition", row, "condition_occurrence")
        resource |= {"category": _ENCOUNTER_DIAGNOSIS, "onsetDateTime": row["day"].isoformat()}
        resource["code"] = concepts.concept(row[first], row[second])
        if any(word in concepts.names.get(row[status] or 0, "").lower() for word in _PRELIMINARY):
            resource["verificationStatus"] = {"coding": [{"code": "provisional"}]}
        # An end on the day of the beginning is that of the visit.
        end = (row["condition_end_date"] or "")[:10]
        if end > row["day"].isoformat():
            resource["abatementDateTime"] = end
        yield resource


def measurements(model: DataModel, concepts: Concepts, as_of: date) -> Iterator[Resource]:
    """Return the measurements that the vocabulary knows."""
    return _readings(model, "measurement", concepts, as_of, {"value_source_value": _TEXT})


def observations(model: DataModel, concepts: Concepts, as_of: date) -> Iterator[Resource]:
    """Return the observations that the vocabulary knows; one without a value says that its concept is so."""
    return _readings(model, "observation", concepts, as_of, {"value_as_string": _TEXT})


def _readings(model: DataModel, table: str, concepts: Concepts, as_of: date, more: Mapping[str, Any]) -> Iterator[Resource]:
    columns = {f"{table}_datetime": _TEXT, "value_as_number": _NUMBER, "unit_source_value": _TEXT, **more}
    first, second, *_ = CONCEPTS[table]
    for row in _rows(model, table, concepts, as_of, columns):
        resource = _resource("Observation", row, table) | {"status": "final", "effectiveDateTime": _moment(row, table)}
        code, answer = concepts.concept(row[first], row[second]), concepts.concept(row["value_as_concept_id"])
        resource["code"] = code
        number = row["value_as_number"]
        if number is not None and isfinite(number):
            resource["valueQuantity"] = _quantity(row, concepts)
        elif answer is not None:
            resource["valueCodeableConcept"] = answer
        elif text := row.get("value_as_string") or row.get("value_source_value"):
            resource["valueString"] = text
        elif table == "observation":
            resource |= {"code": _ASSERTION, "valueCodeableConcept": code}
        yield resource


def _quantity(row: Mapping[str, Any], concepts: Concepts) -> Resource:
    quantity: Resource = {"value": row["value_as_number"]}
    coding = concepts.codings.get(row["unit_concept_id"] or 0)
    if coding is not None:
        quantity |= {"unit": coding["code"], "system": coding["system"], "code": coding["code"]}
    elif row["unit_source_value"]:
        quantity["unit"] = row["unit_source_value"]
    operator = row.get("operator_concept_id")
    if operator:
        named = concepts.names.get(operator, "").strip() or f"concept {operator}"
        if named != "=":
            # One that is none is refused by the reader, because nobody can tell whether it is more or less than that.
            quantity["comparator"] = named
    return quantity


def drugs(model: DataModel, concepts: Concepts, as_of: date) -> Iterator[Resource]:
    """Return the exposures to drugs: taken while the supply lasts; stopped only where the row itself says so.

    The end of most exposures is reckoned from the supply, and nobody knows whether the next package came from elsewhere.
    """
    more = {"drug_exposure_end_date": _TEXT, "verbatim_end_date": _TEXT, "stop_reason": _TEXT, "drug_source_value": _TEXT}
    first, second = CONCEPTS["drug_exposure"]
    for row in _rows(model, "drug_exposure", concepts, as_of, {**more, "days_supply": _NUMBER}):
        begun, end = row["day"], _date(row["verbatim_end_date"]) or _date(row["drug_exposure_end_date"])
        medicine = concepts.concept(row[first], row[second]) or {"text": row["drug_source_value"]}
        if end is not None and (row["verbatim_end_date"] or row["stop_reason"]):
            resource = _resource("MedicationStatement", row, "drug_exposure")
            resource["status"] = "active" if end > as_of else "stopped"
            resource["effectivePeriod"] = {"start": begun.isoformat(), "end": end.isoformat()}
        else:
            resource = _resource("MedicationDispense", row, "drug_exposure")
            resource |= {"status": "completed", "whenHandedOver": begun.isoformat()}
            days = row["days_supply"] or ((end - begun).days if end is not None else None)
            if days and isfinite(days):
                resource["daysSupply"] = {"value": days, "unit": "d"}
        yield resource | {"medicationCodeableConcept": medicine}


def _rows(model: DataModel, table: str, concepts: Concepts, as_of: date, more: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return a table's rows up to a day that are about what is known, by person and then by their ids, each with its `day`."""
    rows = _scan(model, table, more).with_columns(_day(STARTS[table]).alias("day"))
    rows = rows.filter(pl.col("day") <= as_of, _is_about(table, concepts))
    yield from rows.sort("person_id", f"{table}_id", maintain_order=True).collect().iter_rows(named=True)


def _scan(model: DataModel, table: str, more: Mapping[str, Any]) -> pl.LazyFrame:
    columns = {f"{table}_id": _ID, "person_id": _ID, STARTS[table]: _TEXT, **dict.fromkeys(CONCEPTS[table], _ID), **more}
    return model.scan(table, columns).filter(pl.col("person_id").is_not_null())


def _is_about(table: str, concepts: Concepts) -> pl.Expr:
    if table == "drug_exposure":
        # Medicines are recognized by their names as well.
        return pl.lit(True)
    known = pl.Series(sorted(concepts.known), dtype=_ID).implode()
    return pl.any_horizontal(pl.col(name).is_in(known).fill_null(False) for name in CONCEPTS[table][:_ABOUT])


def _day(column: str) -> pl.Expr:
    return pl.col(column).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)


def _date(written: str | None) -> date | None:
    try:
        return date.fromisoformat((written or "")[:10])
    except ValueError:
        return None


def _resource(kind: str, row: Mapping[str, Any], table: str) -> Resource:
    subject = {"reference": f"Patient/person-{row['person_id']}"}
    return {"resourceType": kind, "id": f"{table.replace('_', '-')}-{row[f'{table}_id']}", "subject": subject}


def _moment(row: Mapping[str, Any], table: str) -> str:
    """Return the day of a row; its time only where there is one, without a zone, because the model has none."""
    day, written = row["day"].isoformat(), row[f"{table}_datetime"] or ""
    time = written[11:19]
    return f"{day}T{time}" if written[:10] == day and _TIME.fullmatch(time) and time != "00:00:00" else day
