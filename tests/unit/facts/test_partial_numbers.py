"""Numbers that are known in part: what people write, what it means, what is computed from it, and what contradicts itself."""

from pathlib import Path
from typing import Any

import pytest

from facts.answers import AnswerError, read_answer, write_answer
from facts.case import Case, Contradiction, Observed, UnrecognizedText, complete
from facts.intake.tables.columns import read_part
from facts.intake.tables.opening import as_written, open_table
from facts.intake.tables.rows import case_of_row
from facts.problems import CharleyError
from facts.quantities import Interval, at_most, between, bounds, narrow, quantity_words, within
from facts.vocabulary import QuantityFinding, Value
from knowledge_base.model import KnowledgeBase
from tests.small_knowledge import choice, load, quantity

WRITTEN = [
    ("serum_potassium", "< 1.5", Interval(0.5, 1.5, high_included=False), ""),
    ("serum_potassium", "<1.5 mmol/L", Interval(0.5, 1.5, high_included=False), ""),
    ("serum_potassium", "≤3", Interval(0.5, 3.0), ""),
    ("serum_potassium", "<= 3 mEq/L", Interval(0.5, 3.0), "<= 3 mEq/L"),
    ("serum_potassium", ">= 6", Interval(6.0, 14.5), ""),
    ("serum_potassium", "at least 6 mmol/L", Interval(6.0, 14.5), ""),
    ("serum_potassium", "2.4-2.6", Interval(2.4, 2.6), ""),
    ("serum_potassium", "2.4 to 2.6 mmol/L", Interval(2.4, 2.6), ""),
    ("serum_potassium", "2.4–2.6", Interval(2.4, 2.6), ""),
    ("serum_potassium", "between 2.4 and 2.6", Interval(2.4, 2.6), ""),
    ("serum_potassium", "> 2.4 and <= 2.6", Interval(2.4, 2.6, low_included=False), ""),
    ("serum_potassium", "2.4-2.4", 2.4, ""),
    ("serum_potassium", "low", Interval(0.5, 3.5, high_included=False), "low"),
    ("serum_potassium", "LL", Interval(0.5, 3.5, high_included=False), "low"),
    ("serum_potassium", "H", Interval(5.0, 14.5, low_included=False), "high"),
    ("serum_potassium", "Normal", Interval(3.5, 5.0), "normal"),
    ("serum_potassium", "2.1 LL", 2.1, ""),
    ("serum_potassium", "2.1 mmol/L (L)", 2.1, ""),
    ("serum_potassium", "< 2.0 L", Interval(0.5, 2.0, high_included=False), ""),
    ("serum_magnesium", "1.2-1.5 mg/dL", Interval(0.4937255709, 0.6171569636), ">= 1.2 mg/dL and <= 1.5 mg/dL"),
    ("creatine_kinase", "> 20 000 U/L", Interval(20_000.0, 5_000_000.0, low_included=False), ""),
    ("creatine_kinase", ">20000", Interval(20_000.0, 5_000_000.0, low_included=False), ""),
    ("creatine_kinase", "20\u202f000", 20_000.0, ""),
    ("tsh", "<0.005", Interval(0.0, 0.005, high_included=False), ""),
    ("wells_score", "-2--1", Interval(-2.0, -1.0), ""),
    ("age", "70 to 75", Interval(70.0, 75.0), ""),
]


@pytest.mark.parametrize(("name", "text", "value", "given"), WRITTEN)
def test_what_people_write_of_a_number_is_read_and_written_again(
    knowledge: KnowledgeBase, name: str, text: str, value: Value, given: str
) -> None:
    finding = knowledge.vocabulary.findings[name]
    observed = read_answer(finding, text)
    assert observed == Observed(value, given)
    assert read_answer(finding, write_answer(finding, observed)) == observed


REFUSED = [
    ("serum_potassium", "4.2 low", "4.2 is not low, which is below 3.5 mmol/L; if the figure is right, give it alone"),
    ("serum_potassium", "> 6 L", "above 6 is not low"),
    ("serum_potassium", "2.6-2.4", "write the smaller number first"),
    ("serum_potassium", "< 20", "outside the plausible range 0.5 to 14.5 mmol/L"),
    ("serum_potassium", "<0.5", "no plausible number lies there"),
    ("serum_potassium", "< 3 and < 4", "two limits on one side"),
    ("serum_potassium", "< 3 mol", "the unit 'mol' is not one"),
    ("serum_potassium", "1,234", "a comma can mean thousands or decimals; write 1234 or 1.234"),
    ("serum_potassium", "< 1,5", "with a decimal point"),
    ("serum_potassium", "2,4-2,6", "with a decimal point"),
    ("serum_potassium", "about 3", "a number in mmol/L was expected"),
    ("serum_potassium", "neg", "a number in mmol/L was expected"),
    ("serum_potassium", "3 00", "the unit '00' is not one"),
    ("creatine_kinase", "low", "no reference interval tells what low is of creatine_kinase; give the figure"),
    ("wells_score", "high", "no reference interval tells what high is of wells_score; give the figure"),
]


@pytest.mark.parametrize(("name", "text", "told"), REFUSED)
def test_what_says_nothing_or_contradicts_itself_is_refused(knowledge: KnowledgeBase, name: str, text: str, told: str) -> None:
    with pytest.raises(AnswerError) as error:
        read_answer(knowledge.vocabulary.findings[name], text)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1.1", "1.1 mg/dL"),
        ("<1.0", "<1.0 mg/dL"),
        ("1-2", "1-2 mg/dL"),
        ("> 1 and < 2", "> 1 and < 2 mg/dL"),
        ("1.0 (L)", "1.0 mg/dL (L)"),
        ("low", "low"),
        ("0.6 mmol/L", "0.6 mmol/L"),
    ],
)
def test_a_bare_cell_has_the_unit_of_its_column(knowledge: KnowledgeBase, tmp_path: Path, text: str, written: str) -> None:
    (tmp_path / "table.csv").write_text("case,serum_magnesium [mg/dL]\na,low\n", encoding="utf-8")
    table = open_table(tmp_path / "table.csv", knowledge.vocabulary)
    assert as_written(table, table.heading("serum_magnesium"), text) == written


def test_decimal_commas_are_read_in_limits_and_ranges(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    rows = "case;serum_potassium;sex\na;<1,5;male\nb;2,4-2,6;\nc;3,1;\n"
    (tmp_path / "table.csv").write_text(rows, encoding="utf-8")
    table = open_table(tmp_path / "table.csv", knowledge.vocabulary)
    cases = read_part(table, 0, 9, knowledge.vocabulary, knowledge.dictionary, frozenset()).cases
    ends = cases.select("serum_potassium", at_most("serum_potassium")).rows()
    assert ends == [bounds(Interval(0.5, 1.5, high_included=False)), (2.4, 2.6), (3.1, 3.1)]


def test_a_table_is_read_as_a_case_file_is(tmp_path: Path, knowledge: KnowledgeBase) -> None:
    (tmp_path / "table.csv").write_text(TABLE, encoding="utf-8")
    table = open_table(tmp_path / "table.csv", knowledge.vocabulary)
    part = read_part(table, 0, 100, knowledge.vocabulary, knowledge.dictionary, frozenset())
    assert part.cases["case"].to_list() == ["a", "b", "c", "d", "f"]
    for row in part.cases.to_dicts():
        case = case_of_row(table, row["row"], knowledge.vocabulary, knowledge.dictionary)
        assert isinstance(case, Case)
        ends = {
            name: (row[name], row.get(at_most(name), row[name]))
            for name in knowledge.vocabulary.findings
            if row.get(name) is not None
        }
        known = {name: (value, value) for name, value in case.values.items()}
        known |= {name: bounds(value) for name, value in case.values.items() if isinstance(value, float | Interval)}
        assert ends == known
    refused = dict(part.refused.select("case", "reason").iter_rows())
    assert list(refused) == ["e"] and "4.2 is not low" in refused["e"]
    told = part.unrecognized.select("case", "text", "reason").rows()
    assert told == [("f", "the heart rate: high", "no reference interval tells what high is of heart_rate; give the figure")]


TABLE = """\
case,serum_potassium,serum_magnesium [mg/dL],serum_ferritin,sex,age,total_calcium,serum_albumin [g/dL],vomiting,heart_rate
a,low,1.1,low,male,70-75,,,,
b,3.1,<1.0,low,female,,8.0 mg/dL,2.0,neg,
c,<1.5,1-2,,,,1.5,3,,H
d,4.1,1.0 L,,,30,,,yes,
e,4.2 low,,,,,,,,
f,,,,,5,,,,high
"""


def test_a_negative_test_is_absent(knowledge: KnowledgeBase) -> None:
    assert read_answer(knowledge.vocabulary.findings["vomiting"], "neg") == Observed(False)
    assert read_answer(knowledge.vocabulary.findings["vomiting"], "Positive") == Observed(True)


def test_an_interval_lies_to_a_number_as_all_of_it_does() -> None:
    interval = Interval(1, 2, low_included=False, high_included=False)
    assert interval < 2 and interval <= 2 and interval > 1 and interval >= 1
    assert not interval < 1.5 and not interval >= 1.5
    assert not Interval(1, 2) < 2 and Interval(1, 2) <= 2


def test_two_tellings_are_narrowed_or_contradict_each_other() -> None:
    low = Interval(0, 3.5, high_included=False)
    assert narrow(low, 2.4) == 2.4
    assert narrow(low, Interval(3, 5)) == Interval(3, 3.5, high_included=False)
    with pytest.raises(ValueError, match="no number"):
        narrow(low, 4.2)
    with pytest.raises(ValueError, match="no number"):
        narrow(low, 3.5)
    assert within(2.4, low) and not within(low, Interval(1, 5))
    assert between(1, 1) == 1


def test_an_interval_is_said_without_the_ends_of_what_is_plausible() -> None:
    assert quantity_words(Interval(0, 3.5, high_included=False), (0, 10), "{:g}".format) == "below 3.5"
    assert quantity_words(Interval(3.5, 10), (0, 10), "{:g}".format) == "at least 3.5"
    assert quantity_words(Interval(0, 10), (0, 10), "{:g}".format) == "0 to 10"
    assert quantity_words(Interval(1, 2, low_included=False), (0, 10), "{:g}".format) == "above 1 and at most 2"


# The words, by whose limits apply

LIMITS = {
    "source": "book",
    "intervals": [
        {"low": 2, "high": 6, "where": {"sex": "female", "age": [18, 100]}},
        {"low": 3, "high": 8, "where": {"sex": "male", "age": [18, 100]}},
    ],
}
FINDINGS: dict[str, Any] = {
    "sex": choice("sex", "female", "male"),
    "age": quantity("age", 0, 120),
    "x": quantity("x", reference=LIMITS),
}


@pytest.mark.parametrize(
    ("word", "known", "value"),
    [
        ("low", {"sex": "female"}, Interval(0, 2, high_included=False)),
        ("low", {"sex": "male", "age": 30.0}, Interval(0, 3, high_included=False)),
        ("low", {}, Interval(0, 3, high_included=False)),
        ("normal", {}, Interval(2, 8)),
        ("normal", {"sex": "female"}, Interval(2, 6)),
        ("high", {}, Interval(6, 10, low_included=False)),
        ("high", {"sex": "male"}, Interval(8, 10, low_included=False)),
        ("low", {"age": Interval(10, 40)}, Interval(0, 3, high_included=False)),
    ],
)
def test_a_word_means_what_is_true_by_every_interval_that_can_apply(
    word: str, known: dict[str, Value], value: Interval, tmp_path: Path
) -> None:
    knowledge = load(tmp_path, FINDINGS)
    read = read_answer(knowledge.vocabulary.findings["x"], word)
    assert read is not None
    answered = {"x": read, **{name: Observed(answer) for name, answer in known.items()}}
    findings, unrecognized = complete(knowledge.vocabulary, knowledge.dictionary, answered)
    assert findings["x"] == Observed(value, word)
    assert unrecognized == ()


def test_a_word_that_means_nothing_of_this_patient_is_told_and_not_used(tmp_path: Path) -> None:
    knowledge = load(tmp_path, FINDINGS)
    read = read_answer(knowledge.vocabulary.findings["x"], "low")
    assert read is not None
    findings, told = complete(knowledge.vocabulary, knowledge.dictionary, {"x": read, "age": Observed(5.0)})
    assert "x" not in findings
    assert told == (UnrecognizedText("x: low", "no reference interval tells what low is of x; give the figure"),)


# What is computed


def computed(knowledge: KnowledgeBase, **answers: object) -> tuple[dict[str, Observed], tuple[UnrecognizedText, ...]]:
    read = {name: read_answer(knowledge.vocabulary.findings[name], written) for name, written in answers.items()}
    return complete(knowledge.vocabulary, knowledge.dictionary, {name: seen for name, seen in read.items() if seen is not None})


def test_calcium_is_adjusted_for_albumin_and_both_are_kept(knowledge: KnowledgeBase) -> None:
    findings, told = computed(knowledge, total_calcium="8.0 mg/dL", serum_albumin="2.0 g/dL")
    assert findings["serum_calcium"].value == pytest.approx(2.396, abs=0.001)
    assert findings["serum_calcium"].origin == "computed from the total calcium (1.996 mmol/L) and the serum albumin (20 g/L)"
    assert findings["total_calcium"].given == "8.0 mg/dL"
    assert told == ()


def test_what_is_computed_from_a_number_known_in_part_is_known_in_part(knowledge: KnowledgeBase) -> None:
    findings, _ = computed(knowledge, total_calcium="1.5-1.6", serum_albumin="> 40")
    assert findings["serum_calcium"].value == Interval(0.7, 1.6)
    findings, _ = computed(knowledge, creatine_kinase_multiple="> 50", creatine_kinase_upper_limit="200")
    assert findings["creatine_kinase"].value == Interval(10_000.0, 5_000_000.0)


def test_a_multiple_alone_says_nothing(knowledge: KnowledgeBase) -> None:
    findings, _ = computed(knowledge, creatine_kinase_multiple="50")
    assert "creatine_kinase" not in findings


def test_a_value_that_is_given_wins_and_a_difference_is_told(knowledge: KnowledgeBase) -> None:
    findings, told = computed(knowledge, total_calcium="2.0", serum_albumin="20", serum_calcium="2.4")
    assert findings["serum_calcium"] == Observed(2.4) and told == ()
    findings, told = computed(knowledge, total_calcium="2.0", serum_albumin="20", serum_calcium="1.9")
    assert findings["serum_calcium"] == Observed(1.9)
    assert [entry.text for entry in told] == ["the albumin-adjusted serum calcium: 1.9 mmol/L"]
    assert "2.4 mmol/L is computed from" in told[0].reason and "the value that was given is used" in told[0].reason


def test_a_word_that_is_given_is_narrowed_by_what_is_computed(knowledge: KnowledgeBase) -> None:
    findings, told = computed(knowledge, total_calcium="1.5", serum_albumin="30", serum_calcium="low")
    assert findings["serum_calcium"].value == 1.7 and findings["serum_calcium"].given == "low"
    assert told == ()


def test_a_ratio_is_computed_by_bounds(tmp_path: Path) -> None:
    derived = {"source": "book", "product": {"a": 1, "b": -1}, "agrees_within": 0.1}
    knowledge = load(tmp_path, {"a": quantity("a"), "b": quantity("b", 1), "r": quantity("r", derived=derived)})
    assert computed(knowledge, a="4", b="2")[0]["r"].value == 2.0
    assert computed(knowledge, a="4-6", b="2-4")[0]["r"].value == Interval(1.0, 3.0)


def test_what_is_computed_and_not_plausible_is_told(tmp_path: Path) -> None:
    derived = {"source": "book", "constant": 5, "terms": {"a": 1, "b": -1}, "agrees_within": 0.1}
    knowledge = load(tmp_path, {"a": quantity("a"), "b": quantity("b"), "d": quantity("d", derived=derived)})
    assert computed(knowledge, a="4", b="2")[0]["d"].value == 7.0
    findings, told = computed(knowledge, a="9", b="1")
    assert "d" not in findings
    assert told[0].text == "d" and "not plausible" in told[0].reason


def test_a_value_that_is_known_in_part_still_implies_what_it_requires(tmp_path: Path) -> None:
    from tests.small_knowledge import yes_no

    knowledge = load(tmp_path, {"a": yes_no("a"), "x": quantity("x", requires="a")})
    assert computed(knowledge, x="< 3")[0]["a"].value is True
    with pytest.raises(Contradiction):
        computed(knowledge, x="< 3", a="no")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a limit outside": ({"reference": {"source": "book", "intervals": [{"low": 20}]}}, "not inside the plausible range"),
    "no limit": ({"reference": {"source": "book", "intervals": [{}]}}, "has a low limit, a high one, or both"),
    "turned around": ({"reference": {"source": "book", "intervals": [{"low": 5, "high": 2}]}}, "must be below the high one"),
    "a source": ({"reference": {"source": "bok", "intervals": [{"low": 2}]}}, "the source bok is not in evidence.yaml"),
    "a finding": (
        {"reference": {"source": "book", "intervals": [{"low": 2, "where": {"sexx": "female"}}]}},
        "which is not declared; did you mean sex",
    ),
    "a choice": (
        {"reference": {"source": "book", "intervals": [{"low": 2, "where": {"sex": "old"}}]}},
        "which has no choice old",
    ),
    "an input": ({"derived": {"source": "book", "terms": {"y": 1}, "agrees_within": 0}}, "which is not a quantity"),
    "itself": ({"derived": {"source": "book", "terms": {"x": 1}, "agrees_within": 0}}, "which is derived itself"),
    "no formula": ({"derived": {"source": "book", "agrees_within": 0}}, "has `terms`"),
    "a zero below": ({"derived": {"source": "book", "product": {"age": -1}, "agrees_within": 0}}, "which can be 0"),
    "its source": ({"derived": {"source": "bok", "terms": {"age": 1}, "agrees_within": 0}}, "the source bok is not in"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_declaration_is_told(name: str, tmp_path: Path) -> None:
    declared, told = WRONG[name]
    findings = {"sex": choice("sex", "female", "male"), "age": quantity("age", 0, 120), "x": quantity("x", **declared)}
    with pytest.raises(CharleyError) as error:
        load(tmp_path, findings)
    assert told in str(error.value)


def test_every_reference_interval_of_the_vocabulary_is_between_its_plausible_ends(knowledge: KnowledgeBase) -> None:
    words = ("low", "normal", "high")
    told = 0
    for finding in knowledge.vocabulary.findings.values():
        if not isinstance(finding, QuantityFinding) or finding.reference is None:
            continue
        for word in words:
            try:
                observed = read_answer(finding, word)
            except AnswerError:
                continue
            assert observed is not None and isinstance(observed.value, Interval)
            told += 1
    assert told > 50
