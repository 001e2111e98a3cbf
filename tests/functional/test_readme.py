"""What README shows is what the program says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functional.charley import charley

ROOT = Path(__file__).parents[2]
TRANSCRIPTS = ROOT / "tests" / "transcripts"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_line_of_the_report_in_readme_is_in_the_real_report() -> None:
    shown = re.search(r"<!-- report -->\n```\n(.*?)```\n<!-- /report -->", README, re.DOTALL)
    assert shown is not None
    real = charley("report", ROOT / "facts" / "examples" / "night-cramps-on-a-diuretic.yaml").out.splitlines()
    lines = [line for line in shown[1].splitlines() if line.strip() not in ("", "…")]
    assert len(lines) > 20
    assert [line for line in lines if line not in real] == []


def transcript(replies: Path) -> str:
    """Hold a consultation with the replies of a file, through a pipe, and give everything that was shown."""
    command = [sys.executable, "-m", "expert", "consult", "--no-store", "--name", replies.stem.replace("-", " ")]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    done = subprocess.run(command, input=replies.read_bytes(), capture_output=True, env=environment, check=True, cwd=ROOT)
    return done.stdout.decode()


@pytest.mark.parametrize("replies", sorted(TRANSCRIPTS.glob("*.replies")), ids=lambda path: path.stem)
def test_a_kept_transcript_is_what_the_consultation_says(replies: Path) -> None:
    kept = replies.with_suffix(".txt")
    told = f"write it anew: charley consult --no-store --name '{replies.stem.replace('-', ' ')}' < {replies.name} > {kept.name}"
    assert transcript(replies) == kept.read_text(encoding="utf-8"), told


def test_every_line_of_the_consultation_in_readme_is_in_its_transcript() -> None:
    shown = re.search(r"<!-- consultation -->\n```\n(.*?)```\n<!-- /consultation -->", README, re.DOTALL)
    assert shown is not None
    lines = [line for line in shown[1].splitlines() if line.strip() not in ("", "…")]
    assert len(lines) > 20
    # In this order, one after the other.
    rest = iter((TRANSCRIPTS / "night-cramps.txt").read_text(encoding="utf-8").splitlines())
    assert [line for line in lines if line not in rest] == []


def test_a_danger_interrupts_and_undo_and_change_mend_what_was_answered() -> None:
    danger = (TRANSCRIPTS / "danger.txt").read_text(encoding="utf-8")
    assert "!! IMMEDIATE !!" in danger and "stop ends here" in danger and "The last step was taken back." in danger
    assert "the age: 59" in (TRANSCRIPTS / "night-cramps.txt").read_text(encoding="utf-8")


def test_the_rule_in_readme_is_the_one_in_the_knowledge() -> None:
    shown = re.search(r"`(knowledge_base/causes/\w+\.yaml)` holds, for instance:\n\n```yaml\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    knowledge = " ".join((ROOT / shown[1]).read_text(encoding="utf-8").split())
    for part in re.findall(r"(?:when|because|label): .*", shown[2]):
        assert part in knowledge


def test_the_commands_in_readme_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in [*re.findall(r"^make (\w+)", README, re.MULTILINE), "bench"]:
        assert f"\n{command}:" in makefile
