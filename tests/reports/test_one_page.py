"""The page of every example and scenario: short as text; on a desk, a phone and one sheet of paper as Chromium shows it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from expert.inference.assessing import Assessor
from facts.assessment import Assessment
from facts.intake.case_files import read_case_files
from knowledge_base.model import KnowledgeBase
from reports.arranged.page import page
from reports.formats import FORMATS, HTML, TEXT

LINES = 45
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# Where the parts that have to be in sight end: the verdict, the leading cause in it, and the last thing to do now.
ENDS = """() => Object.fromEntries([["verdict", "#verdict"], ["leading cause", ".verdict .leading"],
    ["do now", ".do > ol:first-of-type > li:last-child"]].map(([name, place]) => {
      const part = document.querySelector(place);
      return [name, part === null ? null : part.getBoundingClientRect().bottom];
    }))"""


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


@pytest.mark.parametrize("name", ["night cramps on a diuretic", "swollen-calf-and-short-of-breath", "typical night cramps"])
def test_axe_finds_nothing_on_a_report_a_leaflet_and_what_is_folded_away(
    name: str, assessments: Mapping[str, Assessment], knowledge: KnowledgeBase, chromium: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(HTML.render(assessments[name], knowledge), encoding="utf-8")
    # The page forbids scripts, axe's too.
    context = chromium.new_context(bypass_csp=True)
    sheet = context.new_page()
    for place in ("", "#leaflet"):
        sheet.goto(file.as_uri() + place)
        sheet.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        found = Axe().run(sheet).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == [], place
        sheet.goto("about:blank")
    context.close()


@pytest.mark.parametrize("full", [False, True], ids=["page", "full"])
@pytest.mark.parametrize("name", ["text", "markdown", "html"])
def test_routine_is_no_headline_while_a_danger_is_open(
    name: str, full: bool, assessments: Mapping[str, Assessment], knowledge: KnowledgeBase
) -> None:
    open_ones = [one for one in assessments.values() if one.urgency.level == "routine" and not one.urgency.decided]
    assert len(open_ones) >= 3
    for one in open_ones:
        shown = str(FORMATS[name].render(one, knowledge, full=full))
        headline = shown.rpartition("<main>")[2].partition("No warning sign")[0].casefold()
        assert "not decided" in headline and "routine" not in headline, one.case


def test_where_a_danger_is_open_no_step_is_no_reassurance(assessor: Assessor, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text("case: nothing known\nfindings: {age: 50}\n", encoding="utf-8")
    case = read_case_files([file], knowledge.vocabulary, knowledge.dictionary).cases[0][0]
    told = str(TEXT.render(assessor.assess(case), knowledge))
    assert "NOT DECIDED" in told and "Ask or examine first" in told
    assert "Nothing further" not in told and "nothing further" not in told


def test_medicines_are_asked_for_as_the_others_where_some_are_known(
    assessments: Mapping[str, Assessment], knowledge: KnowledgeBase
) -> None:
    some = page(assessments["night cramps on a diuretic"], knowledge)
    none = page(assessments["telephone-nothing-but-leg-cramps"], knowledge)
    assert "the other medicines" in some.ask_first and "medicines" not in some.ask_first
    assert "medicines" in none.ask_first and "the other medicines" not in none.ask_first
