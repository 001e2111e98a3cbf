"""The tables of a folder in the OMOP Common Data Model 5.4: CSV (commas or tabs) or Parquet; names in any case."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from facts.intake.tables.opening import plain_reason
from facts.problems import CharleyError, Place, Problem

NEEDED = ("person", "concept")
READ = (*NEEDED, "condition_occurrence", "drug_exposure", "measurement", "observation", "death")


@dataclass(frozen=True)
class DataModel:
    """A folder of the model: the tables that are there, by their lower-case names."""

    folder: Path
    files: Mapping[str, Path]

    def scan(self, name: str, columns: Mapping[str, "pl.DataType | type[pl.DataType]"]) -> pl.LazyFrame:
        """Return some columns of a table with these types, in lower case; a column or a table that is not there is null.

        Raises CharleyError when the file cannot be read as a table.
        """
        file = self.files.get(name)
        if file is None:
            return pl.LazyFrame(schema=dict(columns))
        try:
            lazy = _scan(file)
            own = {column.lower(): column for column in lazy.collect_schema()}
        except (OSError, pl.exceptions.PolarsError) as error:
            problem = Problem(Place(str(file)), f"cannot be read: {plain_reason(error)}", "check that it is whole")
            raise CharleyError([problem]) from None
        return lazy.select(
            pl.col(own[column]).cast(dtype, strict=False).alias(column) if column in own else pl.lit(None, dtype).alias(column)
            for column, dtype in columns.items()
        )


def find_model(folder: Path) -> DataModel | None:
    """Return the model that a folder holds; None where it has no table of persons and none of concepts."""
    if not folder.is_dir():
        return None
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name, _, ending = path.name.lower().partition(".")
        whole = path.is_dir() and name in READ and any(path.glob("*.parquet"))
        if name in READ and (ending in ("csv", "parquet") or whole):
            files.setdefault(name, path)
    return DataModel(folder, files) if all(name in files for name in NEEDED) else None


def _scan(file: Path) -> pl.LazyFrame:
    if file.is_dir():
        return pl.scan_parquet(file / "*.parquet")
    if file.suffix.lower() == ".parquet":
        return pl.scan_parquet(file)
    with file.open("rb") as stream:
        tabs = b"\t" in stream.readline()
    # Everything as text: a code is no number. The vocabularies of OHDSI are written with tabs, and without quotes.
    return pl.scan_csv(file, separator="\t" if tabs else ",", quote_char=None if tabs else '"', infer_schema=False)
