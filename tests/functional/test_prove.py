"""`charley knowledge prove` and `--what-would-change` as they are typed."""

import json
import subprocess
import sys
from pathlib import Path

from tests.functional.charley import charley
from tests.small_knowledge import quantity, write, yes_no

WITHOUT_Z3 = (
    "import sys; sys.modules['z3'] = None; sys.argv = ['charley', *sys.argv[1:]];from expert.command_line import main; main()"
)
EXAMPLE = Path("facts/examples/night-cramps-on-a-diuretic.yaml")


def faulty(folder: Path) -> Path:
    causes = {"illness": {"confirms": {"measured": "x < 3"}, "excludes": {"normal": "x > 2"}}}
    signs = {"danger": {"never": ("a and not a", "high"), "danger-a": ("a", "high")}}
    findings = {"a": yes_no("a"), "x": quantity("x")}
    worse = {"invariants.yaml": {"worse": {"x": "higher"}, "invariants": {"i": {"says": "S.", "always": "a or not a"}}}}
    return write(folder, findings, causes=causes, signs=signs, more=worse)


def test_what_fails_is_told_with_its_place_and_its_witness_is_a_case_that_a_report_reads(tmp_path: Path) -> None:
    knowledge = faulty(tmp_path / "knowledge")
    earlier, own = (tmp_path / "proof" / "witnesses" / name for name in ("007-conflict-gone.yaml", "notes.yaml"))
    earlier.parent.mkdir(parents=True)
    earlier.touch()
    own.touch()
    done = charley("knowledge", "prove", "--knowledge", knowledge, "--output", tmp_path / "proof")
    assert done.status == 2
    assert not earlier.exists() and own.exists()
    own.unlink()
    assert "warning_signs.yaml:" in done.err and "the rule never fires for no patient" in done.err
    assert "causes/some.yaml:" in done.err and "both confirmed and excluded" in done.err
    assert "do not hold" in done.out
    certificate = json.loads((tmp_path / "proof" / "certificate.json").read_text(encoding="utf-8"))
    assert certificate["properties"]["conflict"] == {"statements": 1, "proved": 0, "failed": 1, "undecided": 0, "accepted": 0}
    witnesses = sorted((tmp_path / "proof" / "witnesses").iterdir())
    reported = charley("report", *witnesses, "--knowledge", knowledge, "--full")
    assert reported.status == 0
    assert "BOTH: illness" in reported.out


def test_what_takes_too_many_steps_is_undecided(tmp_path: Path) -> None:
    done = charley("knowledge", "prove", "--knowledge", faulty(tmp_path), "--steps", 1)
    assert done.status == 2 and "undecided" in done.err and "allow more steps" in done.err


def test_a_certificate_in_the_knowledge_folder_is_cited_by_the_report(tmp_path: Path) -> None:
    knowledge, patient = tmp_path / "knowledge", tmp_path / "case.yaml"
    write(knowledge, {"a": yes_no("a")}, causes={"illness": {"supports": {"plain": ("a", "weak")}}})
    patient.write_text("case: someone\nfindings: {a: yes}\n", encoding="utf-8")
    before = charley("report", patient, "--knowledge", knowledge, "--full")
    assert "No proof of this knowledge base is on file" in before.out
    assert charley("knowledge", "prove", "--knowledge", knowledge, "--output", knowledge).status == 0
    after = charley("report", patient, "--knowledge", knowledge, "--full")
    assert "statements about every possible patient hold" in " ".join(after.out.split())


def test_what_would_change_is_in_every_format(tmp_path: Path) -> None:
    text = charley("report", EXAMPLE, "--what-would-change").out
    assert "WHAT WOULD CHANGE IT" in text and "no advice to change a treatment" in text
    assert "## What would change it" in charley("report", EXAMPLE, "--what-would-change", "--format", "markdown").out
    assert '<h2 id="changes">' in charley("report", EXAMPLE, "--what-would-change", "--format", "html").out
    changes = json.loads(charley("report", EXAMPLE, "--what-would-change", "--format", "json").out)["what_would_change"]
    assert changes["leading_cause"] == "hypokalemia" and changes["cut"] == []
    assert {change["finding"] for way in changes["lower_urgency"] for change in way["changes"]} >= {"serum_magnesium"}
    assert "WHAT WOULD CHANGE IT" not in charley("report", EXAMPLE).out


def test_without_z3_a_report_says_what_is_missing_and_a_proof_what_to_install() -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", WITHOUT_Z3, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    done = run("report", str(EXAMPLE), "--what-would-change")
    assert done.returncode == 0 and "z3 is not installed" in done.stdout
    done = run("knowledge", "prove")
    assert done.returncode == 1 and "charley[prove]" in done.stderr and "Traceback" not in done.stderr
