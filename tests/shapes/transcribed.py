"""Keys and shapes of the published adapters that no class of the reference packages has."""

Shapes = dict[str, list[int]]

# The odd positions of diffusers' attn_processors with SDXL's hidden widths: down, up, then the middle block.
SDXL_HIDDEN = [640] * 4 + [1280] * 20 + [1280] * 30 + [640] * 6 + [1280] * 10


def linear(name: str, outputs: int, inputs: int) -> Shapes:
    return {f"{name}.weight": [outputs, inputs], f"{name}.bias": [outputs]}


def norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": [width], f"{name}.bias": [width]}


def under(prefix: str, shapes: Shapes) -> Shapes:
    return {f"{prefix}.{key}": shape for key, shape in shapes.items()}


def perceiver(width: int, depth: int) -> Shapes:
    """Perceiver layers with as many attention as model channels."""
    shapes: Shapes = {}
    for index in range(depth):
        layer = {
            **norm("0.norm1", width),
            **norm("0.norm2", width),
            "0.to_q.weight": [width, width],
            "0.to_kv.weight": [2 * width, width],
            "0.to_out.weight": [width, width],
            **norm("1.0", width),
            "1.1.weight": [4 * width, width],
            "1.3.weight": [width, 4 * width],
        }
        shapes |= under(f"layers.{index}", layer)
    return shapes


def three_linears(widths: tuple[int, int, int, int]) -> Shapes:
    """Linear, norm, activation, linear, norm, activation, linear."""
    a, b, c, d = widths
    return {**linear("0", b, a), **norm("1", b), **linear("3", c, b), **norm("4", c), **linear("6", d, c)}


def pulid_attention() -> Shapes:
    return {
        f"id_adapter_attn_layers.{2 * place + 1}.{name}.weight": [hidden, 2048]
        for place, hidden in enumerate(SDXL_HIDDEN)
        for name in ("id_to_k", "id_to_v")
    }


def pulid_v1() -> Shapes:
    encoder = under("body", three_linears((1280, 1024, 1024, 5 * 2048)))
    for index in range(5):
        encoder |= under(f"mapping_{index}", three_linears((1024, 1024, 1024, 2048)))
        encoder |= under(f"mapping_patch_{index}", three_linears((1024, 1024, 1024, 2048)))
    return under("id_adapter", encoder) | pulid_attention()


def converted(shapes: Shapes) -> Shapes:
    """PuLID's weights under IP-Adapter's names, as conversions have them."""
    names = {
        "id_adapter.": "image_proj.",
        "id_adapter_attn_layers.": "ip_adapter.",
        "id_to_k.": "to_k_ip.",
        "id_to_v.": "to_v_ip.",
    }
    found = {}
    for key, shape in shapes.items():
        for theirs, name in names.items():
            key = key.replace(theirs, name)
        found[key] = shape
    return found


def pulid_v11() -> Shapes:
    former = {"latents": [1, 32, 1024], "proj_out": [1024, 2048], **perceiver(1024, 10)}
    for index in range(5):
        former |= under(f"mapping_{index}", three_linears((1024, 1024, 1024, 1024)))
    former |= under("id_embedding_mapping", three_linears((1280, 1024, 1024, 5 * 1024)))
    return under("id_adapter", former) | pulid_attention()


def xlabs_flux(tokens: int) -> Shapes:
    shapes = under("ip_adapter_proj_model", {**linear("proj", tokens * 4096, 768), **norm("norm", 4096)})
    for block in range(19):
        for name in ("k", "v"):
            shapes |= linear(f"double_blocks.{block}.processor.ip_adapter_double_stream_{name}_proj", 3072, 4096)
    return shapes


def instantx_flux() -> Shapes:
    projection = {**linear("proj.0", 2304, 1152), **linear("proj.2", 128 * 4096, 2304), **norm("norm", 4096)}
    attention = {
        f"ip_adapter.{block}.{name}.weight": [3072, 4096] for block in range(57) for name in ("to_k_ip", "to_v_ip")
    }
    return under("image_proj", projection) | attention


def instantx_sd35() -> Shapes:
    projection = {
        "latents": [1, 64, 1280],
        **linear("proj_in", 1280, 1152),
        **linear("proj_out", 2432, 1280),
        **norm("norm_out", 2432),
        **linear("time_embedding.linear_1", 1280, 320),
        **linear("time_embedding.linear_2", 1280, 1280),
        **perceiver(1280, 4),
    }
    for index in range(4):
        projection |= linear(f"layers.{index}.2.1", 5120, 1280)
    shapes = under("image_proj", projection)
    for block in range(38):
        layer = {
            **linear("norm_ip.linear", 4864, 1280),
            "to_k_ip.weight": [2432, 2432],
            "to_v_ip.weight": [2432, 2432],
            "norm_q.weight": [64],
            "norm_k.weight": [64],
            "norm_ip_k.weight": [64],
        }
        shapes |= under(f"ip_adapter.{block}", layer)
    return shapes


def infinite_you() -> Shapes:
    """InstantID's resampler, with 8 tokens as wide as FLUX's text."""
    projection = {
        "latents": [1, 8, 1280],
        **linear("proj_in", 1280, 512),
        **linear("proj_out", 4096, 1280),
        **norm("norm_out", 4096),
        **perceiver(1280, 4),
    }
    return under("image_proj", projection)


TRANSCRIBED = {
    "pulid_v1": pulid_v1(),
    "pulid_v1.1": pulid_v11(),
    "ip-adapter_pulid_sdxl_fp16": converted(pulid_v1()),
    "xlabs_flux_ip_adapter": xlabs_flux(4),
    "xlabs_flux_ip_adapter_v2": xlabs_flux(16),
    "instantx_flux_ip-adapter": instantx_flux(),
    "instantx_sd35_ip-adapter": instantx_sd35(),
    "infiniteyou_image_proj_model": infinite_you(),
}
