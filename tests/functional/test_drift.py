"""`charley evaluate --against`: what changed since an earlier run over the same cases, with witnesses."""

import json
from pathlib import Path

import polars as pl
import pytest

from expert.cohorts.evaluation import DRIFT, PAGE, SUMMARY, CohortError, evaluate
from knowledge_base.model import KnowledgeBase
from tests.functional.charley import charley
from tests.small_knowledge import load, quantity, yes_no

FINDINGS = {"fever": yes_no("fever"), "cold": yes_no("cold"), "level": quantity("level")}


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    path = tmp_path / "cohort.csv"
    path.write_text("case,fever,cold,level\na,yes,no,3\nb,no,yes,3\nc,yes,no,9\nd,no,no,9\n=e,yes,no,1\n", encoding="utf-8")
    return path


@pytest.fixture
def before(cohort: Path, tmp_path: Path) -> Path:
    knowledge = load(
        tmp_path / "earlier",
        FINDINGS,
        causes={"flu": {"confirms": {"flu-fever": "fever"}}, "chill": {"confirms": {"chill-cold": "cold"}}},
        signs={"hot": {"hot-fever": ("fever", "middle")}},
    )
    evaluate([cohort], tmp_path / "before", knowledge)
    return tmp_path / "before"


@pytest.fixture
def later(tmp_path: Path) -> KnowledgeBase:
    return load(
        tmp_path / "later",
        FINDINGS,
        causes={"flu": {"confirms": {"flu-fever": "fever and level > 2"}}, "chill": {"confirms": {"chill-cold": "cold"}}},
        signs={"hot": {"hot-fever": ("fever and level < 5", "middle"), "hot-level": ("level > 5", "high")}},
    )


def test_changes_of_verdicts_and_causes_are_counted_and_have_witnesses(
    cohort: Path, before: Path, later: KnowledgeBase, tmp_path: Path
) -> None:
    with cohort.open("a", encoding="utf-8") as stream:
        stream.write("f,yes,no,3\n")
    evaluate([cohort], tmp_path / "now", later, against=before)
    drift = json.loads((tmp_path / "now" / SUMMARY).read_text(encoding="utf-8"))["against_run"]
    assert (drift["cases"], drift["only_before"], drift["only_now"], drift["changed"]) == (5, 0, 1, 3)
    assert drift["urgency"] == {"low": {"high": 1, "low": 1}, "middle": {"high": 1, "middle": 2}}
    urgency, causes = drift["changes"]["urgency"], drift["changes"]["leading_cause"]
    assert {(each["before"], each["now"]): each["witnesses"] for each in urgency} == {
        ("middle", "high"): ["c"],
        ("low", "high"): ["d"],
    }
    assert causes == [{"before": "flu", "now": None, "cases": 1, "witnesses": ["=e"]}]
    changed = pl.read_csv(tmp_path / "now" / DRIFT)
    assert changed.columns == [
        "case", "urgency before", "urgency", "decided before", "decided", "leading_cause before", "leading_cause"
    ]  # fmt: skip
    assert changed["case"].to_list() == ["'=e", "c", "d"]
    page = (tmp_path / "now" / PAGE).read_text(encoding="utf-8")
    assert "Against the earlier run" in page and "of 5 cases that both runs have" in page and 'class="higher"' in page
    assert "<td>=e</td>" in page and 'class="lower"' not in page


def test_the_same_run_again_shows_no_change(cohort: Path, later: KnowledgeBase, tmp_path: Path) -> None:
    evaluate([cohort], tmp_path / "one", later)
    evaluate([cohort], tmp_path / "two", later, against=tmp_path / "one")
    drift = json.loads((tmp_path / "two" / SUMMARY).read_text(encoding="utf-8"))["against_run"]
    assert drift["changed"] == 0 and drift["changes"] == {"urgency": [], "decided": [], "leading_cause": []}
    assert pl.read_csv(tmp_path / "two" / DRIFT).height == 0


def test_what_cannot_be_compared_is_said_before_the_work(
    cohort: Path, before: Path, later: KnowledgeBase, tmp_path: Path
) -> None:
    with pytest.raises(CohortError, match="not a folder that"):
        evaluate([cohort], tmp_path / "now", later, against=tmp_path)
    with pytest.raises(CohortError, match="--columns must have leading_cause and urgency"):
        evaluate([cohort], tmp_path / "now", later, against=before, kept=("rules",))
    evaluate([cohort], tmp_path / "bare", later, kept=("urgency",))
    with pytest.raises(CohortError, match="was written without leading_cause"):
        evaluate([cohort], tmp_path / "now", later, against=tmp_path / "bare")
    assert not (tmp_path / "now.partial").exists()


def test_cases_of_one_name_cannot_be_compared(cohort: Path, before: Path, later: KnowledgeBase, tmp_path: Path) -> None:
    other = cohort.with_name("other.csv")
    other.write_bytes(cohort.read_bytes())
    with pytest.raises(CohortError, match="several cases have one name"):
        evaluate([cohort, other], tmp_path / "now", later, against=before)


def test_the_command_takes_an_earlier_folder(tmp_path: Path) -> None:
    (tmp_path / "cohort.csv").write_text("case,serum_potassium\na,2.4\nb,4\n", encoding="utf-8")
    assert charley("evaluate", tmp_path / "cohort.csv", "--output", tmp_path / "one").status == 0
    words = ("evaluate", tmp_path / "cohort.csv", "--output", tmp_path / "two", "--against")
    assert charley(*words, tmp_path / "one").status == 0
    assert "conclusions" not in charley(*words, tmp_path / "none").err
    assert charley("evaluate", tmp_path / "cohort.csv", "--output", tmp_path / "three", "--against", tmp_path).status == 1
