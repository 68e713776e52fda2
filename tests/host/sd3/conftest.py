"""What tests of SD3 ask again and again."""

import pytest


@pytest.fixture
def differs():
    def difference(a, b):
        assert a.isfinite().all() and b.isfinite().all()
        return (a - b).abs().mean().item()

    return difference


@pytest.fixture
def layers_of_a_run(monkeypatch):
    """Every site that a run puts a layer together for, with the layer, in order."""
    from pack.attention.sampling.run import Run

    found, layer = [], Run.layer

    def recording(self, kind, site, *given):
        made = layer(self, kind, site, *given)
        found.append((site, made))
        return made

    monkeypatch.setattr(Run, "layer", recording)
    return found
