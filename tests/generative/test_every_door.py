"""A value written in any spelling and type, and told through any door, is read alike or refused alike.

The doors: case files in YAML, JSON and JSON Lines; tables in CSV, NDJSON and Parquet, read in bulk and row by row; records in
FHIR; the prompt of a consultation, alone and among other answers; and its page.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert.consultation import replies
from expert.consultation.asking.page import one_screen
from expert.web.pages.forms import answer_field, read_page
from facts.answers import AnswerError, read_answer
from facts.case import Case
from facts.intake.case_files import read_case_files
from facts.intake.files import read_files
from facts.intake.tables.columns import read_part
from facts.intake.tables.opening import open_table
from facts.intake.tables.rows import case_of_row
from facts.medicine_lists import ListError, read_stop
from facts.quantities import Interval, at_most, bounds
from facts.vocabulary import Value
from knowledge_base.interview import Screen
from knowledge_base.model import KnowledgeBase
from tests.small_knowledge import choice, load, quantity, yes_no

REFUSED, UNKNOWN = "refused", "unknown"
Outcome: TypeAlias = Value | str
FINDINGS = {
    "level": quantity(
        "level",
        0,
        50,
        accepts=["mg/dL"],
        molar_mass=100,
        systems={"conventional": {"unit": "mg/dL", "usual": [20, 400]}},
        codes={"LOINC": "2823-3"},
    ),
    "puffs": quantity("puffs", 0, 2000, unit="count"),
    "fever": yes_no("fever"),
    "color": choice("color", "red", "dark_blue"),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    return load(tmp_path_factory.mktemp("knowledge"), FINDINGS)


# Doors. Each returns what is known of a finding after it was told, or that the telling was refused.


def of_case(case: Case | None, name: str) -> Outcome:
    if case is None:
        return REFUSED
    return case.findings[name].value if name in case.findings else UNKNOWN


def case_files(folder: Path, name: str, told: Any, knowledge: KnowledgeBase) -> Iterator[tuple[str, Outcome]]:
    entry = {"case": "a", "findings": {name: told}}
    # What is no text stands as a plain word in YAML; a text in quotes, as JSON has it, reads as it does there.
    written = {
        "case.yaml": f"case: a\nfindings: {{{name}: {json.dumps(told)}}}\n",
        "case.json": json.dumps([entry]),
        "case.jsonl": json.dumps(entry, ensure_ascii=False) + "\n",
    }
    for file, content in written.items():
        (folder / file).write_text(content, encoding="utf-8")
        intake = read_case_files([folder / file], knowledge.vocabulary, knowledge.dictionary)
        assert intake.read == len(intake.cases) + len(intake.refusals) == 1
        yield file, of_case(intake.cases[0][0] if intake.cases else None, name)


def tables(folder: Path, name: str, told: Any, knowledge: KnowledgeBase) -> Iterator[tuple[str, Outcome]]:
    text = told if isinstance(told, str) else json.dumps(told)
    (folder / "t.csv").write_text(f'case,{name}\na,"{text.replace(chr(34), chr(34) * 2)}"\n', encoding="utf-8")
    (folder / "t.ndjson").write_text(json.dumps({"case": "a", name: told}) + "\n", encoding="utf-8")
    pl.DataFrame({"case": ["a"], name: [told]}).write_parquet(folder / "t.parquet")
    for file in ("t.csv", "t.ndjson", "t.parquet"):
        table = open_table(folder / file, knowledge.vocabulary)
        part = read_part(table, 0, 1, knowledge.vocabulary, knowledge.dictionary, frozenset())
        assert part.read == part.cases.height + part.refused["row"].n_unique() == 1
        least, greatest = (
            part.cases[column][0] if part.cases.height and column in part.cases.columns else None
            for column in (name, at_most(name))
        )
        value = least if greatest is None or least == greatest else (least, greatest)
        yield file, REFUSED if not part.cases.height else UNKNOWN if value is None else value
        row = case_of_row(table, 1, knowledge.vocabulary, knowledge.dictionary)
        yield f"{file}, explained", of_case(row if isinstance(row, Case) else None, name)


def spoken(name: str, told: str, knowledge: KnowledgeBase) -> Iterator[tuple[str, Outcome]]:
    finding = knowledge.vocabulary.findings[name]
    other = "puffs" if name == "level" else "level"
    asked = one_screen(Screen("s", "S", "S?", "test", (name, "fever2"), frozenset()), (name,))
    two = one_screen(Screen("s", "S", "S?", "test", (other, name), frozenset()), (other, name))

    def kept(read: Callable[[], Any]) -> Outcome:
        try:
            stored = read()
            # What is kept of an answer is read again whenever the consultation is.
            observed = read_answer(finding, stored)
        except (replies.ReplyError, AnswerError):
            return REFUSED
        return UNKNOWN if observed is None else observed.value

    def page() -> Any:
        filled = read_page(asked, {answer_field(name): told}, knowledge)
        if filled.problems:
            raise replies.ReplyError(str(filled.problems))
        return filled.answers[name]

    yield "prompt", kept(lambda: replies.read_value(finding, told))
    yield "page", kept(page)
    if name in ("level", "puffs"):
        yield "prompt among others", kept(lambda: replies.read_screen(two, f"1=5, 2={told}", knowledge).get(name))
        yield "prompt before others", kept(lambda: replies.read_screen(two, f"2={told}, 1=5", knowledge).get(name))


def record(folder: Path, number: str, unit: str, knowledge: KnowledgeBase) -> Outcome:
    resource = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "subject": {"reference": "Patient/a"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
        "effectiveDateTime": "2026-02-01",
        "valueQuantity": {"value": json.loads(number), "unit": unit},
    }
    entries = [{"resource": {"resourceType": "Patient", "id": "a"}}, {"resource": resource}]
    (folder / "bundle.json").write_text(
        json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}), encoding="utf-8"
    )
    intake = read_files([folder / "bundle.json"], knowledge.vocabulary, knowledge.dictionary)
    # A record keeps what it cannot use apart, and the rest of it goes on.
    return intake.cases[0][0].findings["level"].value if "level" in intake.cases[0][0].findings else REFUSED


# What is told

DIGITS = st.sampled_from(
    ["0", "1", "3", "3.0", "3.1", "03", "2.50", "19.9", "20", "45", "50", "51", "120", "1e1", "-3", "+3", ".5", "5."]
)
ODD_NUMBERS = st.sampled_from(
    [
        "3,1",
        "1,5",
        "1,500",
        "1.500,5",
        "1 000",
        "1\u00a0000",
        "5 1",
        "3 .1",
        "３.１",
        "٣",
        "3_0",
        "0x3",
        "nan",
        "inf",
        "1e999",
        "--3",
        "3.1.2",
        "½",
    ]
)
UNITS = st.sampled_from(
    ["", " mmol/L", "mmol/l", " mg/dL", " MG/DL", " mol/L", " mg", " %", " 1", " count", " times", " l", " mmol / L"]
)
PARTIAL = st.sampled_from(
    ["< 3", ">= 45", "2-3", "2 to 30 mg/dL", "low", "normal", "3 H", "between 2 and 3", "< 3 > 2", "<", "3-2"]
)
SAID = ["yes", "No", " Y ", "n", "true", "FALSE", "present", "absent", "neg", "positive", "unknown", "?", "not known", "", "  "]
OTHER_WORDS = [
    "red",
    "Dark blue",
    "dark_blue",
    "blue",
    "None",
    "ja",
    "yes no",
    "=1",
    "'yes'",
    "null",
    "~",
    "01",
    "a,b",
    "\u200byes",
]
WORDS = st.sampled_from([*SAID, *OTHER_WORDS])
NUMBERS = st.builds("{}{}".format, st.one_of(DIGITS, ODD_NUMBERS), UNITS)
TEXTS = st.one_of(NUMBERS, NUMBERS, PARTIAL, WORDS)
TYPED = st.one_of(
    st.booleans(), st.sampled_from([0, 1, 3, 20, 45, 51, -3, 10**6]), st.sampled_from([0.0, 3.1, 19.99, 20.5, 1e-7, 3e8])
)


def alike(outcomes: Mapping[str, Outcome], told: Any) -> None:
    distinct = {json.dumps(outcome, default=str) for outcome in outcomes.values()}
    assert len(distinct) == 1, (told, dict(outcomes))


@given(name=st.sampled_from(sorted(FINDINGS)), told=st.one_of(TEXTS, TEXTS, TYPED))
def test_an_answer_is_read_alike_or_refused_alike_through_every_door(
    name: str, told: Any, small: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("doors")
    outcomes = dict(case_files(folder, name, told, small))
    if isinstance(told, str) and not answers_the_prompt_alone(name, told):
        outcomes |= dict(spoken(name, told, small))
    outcomes |= dict(tables(folder, name, told, small))
    # A table holds the two ends of a number that is known in part.
    alike({door: bounds(value) if isinstance(value, Interval) else value for door, value in outcomes.items()}, told)


def answers_the_prompt_alone(name: str, told: str) -> bool:
    """Return whether a reply means something only where a question was asked: a number among choices, "none", a blank."""
    folded = told.strip().casefold()
    return (
        not folded
        or (name == "fever" and folded in replies.NONE | {"none"})
        or (name == "color" and folded.isdigit())
        or "=" in told
    )


@given(
    number=st.sampled_from(["3", "3.1", "19.9", "20", "45", "51", "-3"]),
    unit=st.sampled_from(["mmol/L", "mg/dL", "mol/L", "stone"]),
)
def test_a_result_of_a_record_is_read_as_a_case_file_reads_it(
    number: str, unit: str, small: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("doors")
    outcomes = dict(case_files(folder, "level", f"{number} {unit}", small))
    alike({**outcomes, "record": record(folder, number, unit, small)}, (number, unit))


NAMES = st.sampled_from(["HCTZ", "Ventolin 2 puffs", "Zyxoril", "diazepam d/c", "none", ""])
LISTS = st.one_of(
    st.lists(NAMES, max_size=3),
    st.lists(NAMES, max_size=3).map(";".join),
    st.sampled_from(["none", "NONE", "", " ", ";", "; ;", "unknown", "?"]),
    st.lists(st.one_of(NAMES, st.none()), max_size=2),
)


@given(told=LISTS)
def test_a_list_of_medicines_is_read_alike_or_refused_alike(
    told: Any, small: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("doors")
    entry = {"case": "a", "medicines": told}
    (folder / "case.yaml").write_text(f"case: a\nmedicines: {json.dumps(told)}\n", encoding="utf-8")
    (folder / "case.json").write_text(json.dumps({**entry, "findings": {}}), encoding="utf-8")
    (folder / "t.ndjson").write_text(json.dumps(entry) + "\n", encoding="utf-8")
    dtype = pl.String if isinstance(told, str) else pl.List(pl.String)
    pl.DataFrame({"case": ["a"], "medicines": pl.Series([told], dtype=dtype)}).write_parquet(folder / "t.parquet")
    if isinstance(told, str):
        (folder / "t.csv").write_text(f'case,medicines\na,"{told}"\n', encoding="utf-8")
    outcomes: dict[str, Any] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix in (".yaml", ".json"):
            intake = read_case_files([file], small.vocabulary, small.dictionary)
            outcomes[file.name] = listed(intake.cases[0][0] if intake.cases else None)
            continue
        table = open_table(file, small.vocabulary)
        row = case_of_row(table, 1, small.vocabulary, small.dictionary)
        outcomes[file.name] = listed(row if isinstance(row, Case) else None)
        part = read_part(table, 0, 1, small.vocabulary, small.dictionary, frozenset())
        assert bool(part.cases.height) is (outcomes[file.name] != REFUSED)
        assert part.unrecognized["text"].to_list() == ([e.text for e in row.unrecognized] if isinstance(row, Case) else [])
    alike(outcomes, told)
    # Only an empty list and the word none say that nothing is taken.
    if outcomes["case.yaml"] == []:
        assert told == [] or (isinstance(told, str) and told.strip().casefold() == "none")


def listed(case: Case | None) -> Any:
    if case is None:
        return REFUSED
    return None if case.medicines is None else list(case.medicines)


AGO = st.sampled_from(
    ["", ", 3 days ago", " 3 days ago", ", 3,5 days ago", ", 2 weeks ago", ", 1-2 days ago", ", 1,500 days ago", " ago"]
)
AFTER = st.sampled_from(["", ", after 26 weeks", " after 6 months", ", for 2,5 weeks", ", after long"])


@given(name=st.sampled_from(["diazepam", "diazepam 5 mg", ""]), ago=AGO, after=AFTER)
def test_a_stop_is_read_alike_or_refused_alike(
    name: str, ago: str, after: str, small: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    told = f"{name}{ago}{after}"
    folder = tmp_path_factory.mktemp("doors")
    try:
        stop = read_stop(told)
        wanted: Any = [(stop.name, stop.days_ago, stop.after_weeks)]
    except ListError:
        wanted = REFUSED
    if not told.strip():
        return
    (folder / "case.yaml").write_text(f"case: a\nstopped_medicines: [{json.dumps(told)}]\n", encoding="utf-8")
    (folder / "t.csv").write_text(f'case,stopped_medicines\na,"{told}"\n', encoding="utf-8")
    intake = read_case_files([folder / "case.yaml"], small.vocabulary, small.dictionary)
    row = case_of_row(open_table(folder / "t.csv", small.vocabulary), 1, small.vocabulary, small.dictionary)
    try:
        typed: Any = [(one["name"], one.get("days_ago"), one.get("after_weeks")) for one in replies.read_stopped(told) or []]
    except replies.ReplyError:
        typed = REFUSED
    outcomes = {
        "case.yaml": stops(intake.cases[0][0] if intake.cases else None),
        "t.csv": stops(row if isinstance(row, Case) else None),
        "prompt": typed,
    }
    assert all(outcome == wanted for outcome in outcomes.values()), (told, wanted, outcomes)


def stops(case: Case | None) -> Any:
    if case is None:
        return REFUSED
    return [(stop.name, stop.days_ago, stop.after_weeks) for stop in case.stopped_medicines or ()]
