"""Bare numbers that a laboratory may have meant in another unit: refused with both readings, unless the file says which."""

from pathlib import Path

import pytest

from facts.answers import AnswerError, read_answer, write_answer
from facts.case import Observed
from facts.intake.case_files import read_case_files
from facts.problems import CharleyError
from facts.vocabulary import QuantityFinding
from knowledge_base.model import KnowledgeBase
from tests.small_knowledge import load, quantity

REFUSED = {
    "serum_magnesium": ["1.7", "2", "< 1.4", "1.5-1.9", "between 1 and 2"],
    "serum_calcium": ["4.8"],
    "blood_glucose": ["45", "90"],
    "serum_phosphate": ["3.4"],
    "serum_lactate": ["12"],
    "vitamin_d_level": ["28"],
    "parathyroid_hormone": ["40"],
    "morning_cortisol": ["14"],
    "serum_urate": ["7"],
    "total_calcium": ["6.1", "< 6.5"],
    "serum_albumin": ["5.4"],
}
READ = {
    "serum_magnesium": ["0.75", "0.4", "< 0.5", "low", "1.7 mmol/L", "1.7 mg/dL", "1.4 mEq/L"],
    "serum_calcium": ["2.3", "1.7", "3.4"],
    "blood_glucose": ["5.4", "3", "15"],
    "serum_potassium": ["2.4", "4", "6.8", "9"],
    "serum_sodium": ["128"],
    "creatine_kinase": ["250", "30000"],
    "tsh": ["2.5"],
    "age": ["3", "70"],
    "body_temperature": ["38"],
    "cramp_duration": ["5"],
    "total_calcium": ["2.3", "1.6", "6.1 mg/dL"],
    "serum_albumin": ["38"],
    "arterial_carbon_dioxide": ["38", "5.2 kPa"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in REFUSED.items() for text in texts])
def test_a_bare_number_that_means_something_else_in_another_unit_is_refused_with_both(
    name: str, text: str, knowledge: KnowledgeBase
) -> None:
    finding = knowledge.vocabulary.findings[name]
    assert isinstance(finding, QuantityFinding)
    with pytest.raises(AnswerError) as error:
        read_answer(finding, text)
    other = finding.systems["conventional"].unit
    assert f" {finding.unit}" in str(error.value) and f" {other}" in str(error.value) and "units:" in str(error.value)
    for system, unit in (("SI", finding.unit), ("conventional", other)):
        read = read_answer(finding, text, system)  # type: ignore[arg-type]
        if text.replace(".", "").isdigit():
            assert read == read_answer(finding, f"{text} {unit}")
        # What is kept of it reads again as the same.
        assert read is not None and read_answer(finding, write_answer(finding, read)) == read


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in READ.items() for text in texts])
def test_other_numbers_stay_in_the_findings_own_unit(name: str, text: str, knowledge: KnowledgeBase) -> None:
    finding = knowledge.vocabulary.findings[name]
    read = read_answer(finding, text)
    assert read is not None and read_answer(finding, write_answer(finding, read)) == read


def test_a_figure_that_is_the_same_in_both_systems_is_read_in_either(knowledge: KnowledgeBase) -> None:
    potassium = knowledge.vocabulary.findings["serum_potassium"]
    assert read_answer(potassium, "2.9", "conventional") == Observed(2.9, "2.9 mEq/L")
    assert read_answer(potassium, "2.9", "SI") == Observed(2.9)


FILES = {
    "in the case": ("case.yaml", "case: a\nunits: conventional\nfindings: {serum_magnesium: 1.3}\n"),
    "before a list": ("list.yaml", "- units: Conventional\n- case: a\n  findings: {serum_magnesium: 1.3}\n"),
    "before documents": ("many.yaml", "units: conventional\n---\ncase: a\nfindings: {serum_magnesium: 1.3}\n"),
    "in JSON": ("list.json", '[{"units": "conventional"}, {"case": "a", "findings": {"serum_magnesium": 1.3}}]'),
    "in JSON Lines": ("lines.jsonl", '{"units": "conventional"}\n{"case": "a", "findings": {"serum_magnesium": 1.3}}\n'),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_once_what_its_bare_numbers_are_in(name: str, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    file, content = FILES[name]
    (tmp_path / file).write_text(content, encoding="utf-8")
    intake = read_case_files([tmp_path / file], knowledge.vocabulary, knowledge.dictionary)
    assert intake.read == 1 and not intake.refusals
    assert intake.cases[0][0].findings["serum_magnesium"].given == "1.3 mg/dL"


def test_a_case_says_it_against_its_file_and_the_next_file_starts_anew(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    case = "- {{case: {}, {}findings: {{serum_magnesium: 1.3}}}}\n"
    (tmp_path / "1.yaml").write_text("- units: conventional\n" + case.format("a", "units: SI, "), encoding="utf-8")
    (tmp_path / "2.yaml").write_text(case.format("b", "") + case.format("c", "units: metric, "), encoding="utf-8")
    intake = read_case_files([tmp_path], knowledge.vocabulary, knowledge.dictionary)
    assert [(case.name, case.findings["serum_magnesium"].value) for case, _ in intake.cases] == [("a", 1.3)]
    told = [str(problem) for refusal in intake.refusals for problem in refusal.problems]
    assert "1.3 mmol/L or 1.3 mg/dL" in told[0] and any("expected SI or conventional" in problem for problem in told)


def test_the_vocabulary_tells_only_units_that_the_finding_accepts(tmp_path: Path) -> None:
    wrong = {"conventional": {"unit": "mg/dL", "usual": [9, 3]}}
    with pytest.raises(CharleyError, match="among those that the finding accepts"):
        load(tmp_path / "1", {"level": quantity("level", systems={"conventional": {"unit": "mg/dL"}})})
    with pytest.raises(CharleyError, match="from a lower to a higher number"):
        load(tmp_path / "2", {"level": quantity("level", accepts=["mg/dL"], molar_mass=10, systems=wrong)})


def test_a_laboratory_of_si_units_may_have_another_unit_than_the_findings_own(knowledge: KnowledgeBase) -> None:
    finding = knowledge.vocabulary.findings["arterial_carbon_dioxide"]
    with pytest.raises(AnswerError, match=r"may be 5.3 mmHg or 5.3 kPa"):
        read_answer(finding, "5.3")
    in_si, in_conventional = read_answer(finding, "5.3", "SI"), read_answer(finding, "5.3", "conventional")
    assert in_si is not None and in_si.value == pytest.approx(39.75, abs=0.01)
    assert in_conventional is not None and in_conventional.value == 5.3
