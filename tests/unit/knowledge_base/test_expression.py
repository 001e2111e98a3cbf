"""The condition language: what it reads, and how it refuses what it does not."""

import pytest
from pydantic import TypeAdapter

from facts.vocabulary import Finding
from knowledge_base.conditions.expression import (
    And,
    AtLeast,
    Compared,
    ConditionError,
    Named,
    Not,
    OneOf,
    Or,
    Present,
    Scope,
    parse,
)
from tests.small_knowledge import choice, quantity, yes_no

FINDINGS = {
    "cough": yes_no("cough"),
    "fever": yes_no("fever"),
    "fever_onset": choice("fever_onset", "sudden", "gradual", requires="fever"),
    "potassium": quantity("potassium", 1, 9),
}
ADAPTER: TypeAdapter[Finding] = TypeAdapter(Finding)
SCOPE = Scope(
    {name: ADAPTER.validate_python({"id": name, "group": "g", **entry}) for name, entry in FINDINGS.items()},
    frozenset({"ill"}),
    frozenset({"flu"}),
)

READ = {
    "cough": Present("cough"),
    "not cough": Not(Present("cough")),
    "cough and fever and cough": And((Present("cough"), Present("fever"))),
    "(cough or fever) or ill": Or((Present("cough"), Present("fever"), Named("ill"))),
    "potassium < 3.5": Compared("potassium", "<", 3.5),
    "3.5 > potassium": Compared("potassium", "<", 3.5),
    "3 <= potassium < 3.5": And((Compared("potassium", ">=", 3.0), Compared("potassium", "<", 3.5))),
    "fever_onset == sudden": And((Present("fever"), OneOf("fever_onset", ("sudden",)))),
    "fever_onset in [gradual, sudden]": And((Present("fever"), OneOf("fever_onset", ("sudden", "gradual")))),
    "fever_onset != sudden": Not(And((Present("fever"), OneOf("fever_onset", ("sudden",))))),
    "at_least(2, cough, fever, flu)": AtLeast(2, (Present("cough"), Present("fever"), Named("flu"))),
    "cough and\n  fever": And((Present("cough"), Present("fever"))),
}

REFUSED = {
    "coug": ("the name coug is not known", "did you mean cough?", 0),
    "cough and fevr": ("the name fevr is not known", "did you mean fever?", 10),
    "cough and": ("not a condition", "docs/writing-knowledge.md", None),
    "": ("not a condition", "docs/writing-knowledge.md", None),
    "potassium": ("is not a yes/no finding", "potassium < number", 0),
    "fever_onset": ("is not a yes/no finding", "fever_onset == sudden", 0),
    "potassium == 3.5": ("never exactly a number", "use < <= > >=", 0),
    "potassium < 35": ("outside the plausible range of potassium, 1 to 9 mmol/L", "its unit", 12),
    "cough < 3": ("is not a quantity", "only quantities", 0),
    "potassium < age": ("a finding on one side and a number on the other", "age >= 60", 0),
    "cough == sudden": ("is not a choice", "only choices", 0),
    "fever_onset == suden": ("suden is not a choice of fever_onset", "did you mean sudden?", 15),
    "fever_onset in sudden": ("needs a choice finding and a list", "as in", 0),
    "3.5 <= potassium > 2": ("a chain must run upwards", "3.5 <= x <= 5.0", 0),
    "5 <= potassium <= 3": ("no value is above 5 and below 3", "exchange", 0),
    "not flu": ("flu is a conclusion", "negate the findings", 4),
    "not (cough or flu)": ("flu is a conclusion", "negate the findings", 5),
    "at_least(4, cough, fever)": ("has 2 conditions", "1 to that many", 0),
    "at_least(cough, fever)": ("a whole number first", "at_least(2, a, b, c)", 0),
    "at_least(1, cough, cough)": ("counts one condition twice", "once", 0),
    "max(cough, fever)": ("max(…) is not known here", "at_least", 0),
    "potassium + 1 < 3": ("a finding on one side", "as in", 0),
    "cough if fever else ill": ("not part of the condition language", "docs/writing-knowledge.md", 0),
    "cough.real": ("not part of the condition language", "docs/writing-knowledge.md", 0),
    "True": ("True alone is not a condition", "compare", 0),
    "potassium is 3": ("`is` is not part", "==", 0),
    "__import__('os').system('true')": ("not part of the condition language", "docs/writing-knowledge.md", 0),
    " and ".join(["cough"] * 900): ("more than 2,000 characters", "split it", 0),
    "not " * 40 + "cough": ("more than 30 levels", "split it", None),
    "(" * 300 + "cough" + ")" * 300: ("not a condition", "docs/writing-knowledge.md", None),
}


@pytest.mark.parametrize(("text", "tree"), READ.items())
def test_a_condition_is_read_into_its_tree(text: str, tree: object) -> None:
    assert parse(text, SCOPE) == tree


@pytest.mark.parametrize(("text", "told"), REFUSED.items(), ids=[text[:40] for text in REFUSED])
def test_what_is_not_a_condition_is_refused_with_place_and_mend(text: str, told: tuple[str, str, int | None]) -> None:
    message, fix, column = told
    with pytest.raises(ConditionError) as refused:
        parse(text, SCOPE)
    assert message in refused.value.message
    assert fix in refused.value.fix
    assert column is None or refused.value.column == column


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("potassium < " + "8" * 350, "outside the plausible range"),
        ("8" * 350 + " < potassium", "outside the plausible range"),
        ("potassium > -" + "8" * 350, "outside the plausible range"),
        ("potassium < " + "-" * 1_800 + "4", "nested"),
        ("-" * 1_800 + "potassium < 4", "nested"),
        ("potassium == " + "+" * 1_500 + "4", "nested"),
        ("fever_onset in [" + "~" * 1_500 + "sudden]", "nested"),
        ("not " * 450 + "cough", "nested"),
        ("cough" + ".x" * 900, "nested"),
        ("cough < 1" + " + 1" * 400, "nested"),
        ("at_least(" + "8" * 350 + ", cough, fever)", "has 2 conditions"),
        ("8" * 350, "alone is not a condition"),
    ],
    ids=lambda text: text[:30],
)
def test_huge_numbers_and_deep_nesting_are_refused_in_words(condition: str, says: str) -> None:
    with pytest.raises(ConditionError) as refused:
        parse(condition, SCOPE)
    assert says in refused.value.message and refused.value.fix


def test_what_a_clinician_would_write_is_not_too_deep() -> None:
    deep = "cough"
    for _ in range(12):
        deep = f"(fever and ({deep} or potassium < 3))"
    assert parse(deep, SCOPE) is not None
    assert parse("potassium < " + "-" * 40 + "4", SCOPE) == Compared("potassium", "<", 4.0)
