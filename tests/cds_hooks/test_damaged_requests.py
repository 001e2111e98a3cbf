"""Requests damaged anywhere: always an answer in words, never a mistake inside, and never more Markdown than Charley wrote."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from starlette.testclient import TestClient

from tests.cds_hooks.calling import JSON, ORDERS, VISIT, call, cards, draft, order, visit

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["", "Patient/x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "coding", "code", "reference"]), inner),
    max_leaves=5,
)
PRINTED = MarkdownIt("commonmark", {"html": True})


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    if isinstance(value, dict):
        found += [path for key, inner in value.items() for path in paths(inner, (*at, key))]
    elif isinstance(value, list):
        found += [path for number, inner in enumerate(value) for path in paths(inner, (*at, number))]
    return found


def damaged(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    made = copy.deepcopy(value)
    inner = made
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = junk
    return made


REQUESTS = {VISIT: visit(), ORDERS: order(draft("d-1", "Furosemide 40 mg tablet"))}


@pytest.mark.parametrize("called", [VISIT, ORDERS])
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_a_request_damaged_anywhere_is_answered_or_refused_in_words(
    client: TestClient, called: str, data: st.DataObject
) -> None:
    request = REQUESTS[called]
    path = data.draw(st.sampled_from(paths(request)))
    response = call(client, damaged(request, path, data.draw(JUNK)), called)
    assert response.status_code in (200, 400, 412), (path, response.text)
    told = response.json()
    assert (response.status_code == 200) == ("cards" in told)
    for card in told.get("cards", ()):
        assert len(card["summary"]) < 140
        assert not {token.type for token in PRINTED.parse(card["detail"])} & {"html_block", "html_inline"}


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60))
def test_no_text_of_a_record_makes_more_of_the_markdown_than_text(client: TestClient, text: str) -> None:
    request = damaged(visit(), ("prefetch", "conditions", "entry", 0, "resource", "code"), {"text": f"cramps {text}"})
    try:
        json.dumps(request, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        assert call(client, request).status_code == 400
        return
    response = client.post(f"/cds-services/{VISIT}", content=json.dumps(request), headers=JSON)
    assert response.status_code == 200
    for card in response.json()["cards"]:
        (before,) = cards(client, visit())
        kinds = [token.type for token in PRINTED.parse(card["detail"])]
        assert kinds == [token.type for token in PRINTED.parse(before["detail"])]
        inline = {child.type for token in PRINTED.parse(card["detail"]) for child in token.children or ()}
        assert inline <= {"text", "text_special", "strong_open", "strong_close", "em_open", "em_close", "softbreak"}
