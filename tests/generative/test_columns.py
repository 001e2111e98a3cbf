"""The column engines agree with the meaning on random knowledge bases and cohorts, unknown values included."""

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from expert.cohorts.columns import RULE, SIGN, STANDING, Columns, UnfitFrame
from expert.inference.assessing import Assessor
from facts.quantities import Interval, at_most, bounds
from facts.vocabulary import ChoiceFinding, QuantityFinding, Value
from knowledge_base.model import KnowledgeBase
from tests.generative.drawing import EVERY_OPERATOR, cases, knowledge_bases, operators, sorts_of
from tests.generative.test_interpreters_agree import meaning
from tests.small_knowledge import case
from tests.spark_cluster import needs_java


def frame_of(knowledge: KnowledgeBase, patients: list[dict[str, Value]]) -> pl.DataFrame:
    types: dict[str, Any] = {}
    for name, finding in knowledge.vocabulary.findings.items():
        known = any(name in values for values in patients)
        if known:
            choice, quantity = isinstance(finding, ChoiceFinding), isinstance(finding, QuantityFinding)
            types[name] = pl.String if choice else pl.Float64 if quantity else pl.Boolean
    columns: dict[str, list[Any]] = {name: [values.get(name) for values in patients] for name in types}
    for name in list(types):
        if any(isinstance(value, Interval) for value in columns[name]):
            ends = [(None, None) if value is None else bounds(value) for value in columns[name]]
            columns[name], columns[at_most(name)] = ([end[side] for end in ends] for side in (0, 1))
            types[at_most(name)] = pl.Float64
    return pl.DataFrame({"place": range(len(patients)), **columns}, schema={"place": pl.Int64, **types})


def by_polars(columns: Columns, frame: pl.DataFrame) -> list[dict[str, Any]]:
    concluded: pl.LazyFrame = columns.conclude(frame.lazy(), keep=["place"], first=3)
    return concluded.collect().sort("place").to_dicts()


def by_duckdb(columns: Columns, frame: pl.DataFrame) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE patient (" + ", ".join(f'"{name}" {_SQL[dtype]}' for name, dtype in frame.schema.items()) + ")"
        )
        marks = ", ".join("?" for _ in frame.columns)
        connection.executemany(f"INSERT INTO patient VALUES ({marks})", frame.rows())  # noqa: S608 - only question marks
        concluded = columns.conclude(connection.table("patient"), keep=["place"], first=3)
        rows = concluded.fetchall()
        return sorted((dict(zip(concluded.columns, row, strict=True)) for row in rows), key=lambda row: row["place"])


def by_spark(columns: Columns, frame: pl.DataFrame, session: Any) -> list[dict[str, Any]]:
    schema = ", ".join(f"`{name}` {_SPARK_SQL[dtype]}" for name, dtype in frame.schema.items())
    concluded = columns.conclude(session.createDataFrame(frame.rows(), schema), keep=["place"], first=3)
    return sorted((row.asDict() for row in concluded.collect()), key=lambda row: row["place"])


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    """Spark in this process. Its plans are interpreted, because compiling each takes longer than six patients."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    session = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


_SPARK_SQL: Mapping[Any, str] = {pl.Int64: "BIGINT", pl.Boolean: "BOOLEAN", pl.Float64: "DOUBLE", pl.String: "STRING"}
_SQL: Mapping[Any, str] = {pl.Int64: "BIGINT", pl.Boolean: "BOOLEAN", pl.Float64: "DOUBLE", pl.String: "VARCHAR"}


def check(knowledge: KnowledgeBase, patients: list[dict[str, Value]], rows: list[dict[str, Any]]) -> None:
    assessor, layout = Assessor(knowledge), Columns(knowledge).layout
    assert len(rows) == len(patients)
    for values, row in zip(patients, rows, strict=True):
        truths, assessment = meaning(knowledge, values), assessor.assess(case(values))
        assert {rule: row[RULE + rule] for rule in knowledge.rules} == {rule: truths[rule] for rule in knowledge.rules}
        assert {sign: row[SIGN + sign] for sign in layout.signs} == {sign: truths[sign] for sign in layout.signs}
        standings = {cause.id: cause.standing for cause in assessment.causes}
        assert {cause: layout.standings[row[STANDING + cause]] for cause in layout.causes} == standings
        assert layout.levels[row["urgency"]] == assessment.urgency.level
        assert layout.levels[row["ceiling"]] == assessment.urgency.ceiling
        likely = [
            cause.id for cause in assessment.causes if knowledge.grading.at_least(cause.standing, knowledge.grading.likely)
        ]
        considered = [
            cause.id for cause in assessment.causes if knowledge.grading.at_least(cause.standing, knowledge.grading.considered)
        ]
        ranked = [None if row[f"top:{rank}"] is None else layout.causes[row[f"top:{rank}"]] for rank in (1, 2, 3)]
        assert ranked == [*considered, None, None, None][:3]
        leading = row["leading_cause"]
        assert (None if leading is None else layout.causes[leading]) == (likely or [None])[0]


@given(knowledge_bases(), st.lists(cases(), min_size=1, max_size=6))
def test_polars_agrees_with_the_meaning(knowledge: KnowledgeBase, patients: list[dict[str, Value]]) -> None:
    check(knowledge, patients, by_polars(Columns(knowledge), frame_of(knowledge, patients)))


@settings(max_examples=40)
@given(knowledge_bases(), st.lists(cases(), min_size=1, max_size=6))
def test_duckdb_agrees_with_the_meaning(knowledge: KnowledgeBase, patients: list[dict[str, Value]]) -> None:
    check(knowledge, patients, by_duckdb(Columns(knowledge), frame_of(knowledge, patients)))


@needs_java
def test_spark_agrees_with_the_meaning_and_every_operator_was_drawn(session: Any) -> None:
    drawn: set[str] = set()

    @settings(max_examples=10, phases=[Phase.generate])  # to shrink takes minutes
    @given(knowledge_bases(), st.lists(cases(), min_size=1, max_size=6))
    def agree(knowledge: KnowledgeBase, patients: list[dict[str, Value]]) -> None:
        for tree in (*knowledge.conditions.values(), *(rule.condition for rule in knowledge.rules.values())):
            drawn.update(operators(tree))
        for values in patients:
            drawn.update(sorts_of(values))
        check(knowledge, patients, by_spark(Columns(knowledge), frame_of(knowledge, patients), session))

    agree()
    assert drawn == EVERY_OPERATOR


@pytest.mark.parametrize(
    ("columns", "told"),
    [({"fever": [1]}, "the column fever"), ({"age": ["old"]}, "the column age"), ({"sex": [True]}, "the column sex")],
)
def test_a_column_of_another_type_is_refused(columns: dict[str, list[Any]], told: str, knowledge: KnowledgeBase) -> None:
    with pytest.raises(UnfitFrame, match=told):
        Columns(knowledge).conclude(pl.DataFrame(columns))


def test_a_column_to_keep_must_be_there(knowledge: KnowledgeBase) -> None:
    with pytest.raises(UnfitFrame, match="no column name"):
        Columns(knowledge).conclude(pl.DataFrame({"fever": [True]}), keep=["name"])
