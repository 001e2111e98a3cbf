"""`charley evaluate` and `charley explain`: the same conclusions as one case at a time, nothing lost, runs that resume."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks.synthetic import frame
from expert.cohorts.evaluation import CONCLUSIONS, PAGE, REFUSALS, RULE_STATES, SUMMARY, CohortError, case_of, evaluate
from expert.cohorts.layout import RULE, SIGN, STANDING
from expert.inference.assessing import Assessor
from facts.case import IMPLIED, Case
from facts.intake.case_files import read_case_files
from facts.intake.tables.mapping import AS_WRITTEN
from facts.vocabulary import QuantityFinding, YesNoFinding
from knowledge_base.model import KnowledgeBase
from reports.json_report import plain
from tests.functional.charley import charley

# Bare figures are in each finding's own unit.
SI = replace(AS_WRITTEN, system="SI")
VIGNETTES = Path(__file__).parents[1] / "knowledge" / "cases" / "vignettes"


@pytest.fixture(scope="module")
def vignettes(knowledge: KnowledgeBase) -> list[Case]:
    return [case for case, _ in read_case_files([VIGNETTES], knowledge.vocabulary, knowledge.dictionary).cases]


def rows(cases: Iterable[Case], *, text: bool) -> list[dict[str, Any]]:
    """Return cases as rows of a table: as text, or with the types of a table that has them."""
    written = []
    for case in cases:
        row: dict[str, Any] = {"case": case.name}
        for name, observed in case.findings.items():
            if observed.origin and not observed.origin.startswith(IMPLIED):
                continue
            if not observed.origin:
                row[name] = (observed.given or str(observed.value)) if text else observed.value
        if case.medicines is not None:
            row["medicines"] = ("; ".join(case.medicines) or "none") if text else list(case.medicines)
        if case.stopped_medicines is not None:
            row["stopped_medicines"] = "; ".join(
                f"{stop.name}, {stop.days_ago:g} days ago, after {stop.after_weeks:g} weeks" for stop in case.stopped_medicines
            )
        row["expected_urgency"] = case.expected.urgency
        row["expected_causes"] = ";".join(case.expected.causes) or None
        written.append(row)
    return written


def table(cases: list[Case], path: Path, knowledge: KnowledgeBase) -> Path:
    text = path.suffix == ".csv"
    entries = rows(cases, text=text)
    names = list(dict.fromkeys(name for entry in entries for name in entry))
    if path.suffix == ".ndjson":
        path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
        return path
    findings = knowledge.vocabulary.findings
    schema: dict[str, Any] = dict.fromkeys(names, pl.String)
    if not text:
        schema.update({name: pl.Boolean for name in names if isinstance(findings.get(name), YesNoFinding)})
        schema.update({name: pl.Float64 for name in names if isinstance(findings.get(name), QuantityFinding)})
        schema["medicines"] = pl.List(pl.String)
    frame = pl.DataFrame([tuple(entry.get(name) for name in names) for entry in entries], schema=schema, orient="row")
    if text:
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    return path


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".ndjson", ".yaml"])
def test_every_vignette_is_concluded_and_explained_as_its_report_is(
    ending: str, vignettes: list[Case], knowledge: KnowledgeBase, assessor: Assessor, tmp_path: Path
) -> None:
    source = VIGNETTES if ending == ".yaml" else table(vignettes, tmp_path / f"cohort{ending}", knowledge)
    outcome = evaluate([source], tmp_path / "out", knowledge, rows_a_part=10, mapping=AS_WRITTEN if source == VIGNETTES else SI)
    assert (outcome.read, outcome.concluded, outcome.refused) == (len(vignettes), len(vignettes), 0)
    concluded = {row["case"]: row for row in pl.read_parquet(tmp_path / "out" / CONCLUSIONS / "*.parquet").to_dicts()}
    states = {row["case"]: row for row in pl.read_ipc(tmp_path / "out" / RULE_STATES / "*.arrow").to_dicts()}
    for case in vignettes:
        full, row = assessor.assess(case), concluded[case.name]
        urgency = full.urgency
        assert (row["urgency"], row["ceiling"], row["decided"]) == (urgency.level, urgency.ceiling, urgency.decided)
        assert {cause.id: row[STANDING + cause.id] for cause in full.causes} == {
            cause.id: cause.standing for cause in full.causes
        }
        assert {name for name in knowledge.warning_signs if row[SIGN + name]} == {sign.id for sign in full.warning_signs}
        truths = assessor.judge.truths(assessor.judge(case.values))
        assert {name: states[case.name][RULE + name] for name in knowledge.rules} == {
            name: truths[name] for name in knowledge.rules
        }
        assert row["rules_fired"] == [name for name in knowledge.rules if truths[name]]
        if ending in (".csv", ".yaml"):
            # Every field, what was written in other units included.
            assert plain(assessor.assess(case_of(tmp_path / "out", case.name, knowledge))) == plain(full)
    page = (tmp_path / "out" / PAGE).read_text(encoding="utf-8")
    assert (
        "Against the labels" in page
        and "Urgency by the sex" in page
        and "<script" not in page
        and "http" not in page.replace("http-equiv", "")
    )
    against = json.loads((tmp_path / "out" / SUMMARY).read_text(encoding="utf-8"))["against_labels"]
    assert against["urgency"]["right"]["share"] == 1.0 and against["under_triaged"] == []
    assert against["causes"]["first"]["count"] == against["causes"]["top_3"]["count"] == against["causes"]["cases"]


HEADER = "case,age,serum_potassium,serum_magnesium [mg/dL],diarrhea,pregnant,sex,muscle_weakness,weakness_onset,medicines\n"
BAD = {
    "a number in a yes/no column": ("a,50,4,,3.1,,,,,\n", "diarrhea", "expected yes or no"),
    "a word in a number column": ("a,old,4,,,,,,,\n", "age", "a number in years was expected"),
    "outside the range": ("a,50,44,,,,,,,\n", "serum_potassium", "outside the plausible range"),
    "outside the range in another unit": ("a,50,,400,,,,,,\n", "serum_magnesium [mg/dL]", "outside the plausible range"),
    "a choice that is none": ("a,50,,,,,lady,,,\n", "sex", "expected female or male or other"),
    "what requires a no": ("a,50,,,,,,no,sudden,\n", "weakness_onset", "muscle_weakness is no"),
    "answers that contradict": ("a,50,,,,yes,male,,,\n", None, "contradict"),
    "too many cells": ("a,50,,,,,,,,,more\n", "", "more cells than the header"),
    "no name": (",50,,,,,,,,\n", "case", "no name"),
    "a name that stands twice": ("good,50,,,,,,,,\n", "case", "has this name already"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_refused_with_its_place_and_the_others_go_on(name: str, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    line, column, told = BAD[name]
    (tmp_path / "cohort.csv").write_text(HEADER + "good,50,2.4 mmol/l,1.9,no,,,,,HCTZ\n" + line, encoding="utf-8")
    outcome = evaluate([tmp_path / "cohort.csv"], tmp_path / "out", knowledge)
    assert (outcome.read, outcome.concluded, outcome.refused) == (2, 1, 1)
    refused = pl.read_csv(tmp_path / "out" / REFUSALS, infer_schema=False)
    assert refused["row"].to_list() == ["2"]
    assert refused["column"].to_list() == [column]
    assert told in refused["reason"][0]


FILES = {
    "a column that nobody knows": (b"case,serum_potasium\na,4\n", "serum_potassium"),
    "a unit that is none": (b"case,serum_potassium [stone]\na,4\n", "takes mmol/L"),
    "no column of names": (b"serum_potassium\n4\n", "no column case"),
    "a column that stands twice": (b"case,age,age\na,4,4\n", "are both age"),
    "an empty file": (b"", "empty"),
    "bytes that are no text": (b"case,age\n\xff\xfe,4\n", "not UTF-8"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_table_is_refused_whole_and_the_others_go_on(name: str, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    content, told = FILES[name]
    (tmp_path / "bad.csv").write_bytes(content)
    (tmp_path / "good.csv").write_bytes(b"\xef\xbb\xbfcase,age\na,50\n")
    outcome = evaluate([tmp_path / "bad.csv", tmp_path / "good.csv"], tmp_path / "out", knowledge)
    assert outcome.concluded == 1 and outcome.refused == outcome.read - 1 == 1
    assert told in (tmp_path / "out" / REFUSALS).read_text(encoding="utf-8")


def test_one_row_that_is_no_text_does_not_lose_the_others(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    lines = [b"c%d,%d\n" % (row, row % 90) for row in range(5_000)]
    lines[3_210] = b"\xff\xfe,4\n"
    (tmp_path / "cohort.csv").write_bytes(b"case,age\n" + b"".join(lines))
    outcome = evaluate([tmp_path / "cohort.csv"], tmp_path / "out", knowledge, rows_a_part=1_000)
    assert (outcome.concluded, outcome.refused) == (4_999, 1)
    assert ",3211," in (tmp_path / "out" / REFUSALS).read_text(encoding="utf-8")


def test_a_truncated_parquet_file_is_refused(knowledge: KnowledgeBase, vignettes: list[Case], tmp_path: Path) -> None:
    whole = table(vignettes, tmp_path / "whole.parquet", knowledge)
    (tmp_path / "half.parquet").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    outcome = evaluate([tmp_path / "half.parquet", whole], tmp_path / "out", knowledge, mapping=SI)
    assert (outcome.concluded, outcome.refused) == (len(vignettes), 1)
    assert "cannot be read as parquet" in (tmp_path / "out" / REFUSALS).read_text(encoding="utf-8")


def test_cases_on_one_line_are_counted_each(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    one_line = (
        '[{"case":"a","findings":{"x":1}},{"case":"b","findings":{"y":1}},{"case":"c","findings":{"age":40}},'
        '{"case":"d","findings":{"age":70}}]'
    )
    (tmp_path / "cases.json").write_text(one_line, encoding="utf-8")
    outcome = evaluate([tmp_path / "cases.json"], tmp_path / "out", knowledge)
    assert (outcome.read, outcome.concluded, outcome.refused) == (4, 2, 2)
    by_age = json.loads((tmp_path / "out" / SUMMARY).read_text(encoding="utf-8"))["strata"]["age"]
    assert sum(sum(levels.values()) for levels in by_age.values()) == 2


def test_a_formula_in_a_cell_stays_text(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "cohort.csv").write_text('case,age\n"=HYPERLINK(""x"")",old\n', encoding="utf-8")
    evaluate([tmp_path / "cohort.csv"], tmp_path / "out", knowledge)
    assert "'=HYPERLINK" in (tmp_path / "out" / REFUSALS).read_text(encoding="utf-8")


def test_a_run_that_was_killed_resumes_to_the_same_bytes(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    count = 30_000
    ages = pl.int_range(0, count, eager=True)
    frame = pl.DataFrame({"case": ages.cast(pl.String), "age": (ages % 90).cast(pl.Float64), "vomiting": ages % 7 == 0})
    frame.write_parquet(tmp_path / "cohort.parquet")
    program = (
        "import sys; from pathlib import Path; from expert.cohorts.evaluation import evaluate;"
        "from knowledge_base.loading import load_knowledge_base;"
        "evaluate([Path(sys.argv[1])], Path(sys.argv[2]), load_knowledge_base(), rows_a_part=3_000, resume=True)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "cohort.parquet"), str(tmp_path / "killed")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    partial = tmp_path / "killed.partial"
    deadline = time.monotonic() + 60
    while not (partial / "counts-00002.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stderr is not None
    process.stderr.close()
    assert partial.exists() and not (tmp_path / "killed").exists()
    finished = {path.name: path.stat().st_mtime_ns for path in partial.glob("counts-*.json")}
    assert finished
    with pytest.raises(CohortError, match="--resume"):
        evaluate([tmp_path / "cohort.parquet"], tmp_path / "killed", knowledge, rows_a_part=3_000)
    with pytest.raises(CohortError, match="other files"):
        evaluate([tmp_path / "cohort.parquet"], tmp_path / "killed", knowledge, rows_a_part=5_000, resume=True)
    first = (partial / CONCLUSIONS / "part-00000.parquet").stat().st_mtime_ns
    evaluate([tmp_path / "cohort.parquet"], tmp_path / "killed", knowledge, rows_a_part=3_000, resume=True)
    assert (tmp_path / "killed" / CONCLUSIONS / "part-00000.parquet").stat().st_mtime_ns == first
    evaluate([tmp_path / "cohort.parquet"], tmp_path / "whole", knowledge, rows_a_part=3_000)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_command_says_what_it_did_and_explains(tmp_path: Path) -> None:
    (tmp_path / "cohort.csv").write_text("case,serum_potassium\na,2.4\nb,old\n", encoding="utf-8")
    done = charley("evaluate", tmp_path / "cohort.csv", "--output", tmp_path / "out")
    assert done.status == 2
    assert done.out.startswith("2 read = 1 concluded + 1 refused")
    assert "Serum potassium is 2.4 mmol/L" in charley("explain", tmp_path / "out", "a").out
    assert "was not concluded" in charley("explain", tmp_path / "out", "b").err
    assert "exists already" in charley("evaluate", tmp_path / "cohort.csv", "--output", tmp_path / "out").err
    assert "not a folder that" in charley("explain", tmp_path, "a").err
    (tmp_path / "cohort.csv").write_text("case,serum_potassium\na,4.4\nb,old\n", encoding="utf-8")
    assert "has changed since" in charley("explain", tmp_path / "out", "a").err
    assert charley("evaluate", tmp_path / "none.csv", "--output", tmp_path / "other").status == 1
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0


def test_only_some_columns_and_further_formats_may_be_wanted(tmp_path: Path) -> None:
    (tmp_path / "cohort.csv").write_text("case,serum_potassium\n=a,2.4\nb,4\n", encoding="utf-8")
    out = tmp_path / "out"
    wanted = ("--columns", "urgency,leading_cause", "--also", "csv", "--also", "ndjson")
    assert charley("evaluate", tmp_path / "cohort.csv", "--output", out, *wanted).status == 0
    columns = ["case", "file", "row", "urgency", "ceiling", "decided", "leading_cause"]
    assert pl.read_parquet(out / CONCLUSIONS / "*.parquet").columns == columns
    table = pl.read_csv(out / "conclusions.csv")
    assert table.columns == columns and table["case"].to_list() == ["'=a", "b"]
    lines = [json.loads(line) for line in (out / "conclusions.ndjson").read_text(encoding="utf-8").splitlines()]
    assert [line["urgency"] for line in lines] == ["immediate", "routine"]
    # The summary counts what was not written too.
    summary = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    assert summary["rules"]["hypokalemia-measured"]["fired"] == 1
    wrong = charley("evaluate", tmp_path / "cohort.csv", "--output", tmp_path / "other", "--columns", "colour")
    assert wrong.status == 2 and "no group of columns" in wrong.err
    limited = charley("evaluate", tmp_path / "cohort.csv", "--output", tmp_path / "one", "--limit", 1)
    assert limited.out.startswith("1 read = 1 concluded")


@pytest.mark.parametrize(
    ("columns", "file"), [("urgency,leading_cause,warning_signs,standings,fired", CONCLUSIONS), ("urgency,rules", RULE_STATES)]
)
def test_a_full_disk_is_a_clear_message_and_the_run_goes_on_when_there_is_room(
    columns: str, file: str, knowledge: KnowledgeBase, tmp_path: Path
) -> None:
    source, out = tmp_path / "cohort.csv", tmp_path / "out"
    names = [name for name, finding in knowledge.vocabulary.findings.items() if isinstance(finding, YesNoFinding)][:40]
    draw = random.Random(4)
    lines = (f"c{row},{','.join(draw.choice(('yes', 'no', '')) for _ in names)}\n" for row in range(5_000))
    source.write_text(f"case,{','.join(names)}\n" + "".join(lines), encoding="utf-8")
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "sys.argv = ['charley', *sys.argv[1:]]; from expert.command_line import main; main()"
    )
    words = ["evaluate", str(source), "--output", str(out), "--columns", columns]
    plain_environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    result = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=120, check=False, env=plain_environment
    )
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert f"{file}/part-00000" in result.stderr and "cannot be written" in result.stderr and "--resume" in result.stderr
    assert not out.exists()
    assert [path.name for path in (tmp_path / "out.partial" / file).iterdir()] == []
    done = charley(*words, "--resume")
    whole = charley("evaluate", source, "--output", tmp_path / "whole", "--columns", columns)
    assert done.out.partition(";")[0] == whole.out.partition(";")[0]
    assert (done.status, contents(out)) == (whole.status, contents(tmp_path / "whole"))


def test_two_writers_of_the_same_parts_leave_what_one_would(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    """A worker that is given up may still live: it and the one in its place write the same files at the same time."""
    frame(knowledge, 0, 3_000, seed=9).write_parquet(tmp_path / "cohort.parquet")
    program = (
        "import sys, time; from pathlib import Path; from dataclasses import replace\n"
        "from expert.cohorts.parts import conclude_part\n"
        "from expert.cohorts.run import PlannedPart, Run\n"
        "from facts.intake.tables.mapping import AS_WRITTEN\n"
        "from facts.intake.tables.opening import open_table\n"
        "from knowledge_base.loading import load_knowledge_base\n"
        "source, work, begin = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])\n"
        "knowledge = load_knowledge_base()\n"
        "table = open_table(source, knowledge.vocabulary, replace(AS_WRITTEN, system='SI'))\n"
        "run = Run(work, knowledge, ('urgency', 'fired', 'rules'), None)\n"
        "time.sleep(max(0, begin - time.time()))\n"
        "for number in range(6): conclude_part(PlannedPart(number, (str(source),), number * 500, 500, table), run)\n"
    )

    def write(work: Path, writers: int) -> dict[str, bytes]:
        for name in (CONCLUSIONS, RULE_STATES):
            (work / name).mkdir(parents=True)
        words = [sys.executable, "-c", program, str(tmp_path / "cohort.parquet"), str(work), str(time.time() + 4)]
        processes = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(writers)]
        told = [process.communicate(timeout=120)[1] for process in processes]
        assert told == [""] * writers
        return contents(work)

    assert write(tmp_path / "together", 2) == write(tmp_path / "alone", 1)


def test_two_runs_in_one_process_do_not_mix_their_cases(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    for seed in (1, 2):
        frame(knowledge, 0, 900, seed=seed).write_parquet(tmp_path / f"{seed}.parquet")

    def run(seed: int, out: str) -> dict[str, bytes]:
        folder = tmp_path / f"{out}-{seed}"
        evaluate([tmp_path / f"{seed}.parquet"], folder, knowledge, rows_a_part=300, mapping=SI)
        return contents(folder)

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(run, (1, 2), ("together", "together")))
    assert together == [run(1, "alone"), run(2, "alone")]
