"""Units, medicines and what follows from them."""

import pytest

from facts.answers import AnswerError, read_answer
from facts.case import Contradiction, Observed, complete
from facts.measuring.units import UnitError, converter, read_quantity
from facts.medicines import Stopped
from facts.vocabulary import QuantityFinding
from knowledge_base.model import KnowledgeBase

QUANTITIES = [
    ("serum_potassium", "3.1", 3.1, ""),
    ("serum_potassium", "3.1 mmol/L", 3.1, ""),
    ("serum_potassium", "3.1mmol/l", 3.1, ""),
    ("serum_potassium", "3.1 mEq/L", 3.1, "3.1 mEq/L"),
    ("serum_magnesium", "1.5 mg/dL", 0.6171569636, "1.5 mg/dL"),
    ("serum_magnesium", "1.1 meq/l", 0.55, "1.1 mEq/L"),
    ("serum_calcium", "8.8 mg/dl", 2.195718349, "8.8 mg/dL"),
    ("tsh", "6.2 mcIU/mL", 6.2, "6.2 uIU/mL"),
    ("tsh", "6.2 µIU/mL", 6.2, "6.2 uIU/mL"),
    ("creatine_kinase", "10 ukat/L", 600.0, "10 ukat/L"),
    ("creatine_kinase", "1200 IU/L", 1200.0, ""),
    ("body_temperature", "104 degF", 40.0, "104 degF"),
    ("body_temperature", "40 °C", 40.0, ""),
    ("age", "18 months", 1.5, "18 months"),
    ("cramp_duration", "90 s", 1.5, "90 seconds"),
    ("alcohol_stopped_days_ago", "48 h", 2.0, "48 hours"),
]


@pytest.mark.parametrize(("name", "text", "value", "given"), QUANTITIES)
def test_a_quantity_is_read_in_the_units_people_write(
    knowledge: KnowledgeBase, name: str, text: str, value: float, given: str
) -> None:
    finding = knowledge.vocabulary.findings[name]
    assert isinstance(finding, QuantityFinding)
    assert read_quantity(text, finding) == (value, given)


@pytest.mark.parametrize(
    "text", ["three", "", "3.1.2", "3,1", "3 mmol", "3 mmol/L extra", "<3", "mmol/L", "9" * 70, "3**9 mmol/L"]
)
def test_what_is_no_quantity_is_refused(knowledge: KnowledgeBase, text: str) -> None:
    finding = knowledge.vocabulary.findings["serum_potassium"]
    assert isinstance(finding, QuantityFinding)
    with pytest.raises(UnitError):
        read_quantity(text, finding)


@pytest.mark.parametrize("unit", ["furlong)(", "'", "1e999 g", "°", "mg/", "(" * 300, "mmol"])
def test_what_is_no_unit_of_the_finding_is_told_as_that(knowledge: KnowledgeBase, unit: str) -> None:
    finding = knowledge.vocabulary.findings["serum_potassium"]
    assert isinstance(finding, QuantityFinding)
    with pytest.raises(UnitError, match="cannot be turned into mmol/L"):
        converter(finding, unit)


def test_unknown_is_no_answer_and_never_false(knowledge: KnowledgeBase) -> None:
    for written in (None, "unknown", "Unknown", "?"):
        assert read_answer(knowledge.vocabulary.findings["vomiting"], written) is None


@pytest.mark.parametrize(("written", "value"), [("yes", True), ("Y", True), (True, True), ("absent", False), ("FALSE", False)])
def test_yes_and_no_are_read_as_people_write_them(knowledge: KnowledgeBase, written: object, value: bool) -> None:
    assert read_answer(knowledge.vocabulary.findings["vomiting"], written) == Observed(value)


@pytest.mark.parametrize("written", [1, "1", "maybe", [], {}, 0.0])
def test_a_yes_no_finding_takes_no_number(knowledge: KnowledgeBase, written: object) -> None:
    with pytest.raises(AnswerError):
        read_answer(knowledge.vocabulary.findings["vomiting"], written)


@pytest.mark.parametrize(
    ("text", "medicines"),
    [
        ("HCTZ 25 mg", {"hydrochlorothiazide"}),
        ("hct", {"hydrochlorothiazide"}),
        ("Ventolin inhaler 100 mcg 2 puffs prn", {"salbutamol"}),
        ("ALBUTEROL 90mcg/actuation", set()),
        ("Losartan Potassium 50mg tablets", {"losartan"}),
        ("frusemide 40 mg mane", {"furosemide"}),
        ("losartan / hydrochlorothiazide 50/12.5", {"losartan", "hydrochlorothiazide"}),
        ("potassium", set()),
        ("25 mg", set()),
        ("hydroxizine", set()),
    ],
)
def test_a_written_medicine_is_matched_exactly_or_not_at_all(knowledge: KnowledgeBase, text: str, medicines: set[str]) -> None:
    recognition = knowledge.dictionary.recognize(text)
    if medicines:
        assert (set(recognition.medicines), recognition.doubt) == (medicines, "")
    else:
        assert recognition.doubt


def findings(knowledge: KnowledgeBase, **given: object) -> dict[str, object]:
    found, _ = complete(knowledge.vocabulary, knowledge.dictionary, {}, **given)  # type: ignore[arg-type]
    return {name: observed.value for name, observed in found.items()}


def test_a_list_that_is_given_is_complete(knowledge: KnowledgeBase) -> None:
    known = findings(knowledge, medicines=["HCTZ 25 mg"])
    assert known["takes_loop_or_thiazide_diuretic"] is True
    assert known["takes_statin"] is False
    assert "recently_stopped_sedative" not in known


def test_no_list_says_nothing(knowledge: KnowledgeBase) -> None:
    assert findings(knowledge) == {}


def test_an_unrecognized_name_keeps_the_other_classes_unknown(knowledge: KnowledgeBase) -> None:
    known = findings(knowledge, medicines=["HCTZ 25 mg", "Wonderdrug"])
    assert known["takes_loop_or_thiazide_diuretic"] is True
    assert "takes_statin" not in known


@pytest.mark.parametrize(
    ("days", "weeks", "value"),
    [(3, 26, True), (14, 3, True), (15, 26, False), (3, 2.9, False), (None, 26, None), (3, None, None), (200, None, False)],
)
def test_a_stopped_sedative_counts_within_its_window(
    knowledge: KnowledgeBase, days: float | None, weeks: float | None, value: bool | None
) -> None:
    known = findings(knowledge, stopped=[Stopped("diazepam", days, weeks)])
    assert known.get("recently_stopped_anxiolytic") is value
    assert known["recently_stopped_baclofen"] is False


def test_an_answer_implies_what_it_requires(knowledge: KnowledgeBase) -> None:
    answered = {"weakness_onset": Observed("sudden")}
    found, _ = complete(knowledge.vocabulary, knowledge.dictionary, answered)
    assert found["muscle_weakness"] == Observed(True, origin="implied by weakness_onset")


def test_a_denied_requirement_contradicts(knowledge: KnowledgeBase) -> None:
    answered = {"weakness_onset": Observed("sudden"), "muscle_weakness": Observed(False)}
    with pytest.raises(Contradiction, match="muscle_weakness is no, but weakness_onset is sudden"):
        complete(knowledge.vocabulary, knowledge.dictionary, answered)


def test_a_no_implies_nothing(knowledge: KnowledgeBase) -> None:
    found, _ = complete(knowledge.vocabulary, knowledge.dictionary, {"cramps_during_dialysis": Observed(False)})
    assert "on_dialysis" not in found
