"""Whatever is killed while it saves: what was acknowledged is there, and what was not is there whole or not at all."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
# Of a consultation: its name, its events, how many its owner has, and the lines of the trail, kept with what they tell of.
AFTER: dict[str, Any] = {
    "answer": [["first", 3, 1, 1]],
    "beginning": [["first", 1, 2, 1], ["second", 0, 2, 1]],
    "deletion": [],
    "card": [2, ["first", "second"], 0],
    "outcome": [1, ["first"], 2],
}


@pytest.mark.parametrize("kind", AFTER)
def test_a_save_that_is_killed_at_any_step_is_whole_or_not_there(kind: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.web.running.killed_saves", kind, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(steps) > 5 and [step["killed"] for step in steps] == [True] * (len(steps) - 1) + [False]
    kept = [sorted(step["after"], key=str) == sorted(AFTER[kind], key=str) for step in steps]
    for step, is_kept in zip(steps, kept, strict=True):
        assert is_kept or step["after"] == step["before"], step
        assert is_kept or not step["acknowledged"], step
    # The steps lie on both sides of the moment from which it counts.
    assert not kept[0] and kept[-1] and kept == sorted(kept)
