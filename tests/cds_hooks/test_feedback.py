"""Feedback: what was done with cards is kept once, against their rules and knowledge, and nothing of a patient with it."""

import json
import os
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from expert.cds_hooks.feedback import Feedback, FeedbackStore, Issued, NotKept, QuotaFull, Quotas
from expert.cds_hooks.routes import HookService
from expert.private_sqlite import StoreError
from tests.cds_hooks.calling import JSON, ORDERS, PATIENT, VISIT, cards, draft, order, refusal, visit
from tests.functional.charley import charley

NOBODY = "0b0d3c1c-0000-4000-8000-000000000000"


def send(client: TestClient, *entries: Any, service: str = VISIT) -> Any:
    return client.post(f"/cds-services/{service}/feedback", content=json.dumps({"feedback": list(entries)}), headers=JSON)


def overridden(card: str, at: str = "2026-03-02T10:00:00Z", **more: Any) -> dict[str, Any]:
    return {"card": card, "outcome": "overridden", "outcomeTimestamp": at, **more}


def accepted(card: str, *suggestions: str, at: str = "2026-03-02T10:00:00Z") -> dict[str, Any]:
    chosen = [{"id": suggestion} for suggestion in suggestions]
    return {"card": card, "outcome": "accepted", "acceptedSuggestions": chosen, "outcomeTimestamp": at}


def another(number: int) -> dict[str, Any]:
    return visit(hookInstance=f"00000000-0000-4000-8000-{number:012}")


def counts(service: HookService, rule: str) -> tuple[int, int, int]:
    (entry,) = [entry for entry in service.store.by_rule() if entry.rule == rule]
    assert entry.knowledge == service.services.knowledge.hash
    return entry.cards, entry.accepted, entry.overridden


RULE = "hypokalemia-measured"


def test_outcomes_count_for_the_rules_that_the_card_rests_on(service: HookService, client: TestClient) -> None:
    made = [cards(client, another(number))[0] for number in range(3)]
    assert counts(service, RULE) == (3, 0, 0)
    reason = {"reason": {"code": "already-considered", "system": "urn:any"}, "userComment": f"Mrs. {PATIENT} knows"}
    response = send(client, overridden(made[0]["uuid"], overrideReason=reason))
    assert response.status_code == 200
    assert send(client, accepted(made[1]["uuid"], made[1]["suggestions"][0]["uuid"])).status_code == 200
    assert counts(service, RULE) == (3, 1, 1)
    (entry,) = [entry for entry in service.store.by_rule() if entry.rule == RULE]
    assert entry.reasons == (("already-considered", 1),)


def test_the_same_feedback_again_changes_nothing(service: HookService, client: TestClient) -> None:
    (card,) = cards(client, visit())
    cards(client, visit())
    for _ in range(3):
        assert send(client, overridden(card["uuid"]), overridden(card["uuid"])).status_code == 200
    assert counts(service, RULE) == (1, 0, 1)


def test_the_last_outcome_of_a_card_counts_in_whatever_order_it_comes(service: HookService, client: TestClient) -> None:
    (card,) = cards(client, visit())
    later = accepted(card["uuid"], card["suggestions"][0]["uuid"], at="2026-03-02T11:00:00+00:00")
    send(client, later)
    send(client, overridden(card["uuid"], "2026-03-02T10:00:00.5Z"))
    assert counts(service, RULE) == (1, 1, 0)


def test_feedback_on_a_card_that_was_never_sent_is_told_and_the_rest_kept(service: HookService, client: TestClient) -> None:
    (card,) = cards(client, visit())
    told = refusal(send(client, overridden(NOBODY), overridden(card["uuid"])), 404)
    assert "feedback[0]" in told
    assert "feedback[1]" not in told
    assert counts(service, RULE) == (1, 0, 1)
    assert refusal(send(client, accepted(card["uuid"], NOBODY)), 404), "a suggestion that the card does not have"
    assert refusal(send(client, overridden(card["uuid"]), service=ORDERS), 404), "a card of another service"
    assert refusal(send(client, overridden(card["uuid"]), service="no-such"), 404)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "feedback: expected a list"),
        ({"feedback": []}, "not empty"),
        ({"feedback": {}}, "expected a list"),
        ({"feedback": [5]}, "feedback[0].card"),
        ({"feedback": [{"outcome": "overridden"}]}, "feedback[0].card"),
        ({"feedback": [{"card": NOBODY, "outcome": "overridden"}]}, "outcomeTimestamp"),
        ({"feedback": [overridden(NOBODY, "yesterday")]}, "outcomeTimestamp"),
        ({"feedback": [overridden(NOBODY, "2026-03-02")]}, "outcomeTimestamp"),
        ({"feedback": [overridden(NOBODY, "2026-03-02T10:00:00")]}, "in UTC"),
        ({"feedback": [overridden(NOBODY, "2026-03-02T10:00:00+02:00")]}, "in UTC"),
        ({"feedback": [{**overridden(NOBODY), "outcome": "ignored"}]}, "expected accepted or overridden"),
        ({"feedback": [accepted(NOBODY)]}, "acceptedSuggestions"),
        ({"feedback": [overridden(NOBODY, overrideReason="no")]}, "overrideReason"),
    ],
)
def test_feedback_without_what_is_required_is_400(client: TestClient, body: Any, told: str) -> None:
    response = client.post(f"/cds-services/{VISIT}/feedback", content=json.dumps(body), headers=JSON)
    assert told in refusal(response, 400)


def test_one_wrong_entry_keeps_the_whole_request_out(service: HookService, client: TestClient) -> None:
    (card,) = cards(client, visit())
    assert "nothing was kept" in refusal(send(client, overridden(card["uuid"]), {"card": "x"}), 400)
    assert counts(service, RULE) == (1, 0, 0)


def test_of_a_patient_only_the_report_is_kept_and_that_packed(service: HookService, client: TestClient) -> None:
    (card,) = cards(client, visit())
    send(client, overridden(card["uuid"], overrideReason={"userComment": f"{PATIENT} is my neighbor"}))
    service.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for path in service.settings.store.parent.iterdir():
        content = path.read_bytes()
        assert PATIENT.encode() not in content
        assert b"neighbor" not in content
        assert path.stat().st_mode & 0o077 == 0


def test_many_calls_at_once_keep_every_card(service: HookService, client: TestClient) -> None:
    made: list[str] = []

    def work(first: int) -> None:
        made.extend(cards(client, another(first + number))[0]["uuid"] for number in range(5))

    threads = [threading.Thread(target=work, args=(number * 100,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 20
    assert counts(service, RULE)[0] == 20


# Quotas


def issue(store: FeedbackStore, *uuids: str, client: str = "one") -> None:
    store.keep_issued(
        [(Issued(uuid, "s", client, "k", "info", ("rule",), ()), f"key {uuid}", "<p>report</p>") for uuid in uuids]
    )


def told(card: str, second: int) -> Feedback:
    return Feedback(card, datetime(2026, 3, 2, 10, 0, second, tzinfo=UTC), "overridden", "r")


def test_a_client_that_has_used_up_its_day_is_told_so_and_others_are_not_held_up(tmp_path: Path) -> None:
    now = [1_000.0]
    with closing(FeedbackStore(tmp_path / "f", quotas=Quotas(cards_a_day=3), clock=lambda: now[0])) as store:
        issue(store, "a", "b", "c")
        # The same card again is no other.
        issue(store, "b")
        with pytest.raises(QuotaFull, match="3 cards were sent to one client within a day"):
            issue(store, "d")
        assert store.report("key d") is None and store.by_rule()[0].cards == 3
        issue(store, "e", client="two")
        now[0] += 25 * 3600
        issue(store, "d")
        assert store.by_rule()[0].cards == 5


def test_all_that_is_kept_is_bounded_and_what_is_too_old_makes_room(tmp_path: Path) -> None:
    now = [1_000.0]
    quotas = Quotas(cards=2, feedback_for=30 * 24 * 3600.0)
    with closing(FeedbackStore(tmp_path / "f", quotas=quotas, clock=lambda: now[0])) as store:
        issue(store, "a", "b")
        assert store.record("s", "one", [told("a", 1)]) == NotKept((), ())
        with pytest.raises(QuotaFull, match="2 cards are kept"):
            issue(store, "c", client="two")
        now[0] += 31 * 24 * 3600
        issue(store, "c")
        (rule,) = store.by_rule()
        assert (rule.cards, rule.overridden) == (1, 0)
        # What is forgotten is unknown, as if it had never been sent.
        assert store.record("s", "one", [told("a", 2)]) == NotKept((0,), ())


def test_a_card_has_so_many_outcomes(tmp_path: Path) -> None:
    with closing(FeedbackStore(tmp_path / "f", quotas=Quotas(outcomes_of_card=2))) as store:
        issue(store, "a", "b")
        missed = store.record("s", "one", [told("a", 1), told("a", 2), told("a", 3), told("b", 1), told("x", 1)])
        assert missed == NotKept((4,), (2,))
        # What was kept already is no more than it was.
        assert store.record("s", "one", [told("a", 2)]) == NotKept((), ())


def test_a_store_of_before_the_quotas_counts_its_cards_from_now(tmp_path: Path) -> None:
    now = [1_000.0]
    with closing(FeedbackStore(tmp_path / "f", clock=lambda: now[0])) as store, store.connection:
        issue(store, "a")
        store.connection.execute("DROP TABLE card_made")
    now[0] = 5_000.0
    with closing(FeedbackStore(tmp_path / "f", clock=lambda: now[0])) as store:
        assert store.connection.execute("SELECT * FROM card_made").fetchall() == [("a", "one", 5_000.0)]


def test_full_quotas_are_answered_in_words(service: HookService, client: TestClient) -> None:
    card = cards(client, another(1))[0]["uuid"]
    service.store.quotas = Quotas(cards_a_day=1, outcomes_of_card=1)
    refused = client.post(f"/cds-services/{VISIT}", content=json.dumps(another(2)), headers=JSON)
    assert refused.status_code == 503 and "cards" not in refused.json()
    (issue,) = refused.json()["issue"]
    assert issue["code"] == "throttled" and "no more cards are kept" in issue["diagnostics"]
    assert send(client, overridden(card)).status_code == 200
    full = send(client, overridden(card, at="2026-03-02T11:00:00Z"))
    assert full.status_code == 429 and "as much is kept as may be" in full.json()["issue"][0]["diagnostics"]
    # A patient without the complaint is no card, and is answered as ever.
    assert cards(client, another(1))[0]["uuid"] == card


# The store


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE mine (a)")
    text = tmp_path / "text.sqlite"
    text.write_text("no database " * 100, encoding="utf-8")
    for path in (other, text):
        before = path.read_bytes()
        with pytest.raises(StoreError, match=path.name):
            FeedbackStore(path)
        if path == text:
            assert path.read_bytes() == before


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "feedback.sqlite"
    FeedbackStore(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA user_version = 9")
    with pytest.raises(StoreError, match="another version"):
        FeedbackStore(path)


def test_the_key_of_a_report_stays_the_same_in_one_store_and_differs_between_stores(tmp_path: Path) -> None:
    first = FeedbackStore(tmp_path / "one.sqlite")
    key = first.report_key("call")
    first.close()
    again, other = FeedbackStore(tmp_path / "one.sqlite"), FeedbackStore(tmp_path / "two.sqlite")
    assert again.report_key("call") == key
    assert other.report_key("call") != key
    again.close()
    other.close()


# The command


def test_the_command_shows_the_override_rate_of_each_rule(service: HookService, client: TestClient) -> None:
    for number in range(4):
        (card,) = cards(client, another(number))
        reason = {"reason": {"code": "already-considered\x1b[2J", "system": "urn:any"}}
        send(
            client,
            overridden(card["uuid"], overrideReason=reason)
            if number
            else accepted(card["uuid"], card["suggestions"][0]["uuid"]),
        )
    cards(client, order(draft("d-1", "Furosemide 40 mg")), ORDERS)
    shown = charley("feedback", "--store", service.settings.store)
    assert shown.status == 0
    line = next(line for line in shown.out.splitlines() if line.endswith(RULE))
    assert line.split() == ["4", "4", "3", "75%", "(30%", "to", "95%)", RULE]
    assert "3 already-considered" in shown.out
    assert "\x1b" not in shown.out
    assert "order-diuretic-with-cramps" in shown.out
    rows = json.loads(charley("feedback", "--store", service.settings.store, "--format", "json").out)
    (row,) = [row for row in rows if row["rule"] == RULE]
    assert row["override_rate"]["interval"] == [0.300642, 0.954413]


def test_the_command_says_when_there_is_nothing(tmp_path: Path) -> None:
    missing = charley("feedback", "--store", tmp_path / "none.sqlite")
    assert (missing.status, missing.out) == (1, "")
    assert "--store names another file" in missing.err
    assert not (tmp_path / "none.sqlite").exists()
    FeedbackStore(tmp_path / "empty.sqlite").close()
    assert "No card was sent yet" in charley("feedback", "--store", tmp_path / "empty.sqlite").err
    (tmp_path / "bad.sqlite").write_bytes(os.urandom(5_000))
    bad = charley("feedback", "--store", tmp_path / "bad.sqlite")
    assert (bad.status, bad.out) == (1, "")
    assert "damaged" in bad.err
