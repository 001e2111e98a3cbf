"""Tables as research databases, laboratories and spreadsheets export them: read as they are declared, or told well."""

import csv
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from expert.cohorts.evaluation import CONCLUSIONS, PAGE, REFUSALS, SUMMARY, UNRECOGNIZED_FILE, CohortError, case_of, evaluate
from facts.case import Case
from facts.intake.tables.mapping import AS_WRITTEN, declare_values, of_plain, read_mapping
from facts.problems import CharleyError
from knowledge_base.model import KnowledgeBase
from tests.functional.charley import charley


def listed(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def urgencies(folder: Path) -> dict[str, str]:
    return dict(pl.read_parquet(folder / CONCLUSIONS / "*.parquet").select("case", "urgency").rows())


def values(folder: Path, name: str, knowledge: KnowledgeBase) -> dict[str, Any]:
    case = case_of(folder, name, knowledge)
    assert isinstance(case, Case)
    return case.values


# Rows


def test_stray_quotes_and_cut_rows_cost_their_own_row_alone(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    lines = [f"p{number},a note,{20 + number},4.{number % 10}" for number in range(60)]
    lines[20] = 'p20,3" cut,40,2.1'
    lines[30] = 'p30,"open,50,4.0'
    lines[40] = 'p40,"two\nlines, and ""more""",60,2.2'
    lines[59] = "p59,a note,7"
    (tmp_path / "t.csv").write_text("case,note,age,serum_potassium\n" + "\n".join(lines), encoding="utf-8")
    for rows_a_part in (7, 500):
        outcome = evaluate([tmp_path / "t.csv"], tmp_path / f"out-{rows_a_part}", knowledge, rows_a_part=rows_a_part)
        assert (outcome.read, outcome.concluded, outcome.refused) == (60, 58, 2)
        refused = listed(outcome.folder / REFUSALS)
        assert [(row["row"], row["case"]) for row in refused] == [("31", "p30"), ("60", "p59")]
        assert "a quote" in refused[0]["reason"] and "fewer cells than the header" in refused[1]["reason"]
        assert {urgencies(outcome.folder)[name] for name in ("p20", "p40")} == {"immediate"}
        assert values(outcome.folder, "p40", knowledge)["age"] == 60


FILES = {
    "header.csv": (b"case,age\n", "no row under it"),
    "mac.csv": (b"case,age\ra,50\r", "CR alone"),
    "empty.ndjson": (b"\n\n", "the file is empty"),
}


def test_a_file_without_a_row_is_refused_and_the_others_go_on(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    for name, (content, _) in FILES.items():
        (tmp_path / name).write_bytes(content)
    pl.DataFrame(schema={"case": pl.String, "age": pl.Int64}).write_parquet(tmp_path / "none.parquet")
    (tmp_path / "good.ndjson").write_text(
        '{"case": "a", "age": 5}\n{"case": "b", "age": "5"}\n{"case": "c", "a', encoding="utf-8"
    )
    outcome = evaluate([tmp_path], tmp_path / "out", knowledge)
    assert (outcome.read, outcome.concluded, outcome.refused) == (7, 2, 5)
    reasons = "\n".join(row["reason"] for row in listed(tmp_path / "out" / REFUSALS))
    assert all(told in reasons for _, told in FILES.values())
    assert "good.ndjson:3" in reasons and "there is no row" in reasons


def test_a_table_that_changes_under_way_is_refused_and_not_read_as_another(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    from facts.intake.tables.cells import read_cells
    from facts.intake.tables.opening import open_table

    (tmp_path / "t.csv").write_text("case,age\na,1\nb,2\n", encoding="utf-8")
    table = open_table(tmp_path / "t.csv", knowledge.vocabulary)
    (tmp_path / "t.csv").write_text("case,age\na,1\n", encoding="utf-8")
    with pytest.raises(CharleyError, match="2 rows were counted from row 1 on, but 1 were read"):
        read_cells(table, 0, 2)


# Types

STRANGE: dict[str, tuple[str, Any]] = {
    "a day": ("age", pl.Series([dt.date(1970, 2, 1)])),
    "a moment": ("age", pl.Series([dt.datetime(1970, 2, 1)])),
    "a time": ("cramp_duration", pl.Series([dt.time(0, 4)])),
    "a duration": ("alcohol_stopped_days_ago", pl.Series([dt.timedelta(seconds=4)])),
    "a list": ("serum_potassium", pl.Series([[2.2]])),
    "an array": ("serum_potassium", pl.Series([[2.2]], dtype=pl.Array(pl.Float64, 1))),
    "a struct": ("serum_potassium", pl.Series([{"value": 2.2}])),
    "bytes": ("serum_potassium", pl.Series([b"2.2"])),
    "truth for a number": ("serum_potassium", pl.Series([True])),
    "no number": ("serum_potassium", pl.Series([float("nan")])),
    "a number for yes": ("muscle_weakness", pl.Series([1])),
    "a list of answers": ("muscle_weakness", pl.Series([[True]])),
    "a number for a choice": ("sex", pl.Series([2])),
    "bytes for medicines": ("medicines", pl.Series([b"HCTZ"])),
    "lists in lists of medicines": ("medicines", pl.Series([[["HCTZ"]]])),
    "numbers for medicines": ("medicines", pl.Series([[5]])),
    "nothing in a list": ("medicines", pl.Series([[None]], dtype=pl.List(pl.String))),
    "a blank in a list": ("medicines", pl.Series([[" "]])),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_column_of_another_type_is_refused_by_its_rows(name: str, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    column, series = STRANGE[name]
    frame = pl.DataFrame({"case": ["a", "b"], column: pl.concat([series, series.clear(1)])})
    frame.write_parquet(tmp_path / "t.parquet")
    outcome = evaluate([tmp_path / "t.parquet"], tmp_path / "out", knowledge)
    assert (outcome.read, outcome.concluded, outcome.refused) == (2, 1, 1)
    refused = listed(tmp_path / "out" / REFUSALS)
    assert [(row["row"], row["case"], row["column"]) for row in refused] == [("1", "a", column)]
    assert refused[0]["reason"] and refused[0]["value"]


KEYS = {
    "lists for names": {"case": [["a"]], "age": [5]},
    "days for names": {"case": [dt.date(2026, 1, 1)], "age": [5]},
    "structs for labels": {"case": ["a"], "expected_urgency": [{"level": "routine"}]},
}


@pytest.mark.parametrize("name", KEYS)
def test_names_and_labels_of_another_type_refuse_the_table(name: str, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    pl.DataFrame(KEYS[name]).write_parquet(tmp_path / "t.parquet")
    evaluate([tmp_path / "t.parquet"], tmp_path / "out", knowledge)
    assert "expected text" in listed(tmp_path / "out" / REFUSALS)[0]["reason"]


def test_typed_columns_say_what_a_case_file_says(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "case": pl.Series([7, 8]),
            "age": pl.Series([Decimal("61.5"), None]),
            "medicines": pl.Series([["HCTZ", "Ventolin"], []]),
            "stopped_medicines": pl.Series([[{"name": "diazepam", "days_ago": 4.5, "after_weeks": 30.0}], None]),
            "sex": pl.Series(["female", "male"], dtype=pl.Categorical),
            "expected_causes": pl.Series([["hypokalemia", "exertion"], None]),
        }
    )
    frame.write_parquet(tmp_path / "t.parquet")
    outcome = evaluate([tmp_path / "t.parquet"], tmp_path / "out", knowledge)
    assert (outcome.concluded, outcome.refused) == (2, 0)
    case = case_of(tmp_path / "out", "7", knowledge)
    assert case.values["age"] == 61.5 and case.values["takes_loop_or_thiazide_diuretic"] is True
    assert case.stopped_medicines is not None and case.stopped_medicines[0].days_ago == 4.5
    assert values(tmp_path / "out", "8", knowledge)["takes_loop_or_thiazide_diuretic"] is False
    causes = pl.read_parquet(tmp_path / "out" / CONCLUSIONS / "*.parquet")["expected_causes"].to_list()
    assert causes == ["hypokalemia;exertion", None]


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical, pl.Enum(["none"])])
def test_none_is_the_same_list_whatever_holds_it(dtype: Any, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    pl.DataFrame({"case": ["a"], "medicines": pl.Series(["none"], dtype=dtype)}).write_parquet(tmp_path / "t.parquet")
    outcome = evaluate([tmp_path / "t.parquet"], tmp_path / "out", knowledge)
    assert (outcome.concluded, outcome.unrecognized) == (1, 0)
    known = json.loads((tmp_path / "out" / SUMMARY).read_text(encoding="utf-8"))["known"]
    case = case_of(tmp_path / "out", "a", knowledge)
    assert case.medicines == () and set(known) == set(case.findings)


# What is declared


def test_zeros_and_ones_are_read_as_declared_and_told_well_otherwise(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("case,muscle_weakness,serum_potassium\na,1,2.2\nb,0,\nc,,4\n", encoding="utf-8")
    frame = pl.DataFrame({"case": ["d", "e", "f"], "muscle_weakness": [1.0, 0.0, None], "serum_potassium": [2.2, None, 4.0]})
    frame.write_parquet(tmp_path / "t.parquet")
    plain = charley("evaluate", tmp_path / "t.csv", tmp_path / "t.parquet", "--output", tmp_path / "plain")
    assert plain.out.startswith("6 read = 2 concluded + 4 refused")
    assert all("--yes 1 --no 0" in row["reason"] for row in listed(tmp_path / "plain" / REFUSALS))
    told = ("--yes", "1", "--no", "0")
    done = charley("evaluate", tmp_path / "t.csv", tmp_path / "t.parquet", "--output", tmp_path / "out", *told)
    assert done.status == 0 and done.out.startswith("6 read = 6 concluded")
    for case, wanted in {"a": True, "b": False, "c": None, "d": True, "e": False, "f": None}.items():
        assert values(tmp_path / "out", case, knowledge).get("muscle_weakness") is wanted
    assert urgencies(tmp_path / "out")["a"] == urgencies(tmp_path / "out")["d"] == "immediate"
    # Of a box that may be left empty, only the cross was declared.
    only = charley("evaluate", tmp_path / "t.csv", "--output", tmp_path / "only", "--yes", "1")
    assert only.out.startswith("3 read = 2 concluded + 1 refused")
    both = charley("evaluate", tmp_path / "t.csv", "--output", tmp_path / "both", "--yes", "1", "--no", "1.0")
    assert both.status == 1 and "declared both yes and no" in both.err


MAPPING = """
units: conventional
no: [0, Nein]
yes: [1, Ja]
ignore: [station]
columns:
  id: case
  k: {finding: serum_potassium, unit: mmol/L}
  mg: serum_magnesium
  geschlecht: {finding: sex, values: {1: female, 2: male}}
  tremor_box: {finding: tremor, yes: [1], unknown: [0]}
"""


def test_a_mapping_file_reads_somebody_elses_table(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "t.csv").write_text(
        "id;station;k;mg;geschlecht;tremor_box;vomiting;age\nx;B3;2,4;1,3;1;0;Ja;61\ny;B4;4;;2;1;0;70,5\nz;B5;1.234;;;;;\n",
        encoding="utf-8",
    )
    done = charley("evaluate", tmp_path / "t.csv", "--output", tmp_path / "out", "--map", tmp_path / "map.yaml")
    assert done.out.startswith("3 read = 2 concluded + 1 refused")
    assert "may be thousands or a decimal fraction" in listed(tmp_path / "out" / REFUSALS)[0]["reason"]
    case = case_of(tmp_path / "out", "x", knowledge)
    assert case.findings["serum_magnesium"].given == "1.3 mg/dL"
    wanted = {"serum_potassium": 2.4, "sex": "female", "vomiting": True, "age": 61.0}
    assert {name: case.values.get(name) for name in (*wanted, "tremor")} == {**wanted, "tremor": None}
    assert values(tmp_path / "out", "y", knowledge)["tremor"] is True
    summary = json.loads((tmp_path / "out" / SUMMARY).read_text(encoding="utf-8"))
    assert summary["tables"]["ignored"] == ["station"] and summary["tables"]["system"] == "conventional"
    assert "Columns that were ignored, as asked: station." in (tmp_path / "out" / PAGE).read_text(encoding="utf-8")
    assert "Serum potassium is 2.4 mmol/L" in charley("explain", tmp_path / "out", "x").out


def test_another_mapping_is_another_run(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("case,age,ward\na,5,B\n", encoding="utf-8")
    ignoring = of_plain({**AS_WRITTEN.plain(), "ignored": ["ward"]})
    evaluate([tmp_path / "t.csv"], tmp_path / "out", knowledge, mapping=ignoring)
    with pytest.raises(CohortError, match="exists already"):
        evaluate([tmp_path / "t.csv"], tmp_path / "out", knowledge, resume=True)
    assert evaluate([tmp_path / "t.csv"], tmp_path / "out", knowledge, resume=True, mapping=ignoring).concluded == 1


WRONG = {
    "no mapping": ("- a\n", "expected a mapping"),
    "a key that is none": ("column: {a: b}\n", "did you mean columns?"),
    "a system that is none": ("units: metric\n", "expected SI or conventional"),
    "a decimal sign that is none": ("decimal: dot\n", "expected comma or point"),
    "a value that means two things": ("yes: [1]\nno: ['1.0']\n", "declared both yes and no"),
    "a key of a column that is none": ("columns: {a: {findng: age}}\n", "did you mean finding?"),
    "a key twice": ("yes: [1]\nyes: [2]\n", "stands twice"),
    "a list for a finding": ("columns: {a: [age]}\n", "expected a finding"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mapping_that_cannot_be_used_says_where_and_why(name: str, tmp_path: Path) -> None:
    content, told = WRONG[name]
    (tmp_path / "map.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(CharleyError) as error:
        read_mapping(tmp_path / "map.yaml")
    assert told in str(error.value) and "map.yaml:" in str(error.value)


def test_ignored_columns_are_named_by_an_option_and_a_slip_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("case,ward,sample_date,age\na,B3,2026-01-02,67\n", encoding="utf-8")
    told = charley("evaluate", tmp_path / "t.csv", "--output", tmp_path / "plain")
    assert told.status == 2 and "--ignore" in listed(tmp_path / "plain" / REFUSALS)[0]["reason"]
    done = charley("evaluate", tmp_path / "t.csv", "--output", tmp_path / "out", "--ignore", "ward, sample_date")
    assert done.out.startswith("1 read = 1 concluded")
    slip = charley("evaluate", tmp_path / "t.csv", "--output", tmp_path / "slip", "--ignore", "ward,sample_dat")
    assert slip.status == 2 and "did you mean sample_date?" in listed(tmp_path / "slip" / REFUSALS)[0]["reason"]


def test_bare_numbers_of_a_table_are_refused_or_declared(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("case,serum_magnesium\na,1.3\nb,0.8\nc,1.3 mg/dL\n", encoding="utf-8")
    frame = pl.DataFrame({"case": ["d", "e"], "serum_magnesium": [1.3, 0.8]})
    frame.write_parquet(tmp_path / "t.parquet")
    files = [tmp_path / "t.csv", tmp_path / "t.parquet"]
    outcome = evaluate(files, tmp_path / "plain", knowledge)
    refused = listed(tmp_path / "plain" / REFUSALS)
    assert [row["case"] for row in refused] == ["a", "d"] and outcome.concluded == 3
    assert all("1.3 mmol/L or 1.3 mg/dL" in row["reason"] for row in refused)
    done = charley("evaluate", *files, "--output", tmp_path / "out", "--units", "conventional")
    assert done.out.startswith("5 read = 5 concluded")
    for name in ("a", "c", "d"):
        assert case_of(tmp_path / "out", name, knowledge).findings["serum_magnesium"].given == "1.3 mg/dL"


@pytest.mark.parametrize("table", ["csv", "parquet"])
def test_declared_values_do_not_touch_other_columns(table: str, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    frame = pl.DataFrame({"case": ["a"], "cramp_duration": ["1"], "fever": ["1"]})
    frame.write_csv(tmp_path / "t.csv") if table == "csv" else frame.write_parquet(tmp_path / "t.parquet")
    mapping = of_plain({**AS_WRITTEN.plain(), "values": declare_values(["1"], ["0"])})
    evaluate([tmp_path / f"t.{table}"], tmp_path / "out", knowledge, mapping=mapping)
    assert values(tmp_path / "out", "a", knowledge) == {"cramp_duration": 1.0, "fever": True}


# What was not recognized


def test_what_was_not_recognized_is_counted_and_listed(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "case,age,medicines,stopped_medicines\na,70,Zyxoril 5 mg,\nb,71,HCTZ; Zyxoril 5 mg,\nc,72,HCTZ d/c,\n"
        "d,73,HCTZ,Qwertol\ne,old,Zyxoril 5 mg,\nf,74,,\n",
        encoding="utf-8",
    )
    (tmp_path / "case.yaml").write_text("case: g\nfindings: {age: 60}\nmedicines: [Zyxoril 5 mg]\n", encoding="utf-8")
    done = charley("evaluate", tmp_path / "t.csv", tmp_path / "case.yaml", "--output", tmp_path / "out")
    assert "5 concluded with something in them that was not recognized" in done.out
    rows = listed(tmp_path / "out" / UNRECOGNIZED_FILE)
    assert sorted((row["case"], row["text"]) for row in rows) == [
        ("a", "Zyxoril 5 mg"),
        ("b", "Zyxoril 5 mg"),
        ("c", "HCTZ d/c"),
        ("d", "Qwertol"),
        ("g", "Zyxoril 5 mg"),
    ]
    told = json.loads((tmp_path / "out" / SUMMARY).read_text(encoding="utf-8"))["unrecognized"]
    assert told["cases"] == 5 and (told["most"][0]["text"], told["most"][0]["cases"]) == ("Zyxoril 5 mg", 3)
    page = (tmp_path / "out" / PAGE).read_text(encoding="utf-8")
    assert "What was not recognized" in page and "Zyxoril 5 mg" in page
    for name in "abcdg":
        assert {row["text"] for row in rows if row["case"] == name} == {
            entry.text for entry in case_of(tmp_path / "out", name, knowledge).unrecognized
        }


def test_results_of_records_that_were_not_used_are_counted_too(tmp_path: Path) -> None:
    records = Path(__file__).parents[1] / "records" / "bundle.json"
    bundle = json.loads(records.read_text(encoding="utf-8"))
    patient = next(entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Patient")
    bundle["entry"].append(
        {
            "resource": {
                "resourceType": "Observation",
                "id": "odd-one",
                "status": "final",
                "subject": {"reference": f"Patient/{patient['id']}"},
                "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
                "effectiveDateTime": "2026-02-01",
                "valueQuantity": {"value": 4.1, "unit": "stones", "system": "http://unitsofmeasure.org", "code": "[stone_av]"},
            }
        }
    )
    (tmp_path / "bundle.json").write_text(json.dumps(bundle), encoding="utf-8")
    charley("evaluate", tmp_path / "bundle.json", "--output", tmp_path / "out")
    assert any(
        "odd-one" in row["reason"] + row["text"] or "stone" in row["reason"]
        for row in listed(tmp_path / "out" / UNRECOGNIZED_FILE)
    )


def test_the_filled_example_is_read_and_so_is_the_mapping(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "example.csv").write_text(charley("schema", "table").out, encoding="utf-8")
    done = charley("evaluate", tmp_path / "example.csv", "--output", tmp_path / "out")
    assert done.status == 0 and done.out.strip().startswith("3 read = 3 concluded + 0 refused")
    (tmp_path / "map.yaml").write_text(charley("schema", "mapping").out, encoding="utf-8")
    mapping = read_mapping(tmp_path / "map.yaml")
    assert {column.finding for column in mapping.columns.values()} <= {*knowledge.vocabulary.findings, "case"}


def test_an_ending_in_capitals_tabs_and_bars_lose_no_table_of_a_folder(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "WARD.CSV").write_text("case,serum_sodium\nw,104\n", encoding="utf-8")
    (tmp_path / "in" / "lab.tsv").write_text("case\tserum_sodium\nl\t104\n", encoding="utf-8")
    (tmp_path / "in" / "bars.csv").write_text("case|serum_sodium\nb|104\n", encoding="utf-8")
    (tmp_path / "in" / "LINES.NDJSON").write_text('{"case": "n", "serum_sodium": 104}\n', encoding="utf-8")
    (tmp_path / "in" / "ONE.YAML").write_text("case: y\nfindings: {serum_sodium: 104}\n", encoding="utf-8")
    outcome = evaluate([tmp_path / "in"], tmp_path / "out", knowledge)
    assert (outcome.read, outcome.concluded) == (5, 5)
    assert urgencies(outcome.folder) == dict.fromkeys("wlbny", "immediate")


@pytest.mark.parametrize("cell", ["1.060,5", "12.345.678", "1.234"])
def test_a_number_with_signs_between_its_thousands_is_told_as_one(cell: str, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"case;creatine_kinase\na;{cell}\nb;812,5\n", encoding="utf-8")
    outcome = evaluate([tmp_path / "t.csv"], tmp_path / "out", knowledge)
    assert values(outcome.folder, "b", knowledge)["creatine_kinase"] == 812.5
    (refused,) = listed(tmp_path / "out" / REFUSALS)
    assert refused["value"] == cell
    assert "may be thousands or a decimal fraction" in refused["reason"]


def test_tables_case_files_and_broken_files_of_one_folder_are_one_run(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("case,serum_sodium\nt,104\n", encoding="utf-8")
    (tmp_path / "in" / "b.csv").write_text("case,serum_sodium,expected_urgency\ng,139,routine\n", encoding="utf-8")
    (tmp_path / "in" / "broken.csv").write_text("case,ward\nx,3\n", encoding="utf-8")
    (tmp_path / "in" / "c.yaml").write_text("case: y\nfindings: {serum_sodium: 104}\n", encoding="utf-8")
    result = charley("evaluate", tmp_path / "in", "--output", tmp_path / "out", "--also", "csv")
    assert result.status == 2
    assert "4 read = 3 concluded + 1 refused" in result.out
    assert set(pl.read_csv(tmp_path / "out" / "conclusions.csv")["case"]) == {"t", "g", "y"}
    assert values(tmp_path / "out", "y", knowledge) == {"serum_sodium": 104}
