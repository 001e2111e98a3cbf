"""Charley from Python: six lines of a notebook, the same report as the command, and errors that say what to do."""

import html
import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from expert import CharleyError, Expert
from reports.formats import FORMATS
from tests.functional.charley import charley as run_command

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "facts" / "examples" / "night-cramps-on-a-diuretic.yaml"
HEADACHES = ROOT / "tests" / "foreign" / "headaches"
CASE = {"case": "bed 7", "findings": {"age": 67, "serum_potassium": 2.4, "cramps_during_sleep": True, "thirst": None}}


@pytest.fixture(scope="module")
def expert() -> Expert:
    return Expert()


def test_six_lines_of_a_notebook_show_a_report() -> None:
    cell = """
from expert import Expert
charley = Expert()
case = charley.read({"case": "bed 7", "findings": {"serum_potassium": 2.4}})
patient = charley.assess(case)
print(patient.assessment.urgency.level, patient.report("text").splitlines()[0])
print(patient._repr_html_()[:7])
"""
    done = subprocess.run([sys.executable, "-c", cell], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "immediate MUSCLE CRAMPS · bed 7\n<iframe\n"


def test_importing_expert_loads_nothing_else() -> None:
    listing = "import sys, expert; print([m for m in sys.modules if m.split('.')[0] in {'facts', 'knowledge_base', 'experta'}])"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        from expert import Nothing  # type: ignore[attr-defined]  # noqa: F401


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "pdf"])
def test_a_report_is_the_same_bytes_as_the_command_writes(expert: Expert, form: str) -> None:
    patient = expert.assess(EXAMPLE)
    assert patient.report(form) == run_command("report", EXAMPLE, "--format", form).out  # type: ignore[arg-type]
    assert patient.report(form, full=True) == run_command("report", EXAMPLE, "--format", form, "--full").out  # type: ignore[arg-type]


def test_a_mapping_a_text_and_a_path_are_one_case(expert: Expert, tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    path.write_text(json.dumps(CASE), encoding="utf-8")
    text = "case: bed 7\nfindings:\n  age: 67\n  serum_potassium: 2.4\n  cramps_during_sleep: yes\n"
    cases = [expert.read(source) for source in (CASE, json.dumps(CASE), text, path, str(path))]
    assert all(case == cases[0] for case in cases)
    assert "thirst" not in cases[0].findings


def test_a_row_of_a_table_is_a_mapping_of_findings(expert: Expert) -> None:
    import polars

    row = polars.DataFrame({"age": [67], "serum_potassium": [2.4], "thirst": [None]}).row(0, named=True)
    plain = expert.read({"case": "a", "findings": {"age": 67, "serum_potassium": 2.4}})
    assert expert.read({"case": "a", "findings": row}) == plain


def test_numbers_of_numpy_are_numbers(expert: Expert) -> None:
    numpy = pytest.importorskip("numpy")
    plain = expert.read({"case": "a", "findings": {"age": 67, "serum_potassium": 2.4}})
    assert expert.read({"case": "a", "findings": {"age": numpy.int64(67), "serum_potassium": numpy.float64(2.4)}}) == plain


def test_a_notebook_shows_the_report_in_a_frame_without_scripts(expert: Expert) -> None:
    hostile = expert.assess({"case": '"><script>alert(1)</script>', "findings": {"age": 67}})
    shown = hostile._repr_html_()
    assert "<script" not in shown and 'sandbox=""' in shown
    framed = re.search(r'srcdoc="([^"]*)"', shown)
    assert framed is not None and html.unescape(framed[1]) == hostile.report("html")


def test_its_one_line_says_the_urgency_and_the_first_cause(expert: Expert) -> None:
    said = repr(expert.assess(CASE))
    assert "'bed 7': urgency immediate, could still be immediate; first cause hypokalemia (confirmed)" in said
    assert str(expert.assess(CASE)).startswith("MUSCLE CRAMPS · bed 7")


def test_every_problem_of_a_case_is_told_with_its_place(expert: Expert) -> None:
    with pytest.raises(CharleyError) as caught:
        expert.read({"case": "bed 7", "findings": {"serum_potasium": 3.1, "age": 670}})
    first, second = str(caught.value).splitlines()
    assert first.startswith("(mapping).findings.age: case 'bed 7': age: found '670', which is outside the plausible range")
    assert second.endswith("'serum_potasium' is not a finding; did you mean serum_potassium?")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nowhere.yaml", "nowhere.yaml: cannot be read: No such file or directory; check the path"),
        ("case: a\n---\ncase: b\n", "(text):3:1: found 2 cases, expected one; read several with read_files"),
        ("\n", "(text): there is no case in this file; write a case into it"),
        ({}, "(mapping).case: case: found nothing, expected a text of at most 200 characters; write one"),
        ({"case": "a", "findings": {"age": object}}, "cannot be written as JSON: found \"<class 'object'>\" (type); use texts"),
        ({"case": "a", "findings": {"age": float("nan")}}, "age: found 'NaN'; a number in years was expected"),
        ({"case": "\ud800"}, "this is not UTF-8 text"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(expert: Expert, source: object, said: str) -> None:
    with pytest.raises(CharleyError) as caught:
        expert.read(source)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_answers_that_exclude_each_other_are_charleys_own_error(expert: Expert) -> None:
    with pytest.raises(CharleyError) as caught:
        expert.assess({"case": "bed 7", "findings": {"sex": "male", "pregnant": True}})
    said = "case 'bed 7': the answers contradict each other: pregnant is yes, but sex is male; correct one of them"
    assert str(caught.value) == said


def test_another_report_format_is_refused_by_name(expert: Expert) -> None:
    with pytest.raises(ValueError, match=f"found the report format 'slides', expected one of {', '.join(FORMATS)}"):
        expert.assess(CASE).report("slides")  # type: ignore[arg-type]


def test_files_give_cases_and_refusals_that_add_up(expert: Expert, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("case: bad\nfindings: {age: many}\n", encoding="utf-8")
    intake = expert.read_files([EXAMPLE, tmp_path])
    assert (intake.read, len(intake.cases), len(intake.refusals)) == (2, 1, 1)


def test_a_record_is_judged_on_the_day_that_is_given(expert: Expert) -> None:
    records = expert.read_files([ROOT / "tests" / "records" / "bundle.json"], as_of=date(2026, 3, 1)).cases
    assert {case.record.as_of for case, _ in records if case.record} == {"2026-03-01"}


def test_what_would_change_is_added_when_it_is_asked_for(expert: Expert) -> None:
    assert expert.assess(CASE).assessment.what_would_change is None
    changes = expert.assess(CASE, what_would_change=True).assessment.what_would_change
    assert changes is not None and changes.lower_urgency


def test_foreign_knowledge_runs_the_same(tmp_path: Path) -> None:
    charley = Expert(HEADACHES)
    assert (
        charley.assess(HEADACHES / "case.yaml").report()
        == run_command("report", HEADACHES / "case.yaml", "--knowledge", HEADACHES).out
    )
    with pytest.raises(CharleyError, match=re.escape(str(tmp_path))):
        Expert(tmp_path)
