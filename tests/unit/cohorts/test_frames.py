"""Tables in memory: the same conclusions as from a file, row for row, with what was refused in its place."""

from pathlib import Path
from typing import Any

import nanoarrow
import polars as pl
import pytest

import expert
from expert import CharleyError, Expert
from expert.cohorts.evaluation import CONCLUSIONS, RULE_STATES, evaluate

COLUMNS: dict[str, list[Any]] = {
    "case": ["a", "b", "c", "d", "e", "a"],
    "age": [67.0, 50.0, 200.0, 30.0, None, 41.0],
    "serum_potassium [mmol/L]": [2.4, 4.0, 4.0, None, None, 5.0],
    "serum_magnesium [mg/dL]": ["<1.2", "1.9", "2.0", None, None, "2"],
    "sex": ["female", "male", "male", "male", None, "female"],
    "pregnant": [None, None, None, True, None, False],
    "medicines": ["HCTZ 25 mg", "Zyxoril", "none", None, None, None],
}


@pytest.fixture(scope="module")
def charley() -> Expert:
    return Expert()


def test_a_frame_is_concluded_as_its_file_is(charley: Expert, tmp_path: Path) -> None:
    pl.DataFrame(COLUMNS).write_parquet(tmp_path / "cohort.parquet")
    evaluate([tmp_path / "cohort.parquet"], tmp_path / "out", charley.knowledge)
    concluded = charley.evaluate_frame(pl.DataFrame(COLUMNS), rules=True)
    for written in (
        pl.read_parquet(tmp_path / "out" / CONCLUSIONS / "*.parquet"),
        pl.read_ipc(tmp_path / "out" / RULE_STATES / "*.arrow"),
    ):
        names = [name for name in written.columns if name not in ("file", "row")]
        assert concluded.filter(pl.col("refused").is_null()).select(names).equals(written.select(names))


def test_every_row_comes_back_in_its_place(charley: Expert) -> None:
    concluded = charley.evaluate_frame(pl.DataFrame(COLUMNS))
    assert concluded["case"].to_list() == COLUMNS["case"]
    reasons = concluded["refused"].to_list()
    assert reasons[0] is reasons[1] is reasons[4] is None
    assert "age: outside the plausible range" in reasons[2] and "contradict" in reasons[3] and "already" in reasons[5]
    assert concluded["unrecognized"].to_list()[1][0].startswith("Zyxoril")
    assert concluded["urgency"].to_list() == ["immediate", "routine", None, None, "routine", None]
    assert concluded["decided"].to_list()[:2] == [True, False]
    assert "hypokalemia-measured" in concluded["rules_fired"][0] and concluded["leading_cause"][0] == "hypokalemia"


def test_any_table_that_speaks_arrow_will_do_and_its_rows_need_no_names(charley: Expert) -> None:
    frame = pl.DataFrame(COLUMNS).drop("case")
    concluded = charley.evaluate_frame(nanoarrow.ArrayStream(frame))
    assert concluded.equals(charley.evaluate_frame(frame))
    assert concluded["case"].to_list() == ["1", "2", "3", "4", "5", "6"]


def test_an_earlier_frame_of_conclusions_stays_as_it_was(charley: Expert) -> None:
    first = charley.evaluate_frame(pl.DataFrame({"fever": [True, False, None] * 50}), rules=True)
    before = first.clone().rechunk().to_dicts()
    charley.evaluate_frame(pl.DataFrame({"fever": [None, True, False] * 50}), rules=True)
    assert first.to_dicts() == before


def test_options_say_what_cells_mean_and_unknown_columns_are_refused(charley: Expert) -> None:
    frame = pl.DataFrame({"fever": [1, 0], "serum_magnesium": [0.6, 0.9]})
    concluded = charley.evaluate_frame(frame, yes=["1"], no=["0"], units="SI")
    assert concluded["refused"].to_list() == [None, None]
    with pytest.raises(CharleyError, match="fever"):
        charley.evaluate_frame(pl.DataFrame({"fevver": [True]}))
    with pytest.raises(CharleyError, match="case"):
        charley.evaluate_frame(pl.DataFrame({"case": [1.5], "fever": [True]}))


def test_the_shipped_knowledge_is_at_hand_without_more() -> None:
    assert expert.evaluate_frame(pl.DataFrame({"serum_potassium": [2.4]}))["urgency"].to_list() == ["immediate"]
    assert expert.evaluate_frame(pl.DataFrame({"serum_potassium": pl.Series([], dtype=pl.Float64)})).height == 0
