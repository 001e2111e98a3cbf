"""What the pictures show: values on their bands, the balance of arguments, the chain to a cause, the body outline."""

import re
from pathlib import Path
from typing import Any

import pytest

from expert.inference.assessing import Assessor
from facts.assessment import Assessment
from facts.intake.case_files import read_case_files
from reports.arranged.figures import WIDTH, balance, bands, chain, figures, outline
from reports.formats import HTML


def assess(assessor: Assessor, tmp_path: Path, **findings: Any) -> Assessment:
    file = tmp_path / "case.yaml"
    lines = "".join(f"  {name}: {value}\n" for name, value in findings.items())
    file.write_text(f"case: drawn\nfindings:\n{lines}", encoding="utf-8")
    intake = read_case_files([file], assessor.knowledge.vocabulary, assessor.knowledge.dictionary)
    assert not intake.refusals
    return assessor.assess(intake.cases[0][0])


@pytest.mark.parametrize(
    ("written", "where", "is_point", "off_scale"),
    [
        ("2.9 mmol/L", "low", True, (False, False)),
        ("3.5 mmol/L", "normal", True, (False, False)),
        ("5.0 mmol/L", "normal", True, (False, False)),
        ("5.1 mmol/L", "high", True, (False, False)),
        ("1.4 mmol/L", "low", True, (True, False)),
        ("'< 3.0 mmol/L'", "low", False, (True, False)),
        ("low", "low", False, (True, False)),
        ("high", "high", False, (False, True)),
        ("3.2-4.1 mmol/L", "perhaps normal", False, (False, False)),
    ],
)
def test_a_value_stands_on_its_band(
    written: str, where: str, is_point: bool, off_scale: tuple[bool, bool], assessor: Assessor, tmp_path: Path
) -> None:
    (shown,) = bands(assess(assessor, tmp_path, serum_potassium=written), assessor.knowledge)
    assert (shown.where, shown.value[0] == shown.value[1], shown.off_scale) == (where, is_point, off_scale)
    assert 0 <= shown.value[0] <= shown.value[1] <= WIDTH
    assert shown.band[0] == 100.0 and shown.band[1] == 200.0, "a band with two limits is the middle third"
    assert where in shown.text and "reference 3.5 to 5 mmol/L" in shown.text


def test_a_value_is_shown_in_the_unit_it_was_told_in_and_the_abnormal_first(assessor: Assessor, tmp_path: Path) -> None:
    found = assess(assessor, tmp_path, serum_sodium="140 mmol/L", serum_magnesium="1.4 mg/dL")
    shown = bands(found, assessor.knowledge)
    assert [(band.label, band.where) for band in shown] == [("Serum magnesium", "low"), ("Serum sodium", "normal")]
    assert shown[0].told.startswith("1.4 mg/dL (")


def test_a_value_without_reference_has_no_band(assessor: Assessor, tmp_path: Path) -> None:
    assert bands(assess(assessor, tmp_path, age=44), assessor.knowledge) == ()


def test_the_balance_and_the_chain_hold_every_argument(assessor: Assessor, tmp_path: Path) -> None:
    found = assess(assessor, tmp_path, serum_potassium="3.0 mmol/L", vomiting="yes", takes_loop_or_thiazide_diuretic="yes")
    cause = next(cause for cause in found.causes if cause.id == "hypokalemia")
    shown = balance(cause)
    assert len(shown.supporting) == len(cause.arguments_for) and not shown.opposing
    assert list(shown.supporting) == sorted(shown.supporting, reverse=True) and "1 decisive" in shown.text
    drawn = chain(cause, assessor.knowledge)
    assert len(drawn.links) == len(cause.arguments_for)
    tops = [link.findings.top for link in drawn.links]
    assert tops == sorted(tops) and all(
        box.top >= 0 and box.top + box.height <= drawn.height for box in (link.findings for link in drawn.links)
    )
    assert "serum potassium is 3 mmol/L" in drawn.text and "confirmed" in drawn.text


def test_the_outline_tells_here_not_here_and_not_known_apart(assessor: Assessor, tmp_path: Path) -> None:
    shown = outline(assess(assessor, tmp_path, spasm_in_calf="yes", spasm_in_hand="no"), assessor.knowledge)
    assert shown is not None
    assert (shown.parts["calf"], shown.parts["hand"], shown.parts["foot"]) == ("present", "absent", "unknown")
    assert shown.text == "Here: calf; not here: hand; not known: jaw and neck, torso, arm, thigh, foot."
    everywhere = outline(assess(assessor, tmp_path, generalized_cramps="yes"), assessor.knowledge)
    assert everywhere is not None and set(everywhere.parts.values()) == {"present"}
    assert outline(assess(assessor, tmp_path, age=50), assessor.knowledge) is None


def test_every_picture_has_its_text_and_no_script(assessor: Assessor, tmp_path: Path) -> None:
    found = assess(assessor, tmp_path, serum_potassium="3.0 mmol/L", spasm_in_calf="yes", cramps_during_sleep="yes")
    told = HTML.render(found, assessor.knowledge)
    pictures = re.findall(r"<svg[^>]*>[^<]*<[^<]*", told)
    drawn = figures(found, assessor.knowledge)
    assert len(pictures) == len(drawn.bands) + len(drawn.balances) + len(drawn.chains) + 1
    assert all(re.search(r'role="img"><title>[^<]{10,}', picture) for picture in pictures)
    assert "<script" not in told and "<img" not in told
