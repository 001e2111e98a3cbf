"""What README shows is what the program says."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.functional.charley import charley

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_line_of_the_report_in_readme_is_in_the_real_report() -> None:
    shown = re.search(r"<!-- report -->\n```\n(.*?)```\n<!-- /report -->", README, re.DOTALL)
    assert shown is not None
    real = charley("report", ROOT / "facts" / "examples" / "night-cramps-on-a-diuretic.yaml").out.splitlines()
    lines = [line for line in shown[1].splitlines() if line.strip() not in ("", "…")]
    assert len(lines) > 20
    assert [line for line in lines if line not in real] == []


def test_the_transcript_is_what_the_consultation_says_and_readme_shows_lines_of_it() -> None:
    replies, kept = (ROOT / "tests" / "transcripts" / f"night-cramps.{ending}" for ending in ("replies", "txt"))
    command = [sys.executable, "-m", "expert", "consult", "--no-store", "--name", "night cramps"]
    real = subprocess.run(
        command, input=replies.read_bytes(), capture_output=True, env={**os.environ, "PYTHONUTF8": "1"}, check=True, cwd=ROOT
    ).stdout.decode()
    assert real == kept.read_text(encoding="utf-8"), f"write {kept.name} anew: {' '.join(command[1:])} < {replies.name}"
    shown = re.search(r"<!-- consultation -->\n```\n(.*?)```\n<!-- /consultation -->", README, re.DOTALL)
    assert shown is not None
    lines = [line for line in shown[1].splitlines() if line.strip() not in ("", "…")]
    assert len(lines) > 20
    # In this order, one after the other.
    rest = iter(real.splitlines())
    assert [line for line in lines if line not in rest] == []


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
