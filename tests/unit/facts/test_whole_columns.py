"""Columns looked at all together say what each row says by itself, also where what is rare stands far down."""

from pathlib import Path

import polars as pl
import pytest

from facts.case import Case
from facts.intake.tables.cells import rows_named_twice
from facts.intake.tables.columns import read_part
from facts.intake.tables.opening import open_table
from facts.intake.tables.rows import case_of_row
from knowledge_base.model import KnowledgeBase

ROWS = 1_300
FAR = 1_200
"""Beyond the rows by which the texts of a column are guessed."""
USUAL = {"age": "61", "dark_urine": "no", "fever": "no", "muscle_weakness": "no", "serum_sodium": "139.5"}


def written(folder: Path, told: dict[int, dict[str, str | None]], ending: str) -> Path:
    """Write a table in which some rows say something else than the usual."""
    rows = [{"case": f"p-{number}", **USUAL, **told.get(number, {})} for number in range(ROWS)]
    frame = pl.DataFrame(rows)
    file = folder / f"cases{ending}"
    if ending == ".csv":
        frame.write_csv(file)
    else:
        frame.with_columns(pl.col("age", "serum_sodium").cast(pl.Float64)).write_parquet(file)
    return file


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("told", "refused"),
    [
        ({"fever": "yes"}, ""),
        ({"fever": " TRUE "}, ""),
        ({"fever": "unknown"}, ""),
        ({"fever": None}, ""),
        ({"fever": "perhaps"}, "perhaps"),
        ({"fever": "1"}, "--yes 1 --no 0"),
        ({"serum_sodium": "139.123456789012"}, ""),
        ({"serum_sodium": "1395"}, "outside the plausible range"),
        ({"serum_sodium": None, "age": None}, ""),
        ({"case": "p-7"}, "another row has this name already"),
        ({"case": "  "}, "the case has no name"),
        ({"case": "p" * 201}, "the name is too long"),
    ],
)
def test_a_row_far_down_is_read_as_it_would_be_alone(
    told: dict[str, str | None], refused: str, ending: str, tmp_path: Path, knowledge: KnowledgeBase
) -> None:
    table = open_table(written(tmp_path, {FAR: told, 3: {"dark_urine": "yes"}}, ending), knowledge.vocabulary)
    twice = rows_named_twice(table)
    part = read_part(table, 0, ROWS, knowledge.vocabulary, knowledge.dictionary, twice)
    reasons = "; ".join(part.refused["reason"])
    assert (refused in reasons and part.refused["row"].unique().to_list() == [FAR + 1]) if refused else not reasons
    rows = {row["row"]: row for row in part.cases.to_dicts()}
    assert len(rows) == ROWS - bool(refused)
    for number in {1, 4, FAR, FAR + 1, ROWS} & rows.keys():
        alone = case_of_row(table, number, knowledge.vocabulary, knowledge.dictionary)
        assert isinstance(alone, Case)
        known = {name: value for name, value in rows[number].items() if value is not None}
        assert known == {"case": alone.name, "row": number, "file": str(table.path), **alone.values}


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_denial_far_down_is_refused_with_both_of_its_columns(ending: str, tmp_path: Path, knowledge: KnowledgeBase) -> None:
    findings = knowledge.vocabulary.findings
    name, above = next((name, one.requires) for name, one in findings.items() if one.requires and one.kind == "yes_no")
    told: dict[int, dict[str, str | None]] = {number: {name: "no", above: "no"} for number in range(ROWS)}
    told |= {FAR: {name: "yes", above: "no"}, FAR + 1: {name: "yes", above: None}}
    table = open_table(written(tmp_path, told, ending), knowledge.vocabulary)
    part = read_part(table, 0, ROWS, knowledge.vocabulary, knowledge.dictionary, frozenset())
    assert part.refused["row"].to_list() == [FAR + 1]
    assert name in part.refused["reason"][0] and above in part.refused["reason"][0]
    implied = part.cases.filter(pl.col("row") == FAR + 2).select(name, above).row(0)
    assert implied == (True, True)
