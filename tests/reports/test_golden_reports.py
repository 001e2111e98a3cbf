"""Reports are as somebody last looked at them, whatever the hash seed, and hostile text does no harm in them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from expert.inference.assessing import Assessor
from facts.assessment import Assessment
from reports.formats import FORMATS, LEAFLETS, FhirDocument
from tests.golden_reports import DAY, GOLDEN, HOSTILE, golden_assessments, golden_files

# A script, an element or a picture of one's own; `javascript:` where it would be followed.
HARM = re.compile(r"<script|<img|<iframe|on(?:error|load)\s*=\s*[^a-z&]|(?:href|src)\s*=\s*[\"']?javascript", re.IGNORECASE)
CODES = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def twelve(assessor: Assessor, tmp_path_factory: pytest.TempPathFactory) -> list[Assessment]:
    return golden_assessments(assessor, tmp_path_factory.mktemp("golden"))


def test_reports_are_as_they_were_last_looked_at(twelve: list[Assessment], assessor: Assessor) -> None:
    assert len(twelve) == 12
    written = dict(golden_files(twelve, assessor.knowledge))
    changed = [path.name for path, text in written.items() if not path.exists() or path.read_text("utf-8") != text]
    assert changed == [], "look at the difference, and then run python -m tests.regenerate"
    assert set(GOLDEN.iterdir()) == set(written)


FORMS = (
    "",
    "--full",
    "--format html",
    "--format json",
    "--format fhir",
    "--format markdown --audience patient",
    "--format pdf",
)
EVERY_FORM = """
import sys
from pathlib import Path
from expert.command_line import main
folder, hostile, *forms = sys.argv[1:]
for number, form in enumerate(forms):
    cases = ["facts/examples", hostile] if "pdf" not in form else ["facts/examples/night-cramps-on-a-diuretic.yaml"]
    main(["report", *cases, *form.split(), "--output", f"{folder}/{number}"], standalone_mode=False)
"""


def test_no_byte_of_any_format_depends_on_the_hash_seed(tmp_path: Path) -> None:
    """One process for each seed writes them all: a second takes Python and the knowledge, and little a report."""
    hostile = tmp_path / "hostile.json"
    hostile.write_text(json.dumps(HOSTILE), encoding="utf-8")
    written = []
    for seed in ("0", "3", "4711"):
        folder = tmp_path / seed
        folder.mkdir()
        command = [sys.executable, "-c", EVERY_FORM, folder, hostile, *FORMS]
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, timeout=120)
        written.append({FORMS[int(path.name)]: path.read_bytes() for path in folder.iterdir()})
    assert written[0].keys() == set(FORMS) and min(map(len, written[0].values())) > 2_000
    assert written[0]["--format pdf"].startswith(b"%PDF-")
    for other in written[1:]:
        assert [form for form in FORMS if other[form] != written[0][form]] == []


def test_hostile_text_stays_text_in_every_format(twelve: list[Assessment], assessor: Assessor) -> None:
    hostile = next(one for one in twelve if one.case.startswith("<script>"))
    written = {form: chosen.render(hostile, assessor.knowledge, full=True) for form, chosen in FORMATS.items() if form != "pdf"}
    written |= {
        f"{form} leaflet": chosen.render(hostile, assessor.knowledge) for form, chosen in LEAFLETS.items() if form != "pdf"
    }
    written["fhir"] = FhirDocument(day=DAY).render(hostile, assessor.knowledge)
    for form, text in written.items():
        # JSON is read by programs, which get every name as it is; control characters are escaped there.
        assert isinstance(text, str) and not (CONTROL if form not in ("json", "fhir") else CODES).search(text), form
        if "html" in form:
            assert not HARM.search(text), form
        if "markdown" in form:
            assert not re.search(r"(?<!\\)(?:<[a-z!/]|\]\(|!\[)", text), form
    narratives = re.findall(r'"div": "((?:[^"\\]|\\.)*)"', written["fhir"])
    assert narratives and not any(HARM.search(json.loads(f'"{one}"')) for one in narratives)
