"""Conclusions by DuckDB, for those whose tables live there already: the same expressions, judged by its vectors.

The only module that imports DuckDB. Frames pass through Parquet files in the private folder of the run: DuckDB takes a Polars
frame only by way of pyarrow, which is a large package for that.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from expert.cohorts.columns import Columns
from expert.cohorts.run import CohortError

_PLACE = "place of the row"


def require_duckdb() -> None:
    """Raise CohortError where DuckDB is not installed."""
    try:
        import duckdb  # noqa: F401
    except ImportError:
        raise CohortError("DuckDB is not installed; pip install 'charley[duckdb]'") from None


def judge_by_duckdb(columns: Columns, cases: pl.DataFrame, keep: Sequence[str], first: int, work: Path) -> pl.LazyFrame:
    """Judge cases by DuckDB: the same columns and values as by Polars, in the order of the cases.

    Raises CohortError when there is no room for the files between.
    """
    import duckdb

    with TemporaryDirectory(dir=work) as name, duckdb.connect() as connection:
        given, concluded = Path(name) / "given.parquet", Path(name) / "concluded.parquet"
        try:
            cases.with_row_index(_PLACE).write_parquet(given)
            connection.execute("SET temp_directory = $1", [name])
            relation = connection.read_parquet(str(given))
            columns.conclude(relation, keep=[_PLACE, *keep], first=first).write_parquet(str(concluded))
            return pl.read_parquet(concluded).sort(_PLACE).drop(_PLACE).lazy()
        except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
            told = " ".join(str(error).split())[:200]
            raise CohortError(f"{work}: DuckDB cannot go on: {told}; make room, and go on with --resume") from None
