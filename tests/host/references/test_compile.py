"""TorchCompileModel on a model whose references are weighed: the uncompiled picture."""

from dataclasses import replace
from types import SimpleNamespace

import edits
import pytest
import torch
from pack.attention.weights.schedule import Range


@pytest.fixture(scope="module")
def short():
    """A block of each sort: what is compiled for one serves the others."""
    from miniature import flux_kinds

    row = flux_kinds.KINDS["short kontext"]
    blocks = {**row.config, "depth": 1, "depth_single_blocks": 1}
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(flux_kinds.KINDS, "shortest kontext", replace(row, config=blocks))
        model = edits.model_of("shortest kontext")
    return SimpleNamespace(**{**vars(edits.edit_model("short kontext")), "model": model})


def test_one_compiled_model_without_references_with_them_weighed_and_plain(short, compiled):
    """The weights leave the references out of the first of two steps and act in the second."""
    late = edits.weigh(short.model, 0.5, 2.0, range=Range(0.4, 1.0))
    for model in (short.model, late, short.model):
        assert torch.equal(edits.edit(short, compiled(model), cfg=1.0), edits.edit(short, model, cfg=1.0))
