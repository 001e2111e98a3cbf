"""The service as a clinical system meets it: uvicorn as a process of its own, on loopback, called by many at once."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2

from benchmarks.cds_hooks import serving
from tests.cds_hooks.calling import JSON, VISIT, bundle, potassium, prefetch, visit


def test_many_calls_at_once_over_real_connections_never_mix_two_patients(tmp_path: Path) -> None:
    with serving(tmp_path) as base, httpx2.Client(base_url=base, trust_env=False, timeout=60) as client:
        services = client.get("/cds-services").json()["services"]
        assert len(services) == 4

        def answer(number: int) -> tuple[int, str]:
            level = 2.0 + number / 10
            request = visit(prefetch=prefetch(observations=bundle(potassium("o-1", level))))
            request["hookInstance"] = f"00000000-0000-4000-8000-{number:012}"
            response = client.post(f"/cds-services/{VISIT}", content=json.dumps(request), headers=JSON)
            return response.status_code, response.json()["cards"][0]["detail"]

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(answer, range(14)))
        for number, (status, detail) in enumerate(answers):
            assert status == 200
            assert f"Serum potassium is {2.0 + number / 10:.4g} mmol/L" in detail
