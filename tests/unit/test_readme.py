"""What README shows is what the program says."""

import re
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
