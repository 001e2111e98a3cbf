"""The PDF: tagged, read in order, with case and knowledge in the foot, one sheet a page, and the same bytes each time."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pypdf
import pytest
from pypdf.generic import ArrayObject, ContentStream, DictionaryObject

from facts.assessment import Assessment
from knowledge_base.model import KnowledgeBase
from reports.formats import FORMATS, LEAFLETS
from reports.pdf import report_pdf
from tests.functional.charley import charley

pytest.importorskip("weasyprint")

EXAMPLE = Path("facts/examples/night-cramps-on-a-diuretic.yaml")
NAME = "night cramps on a diuretic"
POINTS = {"A4": (595, 842), "Letter": (612, 792)}
UA = "http://www.aiim.org/pdfua/ns/id/"


@pytest.fixture(scope="module")
def written(assessments: Mapping[str, Assessment], knowledge: KnowledgeBase) -> bytes:
    return report_pdf([assessments[NAME]], knowledge, "A4", full=True)


def elements(node: Any) -> Iterator[tuple[str, Any]]:
    """Walk the structure tree: every element with its role."""
    kids = node.get("/K", ArrayObject()).get_object()
    for kid in (one.get_object() for one in (kids if isinstance(kids, ArrayObject) else [kids])):
        if isinstance(kid, DictionaryObject) and "/S" in kid:
            yield str(kid["/S"]), kid
            yield from elements(kid)


def test_it_says_that_it_is_tagged_in_what_language_and_by_which_standard(written: bytes) -> None:
    pdf = pypdf.PdfReader(BytesIO(written))
    root: Any = pdf.root_object
    assert root["/MarkInfo"]["/Marked"] and root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    metadata = pdf.xmp_metadata
    assert metadata is not None and metadata.dc_title == {"x-default": "Muscle cramps"}
    assert [node.firstChild.data for node in metadata.get_element("", UA, "part")] == ["1"]


def test_headings_lists_tables_and_pictures_are_tagged(written: bytes) -> None:
    root: Any = pypdf.PdfReader(BytesIO(written)).root_object
    tags = list(elements(root["/StructTreeRoot"]))
    roles = [role for role, _ in tags]
    for role in ("/H1", "/H2", "/H3", "/L", "/LI", "/Table", "/TR", "/TH", "/TD", "/Figure", "/Link", "/P"):
        assert role in roles, role
    assert roles.count("/H1") == 1
    levels = [int(role[2]) for role in roles if role in ("/H1", "/H2", "/H3", "/H4")]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in pairwise(levels))
    texts = [str(tag.get("/Alt", "")) for role, tag in tags if role == "/Figure"]
    assert len(texts) >= 5 and all(len(text) > 10 for text in texts)
    assert any(text.startswith("Serum magnesium: 1.5 mg/dL") for text in texts)


def test_every_piece_of_content_is_tagged_or_an_artifact(written: bytes) -> None:
    shows = {b"Tj", b"TJ", b"'", b'"', b"f", b"S", b"B", b"Do", b"sh"}
    pdf = pypdf.PdfReader(BytesIO(written))
    for number, page in enumerate(pdf.pages, start=1):
        depth, shown = 0, 0
        for _, operator in ContentStream(page.get_contents(), pdf).operations:
            depth += {b"BDC": 1, b"BMC": 1, b"EMC": -1}.get(operator, 0)
            shown += operator in shows
            assert depth or operator not in shows, f"page {number}: {operator!r} outside of marked content"
        assert shown, f"page {number} shows nothing"


def test_the_text_is_read_in_order(assessments: Mapping[str, Assessment], knowledge: KnowledgeBase) -> None:
    text = pypdf.PdfReader(BytesIO(report_pdf([assessments[NAME]], knowledge, "A4", full=False))).pages[0].extract_text()
    told = " ".join(text.split())
    order = [
        NAME,
        "Not decided",
        "Same day",
        "Do now",
        "Review the diuretic",
        "Replace magnesium",
        "Leading causes",
        "Low potassium",
    ]
    order += [
        "Serum potassium is 3.1 mmol/L, below",
        "Low magnesium",
        "Values on their reference bands",
        "Not asked, and it matters",
    ]
    places = [told.find(part, told.find("Do now") if number > 3 else 0) for number, part in enumerate(order)]
    assert -1 not in places, dict(zip(order, places, strict=True))
    assert places == sorted(places)


def test_every_page_has_the_case_and_the_knowledge_in_its_foot(written: bytes, knowledge: KnowledgeBase) -> None:
    pages = pypdf.PdfReader(BytesIO(written)).pages
    assert len(pages) > 3
    for number, page in enumerate(pages, start=1):
        told = " ".join(page.extract_text().split())
        assert f"{NAME} · Muscle cramps, knowledge {knowledge.version} ({knowledge.hash[:12]})" in told
        assert f"{number} / {len(pages)}" in told


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_pages_and_leaflets_are_one_sheet_each(
    paper: Any, assessments: Mapping[str, Assessment], knowledge: KnowledgeBase
) -> None:
    """Of the longest text reports, since a PDF takes a second."""
    longest = sorted(assessments.values(), key=lambda one: -len(str(FORMATS["text"].render(one, knowledge))))[:8]
    pages = pypdf.PdfReader(BytesIO(report_pdf(longest, knowledge, paper, full=False))).pages
    assert len(pages) == len(longest)
    assert {(round(page.mediabox.width), round(page.mediabox.height)) for page in pages} == {POINTS[paper]}
    leaflets = LEAFLETS["pdf"].render_all(longest, (), knowledge)
    assert isinstance(leaflets, bytes) and len(pypdf.PdfReader(BytesIO(leaflets)).pages) == len(longest)


def test_a_hostile_name_opens_nothing(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    name = "<img src=file:///etc/passwd><script>alert(1)</script> <a href=http://evil.example/>x</a>"
    file.write_text(f'case: "{name}"\nfindings: {{age: 50}}\n', encoding="utf-8")
    done = charley("report", file, "--format", "pdf", "--output", tmp_path / "a.pdf")
    assert done.status == 0, done.err
    pdf = pypdf.PdfReader(tmp_path / "a.pdf")
    root: Any = pdf.root_object
    assert "/JavaScript" not in root.get("/Names", {}) and "/OpenAction" not in root
    annotations: list[Any] = [link for page in pdf.pages for link in page.annotations or []]
    assert [link for link in annotations if "/A" in link.get_object()] == []
    assert "<script>" in "".join(page.extract_text() for page in pdf.pages)


@pytest.mark.parametrize(
    ("breaking", "told"),
    [
        ("sys.modules['weasyprint'] = None", "pip install 'charley[pdf]'"),
        ("sys.meta_path.insert(0, Broken())", "install Pango, on Debian: apt-get install libpango-1.0-0"),
    ],
)
def test_what_is_missing_is_said(breaking: str, told: str) -> None:
    code = f"""
import sys
class Broken:
    def find_spec(self, name, *_):
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
{breaking}
from expert.command_line import main
main(["report", {str(EXAMPLE)!r}, "--format", "pdf", "--output", "/dev/null"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and told in done.stderr, done.stderr
