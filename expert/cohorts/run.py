"""What a cohort run is, and what its files are called."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl

from facts.intake.tables.opening import Table
from facts.measuring.unit_systems import UnitSystem
from knowledge_base.model import KnowledgeBase

CONCLUSIONS, RULE_STATES = "conclusions.parquet", "rules.arrow"
"""Folders of a run, each with a file for each part."""

UNFINISHED = ".part"


class CohortError(Exception):
    """A run that cannot begin or go on; the text says what to do."""


@dataclass(frozen=True)
class Run:
    """What all parts of a run share: the folder of work, what is known, and what is written."""

    work: Path
    knowledge: KnowledgeBase
    kept: tuple[str, ...]
    limit: int | None
    system: UnitSystem | None = None
    """The one of bare numbers in case files that do not say theirs; a table has it in its mapping."""
    labels: tuple[str, ...] = ()
    """The columns for scoring that any of its files has: all parts are written with them, so that they are one table."""


@dataclass(frozen=True)
class PlannedPart:
    """A part to do: `count` rows of a table from `first` on; or all cases of some case files; or a file that is no good.

    `twice` are those of the table's rows whose name an earlier row has already.
    """

    number: int
    files: tuple[str, ...]
    first: int
    count: int
    table: Table | None = None
    twice: frozenset[int] = frozenset()
    unreadable: str | None = None


def counts_of(work: Path, number: int) -> Path:
    """Name the file with a part's counts, which is there when the part is complete."""
    return work / f"counts-{number:05}.json"


def refused_of(work: Path, number: int) -> Path:
    """Name the file with the refusals of a part."""
    return work / f"refused-{number:05}.parquet"


def unrecognized_of(work: Path, number: int) -> Path:
    """Name the file with what was not recognized in a part."""
    return work / f"unrecognized-{number:05}.parquet"


def sync(path: Path) -> None:
    """Have the system write a file, or the names in a folder, to the disk before anything else is done. Raises OSError."""
    if path.is_dir() and os.name == "nt":
        # Windows opens no folder, and keeps names in order by itself.
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, write: Callable[[Any], Any]) -> None:
    """Write a file under a name of its own, private, and give it its true one once it is on the disk. Raises CohortError."""
    temporary = path.with_name(f"{path.name}.{uuid4().hex}{UNFINISHED}")
    try:
        write(temporary)
        temporary.chmod(0o600)
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except (OSError, pl.exceptions.PolarsError) as error:
        temporary.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())[:200]
        raise CohortError(
            f"{path} cannot be written: {reason}; make room, and go on with --resume: what is finished is kept"
        ) from None
