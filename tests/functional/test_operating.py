"""`charley doctor`, `charley backup` and `charley restore` as they are typed, and the files of docs/operating.md."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from expert import doctor
from expert.cds_hooks.feedback import FeedbackStore, Issued
from expert.consultation.answer_log import Event
from expert.consultation.sessions import Store
from expert.doctor import Check, examine
from tests.functional.charley import charley, charley_process

ROOT = Path(__file__).parents[2]
OPERATING = ROOT / "docs" / "operating"
AT = "2026-01-01T00:00:00+00:00"


def event(step: int) -> Event:
    return Event(step, "answered", "dangers", {"fever": "no"}, AT, "knowledge")


# The doctor


def found(checks: Iterator[Check], what: str) -> Check:
    (check,) = [check for check in checks if check.what == what]
    return check


def test_the_doctor_finds_everything_where_the_tests_run(tmp_path: Path) -> None:
    outcome = charley("doctor", "--store", tmp_path / "data" / "store", "--needs", "web", "--needs", "prove")
    assert outcome.status == 0, outcome.out + outcome.err
    for what in (
        "Python",
        "experta",
        "starlette",
        "z3-solver",
        "knowledge: Muscle cramps",
        "Java",
        "a browser",
        "fonts",
        "space",
    ):
        assert what in outcome.out
    assert not (tmp_path / "data" / "store").exists()


def test_the_doctor_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    store = tmp_path / "store"
    Store(store).close()
    store.chmod(0o644)
    hidden = tmp_path / "nothing"
    hidden.mkdir()
    words = ("doctor", "--store", store, "--needs", "spark", "--users", tmp_path / "nobody")
    outcome = charley(*words, PATH=str(hidden))
    assert outcome.status == 1
    assert re.search(r"MISSING\s+the store: .*permissions 644\n\s+chmod 600", outcome.out)
    assert re.search(r"MISSING\s+Java: not installed \(for spark\)\n\s+install Java 17", outcome.out)
    # What nobody said is needed is told, and is no error.
    assert re.search(r"not here\s+the file of users", outcome.out) and re.search(r"not here\s+fonts", outcome.out)
    missing = 2 if find_spec("pyspark") else 3
    assert outcome.err == f"{missing} of what is needed are missing\n"


def test_the_doctor_looks_at_the_store_itself_and_at_the_knowledge(tmp_path: Path) -> None:
    damaged = tmp_path / "store"
    damaged.write_bytes(b"this is a letter\n" * 500)
    check = found(examine(damaged, None, None), "the store")
    assert not check.is_well and "not a store of consultations" in check.found
    check = found(examine(tmp_path / "new", None, tmp_path / "no-folder"), "knowledge")
    assert not check.is_well and check.found == "1 problems"


def test_the_doctor_asks_for_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ROOM", 2**80)
    assert not found(examine(tmp_path / "store", None, None), "space for the store").is_well


@pytest.mark.parametrize(
    ("installed", "wanted", "fits"),
    [
        ("8.1", ">=8.1", True),
        ("8.1.7", ">=8.1", True),
        ("8.0.9", ">=8.1", False),
        ("10.0", ">=9.2", True),
        ("1.9.4", "==1.9.4", True),
        ("1.9.5", "==1.9.4", False),
        ("2.0.0", "<2,>=1.1", False),
        ("1.9", "<2,>=1.1", True),
        ("2026.1rc1", ">=2026.1", True),
        ("3", "", True),
    ],
)
def test_versions_are_compared_as_numbers(installed: str, wanted: str, fits: bool) -> None:
    assert doctor._fits(installed, wanted) is fits


# Copies


def test_a_copy_is_made_while_answers_are_kept_and_put_back_whole(tmp_path: Path) -> None:
    live = tmp_path / "live"
    with closing(Store(live / "consultations.sqlite")) as store, closing(FeedbackStore(live / "feedback.sqlite")) as feedback:
        feedback.keep_issued([(Issued("card", "s", "", "k", "info", ("rule",), ()), "key", "<p>report</p>")])
        session = store.begin("ward four", AT, "knowledge")
        stop = threading.Event()

        def go_on() -> None:
            kept = session
            while not stop.is_set():
                kept = store.append(kept, (*kept.log, event(len(kept.log) + 1)))

        answering = threading.Thread(target=go_on)
        answering.start()
        try:
            copies = (tmp_path / f"copy-{number}" for number in range(2))
            # By another process than the one that answers, as it will be.
            outcomes = [charley_process("backup", copy, "--store", live / "consultations.sqlite") for copy in copies]
        finally:
            stop.set()
            answering.join()
        log = store.load(session.id).log
        report = feedback.report("key")
    assert [outcome.status for outcome in outcomes] == [0, 0], outcomes
    lengths = []
    for number in range(2):
        folder, target = tmp_path / f"copy-{number}", tmp_path / f"restored-{number}"
        assert sorted(path.name for path in folder.iterdir()) == ["consultations.sqlite", "feedback.sqlite"]
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
        assert charley("restore", folder, "--store", target / "consultations.sqlite").status == 0
        with closing(Store(target / "consultations.sqlite")) as restored:
            (copied,) = restored.sessions()
            # As of one moment: the beginning of the log, and nothing of an answer in part.
            assert copied.name == "ward four" and copied.log == log[: len(copied.log)]
            lengths.append(len(copied.log))
        with closing(FeedbackStore(target / "feedback.sqlite")) as restored_feedback:
            assert restored_feedback.report("key") == report
    assert 0 < lengths[0] < lengths[1] <= len(log)


def test_nothing_is_overwritten_and_nothing_damaged_or_foreign_is_copied(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    assert charley("backup", tmp_path / "copy", "--store", store).status == 1
    Store(store).close()
    assert charley("backup", tmp_path / "copy", "--store", store).status == 0
    again = charley("backup", tmp_path / "copy", "--store", store)
    assert again.status == 1 and "is there already" in again.err
    back = charley("restore", tmp_path / "copy", "--store", store)
    assert back.status == 1 and "move it away" in back.err
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE orders (id)")
    foreign = charley("backup", tmp_path / "foreign", "--store", other)
    assert foreign.status == 1 and "another program" in foreign.err
    assert list((tmp_path / "foreign").iterdir()) == []


def test_a_copy_that_is_killed_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    with closing(Store(store)) as made:
        for _ in range(200):
            made.begin("x" * 200, AT, "knowledge")
    program = (
        "import os, signal, sys; from pathlib import Path; from expert import private_sqlite as p;"
        "from expert.consultation.sessions import FORMAT;"
        "p.os.link = lambda *a: os.kill(os.getpid(), signal.SIGKILL);"
        "p.copy_private(Path(sys.argv[1]), Path(sys.argv[2]), FORMAT)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    target = tmp_path / "copy" / "consultations.sqlite"
    killed = subprocess.run([sys.executable, "-c", program, store, target], env=environment, timeout=60, check=False)
    assert killed.returncode == -9 and not target.exists()
    assert charley("backup", tmp_path / "copy", "--store", store).status == 0


# The files that docs/operating.md ships


def test_the_unit_for_systemd_is_one(tmp_path: Path) -> None:
    unit = (OPERATING / "charley.service").read_text(encoding="utf-8")
    for kept in ("NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectoryMode=0700", "UMask=0077", "MemoryMax="):
        assert kept in unit
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    # It insists that the program exists; everything else is checked as it is shipped.
    copy = tmp_path / "charley.service"
    copy.write_text(unit.replace("/opt/charley/bin/charley", sys.executable), encoding="utf-8")
    checked = subprocess.run([analyze, "verify", "--man=no", copy], capture_output=True, text=True, check=False, timeout=60)
    ours = [line for line in checked.stderr.splitlines() if "charley.service" in line]
    assert checked.returncode == 0 and ours == [], checked.stderr


def test_the_container_file_says_what_it_should() -> None:
    lines = [line for line in _joined(OPERATING / "Containerfile") if not line.startswith("#")]
    words = [line.split()[0] for line in lines]
    assert words[0] == "FROM" and set(words) <= {
        "FROM",
        "RUN",
        "COPY",
        "WORKDIR",
        "USER",
        "VOLUME",
        "EXPOSE",
        "ENTRYPOINT",
        "CMD",
        "ENV",
    }
    assert all(re.fullmatch(r"FROM \S+:[0-9.]+\S*( AS \w+)?", line) for line in lines if line.startswith("FROM"))
    # Nothing runs as root at the end, nothing is fetched that is not pinned by its hash, and no secret is in it.
    last_stage = lines[max(place for place, word in enumerate(words) if word == "FROM") :]
    assert any(re.fullmatch(r"USER [1-9]\d*", line) for line in last_stage)
    installs = [line for line in lines if "pip install" in line]
    assert installs and all("--require-hashes" in line or "--no-deps" in line for line in installs)
    assert last_stage[-1].startswith(("ENTRYPOINT [", "CMD [")) and not re.search(
        r"(?i)password|secret|token", "\n".join(lines)
    )
    for line in lines:
        if line.startswith("COPY") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source


def test_what_is_locked_fits_what_setup_cfg_asks_for_and_has_hashes() -> None:
    text = (OPERATING / "requirements.txt").read_text(encoding="utf-8")
    assert "://" not in text and "--index" not in text
    locked: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=[a-z])", text.partition("by hand.\n")[2]):
        name, version = re.match(r"([a-z0-9-]+)(?:\[[a-z]+\])?==(\S+)", entry).groups()  # type: ignore[union-attr]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), name
        locked.setdefault(name, []).append(version)
    read = ConfigParser()
    read.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = read["options.extras_require"]
    for line in "\n".join((read["options"]["install_requires"], extras["web"], extras["prove"])).split("\n"):
        wanted = re.match(r"([A-Za-z0-9_.-]+)(?:\[[a-z]+\])?(.*)", line.strip())
        if wanted and not line.startswith("#"):
            versions = locked[wanted[1].lower().replace("_", "-").replace(".", "-")]
            assert all(doctor._fits(version, wanted[2]) for version in versions), line


def _joined(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines() if line.strip()]


def test_every_command_in_the_document_exists() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"^charley ([a-z]+)", text, re.MULTILINE))
    assert {"serve", "doctor", "backup", "restore", "audit", "users"} <= commands
    for command in commands:
        assert charley(command, "--help").status == 0
    options: dict[str, Any] = {}
    for command, rest in re.findall(r"^charley ([a-z]+)((?:.*\\\n)*.*)$", text, re.MULTILINE):
        options.setdefault(command, set()).update(re.findall(r"--[a-z-]+", rest))
    for command, used in options.items():
        words = (command, "add") if command == "users" else (command,)
        told = charley(*words, "--help").out
        assert all(option in told for option in used), (command, used)
