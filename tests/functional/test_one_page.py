"""The page of every example and scenario: short as text; on a desk, a phone and one sheet of paper as Chromium shows it."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from expert.inference.assessing import Assessor
from facts.assessment import Assessment
from facts.intake.case_files import read_case_files
from knowledge_base.model import KnowledgeBase
from reports.formats import HTML, TEXT
from reports.page import page
from tests.knowledge.test_scenarios import CASE, scenarios

EXAMPLES = Path(__file__).parents[2] / "facts" / "examples"
LINES = 45
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# Where the parts that have to be in sight end: the verdict, the leading cause in it, and the last thing to do now.
ENDS = """() => Object.fromEntries([["verdict", "#verdict"], ["leading cause", ".verdict .leading"],
    ["do now", ".do > ol:first-of-type > li:last-child"]].map(([name, place]) => {
      const part = document.querySelector(place);
      return [name, part === null ? null : part.getBoundingClientRect().bottom];
    }))"""


@pytest.fixture(scope="module")
def assessments(
    assessor: Assessor, knowledge: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Assessment]:
    told = [{"case": name, **{key: one[key] for key in CASE if key in one}} for name, one in scenarios().items()]
    file = tmp_path_factory.mktemp("scenarios") / "scenarios.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    intake = read_case_files([EXAMPLES, file], knowledge.vocabulary, knowledge.dictionary)
    assert not intake.refusals
    return {case.name: assessor.assess(case) for case, _ in intake.cases}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium here; apt-get install chromium brings it")
    with sync_playwright() as running:
        # A container has no user namespaces for Chromium's sandbox; it opens nothing but our own pages.
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = running.chromium.launch(executable_path=found, args=options)
        yield browser
        browser.close()


def test_the_text_of_every_case_fits_on_a_screen(assessments: Mapping[str, Assessment], knowledge: KnowledgeBase) -> None:
    lines = {name: TEXT.render(one, knowledge).rstrip().count("\n") + 1 for name, one in assessments.items()}
    assert {name: count for name, count in lines.items() if count > LINES} == {}
    assert max(lines.values()) > LINES // 2, "the cases are too simple to show that the page is short"


def test_values_stand_as_they_were_told(assessments: Mapping[str, Assessment], knowledge: KnowledgeBase) -> None:
    told = TEXT.render(assessments["night cramps on a diuretic"], knowledge)
    assert "magnesium is 1.5 mg/dL (0.6172 mmol/L)" in told
    assert "is 0.6172" not in told


def test_the_reasons_of_a_cause_each_rest_on_something_new(
    assessments: Mapping[str, Assessment], knowledge: KnowledgeBase
) -> None:
    """Diuretic: two ratios for the same tablet are one reason."""
    causes = {cause.label: cause for cause in page(assessments["vomiting-on-a-diuretic"], knowledge).causes}
    reasons = [reason for cause in causes.values() for reason in cause.reasons if "ratio" in reason]
    assert len(reasons) == 1


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_verdict_leading_cause_and_do_now_are_on_the_first_screen(
    size: dict[str, int], assessments: Mapping[str, Assessment], knowledge: KnowledgeBase, chromium: Browser
) -> None:
    sheet = chromium.new_page(viewport=size)  # type: ignore[arg-type]
    below: dict[str, Any] = {}
    for name, one in assessments.items():
        sheet.set_content(HTML.render(one, knowledge))
        ends = sheet.evaluate(ENDS)
        shown = page(one, knowledge)
        assert ends["verdict"] and (ends["leading cause"] or not shown.causes) and (ends["do now"] or not shown.do_now), name
        below |= {f"{name}: {part}": end for part, end in ends.items() if end is not None and end > size["height"]}
        assert sheet.evaluate("document.documentElement.scrollWidth") <= size["width"], name
    sheet.close()
    assert below == {}


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_a_printed_page_is_one_sheet(
    paper: str, assessments: Mapping[str, Assessment], knowledge: KnowledgeBase, chromium: Browser
) -> None:
    sheet = chromium.new_page()
    counts = {}
    for name, one in assessments.items():
        sheet.set_content(HTML.render(one, knowledge))
        counts[name] = sheet.pdf(format=paper).count(b"/Type /Page\n")
    sheet.close()
    assert {name: count for name, count in counts.items() if count != 1} == {}
