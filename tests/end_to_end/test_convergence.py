"""What is told of the Dirac-GAN is what Mescheder et al., 2018, arXiv:1801.04406, derive."""

import numpy as np
import pytest

from experiments import dirac

FEW = {"rate": 0.1, "steps": 3}


def test_a_penalty_or_noise_attracts_as_the_paper_has_it():
    told = dirac.study("NON_SATURATING", "R1, γ = 1", dirac.RULES["in turn"], std=0.0, **FEW)
    np.testing.assert_allclose(told.field, [-0.5, -0.5], atol=1e-3)  # -γ/2 ± √(γ²/4 - 1/4)
    assert told.verdict() == "attracts"
    assert told.path.shape == (4, 2)
    np.testing.assert_allclose(told.path[0], [1, 0])
    std = 0.5
    told = dirac.study("MINIMAX", "none", dirac.RULES["at once"], std=std, **FEW)
    expected = -(std**2) / 4 + 1j * np.sqrt(1 / 4 - std**4 / 16)
    assert max(told.field, key=np.imag) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("rule", "modulus"), [("at once", np.sqrt(1 + 0.05**2)), ("in turn", 1.0)])
def test_plain_descent_circles(rule, modulus):
    told = dirac.study("NON_SATURATING", "none", dirac.RULES[rule], std=0.0, **FEW)
    np.testing.assert_allclose(np.sort(told.field.imag), [-0.5, 0.5], atol=1e-6)
    assert told.modulus == pytest.approx(modulus, abs=1e-5)
    assert "0.000 ± 0.500 i" in dirac.table("game", {"plain": told})
