"""What each operator is worth, as small tables of T, F and blank (unknown), read by every interpreter.

A number that is known in part stands as people write it: "< 3.5", "3-4".
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from expert.inference.forward_chaining import ForwardChaining
from facts.declaring.schema_reading import checker
from facts.measuring.measurements import read_measurement
from facts.vocabulary import QuantityFinding, Value
from knowledge_base.conditions.logic import Truth, could_be_true, evaluate_named
from knowledge_base.judging.judgement import Judge
from knowledge_base.model import KnowledgeBase
from tests.small_knowledge import choice, load, quantity, yes_no

TABLES = {
    "a": """
        a | result
        T | T
        F | F
          |
    """,
    "not a": """
        a | result
        T | F
        F | T
          |
    """,
    "a and b": """
        a | b | result
        T | T | T
        T | F | F
        T |   |
        F | T | F
        F | F | F
        F |   | F
          | T |
          | F | F
          |   |
    """,
    "a or b": """
        a | b | result
        T | T | T
        T | F | T
        T |   | T
        F | T | T
        F | F | F
        F |   |
          | T | T
          | F |
          |   |
    """,
    "at_least(2, a, b, c)": """
        a | b | c | result
        T | T | T | T
        T | T | F | T
        T | T |   | T
        T | F | F | F
        T | F |   |
        T |   |   |
        F | F | T | F
        F | F |   | F
        F |   |   |
          |   |   |
    """,
    "not at_least(2, a, b, c)": """
        a | b | c | result
        T | T |   | F
        T | F | F | T
        T | F |   |
        F | F |   | T
          |   |   |
    """,
    "x < 3.5": """
        x      | result
        3.4    | T
        3.5    | F
        3.6    | F
        < 3.5  | T
        <= 3.5 |
        > 3.5  | F
        >= 3.5 | F
        3-4    |
        3-3.4  | T
        3.5-4  | F
               |
    """,
    "x <= 3.5": """
        x      | result
        3.4    | T
        3.5    | T
        3.6    | F
        < 3.5  | T
        <= 3.5 | T
        > 3.5  | F
        >= 3.5 |
        3-4    |
        3-3.5  | T
        3.6-4  | F
               |
    """,
    "x > 3.5": """
        x      | result
        3.4    | F
        3.5    | F
        3.6    | T
        < 3.5  | F
        <= 3.5 | F
        > 3.5  | T
        >= 3.5 |
        3-4    |
        3-3.5  | F
        3.6-4  | T
               |
    """,
    "3.5 <= x": """
        x      | result
        3.4    | F
        3.5    | T
        3.6    | T
        < 3.5  | F
        <= 3.5 |
        > 3.5  | T
        >= 3.5 | T
        3-4    |
        3-3.4  | F
        3.5-4  | T
               |
    """,
    "3.5 <= x < 5.0": """
        x       | result
        3.4     | F
        3.5     | T
        4.9     | T
        5.0     | F
        3.5-4.9 | T
        3.5-5   |
        < 3.5   | F
        >= 5    | F
        > 4     |
        <= 3.5  |
                |
    """,
    "not 3.5 <= x < 5.0": """
        x       | result
        3.4     | T
        3.5     | F
        5.0     | T
        3.5-4.9 | F
        < 3.5   | T
        > 4     |
                |
    """,
    "k == red": """
        k     | result
        red   | T
        green | F
              |
    """,
    "k != red": """
        k     | result
        red   | F
        green | T
              |
    """,
    "k in [red, blue]": """
        k     | result
        red   | T
        green | F
        blue  | T
              |
    """,
    "k not in [red, blue]": """
        k     | result
        red   | F
        green | T
              |
    """,
    # Whatever the number is, one of the two holds; Kleene's logic does not see that, and so says less than it could.
    "x < 3 or x >= 3": """
        x    | result
        2    | T
        3    | T
        < 3  | T
        >= 3 | T
        2-4  |
             |
    """,
    # `onset` requires a: without a it means nothing, and is false, not unknown.
    "onset == red": """
        a | onset | result
        T | red   | T
        T | green | F
        T |       |
        F |       | F
          |       |
    """,
    "not onset == red": """
        a | onset | result
        T | red   | F
        T | green | T
        F |       | T
          |       |
    """,
    "a and not (b or not c)": """
        a | b | c | result
        T | F | T | T
        T | T |   | F
        T |   | T |
        F |   |   | F
    """,
}

FINDINGS = {
    "a": yes_no("a"),
    "b": yes_no("b"),
    "c": yes_no("c"),
    "x": quantity("x"),
    "k": choice("k", "red", "green", "blue"),
    "onset": choice("onset", "red", "green", requires="a"),
}


def rows() -> Iterator[object]:
    for condition, table in TABLES.items():
        header, *lines = [[cell.strip() for cell in line.split("|")] for line in table.strip("\n").splitlines() if line.strip()]
        for cells in lines:
            *values, result = [read(cell) for cell in cells]
            known = {name: value for name, value in zip(header, values, strict=False) if value is not None}
            yield pytest.param(condition, known, result, id=f"{condition} with {known}")


def read(cell: str) -> Value | None:
    if cell in ("", "T", "F"):
        return {"": None, "T": True, "F": False}[cell]
    if cell[0].isalpha():
        return cell
    finding = checker(QuantityFinding).validate_python({"id": "x", "group": "all", **FINDINGS["x"]})
    return read_measurement(cell, finding)[0]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    """Every condition as a definition, with a rule that fires when it holds and one that fires when it does not."""
    definitions = {f"d{number}": condition for number, condition in enumerate(TABLES)}
    supports = {f"is-{name}": (name, "weak") for name in definitions} | {
        f"not-{name}": (f"not {name}", "weak") for name in definitions
    }
    folder: Path = tmp_path_factory.mktemp("tables")
    return load(folder, FINDINGS, definitions=definitions, causes={"cause": {"supports": supports}})


@pytest.fixture(scope="module")
def engines(tables: KnowledgeBase) -> dict[str, ForwardChaining]:
    return {"ground": ForwardChaining(tables, "ground"), "rete": ForwardChaining(tables, "rete")}


@pytest.mark.parametrize(("condition", "known", "result"), list(rows()))
def test_every_interpreter_reads_the_table(
    tables: KnowledgeBase,
    engines: Mapping[str, ForwardChaining],
    condition: str,
    known: Mapping[str, Value],
    result: Truth,
) -> None:
    name = f"d{list(TABLES).index(condition)}"
    judge = Judge(tables)
    said = {
        "meaning": evaluate_named(tables.conditions, known)[name],
        "judgement": judge.truths(judge(known))[name],
    }
    for engine, chaining in engines.items():
        fired = chaining.derive(known).fired
        said[engine] = True if f"is-{name}" in fired else False if f"not-{name}" in fired else None
    assert said == dict.fromkeys(said, result)
    assert could_be_true(tables.conditions[name], known, {}) is (result is not False)
