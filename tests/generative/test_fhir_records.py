"""Records damaged at random: reading never raises, loses nothing in silence, and never makes a "no" of what is not recorded."""

import copy
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expert.inference.assessing import Assessor, ContradictoryCase
from facts.case import IMPLIED, Case
from facts.intake.case_files import Intake
from facts.intake.fhir.intake import cases_from_resources
from facts.intake.files import read_files
from knowledge_base.model import KnowledgeBase
from reports.formats import FORMATS
from tests.fhir_samples import RECORDS, SHARED

OWN = json.loads((RECORDS / "bundle.json").read_text(encoding="utf-8"))
REAL = ("fhir_smart/smart-5555002.json.gz", "fhir_smart/smart-1032702.json.gz")
WORDS = [
    "final",
    "active",
    "resolved",
    "refuted",
    "stopped",
    "Patient/p",
    "#ven",
    "mmol/L",
    "mg/dL",
    "2026-03-02",
    "2026",
    "",
    "no",
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["coding", "code", "value", "x"]), inner),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the way to every part of a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield (*path, key)
        yield from places(part, (*path, key))


PLACES = sorted(places(OWN), key=str)


def damaged(bundle: Any, changes: list[tuple[int, int, Any]]) -> Any:
    """Return a copy in which parts are replaced, removed, or written over by other parts."""
    changed = copy.deepcopy(bundle)
    for where, how, value in changes:
        path = PLACES[where % len(PLACES)]
        holder = changed
        try:
            for key in path[:-1]:
                holder = holder[key]
            if how == 0:
                holder[path[-1]] = value
            elif how == 1:
                del holder[path[-1]]
            else:
                source: Any = bundle
                for key in PLACES[how % len(PLACES)]:
                    source = source[key]
                holder[path[-1]] = copy.deepcopy(source)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change has taken this part away
    return changed


CHANGES = st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from([0, 0, 1, 1, 2, *range(3, 60)]), VALUES), max_size=6)


def check(intake: Intake, bundle: Any, knowledge: KnowledgeBase, assessor: Assessor) -> None:
    assert intake.read == len(intake.cases) + len(intake.refusals)
    assessed = []
    for case, _ in intake.cases:
        negatives_are_recorded(case, bundle)
        try:
            assessed.append(assessor.assess(case))
        except ContradictoryCase:
            continue
    for form in ("text", "json"):
        FORMATS[form].render_all(assessed, intake.refusals, knowledge).encode()
    for refusal in intake.refusals:
        assert all(problem.message and problem.fix for problem in refusal.problems)


def negatives_are_recorded(case: Case, bundle: Any) -> None:
    """Insist that each "no" comes from an Observation that says so: by a false, a code for no, or a laboratory's judgment."""
    for name, observed in case.findings.items():
        if observed.value is not False:
            continue
        assert not observed.origin.startswith(IMPLIED)
        kind, _, rest = observed.origin.partition("/")
        assert kind == "Observation", f"{name} is no by {observed.origin}"
        own = rest.split(",")[0]
        # One without an id goes by its entry's address in the Bundle.
        written = [
            part for part in resources(bundle) if part.get("resourceType") == kind and str(part.get("id") or own)[:64] == own
        ]
        said = json.dumps(written)
        assert any(word in said for word in ("266919005", "LA32-8", "false", "interpretation", "referenceRange")), name


def resources(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "resourceType" in value:
            yield value
        for part in value.values():
            yield from resources(part)
    elif isinstance(value, list):
        for part in value:
            yield from resources(part)


# A change may repeat a part of the record many times over, which is long to write out.
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@settings(max_examples=300)
@given(changes=CHANGES)
def test_a_damaged_record_never_raises_and_never_says_no(
    changes: list[tuple[int, int, Any]], knowledge: KnowledgeBase, assessor: Assessor
) -> None:
    bundle = damaged(OWN, changes)
    check(cases_from_resources([bundle], knowledge.vocabulary, knowledge.dictionary), bundle, knowledge, assessor)


@pytest.mark.parametrize("name", REAL)
@settings(max_examples=40)
@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 2), VALUES), max_size=6))
def test_a_damaged_real_record_never_raises_and_never_says_no(
    name: str, changes: list[tuple[int, int, Any]], knowledge: KnowledgeBase, assessor: Assessor
) -> None:
    if not (SHARED / name).is_file():
        pytest.skip("the sample records are not beside the project; the record of the project's own is tested all the same")
    bundle = json.loads(gzip.decompress((SHARED / name).read_bytes()))
    everywhere = sorted(places(bundle), key=str)
    for where, how, value in changes:
        path = everywhere[where % len(everywhere)]
        holder = bundle
        try:
            for key in path[:-1]:
                holder = holder[key]
            if how:
                holder[path[-1]] = value
            else:
                del holder[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue
    check(cases_from_resources([bundle], knowledge.vocabulary, knowledge.dictionary), bundle, knowledge, assessor)


@settings(max_examples=60)
@given(removed=st.sets(st.integers(0, len(OWN["entry"]) - 1)))
def test_what_a_record_says_no_less_it_never_denies_without_it(removed: set[int], knowledge: KnowledgeBase) -> None:
    """Leaving entries out never makes a finding "no" that was not "no" before."""
    before = cases_from_resources([OWN], knowledge.vocabulary, knowledge.dictionary).cases[0][0].values
    left = {**OWN, "entry": [entry for number, entry in enumerate(OWN["entry"]) if number not in removed]}
    for case, _ in cases_from_resources([left], knowledge.vocabulary, knowledge.dictionary).cases:
        assert [name for name, value in case.values.items() if value is False and before.get(name) is not False] == []


@settings(max_examples=100)
@given(
    cut=st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=5),
    ending=st.sampled_from([".json", ".ndjson", ".json.gz", ".ndjson.gz"]),
)
def test_a_damaged_file_never_raises(
    cut: float,
    flips: list[tuple[float, int]],
    ending: str,
    knowledge: KnowledgeBase,
    assessor: Assessor,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    lines = ending.startswith(".ndjson")
    kinds = sorted((RECORDS / "bulk").iterdir())
    content = b"".join(kind.read_bytes() for kind in kinds) if lines else json.dumps(OWN).encode()
    if ending.endswith(".gz"):
        content = gzip.compress(content)
    raw = bytearray(content[: int(len(content) * cut) + 1])
    for where, byte in flips:
        raw[int((len(raw) - 1) * where)] = byte
    file = Path(tmp_path_factory.mktemp("damaged")) / f"record{ending}"
    file.write_bytes(raw)
    intake = read_files([file], knowledge.vocabulary, knowledge.dictionary)
    assert intake.cases or intake.refusals or not raw.strip()
    for case, _ in intake.cases:
        assert all(
            observed.value is not False or observed.origin.startswith("Observation/") for observed in case.findings.values()
        )
