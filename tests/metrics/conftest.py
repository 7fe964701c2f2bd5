import json
import runpy
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
PEERS = json.loads((GOLDEN / "metrics.json").read_text())
CASE = runpy.run_path(str(GOLDEN / "metrics_case.py"))


@pytest.fixture(params=CASE["CASES"])
def peers(request):
    """Features, real and generated, and what the field's packages say of them, by package."""
    return *CASE["features"](request.param), PEERS[request.param]


@pytest.fixture(scope="session")
def peers_subsets():
    """The packages' settings for kernel distances, as keywords."""
    return CASE["SUBSETS"]
