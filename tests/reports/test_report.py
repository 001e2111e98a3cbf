"""`charley report`: what comes out, in each format, and where it goes."""

import json
import stat
from pathlib import Path

import pytest

from tests.functional.charley import charley

EXAMPLES = Path(__file__).parents[2] / "facts" / "examples"
ONE = EXAMPLES / "night-cramps-on-a-diuretic.yaml"
TWO = EXAMPLES / "heat-at-work.json"
STANDINGS = ("confirmed", "likely", "possible", "unlikely", "excluded", "conflicting", "no_evidence")


def test_the_text_report_says_how_urgent_and_why_first() -> None:
    outcome = charley("report", ONE)
    assert outcome.status == 0
    assert outcome.err == ""
    headings = [
        "at least SAME DAY",
        "Serum magnesium is",
        "CONFIRMED: ",
        "LIKELY: ",
        "DO NOW",
        "THEN",
        "Not asked, and it matters",
    ]
    places = [outcome.out.index(heading) for heading in headings]
    assert places == sorted(places)
    assert "1.5 mg/dL (0.6172 mmol/L)" in outcome.out
    assert "supports a clinician's judgment" in outcome.out
    assert max(len(line) for line in outcome.out.splitlines() if "http" not in line) <= 92


def test_json_of_one_case_is_an_object_with_the_contracted_fields() -> None:
    data = json.loads(charley("report", ONE, "--format", "json").out)
    assert data["case"] == "night cramps on a diuretic"
    assert set(data["knowledge_base"]) >= {"version", "hash"}
    assert set(data["urgency"]) >= {"level", "ceiling", "because"}
    assert data["urgency"]["level"] == "same_day"
    assert data["urgency"]["ceiling"] == "immediate"
    signs = {sign["id"]: sign for sign in data["warning_signs"]}
    assert {"id", "level", "because", "source"} <= set(signs["cramps_on_diuretics"])
    hypokalemia = data["causes"][0]
    assert (hypokalemia["id"], hypokalemia["standing"]) == ("hypokalemia", "confirmed")
    assert {"id", "label", "category", "standing", "for", "against", "missing"} <= set(hypokalemia)
    argument = hypokalemia["for"][0]
    assert {"rule", "because", "findings", "source"} <= set(argument)
    assert {"id": "serum_potassium", "value": 3.1, "unit": "mmol/L"}.items() <= argument["findings"][0].items()
    assert {"next_steps", "missing", "unrecognized"} <= set(data)


def test_causes_come_by_standing_then_weight_then_id() -> None:
    for assessment in json.loads(charley("report", EXAMPLES, "--format", "json").out):
        order = [STANDINGS.index(cause["standing"]) for cause in assessment["causes"]]
        assert order == sorted(order)
        unargued = [cause["id"] for cause in assessment["causes"] if cause["standing"] == "no_evidence"]
        assert unargued == sorted(unargued)


def test_json_of_several_cases_is_a_list() -> None:
    assert [assessment["case"] for assessment in json.loads(charley("report", TWO, "--format", "json").out)] == [
        "roofer on a hot day",
        "roofer on a hot day, two hours later",
    ]


@pytest.mark.parametrize(("form", "ending"), [("text", "txt"), ("markdown", "md"), ("html", "html"), ("json", "json")])
def test_a_folder_gets_one_private_file_a_case(tmp_path: Path, form: str, ending: str) -> None:
    outcome = charley("report", TWO, "--format", form, "--output", f"{tmp_path}/new/")
    assert outcome.status == 0
    written = sorted((tmp_path / "new").iterdir())
    assert [path.name for path in written] == [f"roofer-on-a-hot-day-two-hours-later.{ending}", f"roofer-on-a-hot-day.{ending}"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in written)


def test_a_file_is_written_whole_and_private(tmp_path: Path) -> None:
    target = tmp_path / "report.md"
    assert charley("report", ONE, "--format", "markdown", "--output", target).status == 0
    assert target.read_text(encoding="utf-8").startswith("# Muscle cramps: night cramps on a diuretic\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_a_path_that_cannot_be_written_is_said_plainly(tmp_path: Path) -> None:
    outcome = charley("report", ONE, "--output", tmp_path / "nowhere" / "report.txt")
    assert outcome.status == 1
    assert "cannot be written" in outcome.err


def test_cases_with_names_that_make_one_file_name_keep_a_file_each(tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    names = ["a/b", "a b", "A:B", "../../escape", ".hidden", "…"]
    cases.write_text("".join(json.dumps({"case": name}) + "\n" for name in names), encoding="utf-8")
    assert charley("report", cases, "--output", f"{tmp_path}/out/").status == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "A-B-3.txt",
        "a-b-2.txt",
        "a-b.txt",
        "case.txt",
        "escape.txt",
        "hidden.txt",
    ]


def test_a_name_that_the_file_system_cannot_hold_becomes_another(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("- case: Żółw 7\n- case: 患者\n", encoding="utf-8")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert charley("report", tmp_path / "c.yaml", "--output", f"{tmp_path}/out/", **plain).status == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["Zow-7.txt", "case.txt"]


def test_html_is_one_self_contained_file(tmp_path: Path) -> None:
    html = charley("report", ONE, "--format", "html").out
    assert html.startswith("<!DOCTYPE html>")
    assert "default-src 'none'" in html
    for loaded in ("<script", "<link", "src=", "@import", "url("):
        assert loaded not in html


def test_a_folder_of_case_files_is_read_as_its_files(tmp_path: Path) -> None:
    data = json.loads(charley("report", EXAMPLES, "--format", "json").out)
    assert len(data) == 6


def test_a_knowledge_base_about_something_else_runs_on_the_same_code() -> None:
    headaches = Path(__file__).parents[1] / "foreign" / "headaches"
    outcome = charley("report", headaches / "case.yaml", "--knowledge", headaches, "--format", "json")
    assert outcome.status == 0
    data = json.loads(outcome.out)
    assert data["urgency"]["level"] == "emergency"
    assert data["causes"][0]["id"] == "medication_overuse_headache"
    text = charley("report", headaches / "case.yaml", "--knowledge", headaches).out
    assert "cramp" not in text.casefold()


def test_fhir_documents_are_written_one_a_case_and_dated(tmp_path: Path) -> None:
    outcome = charley("report", EXAMPLES, "--format", "fhir", "--as-of", "2026-04-30", "--output", f"{tmp_path}/")
    assert outcome.status == 0, outcome.err
    written = list(tmp_path.iterdir())
    assert len(written) >= 5
    for path in written:
        bundle = json.loads(path.read_bytes())
        assert (bundle["type"], bundle["timestamp"]) == ("document", "2026-04-30T00:00:00Z")
        assert bundle["entry"][0]["resource"]["date"] == "2026-04-30"


def test_what_is_refused_stands_in_the_fhir_bundle_too(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text("- {case: a, findings: {vomiting: yes}}\n- {case: b, findings: {vomitting: yes}}\n")
    outcome = charley("report", path, "--format", "fhir")
    assert outcome.status == 2
    bundle = json.loads(outcome.out)
    assert bundle["type"] == "collection"
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert kinds == ["Bundle", "OperationOutcome"]
    assert "did you mean vomiting?" in bundle["entry"][1]["resource"]["issue"][0]["diagnostics"]
