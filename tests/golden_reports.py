"""Twelve cases in every format of reports, as they were last looked at: `python -m tests.regenerate` writes them anew.

They are the pages of each case for clinicians and patients, the whole argument as text, and of what is too long to be read as
a difference (HTML, JSON and FHIR) a digest, which shows that something changed; what changed shows in the text. Of a PDF it is
the digest of its words: its bytes depend on the fonts of a machine (tests/reports/test_pdf.py looks at it).
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pypdf

from expert.inference.assessing import Assessor
from facts.assessment import Assessment
from facts.declaring.yaml_reading import read_document
from facts.intake.case_files import read_case_files
from knowledge_base.model import KnowledgeBase
from reports.formats import FORMATS, LEAFLETS, FhirDocument

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
EXAMPLES = ROOT / "facts" / "examples"
SCENARIOS = ROOT / "tests" / "knowledge" / "scenarios"
# With the examples of facts/examples, twelve: each level of urgency, decided and not, with and without values and medicines.
NAMED = (
    "potassium-2-2-and-weak",
    "leg-suddenly-white",
    "smoker-who-stops-at-shop-windows",
    "swollen-calf-after-a-knee-operation",
    "telephone-nothing-but-leg-cramps",
    "vomiting-on-a-diuretic",
)
DAY = "2026-11-26"
LEFT_OUT = ("roofer on a hot day, two hours later",)
HOSTILE = {
    "case": "<script>alert(1)</script> [x](javascript:alert(1)) | # $(rm -rf ~) \u202e\u001b[31m",
    "findings": {"spasm_in_calf": True, "serum_potassium": "2.9 mmol/L"},
    "medicines": ["<img src=x onerror=alert(1)> 10 mg", "![x](http://evil.example/a.png)", "=cmd|' /C calc'!A0"],
}
# What changes with every word of the knowledge, and would hide what else has changed.
_CHANGING = re.compile(
    r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{12}\b|\b[0-9a-f]{64}\b"
    r"|No\s+proof\s+of\s+this\s+knowledge\s+base\s+is\s+on\s+file\.|Proved\s+with\s+z3\s.*?(?:hold|reason)\.",
    re.DOTALL,
)


def golden_assessments(assessor: Assessor, folder: Path) -> list[Assessment]:
    """Assess the twelve cases; `folder` is for files on the way."""
    listed = [
        one
        for file in sorted(SCENARIOS.glob("*.yaml"))
        for one in read_document(file.read_text("utf-8"), file.name, typed=True).value
        if one["scenario"] in NAMED
    ]
    told = [
        {"case": one["scenario"], **{key: one[key] for key in ("findings", "medicines", "stopped_medicines") if key in one}}
        for one in listed
    ]
    file = folder / "cases.json"
    file.write_text(json.dumps([*told, HOSTILE]), encoding="utf-8")
    intake = read_case_files([EXAMPLES, file], assessor.knowledge.vocabulary, assessor.knowledge.dictionary)
    return [assessor.assess(case) for case, _ in intake.cases if case.name not in LEFT_OUT]


def golden_files(assessments: list[Assessment], knowledge: KnowledgeBase) -> Iterator[tuple[Path, str]]:
    """Return every golden file and what it should hold. The hash of the knowledge is left out: it changes with every word."""
    digests: dict[str, dict[str, str]] = {}
    for number, assessment in enumerate(assessments):
        name = re.sub(r"[^a-z0-9]+", "-", assessment.case.lower()).strip("-")[:40]
        name = f"{number:02}-{name}"
        for form, chosen in {**FORMATS, "fhir": FhirDocument(day=DAY)}.items():
            for full in (False, True):
                if form == "pdf" and full:
                    continue
                written = chosen.render(assessment, knowledge, full=full)
                if isinstance(written, bytes):
                    written = _words(written)
                if form in ("text", "markdown"):
                    yield GOLDEN / f"{name}{'.full' if full else ''}{chosen.ending}", _CHANGING.sub("…", str(written))
                else:
                    digests.setdefault(name, {})[f"{form}{' full' if full else ''}"] = _digest(str(written))
        for form, chosen in LEAFLETS.items():
            if form in ("text", "markdown"):
                yield GOLDEN / f"{name}.leaflet{chosen.ending}", _CHANGING.sub("…", str(chosen.render(assessment, knowledge)))
            elif form == "html":
                digests[name]["leaflet html"] = _digest(str(chosen.render(assessment, knowledge)))
    yield GOLDEN / "digests.json", json.dumps(digests, indent=1) + "\n"


def _words(pdf: bytes) -> str:
    """Return what a PDF says, without what depends on the fonts of a machine: where lines break, ligatures, hyphens."""
    text = "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(pdf)).pages)
    return re.sub(r"[\s\xad\-]+", "", unicodedata.normalize("NFKC", _CHANGING.sub("…", text)))


def _digest(text: str) -> str:
    return hashlib.sha256(_CHANGING.sub("…", text).encode()).hexdigest()[:16]
