"""Loading knowledge: every mistake is an error with file, line, column and what to do."""

import json
from pathlib import Path
from typing import Any

import pytest

from facts.problems import CharleyError
from knowledge_base.conditions.expression import names_used
from knowledge_base.loading import load_knowledge_base
from tests.small_knowledge import load, quantity, write, yes_no

FINDINGS = {"cough": yes_no("cough"), "fever": yes_no("fever"), "potassium": quantity("potassium")}
RULE = {"when": "cough", "because": "So it is.", "source": "book"}
CAUSES_HEAD = "category: some\nlabel: Some\n"


def causes(**rules: Any) -> dict[str, Any]:
    return {"causes/some.yaml": {"category": "some", "label": "Some", "causes": {"flu": {"label": "Flu", **rules}}}}


WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown name": (
        causes(confirms={"a": {**RULE, "when": "cogh"}}),
        ["causes/some.yaml:9:", "not known; did you mean cough?"],
    ),
    "unknown source": (causes(confirms={"a": {**RULE, "source": "bok"}}), ["bok is not in evidence.yaml; did you mean book?"]),
    "unknown key": (causes(confirms={"a": {**RULE, "wen": "x"}}), ["this key is not known; did you mean when?"]),
    "missing key": (causes(confirms={"a": {"when": "cough", "source": "book"}}), ["`because` is missing"]),
    "no strength": (causes(supports={"a": RULE}), ["`strength` is missing"]),
    "wrong strength": (causes(supports={"a": {**RULE, "strength": "huge"}}), ["'weak' or 'strong'"]),
    "rule twice": (
        causes(confirms={"a": RULE}, excludes={"a": {**RULE, "when": "fever"}}),
        ["the rule a already stands at", "used once"],
    ),
    "nothing for it": (causes(excludes={"a": RULE}), ["flu: nothing speaks for it"]),
    "rule id": (causes(confirms={"Not An Id": RULE}), ["should match pattern"]),
    "name taken": (
        {
            "causes/some.yaml": CAUSES_HEAD
            + "causes:\n  cough:\n    label: x\n    confirms:\n      a: {when: fever, because: B., source: book}\n"
        },
        ["causes/some.yaml:4:3", "the name cough already stands at", "choose another"],
    ),
    "duplicate key": (
        {"causes/some.yaml": CAUSES_HEAD + "label: Again\ncauses: {}\n"},
        ["'label' stands twice (first on line 2)"],
    ),
    "broken YAML": ({"causes/some.yaml": "category: [some\n"}, ["causes/some.yaml:2:1", "not YAML"]),
    "code as number": (
        {
            "causes/some.yaml": CAUSES_HEAD
            + "causes:\n  flu:\n    label: Flu\n    codes: {SNOMED CT: [{code: 6142004}]}\n"
            + "    confirms:\n      a: {when: cough, because: B., source: book}\n"
        },
        ["YAML reads 6142004 as a number", "put it in quotes"],
    ),
    "bare code as number": (
        {
            "causes/some.yaml": CAUSES_HEAD
            + "causes:\n  flu:\n    label: Flu\n    codes: {ICD-10-CM: 487.1}\n"
            + "    confirms:\n      a: {when: cough, because: B., source: book}\n"
        },
        [":6:24:", "YAML reads 487.1 as a number", "put it in quotes"],
    ),
    "placeholder unknown": (
        causes(confirms={"a": {**RULE, "because": "It is {potassium}."}}),
        ["{potassium} may be unknown when the rule fires"],
    ),
    "placeholder in one branch": (
        causes(confirms={"a": {**RULE, "when": "cough or potassium < 3", "because": "It is {potassium}."}}),
        ["{potassium} may be unknown"],
    ),
    "which without or": (causes(confirms={"a": {**RULE, "because": "By {which}."}}), ["{which} needs an `or`"]),
    "odd placeholder": (causes(confirms={"a": {**RULE, "because": "By {0.x}."}}), ["is not a plain name"]),
    "open brace": (causes(confirms={"a": {**RULE, "because": "By {which."}}), ["the braces do not match"]),
    "category": (
        {"causes/some.yaml": {"category": "smoe", "label": "S", "causes": {"flu": {"label": "F", "confirms": {"a": RULE}}}}},
        ["the category smoe is not in knowledge.yaml; did you mean some?"],
    ),
    "level": (
        {"warning_signs.yaml": {"warning_signs": {"bad": {"label": "Bad", "level": "hgh", "rules": {"a": RULE}}}}},
        ["hgh is not a level of urgency; did you mean high?"],
    ),
    "level below the sign's": (
        {
            "warning_signs.yaml": {
                "warning_signs": {"bad": {"label": "Bad", "level": "high", "rules": {"a": {**RULE, "level": "low"}}}}
            }
        },
        ["a: low is lower than the high of bad"],
    ),
    "circle": (
        {
            "definitions.yaml": {
                "definitions": {
                    "one": {"label": "one", "when": "two or cough", "says": ["one", "not one"]},
                    "two": {"label": "two", "when": "one", "says": ["two", "not two"]},
                }
            }
        },
        ["rest on each other in a circle", "break it"],
    ),
    "step answers nothing": (
        {"next_steps/some.yaml": {"next_steps": {"ask": {**RULE, "kind": "test", "do": "Ask.", "answers": ["feverr"]}}}},
        ["ask: feverr is not a finding; did you mean fever?"],
    ),
    "finding requires nothing known": (
        {"findings/more.yaml": {"group": "m", "label": "M", "findings": {"chill": yes_no("chill", requires="fevr")}}},
        ["chill requires fevr, which is not declared"],
    ),
    "finding requires a quantity": (
        {"findings/more.yaml": {"group": "m", "label": "M", "findings": {"chill": yes_no("chill", requires="potassium")}}},
        ["which is not a yes/no finding"],
    ),
    "findings require each other": (
        {
            "findings/more.yaml": {
                "group": "m",
                "label": "M",
                "findings": {"chill": yes_no("chill", requires="shiver"), "shiver": yes_no("shiver", requires="chill")},
            }
        },
        ["requires itself"],
    ),
    "finding declared twice": (
        {"findings/more.yaml": {"group": "m", "label": "M", "findings": {"cough": yes_no("cough")}}},
        ["the finding cough is declared twice (first at"],
    ),
    "range upside down": (
        {"findings/more.yaml": {"group": "m", "label": "M", "findings": {"sodium": quantity("sodium", 9, 1)}}},
        ["from a lower to a higher number"],
    ),
    "medicine named twice": (
        {"medicines.yaml": {"classes": {}, "medicines": {"aspirin": {"names": ["ASS"]}, "assan": {"names": ["ass"]}}}},
        ["stands for both aspirin and assan", "a name must mean one medicine"],
    ),
    "medicine of no class": (
        {"medicines.yaml": {"classes": {}, "medicines": {"aspirin": {"classes": ["painkiller"]}}}},
        ["the class painkiller is not declared"],
    ),
    "class of no finding": (
        {"medicines.yaml": {"classes": {"p": {"label": "p", "current": ["takes_p"]}}, "medicines": {}}},
        ["p: takes_p is not a finding"],
    ),
    "stop without time": (
        {"medicines.yaml": {"classes": {"p": {"label": "p", "stopped": ["cough"]}}, "medicines": {}}},
        ["`stopped` needs `stopped_within_days`"],
    ),
    "grade of what nobody counts": (
        {
            "grading.yaml": {
                "standings": {"a": "A"},
                "grades": [{"standing": "a", "when": "confims >= 1"}],
                "otherwise": "a",
                "likely": "a",
                "considered": "a",
            }
        },
        ["the name confims is not known; did you mean confirms?"],
    ),
    "grade of no standing": (
        {"grading.yaml": {"standings": {"a": "A"}, "grades": [], "otherwise": "b", "likely": "a", "considered": "a"}},
        ["b is not among the standings"],
    ),
    "complaint of no definition": (
        {
            "knowledge.yaml": {
                "title": "T",
                "version": "1",
                "categories": ["some"],
                "complaint": {"label": "x", "definition": "y"},
            }
        },
        ["y is not a definition"],
    ),
    "retired id": (
        {
            "knowledge.yaml": {"title": "T", "version": "1", "categories": ["some"], "retired": ["a"]},
            **causes(confirms={"a": RULE}),
        },
        ["the rule id a is retired"],
    ),
    "not UTF-8": ({"causes/some.yaml": "label: caf\udce9\n"}, ["byte 11 is not UTF-8"]),
    "resemblance": (
        {"knowledge.yaml": {"title": "T", "version": "1", "categories": ["some"], "resemblances": ["other"]}},
        ["other is not among the categories"],
    ),
}


@pytest.mark.parametrize(("files", "told"), WRONG.values(), ids=list(WRONG))
def test_a_mistake_in_the_knowledge_is_refused_with_its_place(tmp_path: Path, files: dict[str, Any], told: list[str]) -> None:
    folder = write(tmp_path, FINDINGS, causes={"flu": {"confirms": {"a": "cough"}}})
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content, indent=1)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CharleyError) as refused:
        load_knowledge_base(folder)
    message = str(refused.value)
    for text in told:
        assert text in message
    assert all(problem.place.file.startswith(str(folder)) for problem in refused.value.problems)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(CharleyError) as refused:
        load(tmp_path, FINDINGS, causes={"flu": {"confirms": {"a": "cogh", "b": "feverr"}}}, signs={"s": {"c": ("x", "low")}})
    assert len(refused.value.problems) == 3


def test_a_folder_without_findings_speaks_the_shipped_vocabulary(tmp_path: Path) -> None:
    folder = write(tmp_path, {}, causes={"salt": {"confirms": {"a": "serum_potassium < 3.0"}}})
    (folder / "findings" / "all.yaml").unlink()
    (folder / "findings").rmdir()
    knowledge = load_knowledge_base(folder)
    assert knowledge.vocabulary.findings["serum_potassium"].kind == "quantity"
    assert "ventolin" in knowledge.dictionary.names


def test_the_hash_tells_any_change_and_not_the_folder(tmp_path: Path) -> None:
    first = load(tmp_path / "a", FINDINGS, causes={"flu": {"confirms": {"a": "cough"}}})
    same = load(tmp_path / "b", FINDINGS, causes={"flu": {"confirms": {"a": "cough"}}})
    other = load(tmp_path / "c", FINDINGS, causes={"flu": {"confirms": {"a": "fever"}}})
    assert first.hash == same.hash != other.hash


def test_any_warning_sign_stands_for_all_of_them_and_is_never_negated(tmp_path: Path) -> None:
    signs = {"s": {"r": ("cough", "low")}, "t": {"q": ("fever", "high")}}
    knowledge = load(
        tmp_path,
        FINDINGS,
        signs=signs,
        causes={"well": {"confirms": {"a": "potassium > 3"}, "excludes": {"b": "any_warning_sign"}}},
    )
    assert set(names_used(knowledge.rules["b"].condition)) == {"s", "t"}
    with pytest.raises(CharleyError, match="a conclusion cannot be negated"):
        load(tmp_path / "b", FINDINGS, signs=signs, causes={"well": {"confirms": {"a": "not any_warning_sign"}}})
    with pytest.raises(CharleyError, match="any_warning_sign is not known"):
        load(tmp_path / "c", FINDINGS, signs={**signs, "u": {"p": ("any_warning_sign", "low")}})


def test_a_missing_folder_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(CharleyError, match="no such knowledge folder"):
        load_knowledge_base(tmp_path / "none")


def test_what_is_loaded_to_assess_is_the_same_knowledge_without_its_invariants() -> None:
    whole, part = load_knowledge_base(), load_knowledge_base(to_assess=True)
    assert part.hash == whole.hash and part.files == whole.files and part.rules == whole.rules
    assert whole.invariants.statements and not part.invariants.statements
