"""Folders in the OMOP Common Data Model through `charley evaluate` and `explain`: codes, days, supplies, what is left out."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from expert.cohorts.evaluation import CONCLUSIONS, UNRECOGNIZED_FILE
from tests.functional.charley import charley

CONCEPTS = [
    (3023103, "Potassium [Moles/volume] in Serum or Plasma", "LOINC", "2823-3"),
    (3016723, "Creatinine", "LOINC", "2160-0-none"),
    (8753, "millimole per liter", "UCUM", "mmol/L"),
    (8840, "milligram per deciliter", "UCUM", "mg/dL"),
    (4171756, "<", "SNOMED", "276136004"),
    (4172703, "=", "SNOMED", "276136003"),
    (4172999, "about", "SNOMED", "1"),
    (201826, "Type 2 diabetes mellitus", "SNOMED", "44054006"),
    (35206882, "Type 2 diabetes mellitus without complications", "ICD10CM", "E11.9"),
    (32899, "Preliminary diagnosis", "Condition Status", "OMOP4976974"),
    (974166, "hydrochlorothiazide 25 MG Oral Tablet", "RxNorm", "310798"),
    (781039, "alprazolam 0.5 MG Oral Tablet", "RxNorm", "308047"),
    (4188540, "No", "SNOMED", "373067005"),
    (4041284, "Intermittent claudication", "SNOMED", "63491006"),
]
DAY = "2026-03-01"


def write(folder: Path, tables: Mapping[str, Sequence[Mapping[str, Any]]], ending: str = ".csv") -> Path:
    folder.mkdir()
    for name, rows in tables.items():
        frame = pl.DataFrame(rows, infer_schema_length=None)
        if ending == ".csv":
            # As OHDSI writes its vocabularies: with tabs.
            frame.write_csv(folder / f"{name.upper()}.csv", separator="\t" if name == "concept" else ",")
        else:
            dates = [column for column in frame.columns if column.endswith("_date") and frame[column].dtype == pl.String]
            frame.with_columns(pl.col(dates).str.to_date("%Y-%m-%d", strict=False)).write_parquet(folder / f"{name}.parquet")
    return folder


def person(number: int, gender: int = 8532, year: int | None = 1960) -> dict[str, Any]:
    return {
        "person_id": number,
        "gender_concept_id": gender,
        "year_of_birth": year,
        "month_of_birth": None,
        "day_of_birth": None,
        "birth_datetime": None,
    }


def measured(number: int, who: int, value: float | None, **more: Any) -> dict[str, Any]:
    row = {
        "measurement_id": number,
        "person_id": who,
        "measurement_concept_id": 3023103,
        "measurement_date": "2026-02-20",
        "measurement_datetime": None,
        "operator_concept_id": 0,
        "value_as_number": value,
        "value_as_concept_id": 0,
        "unit_concept_id": 8753,
        "unit_source_value": None,
        "value_source_value": None,
        "measurement_source_concept_id": 0,
    }
    return row | more


def diagnosed(number: int, who: int, **more: Any) -> dict[str, Any]:
    row = {
        "condition_occurrence_id": number,
        "person_id": who,
        "condition_concept_id": 201826,
        "condition_start_date": "2024-05-01",
        "condition_end_date": "2024-05-01",
        "condition_status_concept_id": 0,
        "condition_source_concept_id": 0,
    }
    return row | more


def exposed(number: int, who: int, drug: int, start: str, end: str, **more: Any) -> dict[str, Any]:
    row = {
        "drug_exposure_id": number,
        "person_id": who,
        "drug_concept_id": drug,
        "drug_exposure_start_date": start,
        "drug_exposure_end_date": end,
        "verbatim_end_date": None,
        "stop_reason": None,
        "days_supply": None,
        "drug_source_value": "",
        "drug_source_concept_id": 0,
    }
    return row | more


@pytest.fixture
def tables() -> dict[str, list[dict[str, Any]]]:
    names = ("concept_id", "concept_name", "vocabulary_id", "concept_code")
    return {
        "concept": [dict(zip(names, row, strict=True)) for row in CONCEPTS],
        "person": [person(1), person(2, 8507), person(3), person(4)],
        "condition_occurrence": [
            diagnosed(1, 1),
            diagnosed(2, 2, condition_end_date="2025-01-01"),
            diagnosed(3, 3, condition_status_concept_id=32899),
            diagnosed(4, 4, condition_concept_id=0, condition_source_concept_id=35206882),
        ],
        "drug_exposure": [
            exposed(1, 1, 974166, "2026-02-10", "2026-03-11"),
            exposed(2, 2, 974166, "2025-11-01", "2025-11-30"),
            exposed(3, 3, 781039, "2025-01-01", "2026-02-26", stop_reason="patient request"),
            exposed(4, 4, 974166, "2026-02-20", "2026-02-20", days_supply=30.0),
        ],
        "measurement": [
            measured(1, 1, 2.9),
            measured(2, 1, 2.2, measurement_date="2026-03-05"),
            measured(3, 2, 3.0, operator_concept_id=4171756),
            measured(4, 3, 3.0, operator_concept_id=4172999),
            measured(5, 4, 2.8, measurement_date="in spring"),
            measured(6, 4, 1.1, measurement_concept_id=3016723, unit_concept_id=8840),
        ],
        "observation": [
            {
                "observation_id": 1,
                "person_id": who,
                "observation_concept_id": 4041284,
                "observation_date": "2026-02-27",
                "observation_datetime": None,
                "value_as_number": None,
                "value_as_string": None,
                "value_as_concept_id": answer,
                "unit_concept_id": 0,
                "observation_source_concept_id": 0,
            }
            for who, answer in ((1, 0), (2, 4188540))
        ],
        "death": [{"person_id": 3, "death_date": "2026-07-01"}],
    }


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_data_model_is_judged_as_of_a_day(ending: str, tables: dict[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    folder, out = write(tmp_path / "cdm", tables, ending), tmp_path / "out"
    done = charley("evaluate", folder, "--output", out, "--as-of", DAY)
    assert done.out.startswith("4 read = 4 concluded + 0 refused"), done.err
    # Less than three, or more? Nobody can tell, and it is listed.
    assert done.status == 2 and "about" in (tmp_path / "out.records" / "refused.csv").read_text(encoding="utf-8")
    assert (
        "6 rows of measurement: 3 read, 1 about nothing that is known here, 1 later, 1 without a date that can be read"
        in done.err
    )
    rows = {row["case"]: row for row in pl.read_parquet(out / CONCLUSIONS / "*.parquet").to_dicts()}
    assert sorted(rows) == ["person-1", "person-2", "person-3", "person-4"]
    assert rows["person-1"]["standing:hypokalemia"] == rows["person-2"]["standing:hypokalemia"] == "confirmed"
    assert rows["person-3"]["standing:hypokalemia"] != "confirmed"

    one, two, three, four = (
        json.loads(charley("explain", out, f"person-{number}", "--format", "json").out)["findings"] for number in (1, 2, 3, 4)
    )
    told = [{finding["id"]: finding for finding in findings} for findings in (one, two, three, four)]
    assert told[0]["serum_potassium"]["value"] == 2.9, "what was measured after the day is not known on it"
    assert "measurement-1" in told[0]["serum_potassium"]["origin"]
    # Diabetes stays; one that ended on a later day than it began is past, and a preliminary one is not established.
    assert ["diabetes" in findings for findings in told] == [True, False, False, True]
    # Taken while the supply lasts; what has run out may have been bought elsewhere.
    assert ["takes_thiazide_diuretic" in findings for findings in told] == [True, False, False, True]
    assert told[2]["recently_stopped_sedative"]["value"] is True
    assert (told[0]["walking_pain_gone_at_rest"]["value"], told[1]["walking_pain_gone_at_rest"]["value"]) == (True, False)
    # Born in 1960, on a day that is not recorded.
    assert (told[2]["age"]["value"]["low"], told[2]["age"]["value"]["high"]) == (65, 66)


def test_a_day_must_be_named_and_what_was_made_is_taken_up_again(
    tables: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    folder, out = write(tmp_path / "cdm", tables), tmp_path / "out"
    without = charley("evaluate", folder, "--output", out)
    assert without.status == 1 and "--as-of" in without.err and not out.exists()
    assert charley("evaluate", folder, "--output", out, "--as-of", DAY).status == 2
    records = tmp_path / "out.omop"
    assert records.stat().st_mode & 0o077 == 0
    before = {path.name: path.read_bytes() for path in records.iterdir()}
    for path in sorted(out.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    out.rmdir()
    assert charley("evaluate", folder, "--output", out, "--as-of", DAY, "--resume").status == 2
    assert {path.name: path.read_bytes() for path in records.iterdir()} == before
    other = charley("evaluate", folder, "--output", tmp_path / "out", "--as-of", "2026-03-02", "--resume")
    assert other.status == 1 and "another run" in other.err


def test_a_broken_table_and_the_dead_are_told(tables: dict[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    tables["death"] = [{"person_id": 3, "death_date": "2026-02-27"}]
    folder = write(tmp_path / "cdm", tables)
    done = charley("evaluate", folder, "--output", tmp_path / "out", "--as-of", DAY)
    assert done.status == 2 and done.out.startswith("3 read = 3 concluded")
    assert "person-3" in (tmp_path / "out.records" / "refused.csv").read_text(encoding="utf-8")
    (folder / "MEASUREMENT.csv").rename(folder / "MEASUREMENT.parquet")
    broken = charley("evaluate", folder, "--output", tmp_path / "other", "--as-of", DAY)
    assert broken.status == 1 and "MEASUREMENT.parquet: cannot be read" in broken.err and "Traceback" not in broken.err
    assert (tmp_path / "out" / UNRECOGNIZED_FILE).exists()
