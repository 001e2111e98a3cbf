"""What a change of knowledge does to patients: found, shown by a patient, and proved to be all."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from expert.inference.assessing import Assessor
from expert.proofs.knowledge_diff import compared, difference
from facts.problems import CharleyError
from knowledge_base.model import KnowledgeBase
from knowledge_base.revisions import load_named
from reports.knowledge.diff_report import render_difference
from tests.functional.charley import charley
from tests.small_knowledge import case, choice, load, quantity, write, yes_no

FINDINGS = {
    **{name: yes_no(name) for name in ("a", "b")},
    "x": quantity("x"),
    "onset": choice("onset", "gradual", "sudden", requires="a"),
}
SIGNS = {"danger": {"danger-x": ("x < 3", "high"), "danger-a": ("a and b", "middle")}}
CAUSES = {"illness": {"supports": {"plain": ("a", "strong"), "low": ("x < 4", "weak")}, "excludes": {"none": "x > 5"}}}


def knowledge(folder: Path, **parts: Any) -> KnowledgeBase:
    folder.mkdir()
    return load(folder, parts.pop("findings", FINDINGS), **{"signs": SIGNS, "causes": CAUSES, **parts})


def test_equal_knowledge_makes_no_difference(tmp_path: Path) -> None:
    found = difference(knowledge(tmp_path / "old"), knowledge(tmp_path / "new"))
    assert (found.urgency, found.signs, found.standings, found.rules, found.vocabulary, found.medicines) == ((),) * 6


def test_a_moved_threshold_is_shown_by_a_patient_between_the_two(tmp_path: Path) -> None:
    signs = {"danger": {**SIGNS["danger"], "danger-x": ("x < 2.5", "high")}}
    old, new = knowledge(tmp_path / "old"), knowledge(tmp_path / "new", signs=signs)
    found = difference(old, new)
    ends = {(change.before, change.after) for change in found.urgency}
    assert ends == {("high", "low"), ("high", "middle")}
    for change in found.urgency:
        levels = [Assessor(side).assess(case(change.patient)).urgency.level for side in (old, new)]
        assert levels == [change.before, change.after]
        assert change.rules_before == ("danger-x",) and change.rules_after == ()
    (sign,) = found.signs
    assert (sign.subject, sign.before, sign.patient) == ("danger", "present", {"x": sign.patient["x"]})
    assert 2.5 <= float(sign.patient["x"]) < 3
    (rule,) = found.rules
    assert rule.only_before is not None and rule.only_after is None


def test_a_standing_that_can_change_is_shown_and_a_rewording_is_proved_to_change_nothing(tmp_path: Path) -> None:
    causes = {"illness": {**CAUSES["illness"], "supports": {"plain": ("not not a", "weak"), "low": ("not x >= 4", "weak")}}}
    old, new = knowledge(tmp_path / "old"), knowledge(tmp_path / "new", causes=causes)
    found = difference(old, new)
    assert {(change.before, change.after) for change in found.standings} == {("good", "poor"), ("good", "fair")}
    assert found.standings and not found.urgency
    for change in found.standings:
        before, after = (Assessor(side).assess(case(change.patient)).causes[0].standing for side in (old, new))
        assert (before, after) == (change.before, change.after)
    text = render_difference(found, None)
    assert "fires for the same patients as before (proved)" in text
    assert "For no patient." in text


def test_new_and_gone_rules_findings_and_cases_are_told(tmp_path: Path) -> None:
    findings = {name: finding for name, finding in FINDINGS.items() if name != "b"} | {"c": yes_no("c")}
    signs = {"danger": {"danger-x": ("x < 3", "high"), "danger-c": ("c", "high")}}
    old, new = knowledge(tmp_path / "old"), knowledge(tmp_path / "new", signs=signs, findings=findings)
    found = difference(old, new)
    assert {rule.id for rule in found.rules if rule.before is None} == {"danger-c"}
    assert {rule.id for rule in found.rules if rule.after is None} == {"danger-a"}
    assert found.vocabulary == ("c is new", "b is gone")
    cases = compared(old, new, [case({"c": True}, "one"), case({"x": 1.0}, "two")])
    assert cases.count == 2
    assert [(change.case, change.what, change.before, change.after) for change in cases.changed] == [
        ("one", "urgency", "low", "high")
    ]
    assert "of 2, 1 change" in render_difference(found, cases)


def repository(folder: Path) -> Path:
    def git(*words: str) -> None:
        settings = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *settings, *words], cwd=folder, check=True, capture_output=True)

    folder.mkdir()
    git("init", "-q")
    for number, threshold in enumerate((3, 2)):
        base = folder / "knowledge_base"
        write(base, FINDINGS, signs={"danger": {"danger-x": (f"x < {threshold}", "high")}}, causes=CAUSES)
        shutil.rmtree(folder / "facts", ignore_errors=True)
        (folder / "facts").mkdir()
        shutil.move(base / "findings", folder / "facts" / "findings")
        git("add", "-A")
        git("commit", "-q", "-m", f"state {number}")
    return folder


def test_git_revisions_are_compared_by_the_command(tmp_path: Path) -> None:
    place = repository(tmp_path / "repository")
    (place / "cases").mkdir()
    (place / "cases" / "one.yaml").write_text("case: one\nfindings: {x: 2.5}\n", encoding="utf-8")
    done = charley("knowledge", "diff", "HEAD~1", "HEAD", "--cases", place / "cases", cwd=place)
    assert done.status == 0, done.err
    assert "**high → low**" in done.out and "danger-x" in done.out
    assert "- one: urgency high → low" in done.out
    file = tmp_path / "review.md"
    assert charley("knowledge", "diff", "HEAD", "HEAD", "--output", file, cwd=place).status == 0
    assert "None changes." in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["no-such-revision", "--output=x", ""])
def test_a_name_that_is_neither_folder_nor_revision_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CharleyError, match="neither a folder nor a revision"):
        load_named(name)
    done = charley("knowledge", "diff", "--", name, "HEAD", cwd=tmp_path)
    assert done.status == 2 and "neither a folder nor a revision" in done.err
