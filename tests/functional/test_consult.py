"""`charley consult` in a real pseudo-terminal and through a pipe: asking back, undo, a kill and resume, a danger, errors."""

import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.functional.charley import charley

EXAMPLES = Path(__file__).parents[2] / "facts" / "examples"
PROMPT = r"numbers \(2 5"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "data" / "consultations.sqlite"


@pytest.fixture
def sitting(store: Path) -> Iterator["pexpect.spawn[str]"]:
    process = spawn(store, "consult", "--name", "bed 7")
    yield process
    process.close(force=True)


def spawn(store: Path, *arguments: str) -> "pexpect.spawn[str]":
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "110", "LINES": "60"}
    return pexpect.spawn(
        sys.executable,
        ["-m", "expert", *arguments, "--store", str(store)],
        encoding="utf-8",
        timeout=60,
        dimensions=(60, 110),
        env=environment,  # type: ignore[arg-type]
    )


def session_id(store: Path) -> str:
    return charley("sessions", "list", "--store", store).out.split()[0]


def test_a_consultation_in_a_terminal_answers_back_and_survives_a_kill(sitting: "pexpect.spawn[str]", store: Path) -> None:
    sitting.expect("First, the warning signs")
    sitting.expect(PROMPT)
    sitting.sendline("why 3")
    sitting.expect("WHY Does the patient have a fever")
    sitting.expect("Fever with spasms")
    sitting.expect("urgency Routine → Immediate")
    sitting.sendline("none")
    sitting.expect("The patient")
    sitting.expect(PROMPT)
    sitting.sendline("1=67, 2=1")
    sitting.expect("of the signs")
    sitting.sendline("none")
    sitting.expect("The cramp")
    sitting.expect(PROMPT)
    sitting.sendline("what if serum_potassium=2.4")
    sitting.expect("no evidence → confirmed")
    sitting.sendline("why not hypokalemia")
    sitting.expect("hypokalemia-measured is open")
    sitting.sendline("undo")
    sitting.expect("step was undone")
    sitting.expect("The patient")
    sitting.expect(PROMPT)
    sitting.sendline("1=67, 2=1")
    sitting.expect("of the signs")
    sitting.sendline("none")
    sitting.expect("The cramp")
    sitting.expect(PROMPT)
    sitting.sendline("1 6 7 8 11 15=3")
    sitting.expect("harden or knot")
    sitting.sendline("y")
    sitting.expect("Does stretching")
    sitting.sendline("")
    sitting.expect("Current medicines")
    sitting.sendline("HCTZ 25 mg")
    sitting.expect("hydrochlorothiazide")
    sitting.expect("Stopped in the last months")
    sitting.sendline("none")
    sitting.expect("urgency at least same day")
    sitting.expect(PROMPT)
    sitting.kill(signal.SIGKILL)
    sitting.wait()

    resumed = spawn(store, "sessions", "resume", session_id(store))
    resumed.expect("Resumed: urgency at least same day")
    resumed.expect(PROMPT)
    resumed.sendline("how cramps_on_diuretics")
    resumed.expect("The patient takes a loop or thiazide diuretic")
    resumed.sendline("status")
    resumed.expect("4 screens")
    resumed.sendline("quit")
    resumed.expect("Saved. Resume with")
    resumed.expect(pexpect.EOF)
    resumed.close()
    assert resumed.exitstatus == 0


def test_a_danger_interrupts_and_leaves_the_choice_to_stop(sitting: "pexpect.spawn[str]") -> None:
    sitting.expect(PROMPT)
    sitting.sendline("1 3")
    sitting.expect("!! IMMEDIATE !!")
    sitting.expect("Fever with spasms")
    sitting.expect("type stop to end:")
    sitting.sendline("stop")
    sitting.expect("URGENCY: IMMEDIATE")
    sitting.expect("Saved. Resume with")
    sitting.expect(pexpect.EOF)


def test_the_store_is_private_and_holds_every_answer(store: Path) -> None:
    piped("none\n1=67 2=1\n", store)
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.parent.stat().st_mode) == 0o700
    with sqlite3.connect(store) as connection:
        rows = [json.loads(content) for (content,) in connection.execute("SELECT content FROM event ORDER BY place")]
    # The second screen was not finished: a value alone says nothing about the signs beside it, so nothing was recorded.
    assert [(row["screen"], row["kind"]) for row in rows] == [("dangers", "answered")]
    assert set(rows[0]["answers"].values()) == {False}


def test_a_pipe_gets_plain_lines_and_mistakes_are_explained(store: Path) -> None:
    told = piped("99\nbanana\nnone\n1=300 years\n", store)
    assert "\x1b" not in told
    assert "there is no 99 here" in told
    assert "found 'banana', expected numbers from 1 to" in told
    assert "outside the plausible range" in told


def test_two_processes_do_not_overwrite_each_other(store: Path) -> None:
    piped("none\n", store)
    name = session_id(store)
    first = spawn(store, "sessions", "resume", name)
    second = spawn(store, "sessions", "resume", name)
    first.expect(PROMPT)
    second.expect(PROMPT)
    for process, expected in ((first, "The cramp"), (second, "answered or deleted elsewhere")):
        process.sendline("none")
        process.expect("How old")
        process.sendline("60")
        process.expect("sex")
        process.sendline("2")
        process.expect(expected)
    # What could not be kept stays on the screen.
    second.expect("age = 60")
    first.close(force=True)
    second.close(force=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_can_only_be_read_is_a_clear_message(store: Path) -> None:
    piped("none\n", store)
    store.chmod(0o400)
    result = charley("consult", "--store", store)
    assert result.status == 1
    assert "can only be read" in result.err


def test_a_full_disk_is_a_clear_message_with_the_answers_on_the_screen(store: Path) -> None:
    piped("none\n", store)
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000));"
        "sys.argv = ['charley', *sys.argv[1:]]; from expert.command_line import main; main()"
    )
    command = [sys.executable, "-c", program, "sessions", "resume", session_id(store), "--store", str(store)]
    # The limit is met after some answers, whichever they are: each change writes to the store.
    text = "".join(f"change age={age}\n" for age in range(40, 90))
    # Coverage writes a file of its own, which would meet the limit too.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    result = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False, env=plain)
    assert "Traceback" not in result.stderr
    assert "NOT SAVED" in result.stdout and "the disk is full" in result.stdout
    assert "\nSaved." not in result.stdout and "What was answered before is saved. " in result.stdout
    kept, lost = re.search(r"The answers, so that they are not lost:\n  age = (\d+)", result.stdout), session_id(store)
    assert kept is not None
    events = json.loads(charley("sessions", "export", lost, "--store", store).out)["events"]
    assert [event["answers"]["age"] for event in events[1:]] == list(range(40, int(kept[1])))


def test_what_is_no_store_is_told(tmp_path: Path) -> None:
    wrong = tmp_path / "notes.txt"
    wrong.write_text("these are notes, not a store of consultations\n" * 100, encoding="utf-8")
    result = charley("sessions", "list", "--store", wrong)
    assert result.status == 1
    assert "not a store of consultations" in result.err
    assert "Traceback" not in result.err


def test_sessions_are_exported_imported_shown_and_deleted(store: Path, tmp_path: Path) -> None:
    piped("none\n1=67 2=1\nnone\n", store)
    name = session_id(store)
    exported = tmp_path / "one.json"
    assert charley("sessions", "export", name, "--output", exported, "--store", store).status == 0
    other = tmp_path / "other.sqlite"
    assert charley("sessions", "import", exported, "--store", other).status == 0
    again = charley("sessions", "export", name, "--store", other).out
    assert json.loads(again) == json.loads(exported.read_text(encoding="utf-8"))
    assert charley("sessions", "import", exported, "--store", other).status == 1
    shown = charley("sessions", "show", name[:6], "--store", other)
    assert "2 screens" in shown.out
    assert "WHAT WAS RECORDED" in shown.out
    assert charley("sessions", "delete", name, "--yes", "--store", other).status == 0
    assert charley("sessions", "show", name, "--store", other).status == 1
    assert b"dangers" not in other.read_bytes()
    exported.write_text("{}", encoding="utf-8")
    assert "not an exported consultation" in charley("sessions", "import", exported, "--store", other).err


@pytest.mark.parametrize("case", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_scripted_consultation_concludes_as_the_report_does(case: Path) -> None:
    held = charley("consult", "--answers", case, "--format", "json")
    assert held.status == charley("report", case, "--format", "json").status
    written = json.loads(held.out)
    reported = json.loads(charley("report", case, "--format", "json").out)
    pairs = zip(
        written if isinstance(written, list) else [written],
        [entry for entry in (reported if isinstance(reported, list) else [reported]) if "urgency" in entry],
        strict=True,
    )
    for consulted, full in pairs:
        certificate = consulted["consultation"]["certificate"]
        assert consulted["urgency"]["level"] == full["urgency"]["level"] == certificate["urgency"]
        if certificate["leading"]:
            assert full["causes"][0]["id"] == certificate["leading"]
        assert set(full) | {"consultation"} == set(consulted)


def piped(text: str, store: Path) -> str:
    """Hold a consultation through a pipe, which ends when the text does."""
    command = [sys.executable, "-m", "expert", "consult", "--store", str(store)]
    result = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert not re.search("Traceback", result.stderr)
    return result.stdout
