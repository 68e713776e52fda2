"""What InstantX's layers for SD3.5 have beside keys and values: checked, and brought to what a model norms its own by."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

TIME_WEIGHT, TIME_BIAS = "norm_ip.linear.weight", "norm_ip.linear.bias"
"""What makes shift and scale of a layer's image tokens from the time: (2 C, E) and (2 C)."""
QUERY, KEY, IMAGE_KEY = "norm_q.weight", "norm_k.weight", "norm_ip_k.weight"
"""What the picture's normed queries and keys, and the reference's keys, are multiplied by in each head: (d) each."""
EPSILON = 1e-6
"""Of these norms, and of the model's own."""


def check_norms(norms: Mapping[int, Mapping[str, Tensor]], keys: Mapping[int, Tensor]) -> None:
    """Either no layer has any, or every one has all, of sizes that fit its keys (D, C). Raises ValueError naming a weight."""
    if not norms:
        return
    first = next(iter(norms.values()))
    embedding, head = (list(first[name].shape)[-1:] if name in first else [0] for name in (TIME_WEIGHT, QUERY))
    for index, (width, context_dim) in ((index, key.shape) for index, key in keys.items()):
        wanted = {TIME_WEIGHT: [2 * context_dim, *embedding], TIME_BIAS: [2 * context_dim]}
        wanted |= dict.fromkeys((QUERY, KEY, IMAGE_KEY), head)
        for name, shape in wanted.items():
            found = norms.get(index, {}).get(name)
            if found is None or list(found.shape) != shape:
                raise ValueError(
                    f"its layer {index} needs {name} to be {shape}; in the file it is "
                    f"{'absent' if found is None else list(found.shape)}."
                )
        if not head[0] or width % head[0]:
            raise ValueError(f"its layer {index} is {width} wide, which heads of {head[0]} do not divide.")
    if norms.keys() != keys.keys():
        raise ValueError("it has norms of layers for which it has no to_k_ip.")
