"""Cohorts: files of cases in, a folder of conclusions out, part by part, so that memory stays small and a killed run resumes.

A part is some rows of one file. Each is read, concluded and written under a temporary name, and counts only once it has its
own; the folder has its own name only when every part is there and read = concluded + refused. The work that is not finished
stands in `FOLDER.partial`, with the plan that it follows.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from expert.cohort_summary import counted, merged, summarized
from expert.columns import CEILING, CONTRADICTION, LEADING, STANDING, TOP, URGENCY, Columns, Layout
from expert.record_tables import RecordError, case_of_record, is_record_table
from facts.case import Case
from facts.intake.case_files import Refusal, read_case_files
from facts.intake.tables import (
    CASE,
    ENDINGS,
    EXPECTED,
    REFUSED,
    Part,
    Table,
    case_of_row,
    open_table,
    read_part,
    rows_named_twice,
)
from facts.problems import CharleyError, Place
from facts.vocabulary import ChoiceFinding, QuantityFinding
from knowledge_base.model import KnowledgeBase
from reports.cohort_report import render_cohort

CONCLUSIONS, REFUSALS, SUMMARY, PAGE, PLAN = "conclusions.parquet", "refused.csv", "summary.json", "cohort.html", "plan.json"
ROWS_A_PART = 500_000
_FILES_A_PART = 10_000
_RANKED = 3
"""Top-3 accuracy is what the studies give."""
GROUPS = ("urgency", "leading_cause", "warning_signs", "standings", "rules")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class CohortError(Exception):
    """A run that cannot begin or go on; the text says what to do."""


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
    progress: Callable[[int, int], None] = lambda done, rows: None,
) -> Outcome:
    """Conclude every case of the files into a folder. `progress` is told how many rows of how many are done.

    `kept` names the groups of columns to write (the summary counts all of them), `also` further formats: csv, ndjson.

    Raises CohortError when the folder is in the way, an unfinished run is another one, or nothing can be written. A file that
    cannot be read is refused like a row.
    """
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
    columns = Columns(knowledge)
    rows = sum(table.rows for table in tables.values())
    done = 0
    twice = {name: rows_named_twice(table) for name, table in tables.items()}
    for number, chunk in enumerate(_chunks(plan)):
        if not _counts(work, number).exists():
            name = chunk.files[0]
            if name in unreadable:
                part = _unreadable_part(name, unreadable[name])
            elif chunk.count is not None:
                part = _rows_of(tables[name], chunk.first, chunk.count, knowledge, twice[name])
            else:
                part = _case_file_part(list(map(Path, chunk.files)), knowledge, limit)
            _write_part(work, number, part, columns, kept)
        done += chunk.count or 0
        progress(done, rows)
    return _finish(work, folder, plan, knowledge)


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
        "files": {str(file): fingerprint(file) for file in files},
        "unreadable": sorted(unreadable),
        "chunks": [asdict(chunk) for chunk in chunks],
    }


def _chunks(plan: Mapping[str, Any]) -> list[Chunk]:
    return [Chunk(tuple(chunk["files"]), chunk["first"], chunk["count"]) for chunk in plan["chunks"]]


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


def _begin(work: Path, plan: dict[str, Any], resume: bool) -> None:
    written = json.dumps(plan, indent=1, sort_keys=True)
    if work.exists() and resume:
        before = work / PLAN
        if not before.is_file() or before.read_text(encoding="utf-8") != written:
            raise CohortError(f"{work} is a run over other files, rows or knowledge; remove it, or leave out --resume")
        return
    if work.exists():
        raise CohortError(f"{work} holds an unfinished run; go on with --resume, or remove it")
    (work / CONCLUSIONS).mkdir(mode=0o700, parents=True)
    work.chmod(0o700)
    _replace(work / PLAN, lambda path: path.write_text(written, encoding="utf-8"))


# One part


def _case_file_part(files: Sequence[Path], knowledge: KnowledgeBase, limit: int | None) -> Part:
    intake = read_case_files(files, knowledge.vocabulary, knowledge.dictionary)
    cases = intake.cases[:limit]
    schema: dict[str, Any] = {CASE: pl.String, "file": pl.String, "row": pl.Int64}
    for name, finding in knowledge.vocabulary.findings.items():
        if any(name in case.findings for case, _ in cases):
            choice, quantity = isinstance(finding, ChoiceFinding), isinstance(finding, QuantityFinding)
            schema[name] = pl.String if choice else pl.Float64 if quantity else pl.Boolean
    rows = [_row(case, place, schema) for case, place in cases]
    frame = pl.DataFrame(rows, schema={**schema, **dict.fromkeys(EXPECTED, pl.String)}, orient="row")
    return Part(frame, _refused(intake.refusals), len(cases) + len(intake.refusals))


def _row(case: Case, place: Place, schema: Mapping[str, Any]) -> tuple[Any, ...]:
    values = case.values
    causes = ";".join(case.expected.causes) or None
    answers = (values.get(name) for name in list(schema)[3:])
    return (case.name, place.file, place.line or 0, *answers, case.expected.urgency, causes)


def _refused(refusals: Sequence[Refusal]) -> pl.DataFrame:
    rows = []
    for refusal in refusals:
        place = refusal.problems[0].place
        rows.append((place.file, place.line or 0, refusal.case, None, None, "; ".join(map(str, refusal.problems))))
    return pl.DataFrame(rows, schema=REFUSED, orient="row")


def _rows_of(table: Table, first: int, count: int, knowledge: KnowledgeBase, twice: frozenset[int]) -> Part:
    try:
        return read_part(table, first, count, knowledge.vocabulary, knowledge.dictionary, twice)
    except CharleyError as error:
        # A file can break in its middle; its other parts are read all the same.
        told = "; ".join(str(problem) for problem in error.problems)
        rows = [(str(table.path), row, None, None, None, told) for row in range(first + 1, first + count + 1)]
        empty = pl.DataFrame(schema={CASE: pl.String, "file": pl.String, "row": pl.Int64})
        return Part(empty, pl.DataFrame(rows, schema=REFUSED, orient="row"), count)


def _unreadable_part(file: str, error: CharleyError) -> Part:
    """A file that cannot be read is one thing read and refused, as it is for a case file."""
    told = "; ".join(str(problem) for problem in error.problems)
    refused = pl.DataFrame([(file, 0, None, None, None, told)], schema=REFUSED, orient="row")
    return Part(pl.DataFrame(schema={CASE: pl.String, "file": pl.String, "row": pl.Int64}), refused, 1)


def _write_part(work: Path, number: int, part: Part, columns: Columns, kept: Sequence[str]) -> None:
    """Conclude a part and write it; its counts come last, and say that it is complete."""
    labels = [key for key in EXPECTED if key in part.cases.columns]
    first = _RANKED if EXPECTED[1] in labels else 0
    lazy: pl.LazyFrame = columns.conclude(part.cases.lazy(), keep=[CASE, "file", "row", *labels], first=first)
    concluded = lazy.with_columns(*_named(columns.layout, first)).collect()
    concluded, refused = _without_contradictions(concluded, part, columns.knowledge)
    rows_refused = refused.select("file", "row").unique().height
    if concluded.height + rows_refused != part.read:
        raise AssertionError(f"{part.read} rows read, but {concluded.height} concluded and {rows_refused} refused")
    groups = columns.layout.groups
    written = concluded.select(CASE, "file", "row", *labels, *(name for group in kept for name in groups[group]))
    _replace(work / CONCLUSIONS / f"part-{number:05}.parquet", written.write_parquet)
    _replace(work / f"refused-{number:05}.parquet", refused.write_parquet)
    counts = counted(concluded, part.cases, rows_refused, part.read, columns.knowledge)
    _replace(_counts(work, number), lambda path: path.write_text(json.dumps(counts), encoding="utf-8"))


def _named(layout: Layout, first: int) -> list[pl.Expr]:
    """Give the codes their names, as an enumeration that Parquet keeps as small numbers."""
    return [
        pl.col(URGENCY, CEILING).cast(pl.UInt8).cat.to(pl.Enum(layout.levels)),
        pl.col(LEADING, *(f"{TOP}{rank}" for rank in range(1, first + 1))).cast(pl.UInt8).cat.to(pl.Enum(layout.causes)),
        *(pl.col(STANDING + cause).cast(pl.UInt8).cat.to(pl.Enum(layout.standings)) for cause in layout.causes),
    ]


def _without_contradictions(concluded: pl.DataFrame, part: Part, knowledge: KnowledgeBase) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Refuse the cases whose answers exclude each other, each for the first reason."""
    reason = pl.coalesce(
        *(
            pl.when(pl.col(CONTRADICTION + name)).then(pl.lit(f"the answers contradict each other: {entry.because}"))
            for name, entry in knowledge.contradictions.items()
        ),
        pl.lit(None, pl.String),
    )
    wrong = concluded.select(
        pl.col("file"),
        pl.col("row").cast(pl.Int64),
        pl.col(CASE).alias("case"),
        pl.lit(None, pl.String).alias("column"),
        pl.lit(None, pl.String).alias("value"),
        reason.alias("reason"),
    )
    contradictory = wrong["reason"].is_not_null()
    if contradictory.any():
        concluded, wrong = concluded.filter(~contradictory), wrong.filter(contradictory)
        return concluded, pl.concat([part.refused, wrong])
    return concluded, part.refused


def _counts(work: Path, number: int) -> Path:
    return work / f"counts-{number:05}.json"


def _replace(path: Path, write: Callable[[Any], Any]) -> None:
    """Write a file under a temporary name, private, and give it its own when it is whole."""
    temporary = path.with_name(path.name + ".part")
    try:
        write(temporary)
        temporary.chmod(0o600)
        temporary.replace(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())[:200]
        raise CohortError(
            f"{path} cannot be written: {reason}; make room, and go on with --resume: what is finished is kept"
        ) from None


# The end


def _finish(work: Path, folder: Path, plan: dict[str, Any], knowledge: KnowledgeBase) -> Outcome:
    chunks = _chunks(plan)
    counts = merged([json.loads(_counts(work, number).read_text(encoding="utf-8")) for number in range(len(chunks))])
    read, concluded, refused = counts["read"], counts["concluded"], counts["refused"]
    if read != concluded + refused:
        raise AssertionError(f"{read} rows read, but {concluded} concluded and {refused} refused")
    parts = [pl.read_parquet(work / f"refused-{number:05}.parquet") for number in range(len(chunks))]
    told = pl.concat([pl.DataFrame(schema=REFUSED), *parts]).with_columns(_harmless(name) for name in REFUSED if name != "row")
    _replace(work / REFUSALS, told.write_csv)
    concluded_rows = pl.scan_parquet(work / CONCLUSIONS / "*.parquet")
    if "csv" in plan["also"]:
        _replace(work / "conclusions.csv", concluded_rows.with_columns(_harmless(CASE), _harmless("file")).sink_csv)
    if "ndjson" in plan["also"]:
        _replace(work / "conclusions.ndjson", concluded_rows.sink_ndjson)
    summary = summarized(counts, knowledge)
    _replace(work / SUMMARY, lambda path: path.write_text(json.dumps(summary, indent=2, ensure_ascii=False), encoding="utf-8"))
    _replace(work / PAGE, lambda path: path.write_text(render_cohort(summary, knowledge), encoding="utf-8"))
    for number in range(len(chunks)):
        (work / f"refused-{number:05}.parquet").unlink()
        _counts(work, number).unlink()
    work.rename(folder)
    return Outcome(folder, read, concluded, refused)


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
    if plan["files"][file] != fingerprint(Path(file)):
        raise CohortError(f"{file} has changed since the run")
    if is_record_table(Path(file)):
        try:
            return case_of_record(Path(file), name, knowledge, fingerprint)
        except RecordError as error:
            raise CohortError(str(error)) from None
    if _is_table(Path(file)):
        read = case_of_row(open_table(Path(file), knowledge.vocabulary), row, knowledge.vocabulary, knowledge.dictionary)
        if isinstance(read, Refusal):
            raise CohortError("; ".join(map(str, read.problems)))
        return read
    intake = read_case_files([Path(file)], knowledge.vocabulary, knowledge.dictionary)
    return next(case for case, _ in intake.cases if case.name == name)
