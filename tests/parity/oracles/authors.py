"""The authors' projection and attention classes, one constructor per published variant."""

from torch import Tensor, nn
from torch.nn import LayerNorm, Linear

from .packages import tencent

ip_adapter = tencent("ip_adapter")
ip_adapter_faceid = tencent("ip_adapter_faceid")
resampler = tencent("resampler")


class FacePerceiver(nn.Module):
    """FaceID-Plus' perceiver: the ID tokens are the latents (IP-Adapter, ip_adapter_faceid.py).

    The authors' package 0.1.0 has its two parts (PerceiverAttention, FeedForward) but not this class, which
    only stacks them; for 4 tokens it is checked against diffusers' IPAdapterFaceIDPlusImageProjection.
    """

    def __init__(self, width: int, encoder: int) -> None:
        super().__init__()
        self.proj_in = Linear(encoder, width)
        self.proj_out = Linear(width, width)
        self.norm_out = LayerNorm(width)
        attention, feed_forward = resampler.PerceiverAttention, resampler.FeedForward
        self.layers = nn.ModuleList(
            nn.ModuleList([attention(dim=width, dim_head=64, heads=width // 64), feed_forward(dim=width, mult=4)])
            for _ in range(4)
        )

    def forward(self, latents: Tensor, hidden: Tensor) -> Tensor:
        hidden = self.proj_in(hidden)
        for attention, feed_forward in self.layers:
            latents = attention(hidden, latents) + latents
            latents = feed_forward(latents) + latents
        return self.norm_out(self.proj_out(latents))


class FaceIDPlus(ip_adapter_faceid.MLPProjModel):
    """FaceID-Plus (v1: shortcut off; v2 and Kolors: shortcut on), built on the authors' FaceID projection."""

    def __init__(self, width: int, encoder: int, tokens: int, shortcut: bool) -> None:
        super().__init__(cross_attention_dim=width, id_embeddings_dim=512, num_tokens=tokens)
        self.perceiver_resampler = FacePerceiver(width, encoder)
        self.shortcut = shortcut

    def forward(self, face: Tensor, hidden: Tensor, shortcut_scale: float = 1.0) -> Tensor:
        tokens = super().forward(face)
        refined = self.perceiver_resampler(tokens, hidden)
        return tokens + shortcut_scale * refined if self.shortcut else refined


def base(ctx: int, encoder: int, tokens: int = 4) -> nn.Module:
    return ip_adapter.ImageProjModel(ctx, encoder, tokens)


def full(ctx: int, encoder: int = 1280) -> nn.Module:
    return ip_adapter.MLPProjModel(ctx, encoder)


def plus(ctx: int, width: int, heads: int, encoder: int = 1280, tokens: int = 16) -> nn.Module:
    return resampler.Resampler(
        dim=width,
        depth=4,
        dim_head=64,
        heads=heads,
        num_queries=tokens,
        embedding_dim=encoder,
        output_dim=ctx,
    )


def faceid(ctx: int, tokens: int = 4) -> nn.Module:
    return ip_adapter_faceid.MLPProjModel(cross_attention_dim=ctx, id_embeddings_dim=512, num_tokens=tokens)


def faceid_plus(ctx: int, shortcut: bool, encoder: int = 1280, tokens: int = 4) -> nn.Module:
    return FaceIDPlus(ctx, encoder, tokens, shortcut)


def processors(unet: nn.Module, tokens: int, lora_rank: int | None = None) -> dict[str, nn.Module]:
    """The authors' attention processors for every layer of a diffusers UNet, in `attn_processors` order.

    Sizes are read from the layers themselves; with `lora_rank` they are FaceID's. A ModuleList of the values
    has exactly the keys of a checkpoint's `ip_adapter` part.
    """
    plain, with_lora = tencent("attention_processor"), tencent("attention_processor_faceid")
    made = {}
    for name in unet.attn_processors:
        layer = unet.get_submodule(name.removesuffix(".processor"))
        hidden = layer.to_q.out_features
        ctx = layer.to_k.in_features if ".attn2." in name else None
        if lora_rank is not None:
            made[name] = (
                with_lora.LoRAAttnProcessor(hidden, None, rank=lora_rank)
                if ctx is None
                else with_lora.LoRAIPAttnProcessor(hidden, ctx, rank=lora_rank, num_tokens=tokens)
            )
        elif ctx is None:
            made[name] = plain.AttnProcessor2_0()
        else:
            made[name] = plain.IPAttnProcessor2_0(hidden, ctx, num_tokens=tokens)
    return made


def attention_part(unet: nn.Module, tokens: int, lora_rank: int | None = None) -> nn.Module:
    """The whole `ip_adapter` part of a checkpoint as one module."""
    return nn.ModuleList(processors(unet, tokens, lora_rank).values())
