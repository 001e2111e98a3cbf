"""What random cohorts never reach: more arguments of one kind than a byte counts."""

from pathlib import Path

import polars as pl

from expert.cohorts.columns import Columns
from expert.inference.assessing import Assessor
from tests.small_knowledge import case, load, yes_no


def test_a_cause_with_more_arguments_than_a_byte_counts_still_leads(tmp_path: Path) -> None:
    """A sum of bytes would run over to a negative number, and the cause that everything supports would come last."""
    many = {f"many-{number}": ("a", "strong") for number in range(200)}
    knowledge = load(
        tmp_path, {"a": yes_no("a")}, causes={"few": {"supports": {"few-a": ("a", "strong")}}, "many": {"supports": many}}
    )
    columns = Columns(knowledge)
    row = columns.conclude(pl.DataFrame({"a": [True]}), first=2).row(0, named=True)
    assert [columns.layout.causes[row[f"top:{rank}"]] for rank in (1, 2)] == ["many", "few"]
    assert [cause.id for cause in Assessor(knowledge).assess(case({"a": True})).causes] == ["many", "few"]
