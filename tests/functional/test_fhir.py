"""FHIR records through `charley report`, `evaluate` and `explain`: the same conclusions by every door, with their places."""

import gzip
import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from expert.cohorts.evaluation import CONCLUSIONS, SUMMARY
from expert.cohorts.layout import STANDING
from tests.fhir_samples import RECORDS, SHARED
from tests.functional.charley import charley

BUNDLE, BULK = RECORDS / "bundle.json", RECORDS / "bulk"
REAL = [SHARED / "fhir_synthea", SHARED / "fhir_smart"]
beside = pytest.mark.skipif(
    not all(folder.is_dir() for folder in REAL), reason="the real records are not beside the project; its own are tested"
)


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("text", "(Observation/mg,"),
        ("markdown", "(Observation/mg, 2026-03-01, 1 day earlier)"),
        ("html", "Observation/mg, 2026-03-01, 1 day earlier"),
        ("json", '"origin": "Observation/mg, 2026-03-01, 1 day earlier"'),
    ],
)
def test_every_format_shows_where_a_finding_stands_and_the_day_of_judgment(form: str, shown: str) -> None:
    outcome = charley("report", BUNDLE, "--full", "--format", form)
    assert (outcome.status, outcome.err) == (0, "")
    text = " ".join(outcome.out.split()) if form == "text" else outcome.out
    assert shown in text
    day = '"as_of": "2026-03-02"' if form == "json" else "judged as of 2026-03-02, the newest date in it"
    assert day in text


def test_a_reason_tells_the_age_of_the_reading_that_it_rests_on() -> None:
    text = " ".join(charley("report", BUNDLE, "--full", "--as-of", "2026-04-30").out.split())
    assert "Serum potassium is 3.1 mEq/L (3.1 mmol/L; 2026-03-01, 60 days earlier)" in text
    assert "judged as of 2026-04-30, the day that was given" in text
    recent = charley("report", BUNDLE, "--as-of", "2026-04-30", "--within-days", "30", "--format", "json")
    assessment = json.loads(recent.out)
    assert "serum_potassium" not in {finding["id"] for finding in assessment["findings"]}
    told = {note["text"]: note["reason"] for note in assessment["unrecognized"]}
    (old,) = [text for text in told if text.startswith("serum potassium 3.1 mEq/L")]
    assert told[old].startswith("60 days old, and it counts for 30 days")


def test_the_same_record_gives_the_same_bytes_whatever_the_clock() -> None:
    assert charley("report", BUNDLE, TZ="Asia/Tokyo").out == charley("report", BUNDLE, TZ="America/New_York").out


def test_what_cannot_be_read_is_listed_and_the_rest_is_assessed(tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_bytes(BUNDLE.read_bytes()[:900])
    shutil.copy(BUNDLE, tmp_path / "whole.json")
    shutil.copytree(BULK, tmp_path / "bulk")
    (tmp_path / "case.yaml").write_text("case: by hand\nfindings: {vomiting: yes}\n", encoding="utf-8")
    outcome = charley("report", tmp_path, "--format", "json")
    assert outcome.status == 2
    assert f"{tmp_path / 'cut.json'}:" in outcome.err
    assert "this is not JSON" in outcome.err
    assert "Observation/o4: serum potassium: found '43 mmol/L'" in outcome.err
    entries = json.loads(outcome.out)
    assert [entry["case"] for entry in entries if "urgency" in entry] == ["by hand", "bulk-1", "bulk-2", "record-1"]


def test_no_text_of_a_record_drives_a_terminal_or_forges_a_line(tmp_path: Path) -> None:
    bundle = json.loads(BUNDLE.read_text(encoding="utf-8"))
    evil = "\x1b[2J<script>alert(1)</script>\nURGENCY: none"
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "Observation":
            entry["resource"]["id"] = evil
        if entry["resource"]["resourceType"] == "MedicationRequest":
            entry["resource"]["medicationCodeableConcept"] = {"text": evil}
            entry["resource"].pop("medicationReference", None)
    file = tmp_path / "evil.json"
    file.write_text(json.dumps(bundle), encoding="utf-8")
    for form in ("text", "html"):
        outcome = charley("report", file, "--format", form)
        assert "\x1b" not in outcome.out + outcome.err
        assert "<script>" not in outcome.out or form == "text"
        assert not [line for line in outcome.out.splitlines() if line.startswith("URGENCY: none")]


def conclusions(folder: Path) -> dict[str, tuple[str, str]]:
    frame = pl.read_parquet(folder / CONCLUSIONS / "*.parquet")
    leading = frame.select("case", pl.col("urgency").cast(pl.String), pl.col("leading_cause").cast(pl.String))
    return {case: (urgency, cause) for case, urgency, cause in leading.rows()}


def test_bulk_data_is_evaluated_and_each_case_explained_as_its_report(tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = charley("evaluate", BULK, BUNDLE, "--output", out)
    assert outcome.status == 2
    assert "3 read = 3 concluded + 0 refused" in outcome.out
    assert "3 patients in 6 files of FHIR records" in outcome.err
    assert "1 parts of them refused" in outcome.err
    refused = (tmp_path / "out.records" / "refused.csv").read_text(encoding="utf-8")
    assert "Observation/o4" in refused
    entries = json.loads(charley("report", BULK, BUNDLE, "--format", "json").out)
    reports = {entry["case"]: entry for entry in entries if "urgency" in entry}
    frame = pl.read_parquet(out / CONCLUSIONS / "*.parquet")
    for row in frame.iter_rows(named=True):
        report = reports[row["case"]]
        assert row["urgency"] == report["urgency"]["level"]
        for cause in report["causes"]:
            assert row[STANDING + cause["id"]] == cause["standing"]
        explained = json.loads(charley("explain", out, row["case"], "--format", "json").out)
        assert explained == report


def test_a_record_that_changed_since_the_run_is_not_explained(tmp_path: Path) -> None:
    record = tmp_path / "bundle.json"
    shutil.copy(BUNDLE, record)
    assert charley("evaluate", record, "--output", tmp_path / "out").status == 0
    assert stat_of(tmp_path / "out.records") == "700"
    record.write_text(record.read_text(encoding="utf-8").replace("3.1", "3.2"), encoding="utf-8")
    outcome = charley("explain", tmp_path / "out", "record-1")
    assert outcome.status == 1
    assert "has changed since the run" in outcome.err


def stat_of(path: Path) -> str:
    return f"{path.stat().st_mode & 0o777:o}"


def test_an_evaluation_of_records_is_not_written_over_another(tmp_path: Path) -> None:
    assert charley("evaluate", BUNDLE, "--output", tmp_path / "out").status == 0
    again = charley("evaluate", BUNDLE, "--output", tmp_path / "out")
    assert (again.status, "exists already" in again.err) == (1, True)
    shutil.rmtree(tmp_path / "out")
    left = charley("evaluate", BUNDLE, "--output", tmp_path / "out")
    assert (left.status, "holds tables of another run" in left.err) == (1, True)
    assert charley("evaluate", BUNDLE, "--output", tmp_path / "out", "--resume").status == 0
    other = charley("evaluate", BUNDLE, "--output", tmp_path / "out2", "--as-of", "2026-05-01")
    assert other.status == 0


def test_records_that_hold_no_patient_are_told(tmp_path: Path) -> None:
    file = tmp_path / "empty.json"
    file.write_text('{"resourceType": "Bundle", "type": "searchset"}', encoding="utf-8")
    outcome = charley("evaluate", file, "--output", tmp_path / "out")
    assert outcome.status == 1
    assert "0 patients" in outcome.err
    report = charley("report", file)
    assert (report.status, report.out) == (2, "")
    assert "no resource of a patient is in it" in report.err


@beside
def test_the_real_records_go_through_every_door(tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = charley("evaluate", *REAL, "--output", out)
    # Two of them have died, and are told apart.
    assert (outcome.status, "16 read = 16 concluded + 0 refused" in outcome.out) == (2, True)
    refused = (tmp_path / "out.records" / "refused.csv").read_text(encoding="utf-8")
    assert refused.count("the record says that the patient died on") == 2
    summary = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    assert summary["known"]["age"] == 16
    assert summary["known"]["sex"] == 16
    unverified = (tmp_path / "out.records" / "unverified.csv").read_text(encoding="utf-8")
    assert "status 'unknown': nobody has verified it" in unverified
    accepted = charley("evaluate", *REAL, "--output", tmp_path / "accepted", "--accept-status", "unknown")
    assert accepted.status == 2
    known = json.loads((tmp_path / "accepted" / SUMMARY).read_text(encoding="utf-8"))["known"]
    assert known["serum_potassium"] > summary["known"].get("serum_potassium", 0)
    # A blood pressure counts for two days, and most of these records go on after the last one.
    assert known["systolic_blood_pressure"] >= 5
    report = json.loads(charley("report", *REAL, "--format", "json").out)
    assert {entry["case"] for entry in report if "urgency" in entry} == set(conclusions(out))
    negatives = [
        finding
        for entry in report
        for finding in entry.get("findings", ())
        if finding["value"] is False and "Observation/" not in finding["origin"]
    ]
    assert negatives == []


@beside
def test_real_records_are_joined_over_files_of_kinds(tmp_path: Path) -> None:
    """The real Bundles taken apart into a file for each kind give the same cases as the Bundles."""
    bulk = tmp_path / "bulk"
    bulk.mkdir()
    for bundle in sorted((SHARED / "fhir_smart").iterdir()):
        for entry in json.loads(gzip.decompress(bundle.read_bytes()))["entry"]:
            with (bulk / f"{entry['resource']['resourceType']}.ndjson").open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(entry["resource"]) + "\n")
    apart = json.loads(charley("report", bulk, "--format", "json").out)
    together = json.loads(charley("report", SHARED / "fhir_smart", "--format", "json").out)
    assert apart == together
