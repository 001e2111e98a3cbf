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
from contextlib import closing
from pathlib import Path

import pexpect
import pytest

from tests.functional.charley import charley

EXAMPLES = Path(__file__).parents[2] / "facts" / "examples"
PROMPT = r"numbers \(2 5"
STORY = "1=67 f 3 10 13-15\nHCTZ 25 mg\nn\nn\n\n"
"""What is typed on the first page: a woman with cramps of the calf in bed, on a diuretic."""


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
    sitting.expect("The story")
    sitting.expect(PROMPT)
    sitting.sendline("why not hypokalemia")
    sitting.expect("hypokalemia-measured is open")
    sitting.sendline("1=67, 2=female 3 10 13-15")
    sitting.expect("Current medicines")
    sitting.sendline("HCTZ 25 mg")
    sitting.expect("hydrochlorothiazide")
    sitting.expect("Stopped in the last months")
    # Half of a page is taken back as well.
    sitting.sendline("undo")
    sitting.expect("This page begins again")
    for line in STORY.split("\n")[:4]:
        sitting.expect([PROMPT, "Current medicines", "Stopped in", "test results"])
        sitting.sendline(line)
    sitting.expect("What else")
    sitting.sendline("palpitations")
    sitting.expect("palpitations → palpitations")
    sitting.expect("Red flags")
    sitting.expect("urgency at least same day")
    sitting.expect("Looks for: ")
    sitting.expect(PROMPT)
    sitting.sendline("why 2")
    sitting.expect("WHY Does the patient have a fever")
    sitting.expect("Fever with spasms")
    sitting.sendline("what if K=2.4")
    sitting.expect("→ confirmed")
    sitting.sendline("K 3.8")
    sitting.expect("serum potassium: 3.8")
    sitting.expect(PROMPT)
    sitting.sendline("undo")
    sitting.expect("step was undone")
    sitting.expect(PROMPT)
    sitting.sendline("change medicines")
    sitting.expect("Current medicines")
    sitting.sendline("furosemide, salbutamol")
    sitting.expect("Stopped in the last months")
    sitting.sendline("n")
    sitting.expect(PROMPT)
    sitting.kill(signal.SIGKILL)
    sitting.wait()

    resumed = spawn(store, "sessions", "resume", session_id(store))
    resumed.expect("Resumed: urgency at least same day")
    resumed.expect(PROMPT)
    resumed.sendline("how cramps_on_diuretics")
    resumed.expect("The patient takes a loop or thiazide diuretic")
    resumed.sendline("status")
    resumed.expect("1 screens")
    resumed.sendline("quit")
    resumed.expect("Saved. Resume with")
    resumed.expect(pexpect.EOF)
    resumed.close()
    assert resumed.exitstatus == 0


def test_a_danger_interrupts_and_leaves_the_choice_to_stop(sitting: "pexpect.spawn[str]") -> None:
    for line in STORY.split("\n")[:5]:
        sitting.expect([PROMPT, "Current medicines", "Stopped in", "test results", "What else"])
        sitting.sendline(line)
    sitting.expect("Red flags")
    sitting.expect(PROMPT)
    sitting.sendline("1 2")
    sitting.expect("!! IMMEDIATE !!")
    sitting.expect("Confusion, seizure")
    sitting.expect("type stop to end:")
    sitting.sendline("stop")
    sitting.expect("MUSCLE CRAMPS")
    sitting.expect("Saved. Resume with")
    sitting.expect(pexpect.EOF)


def test_the_store_is_private_and_holds_every_answer(store: Path) -> None:
    piped(f"{STORY}n\n5\n", store)
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.parent.stat().st_mode) == 0o700
    with closing(sqlite3.connect(store)) as connection, connection:
        rows = [json.loads(content) for (content,) in connection.execute("SELECT content FROM event ORDER BY place")]
    kinds = [(row["screen"], row["kind"]) for row in rows[:3]]
    assert kinds == [("story", "answered"), ("story", "denied"), ("red_flags", "denied")]
    assert rows[0]["answers"]["medicines"] == ["HCTZ 25 mg"] and rows[0]["answers"]["results"] == "none"
    # What the page asked to name if it is so, and nobody named, is absent; what has to be said or tried is not.
    assert rows[1]["answers"]["spasm_in_arm"] is False and "both_sides_affected" not in rows[0]["answers"] | rows[1]["answers"]
    assert set(rows[2]["answers"].values()) == {False}


def test_a_pipe_gets_plain_lines_and_mistakes_are_explained(store: Path) -> None:
    told = piped(f"99\nbanana\n1=300 years\n{STORY}", store)
    assert "\x1b" not in told
    assert "there is no 99 here" in told
    assert "found 'banana', expected numbers from 1 to" in told
    assert "outside the plausible range" in told


def test_a_console_that_cannot_show_a_character_gets_a_plain_one(store: Path) -> None:
    command = [sys.executable, "-m", "expert", "consult", "--store", str(store)]
    plain = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(command, input=STORY, capture_output=True, text=True, timeout=60, check=False, env=plain)
    assert result.returncode == 0 and "Traceback" not in result.stderr
    assert "HCTZ 25 mg -> hydrochlorothiazide" in result.stdout and result.stdout.isascii()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("+ calf", "may be:"),
        ("+ tingling lips", "tingling lips → tingling around the mouth or in the fingers"),
        ("+ zzzz", "nothing here is called 'zzzz'"),
        ("+ temp", "needs a value"),
        ("+ no fever", "no fever → fever: no"),
        ("temp 39.4", "temp 39.4 → the body temperature: 39.4"),
        ("how", "HOW urgency: Same day"),
        ("?", "1=67 f 3"),
    ],
)
def test_what_is_not_asked_is_told_by_name(typed: str, told: str, store: Path) -> None:
    assert told in piped(f"{STORY}{typed}\n\n", store)


def test_two_processes_do_not_overwrite_each_other(store: Path) -> None:
    piped(STORY, store)
    name = session_id(store)
    first = spawn(store, "sessions", "resume", name)
    second = spawn(store, "sessions", "resume", name)
    first.expect(PROMPT)
    second.expect(PROMPT)
    for process, expected in ((first, "3 · "), (second, "answered or deleted elsewhere")):
        process.sendline("none")
        process.expect(expected)
    # What could not be kept stays on the screen.
    second.expect("fever = False")
    first.close(force=True)
    second.close(force=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_can_only_be_read_is_a_clear_message(store: Path) -> None:
    piped(STORY, store)
    store.chmod(0o400)
    result = charley("consult", "--store", store)
    assert result.status == 1
    assert "can only be read" in result.err


def test_a_full_disk_is_a_clear_message_with_the_answers_on_the_screen(store: Path) -> None:
    piped(STORY, store)
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
    assert [event["answers"]["age"] for event in events if event["kind"] == "changed"] == list(range(40, int(kept[1])))


def test_what_is_no_store_is_told(tmp_path: Path) -> None:
    wrong = tmp_path / "notes.txt"
    wrong.write_text("these are notes, not a store of consultations\n" * 100, encoding="utf-8")
    result = charley("sessions", "list", "--store", wrong)
    assert result.status == 1
    assert "not a store of consultations" in result.err
    assert "Traceback" not in result.err


def test_sessions_are_exported_imported_shown_and_deleted(store: Path, tmp_path: Path) -> None:
    piped(f"{STORY}n\n", store)
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
    assert "Charley supports a clinician" in shown.out
    assert charley("sessions", "delete", name, "--yes", "--store", other).status == 0
    assert charley("sessions", "show", name, "--store", other).status == 1
    assert b"red_flags" not in other.read_bytes()
    exported.write_text("{}", encoding="utf-8")
    assert "not an exported consultation" in charley("sessions", "import", exported, "--store", other).err


@pytest.mark.parametrize("case", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_scripted_consultation_concludes_as_the_report_does(case: Path) -> None:
    held, told = (charley(*words, case, "--format", "json") for words in (("consult", "--answers"), ("report",)))
    assert held.status == told.status
    written, reported = json.loads(held.out), json.loads(told.out)
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
    """Hold a consultation through a pipe, which ends when the text does; test_documents.py holds some as processes."""
    result = charley("consult", "--store", store, typed=text)
    assert result.status == 0, result.err
    return result.out


def test_where_the_questions_end_the_verdict_is_that_of_the_report() -> None:
    """Typical night cramps are decided, though the sound ceiling is higher and the length of a cramp is not known."""
    example = EXAMPLES / "typical-night-cramps.yaml"
    told = charley("consult", "--answers", example).out
    assert "Urgency: Routine. Causes:" in told and "ROUTINE, decided" in told
    assert "urgency, up to Soon: the length of a cramp" in told
    status = json.loads(charley("consult", "--answers", example, "--format", "json").out)["consultation"]["status"]
    assert status["is_decided"] and status["level"] == status["could_be"] == "routine"
    assert status["ceiling"] == "immediate"
