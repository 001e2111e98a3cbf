"""The page in a real headless Chromium: a whole consultation, undo, a link, a file, keys alone, no script.

Axe looks at every page. Skipped where there is no Chromium; `.ci/run` installs Debian's.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from expert.cds_hooks.feedback import FeedbackStore
from expert.consultation.sessions import Store
from tests.cds_hooks.calling import VISIT, visit
from tests.web.serving import Served

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "facts" / "examples"
# WCAG 2.2 at level AA, and all that came before it.
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def page(chromium: Browser, served: Served) -> Iterator[Page]:
    yield from opened(chromium, served)


@pytest.fixture
def plain(chromium: Browser, served: Served) -> Iterator[Page]:
    """A browser without JavaScript."""
    yield from opened(chromium, served, java_script_enabled=False)


def opened(chromium: Browser, served: Served, **settings: Any) -> Iterator[Page]:
    context: BrowserContext = chromium.new_context(viewport={"width": 1280, "height": 900}, **settings)
    context.set_default_timeout(20_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(served.link)
    yield page
    context.close()
    # Nothing was kept out by the policy, nothing is missing, no script failed. A refused page is told as an error too.
    assert [text for text in complaints if "status of 4" not in text] == []


def begin(page: Page, name: str = "bed 7") -> None:
    page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + "/")
    page.get_by_label("What to call the patient").fill(name)
    press(page, "Start a consultation")


def heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def press(page: Page, button: str) -> None:
    """Press a button that leads to another page, and wait for that page."""
    with page.expect_navigation():
        page.get_by_role("button", name=button, exact=True).click()


def go_on(page: Page, rest: str = "unknown") -> None:
    """Go on by the button that says what becomes of the rest: "no" for absent."""
    button = page.locator(f"form.answers button[name=rest][value={rest}]")
    with page.expect_navigation():
        (button if button.count() else page.locator("form.answers button.main")).click()


def choose(page: Page, question: str, answer: str) -> None:
    page.get_by_role("group", name=question, exact=True).get_by_label(answer, exact=True).check()


def tell_story(page: Page, medicines: str = "", rest: str = "no") -> None:
    """Tell of a man of 67 with cramps of the calf in bed, and which medicines he takes."""
    page.get_by_role("textbox", name="Age").fill("67")
    choose(page, "Sex", "Male")
    page.get_by_role("group", name="Where").get_by_label("Calf").check()
    page.get_by_role("group", name="When").get_by_label("In bed at night").check()
    if medicines:
        page.get_by_label("Current medicines: names").fill(medicines)
    else:
        choose(page, "Current medicines", "None")
    choose(page, "Stopped in the last months", "None")
    page.get_by_label("No results").check()
    go_on(page, rest)


def to_the_end(page: Page) -> list[str]:
    """Leave every page open that comes; gives their headings."""
    headings = []
    while page.locator("form.answers").count():
        headings.append(heading(page))
        assert len(headings) < 30
        go_on(page)
    return headings


def no_violations(page: Page, *parts: str) -> None:
    found = (
        Axe()
        .run(page, context={"include": [[part] for part in parts]} if parts else None, options=RULES)
        .response["violations"]
    )
    assert not found, [(entry["id"], entry["help"], [node["html"] for node in entry["nodes"]][:3]) for entry in found]


def test_a_whole_consultation_with_asking_back_undo_a_link_and_the_report(page: Page, served: Served) -> None:
    begin(page)
    assert heading(page) == "The story"
    tell_story(page)
    assert heading(page) == "Red flags"
    page.get_by_role("button", name="Why is “Fever” asked?").click()
    expect(page.locator("#reply-fever")).to_contain_text("WHY Does the patient have a fever?")
    choose(page, "Fever", "Yes")
    choose(page, "Confusion", "Yes")
    go_on(page, "no")
    expect(page.get_by_role("alert")).to_contain_text("Confusion, seizure")
    expect(page.locator(".band")).to_contain_text("Immediate")
    press(page, "Undo the last page")
    assert heading(page) == "Red flags"
    # The address alone leads back here, in another tab of the same clinician.
    other = page.context.new_page()
    other.goto(page.url)
    assert heading(other) == "Red flags"
    other.close()
    press(page, "Undo the last page")
    tell_story(page, "HCTZ 25 mg")
    expect(page.get_by_text("HCTZ 25 mg: hydrochlorothiazide")).to_be_visible()
    expect(page.locator(".band")).to_contain_text("Same day")
    # What the page does not ask is told by any word, and an answer is changed beside the questions.
    page.get_by_label("Add any finding, by any word").fill("palpitations")
    press(page, "Add")
    page.locator(".beside summary", has_text="Palpitations").click()
    page.get_by_label("Change Palpitations to").select_option("no")
    press(page, "Change Palpitations")
    expect(page.locator(".beside summary", has_text="Palpitations")).to_have_count(0)
    page.get_by_text("Ask back: how, why not, what if").click()
    page.get_by_label("A cause or warning sign").fill("Low potassium (hypokalemia)")
    page.get_by_role("button", name="Why not?").click()
    expect(page.locator("#reply-beside")).to_contain_text("WHY NOT")
    page.get_by_label("What if this finding").fill("serum potassium")
    page.get_by_label("were", exact=True).fill("2.4")
    page.get_by_role("button", name="What if?").click()
    expect(page.locator("#reply-beside")).to_contain_text("confirmed")
    page.get_by_role("button", name="How was “Cramps on diuretics” concluded?").click()
    expect(page.locator("#reply-beside")).to_contain_text("HOW “Cramps on diuretics”")
    to_the_end(page)
    page.get_by_role("link", name="Go on asking").click()
    expect(page.get_by_text("At your wish")).to_be_visible()
    go_on(page)
    assert page.url.endswith("?more=yes")
    page.get_by_role("link", name="Stop there").click()
    page.get_by_role("link", name="Read and print the report").click()
    expect(page.get_by_role("heading", name="Leading causes")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(".bar")).to_be_hidden()
    expect(page.get_by_role("heading", name="Do now")).to_be_visible()
    # It is the same log that the terminal reads.
    with closing(Store(served.store)) as store:
        kept = store.owned("")
    assert kept[0].name == "bed 7"


def test_with_the_keyboard_alone(page: Page) -> None:
    begin(page)
    page.bring_to_front()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="Age")).to_be_focused()
    tell_story(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("group", name="Confusion").get_by_label("Yes")).to_be_focused()
    # In a group the arrows choose; Tab leads to what it means and its Why, and on to the next question.
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("group", name="Confusion").get_by_label("No", exact=True)).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Why is “Confusion” asked?")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#reply-confusion")).to_contain_text("WHY")
    for _ in range(200):
        focused = page.evaluate("[document.activeElement.name, document.activeElement.value]")
        # What has the focus is never hidden behind the urgency that stays in sight.
        assert page.evaluate(
            """() => { const box = document.activeElement.getBoundingClientRect();
            const band = document.querySelector('.band').getBoundingClientRect();
            return box.bottom > band.bottom || document.activeElement.closest('.band, .bar') !== null }"""
        ), focused
        if focused == ["rest", "no"]:
            break
        page.keyboard.press("Tab")
    # Enter in any field presses no button that says something of the rest; what has no answer is named.
    page.locator("#q-confusion").get_by_label("No", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("questions have no answer")
    page.locator("button[name=rest][value=no]").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The patient", level=1)).to_be_visible()


def test_without_javascript(plain: Page) -> None:
    begin(plain)
    tell_story(plain)
    choose(plain, "Confusion", "No")
    plain.get_by_role("button", name="Why is “Fever” asked?").click()
    expect(plain.locator("#reply-fever")).to_contain_text("WHY Does the patient have a fever?")
    expect(plain.get_by_role("group", name="Confusion").get_by_label("No", exact=True)).to_be_checked()
    assert plain.url.endswith("#q-fever")
    go_on(plain, "no")
    assert heading(plain) != "Red flags"
    press(plain, "Undo the last page")
    assert heading(plain) == "Red flags"
    headings = to_the_end(plain)
    assert len(headings) > 2
    plain.get_by_role("link", name="Read and print the report").click()
    expect(plain.get_by_text("The whole argument")).to_be_visible()


def test_a_file_that_is_dropped_gives_its_report(page: Page) -> None:
    page.goto(page.url + "case-files")
    content = base64.b64encode((EXAMPLES / "weakness-and-twitching.yaml").read_bytes()).decode()
    handle = page.evaluate_handle(
        """content => { const carried = new DataTransfer();
        carried.items.add(new File([Uint8Array.from(atob(content), c => c.charCodeAt(0))], 'patient.yaml'));
        return carried }""",
        content,
    )
    page.dispatch_event("#file", "drop", {"dataTransfer": handle})
    # Chromium takes a drop on a file field from a person alone; what it then holds is set as it would be.
    page.evaluate("carried => { document.querySelector('#file').files = carried.files }", handle)
    press(page, "Assess")
    expect(page.get_by_role("heading", name="Leading causes")).to_be_visible()


def test_axe_finds_nothing_on_any_page(page: Page, chromium: Browser, served: Served) -> None:
    base = page.url
    no_violations(page)
    for path in ("case-files", "nothing-here"):
        page.goto(base + path)
        no_violations(page)
    # All of the handbook would take axe two minutes; its entries are made alike.
    for path in ("handbook", "handbook?words=potassium", "handbook/hypokalemia"):
        page.goto(base + path)
        no_violations(page)
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(base + "handbook?all=1")
    no_violations(page, ".bar", "body > header", "main > section:first-child", "main article:first-of-type", "body > footer")
    page.goto(base)
    begin(page)
    no_violations(page)
    page.locator("button.main[name=rest]").click()
    expect(page.get_by_role("alert")).to_contain_text("write the medicines")
    no_violations(page)
    tell_story(page, "furosemide")
    choose(page, "Fever", "Yes")
    choose(page, "Confusion", "Yes")
    page.get_by_role("button", name="Why is “Fever” asked?").click()
    expect(page.locator("#reply-fever")).to_contain_text("WHY")
    page.locator("#q-confusion details.hint summary").click()
    no_violations(page)
    go_on(page, "no")
    no_violations(page)
    here = page.url
    page.goto(f"{here}/answers")
    no_violations(page)
    page.get_by_label("Add any finding, by any word").fill("calf")
    press(page, "Add")
    expect(page.get_by_role("alert")).to_contain_text("may be one of these")
    no_violations(page)
    page.goto(here)
    press(page, "Undo the last page")
    page.get_by_text("Could still be").click()
    page.locator(".beside summary").first.click()
    page.get_by_text("Ask back: how, why not, what if").click()
    no_violations(page)
    page.emulate_media(color_scheme="dark")
    no_violations(page)
    page.emulate_media(color_scheme="light")
    seen = set()
    while page.locator("form.answers").count():
        if heading(page) not in seen and heading(page) in ("Examination", "Available results"):
            no_violations(page)
        seen.add(heading(page))
        go_on(page)
    no_violations(page)
    page.get_by_role("link", name="Read and print the report").click()
    no_violations(page)
    context = chromium.new_context()
    stranger = context.new_page()
    stranger.goto(base)
    expect(stranger.get_by_role("heading", name="Sign in")).to_be_visible()
    no_violations(stranger)
    context.close()


def test_on_a_phone_nothing_is_cut_off_and_every_target_is_large_enough(page: Page) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    begin(page)
    for number in range(4):
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), heading(page)
        band = page.locator(".band").bounding_box()
        assert band and band["height"] < PHONE["height"] / 4
        # From the top to the last button, every page in one and a half screens.
        ends = page.evaluate("document.querySelector('.silence .actions').getBoundingClientRect().bottom + window.scrollY")
        assert ends < PHONE["height"] * 1.5, heading(page)
        page.mouse.wheel(0, 2_000)
        expect(page.locator(".band")).to_be_in_viewport()
        small = page.evaluate(
            """() => [...document.querySelectorAll('main button, main input, main select, main summary')]
            .filter(element => element.offsetParent && !element.classList.contains('default'))
            .map(element => element.getBoundingClientRect())
            .filter(box => box.width < 24 || box.height < 24).length"""
        )
        assert small == 0
        if number == 0:
            tell_story(page)
        else:
            go_on(page, "no")
    # The answers so far are one tap away.
    page.get_by_role("link", name="Answers", exact=True).click()
    expect(page.get_by_role("heading", name="Answers so far")).to_be_in_viewport()
    # Axe takes a button for too small of which the band that stays in sight covers a part, as on the way to the answers.
    page.wait_for_function("() => new Promise(told => { const at = scrollY; setTimeout(() => told(at === scrollY), 300) })")
    page.evaluate("window.scrollTo({top: 0, behavior: 'instant'})")
    no_violations(page)
    page.get_by_role("link", name="Case file").click()
    page.get_by_label("A case file").set_input_files(ROOT / "tests" / "knowledge" / "cases" / "vignettes" / "dangerous.yaml")
    press(page, "Assess")
    expect(page.get_by_text("cases in dangerous.yaml")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    no_violations(page)


def test_a_browser_calls_cds_hooks_and_tells_what_was_done_with_the_card(page: Page, served: Served) -> None:
    call = "([path, body]) => fetch(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body}).then(answered)"
    answered = "const answered = async answer => ({status: answer.status, told: await answer.json()});"
    ask = f"async given => {{ {answered} return await ({call})(given); }}"
    got = page.evaluate(ask, [f"/cds-services/{VISIT}", json.dumps(visit())])
    assert got["status"] == 200
    card = got["told"]["cards"][0]
    overridden = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-03-01T10:00:00Z"}
    path = f"/cds-services/{VISIT}/feedback"
    assert page.evaluate(ask, [path, json.dumps({"feedback": [overridden]})])["status"] == 200
    assert page.evaluate(ask, [path, json.dumps({"feedback": [{**overridden, "card": "none"}]})])["status"] == 404
    with closing(FeedbackStore(served.store.with_name("feedback.sqlite"))) as kept:
        assert sum(rule.overridden for rule in kept.by_rule()) > 0
    # The link of the card opens the report in the browser.
    page.goto(card["links"][0]["url"])
    expect(page.get_by_role("heading", name="Do now")).to_be_visible()
