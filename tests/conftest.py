"""Every test: two virtual CPU devices; warnings and rank promotion are errors.

XLA does not optimise where programs are compiled to run once or twice; the fixture `optimised` lets
it.
"""

import contextlib
import os
from pathlib import Path

os.environ["XLA_FLAGS"] = " ".join(
    [
        os.environ.get("XLA_FLAGS", ""),
        "--xla_force_host_platform_device_count=2",
        "--xla_cpu_parallel_codegen_split_count=1",  # the cores are busy: a worker each
        "--xla_cpu_use_fusion_emitters=false",  # the older ones compile in two thirds of the time
    ]
).strip()
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import numpy as np
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_disable_most_optimizations", True)
jax.config.update("jax_traceback_in_locations_limit", 0)  # programs need not know their lines


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "error")


def pytest_runtest_teardown(item, nextitem):
    """Programs are mappings, of which Linux allows 65,530, and jaxlib dies where there are more."""
    if nextitem is not None and nextitem.path == item.path:
        return
    with contextlib.suppress(OSError), open("/proc/self/maps") as mappings:
        if sum(1 for _ in mappings) > 30_000:
            jax.clear_caches()


def _equal(actual, expected, *, rtol):
    """Asserts equality leaf by leaf, within `rtol` of the leaf's largest magnitude."""
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for (path, a), e in zip(
        jax.tree.leaves_with_path(actual), jax.tree.leaves(expected), strict=True
    ):
        a, e = np.asarray(a, np.float64), np.asarray(e, np.float64)
        atol = rtol * float(np.max(np.abs(e), initial=1e-30))
        np.testing.assert_allclose(
            a, e, rtol=0, atol=atol, err_msg=jax.tree_util.keystr(path), strict=True
        )


@pytest.fixture(scope="session")
def assert_trees_match():
    return _equal


@pytest.fixture
def optimised():
    """XLA optimises after all."""
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture
def prepared_tfds(monkeypatch):
    """The TFDS folder that holds prepared real data, as TFDS's own."""
    folder = Path(os.environ.get("TFDS_DATA_DIR", "")).absolute()
    if not (folder / "mnist").is_dir():
        pytest.skip("no prepared data sets: set TFDS_DATA_DIR to a folder that holds them")
    from tensorflow_datasets.core import constants

    monkeypatch.setattr(constants, "DATA_DIR", str(folder))
    return folder
