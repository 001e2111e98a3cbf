"""The plan of a cohort run: which files, cut into which parts. A run that was broken off goes on only with the same plan."""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from expert.cohorts.run import CohortError, PlannedPart
from facts.intake.tables.cells import rows_named_twice
from facts.intake.tables.opening import ENDINGS, EXPECTED, Table
from facts.problems import CharleyError
from knowledge_base.model import KnowledgeBase

_FILES_A_PART = 10_000
_LINES_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of the plan: rows of one table; or, with `count` None, all cases of some case files."""

    files: tuple[str, ...]
    first: int
    count: int | None


def files_of(path: Path) -> Iterator[Path]:
    """Return a file; or, of a folder, every file in it that may hold cases, in the order of their names."""
    endings = (*ENDINGS, ".yaml", ".yml", ".json")
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.suffix.lower() in endings)
    else:
        yield path


def is_table(file: Path) -> bool:
    """Return whether a file is a table; JSON Lines may also hold cases as a case file does, with `findings` inside each."""
    if file.suffix.lower() not in ENDINGS:
        return False
    if file.suffix.lower() in (".csv", ".tsv", ".parquet"):
        return True
    try:
        with file.open("rb") as stream:
            # The first line may be the broken one.
            for line in islice(stream, _LINES_LOOKED_AT):
                with suppress(ValueError, RecursionError):
                    entry = json.loads(line[:1_000_000])
                    if isinstance(entry, dict) and list(entry) != ["units"]:
                        return "findings" not in entry
    except OSError:
        pass
    return False


def make_plan(
    files: Sequence[Path],
    tables: Mapping[str, Table],
    unreadable: Mapping[str, CharleyError],
    knowledge: KnowledgeBase,
    rows_a_part: int,
    limit: int | None,
) -> dict[str, Any]:
    """Cut files into parts; gives what is written into the folder, to know the run again. Raises CohortError."""
    chunks: list[Chunk] = []
    left = limit
    plain = [str(file) for file in files if str(file) not in tables and str(file) not in unreadable]
    chunks += [Chunk(tuple(plain[first : first + _FILES_A_PART]), 0, None) for first in range(0, len(plain), _FILES_A_PART)]
    chunks += [Chunk((file,), 0, None) for file in unreadable]
    for file, table in tables.items():
        rows = table.rows if left is None else min(table.rows, left)
        chunks += [Chunk((file,), first, min(rows_a_part, rows - first)) for first in range(0, rows, rows_a_part)]
        left = None if left is None else left - rows
    return {
        "knowledge": knowledge.hash,
        "limit": limit,
        "files": {str(file): fingerprint(file) for file in files},
        "unreadable": sorted(unreadable),
        "chunks": [asdict(chunk) for chunk in chunks],
    }


def parts_of(plan: Mapping[str, Any], tables: Mapping[str, Table], unreadable: Mapping[str, CharleyError]) -> list[PlannedPart]:
    """Return the parts that a plan tells, each with all that is needed to do it."""
    twice = {name: sorted(rows_named_twice(table)) for name, table in tables.items()}
    parts = []
    for number, chunk in enumerate(plan["chunks"]):
        files, first, count = tuple(chunk["files"]), chunk["first"], chunk["count"]
        name = files[0]
        if name in unreadable:
            told = "; ".join(str(problem) for problem in unreadable[name].problems)
            parts.append(PlannedPart(number, files, 0, 0, unreadable=told))
        elif count is None:
            parts.append(PlannedPart(number, files, 0, 0))
        else:
            again = twice[name][bisect_right(twice[name], first) : bisect_right(twice[name], first + count)]
            parts.append(PlannedPart(number, files, first, count, tables[name], frozenset(again)))
    return parts


def labels_of(parts: Sequence[PlannedPart]) -> tuple[str, ...]:
    """Return the columns for scoring that any of these parts has; case files may have all."""
    named = {heading.name for part in parts if part.table is not None for heading in part.table.headings}
    has_case_files = any(part.table is None and part.unreadable is None for part in parts)
    return tuple(key for key in EXPECTED if has_case_files or key in named)


def fingerprint(file: Path) -> str:
    """Tell a file from another state of it: size, and a hash of its two ends."""
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            begin = stream.read(65_536)
            stream.seek(max(0, size - 65_536))
            return f"{size}:{hashlib.sha256(begin + stream.read()).hexdigest()[:32]}"
    except OSError as error:
        raise CohortError(f"{file}: cannot be read: {error.strerror}; check the path") from None
