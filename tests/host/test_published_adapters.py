"""Every published adapter becomes a module of its own sizes that takes its weights without one missing or left over."""

import pytest
from miniature import sparse
from pack.attention.adapter import checkpoint
from pack.attention.adapter.adapter import Adapter
from pack.attention.models.families import layers

STEMS = [path.stem for path in sorted(sparse.SHAPES.glob("*.json")) if sparse.entry(path.stem)["variant"] != "refused"]
LOOK_ALIKES = ("faceid_plus", "faceid_plus_v2", "instantid", "portrait_unnorm")


@pytest.mark.parametrize("stem", STEMS)
def test_a_published_adapter_loads_strictly(stem, tmp_path):
    """On the meta device: names and shapes are the published ones, the numbers are not there."""
    entry = sparse.entry(stem)
    outline = checkpoint.read_outline(sparse.write(stem, tmp_path))
    kind = entry["variant"] if entry["variant"] in LOOK_ALIKES else "auto"
    adapter = Adapter(outline, kind)
    assert adapter.identity.variant.name == entry["variant"]
    count = len(layers(adapter.identity.family.name)) if adapter.identity.variant.has_layers else 0
    assert count == outline.num_layers == len(adapter.module.to_k)
    held = {name: list(tensor.shape) for name, tensor in adapter.module.state_dict().items()}
    projection = {k.removeprefix("projection."): v for k, v in held.items() if k.startswith("projection.")}
    assert projection == sparse.projection_of(entry)


@pytest.mark.parametrize("stem", [s for s in STEMS if sparse.entry(s)["variant"] in LOOK_ALIKES])
def test_look_alikes_that_are_not_the_published_bytes_ask_for_their_kind(stem, tmp_path):
    outline = checkpoint.read_outline(sparse.write(stem, tmp_path))
    with pytest.raises(ValueError, match="ambiguous.*Set 'kind' to"):
        Adapter(outline)
