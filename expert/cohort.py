"""Cohorts: files of cases in, a folder of conclusions out, part by part, so that memory stays small and a killed run resumes.

A part is some rows of one file. Each is read, concluded and written under a temporary name, and counts only once it has its
own; the folder has its own name only when every part is there and read = concluded + refused. The work that is not finished
stands in `FOLDER.partial`, with the plan that it follows.
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from expert.cohort_parts import (
    CONCLUSIONS,
    DUCKDB,
    POLARS,
    SPARK,
    UNFINISHED,
    CohortError,
    PlannedPart,
    Run,
    conclude_part,
    counts_of,
    refused_of,
    replace,
)
from expert.cohort_summary import merged, summarized
from facts.case import Case
from facts.intake.case_files import Refusal, read_case_files
from facts.intake.tables import CASE, ENDINGS, REFUSED, Table, case_of_row, open_table, rows_named_twice
from facts.problems import CharleyError
from knowledge_base.model import KnowledgeBase
from reports.cohort_report import render_cohort

__all__ = [
    "CONCLUSIONS",
    "ENGINES",
    "GROUPS",
    "PAGE",
    "PLAN",
    "REFUSALS",
    "ROWS_A_PART",
    "SUMMARY",
    "CohortError",
    "Outcome",
    "case_of",
    "evaluate",
]

REFUSALS, SUMMARY, PAGE, PLAN = "refused.csv", "summary.json", "cohort.html", "plan.json"
ROWS_A_PART = 500_000
_FILES_A_PART = 10_000
GROUPS = ("urgency", "leading_cause", "warning_signs", "standings", "rules")
ENGINES = (POLARS, DUCKDB, SPARK)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of the plan: rows of one table; or, with `count` None, all cases of some case files."""

    files: tuple[str, ...]
    first: int
    count: int | None


@dataclass(frozen=True)
class Outcome:
    """What a run did: rows read, concluded and refused, and where it is."""

    folder: Path
    read: int
    concluded: int
    refused: int


def evaluate(
    files: Sequence[Path],
    folder: Path,
    knowledge: KnowledgeBase,
    *,
    resume: bool = False,
    limit: int | None = None,
    kept: Sequence[str] = GROUPS,
    also: Sequence[str] = (),
    rows_a_part: int = ROWS_A_PART,
    engine: str = POLARS,
    master: str | None = None,
    progress: Callable[[int, int], None] = lambda done, rows: None,
    notice: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Conclude every case of the files into a folder. `progress` is told how many rows of how many are done.

    `kept` names the groups of columns to write (the summary counts all of them), `also` further formats: csv, ndjson. `engine`
    is one of `ENGINES`; `master` says where Spark is, which is told to `notice` when it keeps us waiting. The plan does not
    name the engine: all write the same, and one may finish what another began.

    Raises CohortError when the folder is in the way, an unfinished run is another one, the engine is not there, or nothing can
    be written. A file that cannot be read is refused like a row.
    """
    _require(engine, master)
    if folder.exists():
        raise CohortError(f"{folder} exists already; name another folder, or remove it first")
    work = folder.with_name(folder.name + ".partial")
    found = [file for path in files for file in _files(path)]
    if not found:
        raise CohortError("no file of cases was found; a folder stands for the files in it")
    tables: dict[str, Table] = {}
    unreadable: dict[str, CharleyError] = {}
    for file in found:
        try:
            if _is_table(file):
                tables[str(file)] = open_table(file, knowledge.vocabulary)
        except CharleyError as error:
            unreadable[str(file)] = error
    plan = {**_plan(found, tables, unreadable, knowledge, rows_a_part, limit), "kept": list(kept), "also": list(also)}
    _begin(work, plan, resume)
    parts = _parts(plan, tables, unreadable)
    run = Run(work, knowledge, tuple(kept), limit, DUCKDB if engine == DUCKDB else POLARS)
    rows = sum(part.count for part in parts)
    waiting = [part for part in parts if not counts_of(work, part.number).exists()]
    done = rows - sum(part.count for part in waiting)
    progress(done, rows)
    if engine == SPARK:
        from expert.spark_engine import conclude_parts

        conclude_parts(waiting, run, master, lambda more: progress(done + more, rows), notice)
    else:
        for part in waiting:
            conclude_part(part, run)
            done += part.count
            progress(done, rows)
    return _finish(work, folder, plan, knowledge)


def _require(engine: str, master: str | None) -> None:
    """Say before the work, not after, that an engine is not there."""
    if engine == DUCKDB:
        from expert.duckdb_engine import require_duckdb

        require_duckdb()
    if engine == SPARK:
        from expert.spark_engine import require_spark

        require_spark(master)


def _files(path: Path) -> Iterator[Path]:
    endings = (*ENDINGS, ".yaml", ".yml", ".json")
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.suffix in endings)
    else:
        yield path


def _is_table(file: Path) -> bool:
    """Tell whether a file is a table; JSON Lines may also hold cases as a case file does, with `findings` inside each."""
    if file.suffix not in ENDINGS:
        return False
    if file.suffix in (".csv", ".parquet"):
        return True
    try:
        with file.open("rb") as stream:
            entry = json.loads(stream.readline(1_000_000))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(entry, dict) and "findings" not in entry


# The plan


def _plan(
    files: Sequence[Path],
    tables: Mapping[str, Table],
    unreadable: Mapping[str, CharleyError],
    knowledge: KnowledgeBase,
    rows_a_part: int,
    limit: int | None,
) -> dict[str, Any]:
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
        "files": {str(file): _fingerprint(file) for file in files},
        "unreadable": sorted(unreadable),
        "chunks": [asdict(chunk) for chunk in chunks],
    }


def _parts(plan: Mapping[str, Any], tables: Mapping[str, Table], unreadable: Mapping[str, CharleyError]) -> list[PlannedPart]:
    """Give the parts that a plan tells, each with all that is needed to do it."""
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


def _fingerprint(file: Path) -> str:
    """Tell a file from another state of it: size, and a hash of its two ends."""
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            begin = stream.read(65_536)
            stream.seek(max(0, size - 65_536))
            return f"{size}:{hashlib.sha256(begin + stream.read()).hexdigest()[:32]}"
    except OSError as error:
        raise CohortError(f"{file}: cannot be read: {error.strerror}; check the path") from None


def _begin(work: Path, plan: dict[str, Any], resume: bool) -> None:
    written = json.dumps(plan, indent=1, sort_keys=True)
    if work.exists() and resume:
        before = work / PLAN
        if not before.is_file() or before.read_text(encoding="utf-8") != written:
            raise CohortError(f"{work} is a run over other files, rows or knowledge; remove it, or leave out --resume")
        _remove_unfinished(work)
        return
    if work.exists():
        raise CohortError(f"{work} holds an unfinished run; go on with --resume, or remove it")
    (work / CONCLUSIONS).mkdir(mode=0o700, parents=True)
    work.chmod(0o700)
    replace(work / PLAN, lambda path: path.write_text(written, encoding="utf-8"))


# The end


def _finish(work: Path, folder: Path, plan: dict[str, Any], knowledge: KnowledgeBase) -> Outcome:
    numbers = range(len(plan["chunks"]))
    counts = merged([json.loads(counts_of(work, number).read_text(encoding="utf-8")) for number in numbers])
    read, concluded, refused = counts["read"], counts["concluded"], counts["refused"]
    if read != concluded + refused:
        raise AssertionError(f"{read} rows read, but {concluded} concluded and {refused} refused")
    parts = [pl.read_parquet(refused_of(work, number)) for number in numbers]
    told = pl.concat([pl.DataFrame(schema=REFUSED), *parts]).with_columns(_harmless(name) for name in REFUSED if name != "row")
    replace(work / REFUSALS, told.write_csv)
    concluded_rows = pl.scan_parquet(work / CONCLUSIONS / "*.parquet")
    if "csv" in plan["also"]:
        replace(work / "conclusions.csv", concluded_rows.with_columns(_harmless(CASE), _harmless("file")).sink_csv)
    if "ndjson" in plan["also"]:
        replace(work / "conclusions.ndjson", concluded_rows.sink_ndjson)
    summary = summarized(counts, knowledge)
    replace(work / SUMMARY, lambda path: path.write_text(json.dumps(summary, indent=2, ensure_ascii=False), encoding="utf-8"))
    replace(work / PAGE, lambda path: path.write_text(render_cohort(summary, knowledge), encoding="utf-8"))
    for number in numbers:
        refused_of(work, number).unlink()
        counts_of(work, number).unlink()
    _remove_unfinished(work)
    work.rename(folder)
    return Outcome(folder, read, concluded, refused)


def _remove_unfinished(work: Path) -> None:
    """Remove what was being written when a process was killed."""
    for left in work.rglob(f"*{UNFINISHED}"):
        left.unlink(missing_ok=True)


def _harmless(name: str) -> pl.Expr:
    """Keep a spreadsheet from taking a text for a formula."""
    text = pl.col(name)
    return (
        pl.when(text.str.slice(0, 1).is_in(list(_FORMULA))).then(pl.concat_str(pl.lit("'"), text)).otherwise(text).alias(name)
    )


# One case of a finished run


def case_of(folder: Path, name: str, knowledge: KnowledgeBase) -> Case:
    """Read again a case that a run concluded, from its own file. Raises CohortError when that is not possible any more."""
    try:
        plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
        found = pl.scan_parquet(folder / CONCLUSIONS / "*.parquet").filter(pl.col(CASE) == name).select("file", "row").collect()
    except (OSError, ValueError, pl.exceptions.PolarsError):
        raise CohortError(f"{folder} is not a folder that `charley evaluate` wrote") from None
    if not found.height:
        raise CohortError(f"{name!r} was not concluded there; {folder / REFUSALS} lists what was refused")
    if found.height > 1:
        raise CohortError(f"{name!r} stands in several files of that run: {', '.join(found['file'].to_list())}")
    if plan["knowledge"] != knowledge.hash:
        raise CohortError(f"the run used other knowledge ({plan['knowledge'][:12]}); this is {knowledge.hash[:12]}")
    file, row = found.row(0)
    if plan["files"][file] != _fingerprint(Path(file)):
        raise CohortError(f"{file} has changed since the run")
    if _is_table(Path(file)):
        read = case_of_row(open_table(Path(file), knowledge.vocabulary), row, knowledge.vocabulary, knowledge.dictionary)
        if isinstance(read, Refusal):
            raise CohortError("; ".join(map(str, read.problems)))
        return read
    intake = read_case_files([Path(file)], knowledge.vocabulary, knowledge.dictionary)
    return next(case for case, _ in intake.cases if case.name == name)
