"""Files that are dropped on the page: read beside the pages, within bounds of time and memory, and nothing of them left."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from expert.consultation.moments import Consultation
from expert.web.pages.case_files import PostedFile, assessed_file
from expert.web.readers import Answered, CannotRead, Readers, TakesTooMuch
from facts.intake.files import read_files
from knowledge_base.model import KnowledgeBase
from tests.web.browsing import Browser, application, service_of, signed_in

CASE = b"case: ward seven\nfindings: {fever: yes}\n"
PAGE = {"csrf": "0", "who": "", "title": "t", "statement": "s", "knowledge": "k", "largest": "8 MB"}
SLOW = b"".join(b"case: x%d\nfindings: {age: 50}\n---\n" % number for number in range(60_000))


@pytest.fixture(scope="module")
def readers(knowledge: KnowledgeBase) -> Iterator[Readers]:
    started = Readers(None, knowledge.hash, seconds=20, memory=256 * 2**20)
    yield started
    started.close()


def read(readers: Readers, name: str, content: bytes, place: str = "") -> Answered:
    return readers.read(name, content, place=place, pasted=False, page=PAGE)


def test_a_file_is_answered_as_it_would_be_in_the_service_itself(readers: Readers, consultation: Consultation) -> None:
    answered = read(readers, "a.yaml", CASE)
    (assessed,), problems, count = assessed_file(consultation.assessor, "a.yaml", CASE)
    assert (answered.status, answered.cases, count, problems) == (200, 1, 1, [])
    assert f"<h1>{assessed.case}</h1>" in answered.page


def test_files_read_at_once_are_not_mixed(readers: Readers) -> None:
    pages: dict[int, str] = {}

    def go(number: int) -> None:
        pages[number] = read(readers, "a.yaml", CASE.replace(b"seven", f"number {number:02}".encode())).page

    threads = [threading.Thread(target=go, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(pages) == list(range(12))
    for number, page in pages.items():
        assert f"<h1>ward number {number:02}</h1>" in page
        assert sum(f"ward number {other:02}" in page for other in range(12)) == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", b"[" + b"{}," * 900_000 + b"{}]", "values, and 400,000 are taken"),
        ("a.jsonl", b"{}\n" * 900_000, "values, and 400,000 are taken"),
        ("a.yaml", b"case: x\nmedicines:\n" + b"- a\n" * 900_000, "values, and 400,000 are taken"),
        ("a.json", json.dumps({"case": "x", "medicines": ["Aspirin"] * 1_001}).encode(), "1,001 medicines"),
        ("a.yaml", b"case: x\nmedicines: [" + b"Aspirin, " * 1_500 + b"b]\n", "1,501 medicines"),
        ("a.json", b'{"case": "x", "findings": {"age": ' + b"[" * 60 + b"]" * 60 + b"}}", "nested"),
        ("a.json", b"[" * 2_000 + b"]" * 2_000, "nested"),
        ("a.jsonl", b"[" * 1_500 + b"]" * 1_500, "nested"),
    ],
)
def test_what_has_too_much_in_it_is_refused_in_words(readers: Readers, name: str, content: bytes, says: str) -> None:
    begun = time.monotonic()
    answered = read(readers, name, content)
    assert answered.status == 422 and says in answered.page
    # Two thousand levels and a million values alike: refused before anything is done with them.
    assert time.monotonic() - begun < 10


@pytest.mark.usefixtures("no_process_followed")
def test_only_so_many_cases_are_assessed(knowledge: KnowledgeBase) -> None:
    readers = Readers(None, knowledge.hash, seconds=20, memory=256 * 2**20)
    try:
        content = b"".join(b'{"case": "%d", "findings": {"age": 50}}\n' % n for n in range(260))
        answered = read(readers, "a.jsonl", content)
    finally:
        readers.close()
    assert answered.status == 200 and answered.cases == 200
    assert "60 more cases are not assessed here" in answered.page


@pytest.mark.usefixtures("no_process_followed")
def test_what_takes_too_long_is_ended_and_the_next_is_read(knowledge: KnowledgeBase) -> None:
    bounded = Readers(None, knowledge.hash, seconds=2, memory=256 * 2**20)
    try:
        with pytest.raises(TakesTooMuch):
            read(bounded, "a.yaml", SLOW)
        assert read(bounded, "a.yaml", CASE).status == 200
    finally:
        bounded.close()


@pytest.mark.usefixtures("no_process_followed")
def test_what_takes_too_much_memory_is_ended(knowledge: KnowledgeBase) -> None:
    # Long before the time is over; with so little, nothing else could be read either.
    bounded = Readers(None, knowledge.hash, seconds=60, memory=40 * 2**20)
    try:
        with pytest.raises(TakesTooMuch):
            read(bounded, "a.yaml", SLOW)
    finally:
        bounded.close()


def test_the_page_says_that_a_file_takes_too_much(consultation: Consultation, tmp_path: Path) -> None:
    browser = signed_in(application(consultation, tmp_path, file_seconds=1))
    browser.open("/case-files")
    browser.post("/case-files", files={"file": ("a.yaml", SLOW)})
    assert browser.page.status_code == 413 and "more than 1 seconds or 256 MB" in browser.text


def test_the_program_that_reads_is_started_anew_when_it_was_ended(readers: Readers) -> None:
    assert read(readers, "a.yaml", CASE).status == 200
    first = readers.process
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    first.wait(10)
    assert read(readers, "a.yaml", CASE).status == 200
    assert readers.process is not None and readers.process.pid != first.pid


def test_knowledge_that_changed_on_disk_since_is_not_used(tmp_path: Path, consultation: Consultation) -> None:
    other = Readers(None, "another hash", seconds=5, memory=256 * 2**20)
    with pytest.raises(CannotRead, match="restart it"):
        read(other, "a.yaml", CASE)
    browser = signed_in(application(consultation, tmp_path, knowledge=Path(__file__).parents[1] / "foreign" / "headaches"))
    browser.open("/case-files")
    assert browser.post("/case-files", {"text": CASE.decode()}).status_code == 503
    assert "headaches" not in browser.text


def test_the_program_ends_with_the_service(knowledge: KnowledgeBase) -> None:
    alone = Readers(None, knowledge.hash, seconds=5, memory=256 * 2**20)
    assert read(alone, "a.yaml", CASE).status == 200
    process = alone.process
    assert process is not None and alone.control is not None
    # As when the service is killed: its end of the connection is gone.
    alone.control.close()
    process.wait(20)
    assert process.returncode == 0


def files_under(*folders: Path) -> set[Path]:
    return {path for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_reading_leaves_no_file_wherever_it_is_killed(knowledge: KnowledgeBase, tmp_path: Path, monkeypatch: Any) -> None:
    """Kill the reading at moments all along the way: nothing of the file may be found on a disk, then or later."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    bundle = json.loads((Path(__file__).parents[1] / "records" / "bundle.json").read_text())
    bundle["entry"] *= 60
    contents = {"a.json": json.dumps(bundle).encode(), "a.yaml": b"".join(b"%s---\n" % CASE for _ in range(2_000))}
    readers = Readers(None, knowledge.hash, seconds=20, memory=256 * 2**20)
    try:
        assert read(readers, "warm.yaml", CASE).status == 200
        assert readers.process is not None
        killed = 0
        for name, content in contents.items():
            for step in range(8):
                outcome: list[str] = []

                def go(name: str = name, content: bytes = content, outcome: list[str] = outcome) -> None:
                    try:
                        outcome.append(str(read(readers, name, content).status))
                    except TakesTooMuch:
                        outcome.append("killed")

                thread = threading.Thread(target=go)
                thread.start()
                time.sleep(0.005 * 2**step)
                for child in children_of(readers.process.pid):
                    os.kill(child, signal.SIGKILL)
                    killed += 1
                assert files_under(scratch) == set()
                thread.join(60)
                assert outcome in (["200"], ["killed"], ["422"])
        assert killed >= 4
        assert read(readers, "a.yaml", CASE).status == 200
    finally:
        readers.close()
    assert files_under(scratch) == set()


def children_of(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in told.read_text().split()] if told.exists() else []


def test_a_posted_file_is_read_as_one_on_a_disk_is(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    samples = [*sorted((Path(__file__).parents[2] / "facts" / "examples").glob("*.yaml"))]
    samples.append(Path(__file__).parents[1] / "records" / "bundle.json")
    for sample in samples:
        content = sample.read_bytes()
        posted = read_files([PostedFile.of(sample.name, content)], knowledge.vocabulary, knowledge.dictionary)
        written = read_files([sample], knowledge.vocabulary, knowledge.dictionary)
        assert posted.read == written.read and [case for case, _ in posted.cases] == [case for case, _ in written.cases]


def test_so_many_wait_and_the_next_is_told(consultation: Consultation, tmp_path: Path) -> None:
    service = application(consultation, tmp_path, files_at_once=1)
    held, lane = threading.Event(), service_of(service).files
    waiting = [lane.threads.submit(held.wait) for _ in range(2)]
    lane.begun = lane.most
    try:
        browser = signed_in(service)
        browser.open("/case-files")
        assert browser.post("/case-files", {"text": CASE.decode()}).status_code == 503
        assert "try again" in browser.text and browser.page.headers["retry-after"]
        # The pages do not wait for files.
        assert browser.open("/").status_code == 200
    finally:
        held.set()
        for done in waiting:
            done.result(10)


def test_sign_ins_wait_in_a_lane_of_their_own(consultation: Consultation, tmp_path: Path) -> None:
    service = application(consultation, tmp_path)
    browser, stranger = signed_in(service), Browser(service)
    lane = service_of(service).passwords
    stranger.open("/sign-in")
    lane.begun = lane.most
    assert stranger.post("/sign-in", {"key": "x"}).status_code == 503
    assert browser.open("/").status_code == 200
    lane.begun = 0
    stranger.open("/sign-in")
    assert stranger.post("/sign-in", {"key": "x"}).status_code == 403
