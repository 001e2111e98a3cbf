"""Cohorts: files of cases in, a folder of conclusions out, part by part, so that memory stays small and a killed run resumes.

A part is some rows of one file. Each is read, concluded and written under a temporary name, and counts only once it has its
own; the folder has its own name only when every part is there and read = concluded + refused. The work that is not finished
stands in `FOLDER.partial`, with the plan that it follows.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from expert.cohorts.drift import changed_cases, require_run, summarize_drift
from expert.cohorts.engines import DEFAULT, ENGINES, ROWS_A_PART
from expert.cohorts.layout import FIRED, GROUPS, RULES
from expert.cohorts.plan import files_of, fingerprint, is_table, labels_of, make_plan, parts_of
from expert.cohorts.record_tables import RecordError, case_of_record, is_record_table
from expert.cohorts.run import (
    CONCLUSIONS,
    RULE_STATES,
    UNFINISHED,
    CohortError,
    Run,
    counts_of,
    refused_of,
    sync,
    unrecognized_of,
    write_whole,
)
from expert.cohorts.summary import merge, summarize
from facts.case import Case
from facts.intake.case_files import Refusal, read_case_files
from facts.intake.tables.columns import UNRECOGNIZED
from facts.intake.tables.mapping import AS_WRITTEN, TableMapping, of_plain
from facts.intake.tables.opening import CASE, REFUSED, Table, open_table
from facts.intake.tables.rows import case_of_row
from facts.problems import CharleyError
from knowledge_base.model import KnowledgeBase
from reports.cohort_report import render_cohort

__all__ = [
    "CONCLUSIONS",
    "DRIFT",
    "GROUPS",
    "PAGE",
    "PLAN",
    "REFUSALS",
    "ROWS_A_PART",
    "RULE_STATES",
    "SUMMARY",
    "UNRECOGNIZED_FILE",
    "CohortError",
    "RunResult",
    "case_of",
    "evaluate",
]

REFUSALS, UNRECOGNIZED_FILE = "refused.csv", "unrecognized.csv"
SUMMARY, PAGE, PLAN, DRIFT = "summary.json", "cohort.html", "plan.json", "drift.csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class RunResult:
    """What a run did: rows read, concluded and refused, those with something unrecognized, and where it is."""

    folder: Path
    read: int
    concluded: int
    refused: int
    unrecognized: int


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
    engine: str = DEFAULT,
    master: str | None = None,
    mapping: TableMapping = AS_WRITTEN,
    against: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, rows: None,
    notice: Callable[[str], None] = lambda text: None,
) -> RunResult:
    """Conclude every case of the files into a folder. `progress` is told how many rows of how many are done.

    `kept` names what to write of each case (the summary counts all of it), `also` further formats: csv, ndjson. `engine`
    is one of `ENGINES`; `mapping` says how tables are read; `master` says where Spark is, which is told to `notice` when it
    keeps us waiting. The plan does not name the engine: all write the same, and one may finish what another began. `against` is
    the folder of an earlier run, with which verdicts and leading causes are compared.

    Raises CohortError when the folder is in the way, an unfinished run is another one, the engine is not there, or nothing can
    be written. A file that cannot be read is refused like a row.
    """
    ENGINES[engine].require(master)
    if against is not None:
        require_run(against)
        if lacking := {"urgency", "leading_cause"} - {*kept}:
            raise CohortError(f"to compare runs, --columns must have {' and '.join(sorted(lacking))}")
    if folder.exists() and not resume:
        raise CohortError(f"{folder} exists already; name another folder, or remove it first")
    work = folder.with_name(folder.name + ".partial")
    found = [file for path in files for file in files_of(path)]
    if not found:
        raise CohortError("no file of cases was found; a folder stands for the files in it")
    tables: dict[str, Table] = {}
    unreadable: dict[str, CharleyError] = {}
    for file in found:
        try:
            if is_table(file):
                # Tables made of records are our own, and nothing is to be mapped in them.
                tables[str(file)] = open_table(file, knowledge.vocabulary, AS_WRITTEN if is_record_table(file) else mapping)
        except CharleyError as error:
            unreadable[str(file)] = error
    plan = {
        **make_plan(found, tables, unreadable, knowledge, rows_a_part, limit),
        "kept": list(kept),
        "also": list(also),
        "mapping": mapping.plain(),
        "against": None if against is None else str(against),
    }
    if folder.exists():
        return _finished(folder, plan)
    _begin(work, plan, resume)
    if (work / SUMMARY).exists():
        # Everything is written; only the end of the end is missing.
        return _close(work, folder, plan)
    parts = parts_of(plan, tables, unreadable)
    run = Run(work, knowledge, tuple(kept), limit, mapping.system, labels_of(parts))
    rows = sum(part.count for part in parts)
    waiting = [part for part in parts if not counts_of(work, part.number).exists()]
    done = rows - sum(part.count for part in waiting)
    progress(done, rows)
    ENGINES[engine].conclude(waiting, run, master, lambda more: progress(done + more, rows), notice)
    return _finish(work, folder, plan, knowledge)


def _begin(work: Path, plan: dict[str, Any], resume: bool) -> None:
    written = json.dumps(plan, indent=1, sort_keys=True)
    if work.exists() and resume:
        before = work / PLAN
        if before.is_file() and before.read_text(encoding="utf-8") != written:
            raise CohortError(f"{work} is a run over other files, rows or knowledge; remove it, or leave out --resume")
        _remove_unfinished(work)
        if before.is_file():
            return
        if any(path not in (work / CONCLUSIONS, work / RULE_STATES) for path in work.iterdir()):
            raise CohortError(f"{work} is not the folder of a run; remove it, or name another folder")
    elif work.exists():
        raise CohortError(f"{work} holds an unfinished run; go on with --resume, or remove it")
    for name in (CONCLUSIONS, RULE_STATES):
        if name == CONCLUSIONS or RULES in plan["kept"]:
            (work / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    work.chmod(0o700)
    write_whole(work / PLAN, lambda path: path.write_text(written, encoding="utf-8"))


# The end


def _finish(work: Path, folder: Path, plan: dict[str, Any], knowledge: KnowledgeBase) -> RunResult:
    """Write what belongs to the whole run, the summary last: once that is there, nothing but names is left to do."""
    numbers = range(len(plan["chunks"]))
    counts = merge([json.loads(counts_of(work, number).read_text(encoding="utf-8")) for number in numbers])
    read, concluded, refused = counts["read"], counts["concluded"], counts["refused"]
    if read != concluded + refused:
        raise AssertionError(f"{read} rows read, but {concluded} concluded and {refused} refused")
    _write_list(work / REFUSALS, REFUSED, [refused_of(work, number) for number in numbers])
    unrecognized = _write_list(work / UNRECOGNIZED_FILE, UNRECOGNIZED, [unrecognized_of(work, number) for number in numbers])
    concluded_rows = pl.scan_parquet(work / CONCLUSIONS / "*.parquet")
    if "csv" in plan["also"]:
        lists = [pl.col(FIRED).cast(pl.List(pl.String)).list.join(";")] if "fired" in plan["kept"] else []
        write_whole(work / "conclusions.csv", concluded_rows.with_columns(_harmless(CASE), _harmless("file"), *lists).sink_csv)
    if "ndjson" in plan["also"]:
        write_whole(work / "conclusions.ndjson", concluded_rows.sink_ndjson)
    summary = summarize(counts, unrecognized, plan["mapping"], knowledge)
    if plan["against"] is not None:
        before = Path(plan["against"])
        changed = changed_cases(before, work)
        write_whole(work / DRIFT, changed.with_columns(_harmless(CASE)).write_csv)
        summary["against_run"] = summarize_drift(before, work, changed)
    write_whole(work / PAGE, lambda path: path.write_text(render_cohort(summary, knowledge), encoding="utf-8"))
    write_whole(
        work / SUMMARY, lambda path: path.write_text(json.dumps(summary, indent=2, ensure_ascii=False), encoding="utf-8")
    )
    return _close(work, folder, plan)


def _close(work: Path, folder: Path, plan: dict[str, Any]) -> RunResult:
    """Remove what only the parts needed, and give the folder its name. Whatever of it was done before, the rest can be done."""
    for number in range(len(plan["chunks"])):
        for path in (refused_of(work, number), unrecognized_of(work, number), counts_of(work, number)):
            path.unlink(missing_ok=True)
    _remove_unfinished(work)
    sync(work)
    work.rename(folder)
    sync(folder.parent)
    return _result(folder)


def _finished(folder: Path, plan: dict[str, Any]) -> RunResult:
    """Return the outcome of a run that had ended when it was broken off. Raises CohortError when it was another run."""
    try:
        before = json.loads((folder / PLAN).read_text(encoding="utf-8"))
        outcome = _result(folder)
    except (OSError, ValueError, KeyError):
        before, outcome = None, None
    if outcome is None or before != json.loads(json.dumps(plan)):
        raise CohortError(f"{folder} exists already; name another folder, or remove it first")
    return outcome


def _result(folder: Path) -> RunResult:
    summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    rows = summary["rows"]
    return RunResult(folder, rows["read"], rows["concluded"], rows["refused"], summary["unrecognized"]["cases"])


def _write_list(path: Path, schema: dict[str, Any], parts: Sequence[Path]) -> pl.DataFrame:
    listed = pl.concat([pl.DataFrame(schema=schema), *map(pl.read_parquet, parts)])
    write_whole(path, listed.with_columns(_harmless(name) for name in schema if name != "row").write_csv)
    return listed


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
    mapping = of_plain(plan["mapping"])
    file, row = found.row(0)
    if plan["files"][file] != fingerprint(Path(file)):
        raise CohortError(f"{file} has changed since the run")
    if is_record_table(Path(file)):
        try:
            return case_of_record(Path(file), name, knowledge)
        except RecordError as error:
            raise CohortError(str(error)) from None
    if is_table(Path(file)):
        table = open_table(Path(file), knowledge.vocabulary, mapping)
        read = case_of_row(table, row, knowledge.vocabulary, knowledge.dictionary)
        if isinstance(read, Refusal):
            raise CohortError("; ".join(map(str, read.problems)))
        return read
    intake = read_case_files([Path(file)], knowledge.vocabulary, knowledge.dictionary, mapping.system)
    return next(case for case, _ in intake.cases if case.name == name)
