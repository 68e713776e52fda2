"""ComfyUI nodes that give the miniature models by family and seed."""

from comfy_api.latest import ComfyExtension, io

from .families import ENCODERS, FAMILIES
from .wan_kinds import KINDS as WAN
from .without_branches_kinds import KINDS as WITHOUT_BRANCHES
from .world.loaders import NODES as WORLD

# The models pull in the whole host, so each node imports them when it runs.


def seed_input() -> io.Int.Input:
    return io.Int.Input("seed", default=0, min=0, max=2**32 - 1, tooltip="Decides every weight.")


class MiniatureModel(io.ComfyNode):
    """A small base model with random weights and the real block layout."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniatureModel",
            display_name="Miniature Model",
            category="miniature",
            description=cls.__doc__,
            inputs=[io.Combo.Input("family", options=[*FAMILIES, "flux", "sd3"]), seed_input()],
            outputs=[io.Model.Output(), io.Clip.Output(), io.Vae.Output()],
        )

    @classmethod
    def execute(cls, family: str, seed: int) -> io.NodeOutput:
        from . import flux, models, sd3

        if family == "sd3":
            # The autoencoders of FLUX and SD3 have as many channels.
            return io.NodeOutput(sd3.model("sd3.5 large", seed), sd3.clip(seed), flux.vae(seed))
        if family == "flux":
            return io.NodeOutput(flux.model("flux dev", seed), flux.clip(seed), flux.vae(seed))
        return io.NodeOutput(models.unet(family, seed), models.clip(family, seed), models.vae(seed, family))


class MiniatureWan(io.ComfyNode):
    """A small video model with random weights and the published number of blocks."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniatureWan",
            display_name="Miniature Wan",
            category="miniature",
            description=cls.__doc__,
            inputs=[io.Combo.Input("kind", options=list(WAN)), seed_input()],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, kind: str, seed: int) -> io.NodeOutput:
        from . import wan

        return io.NodeOutput(wan.model(kind, seed))


class MiniatureWanCLIP(io.ComfyNode):
    """A small text encoder for the miniature Wans."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniatureWanCLIP",
            display_name="Miniature Wan CLIP",
            category="miniature",
            description=cls.__doc__,
            inputs=[seed_input()],
            outputs=[io.Clip.Output()],
        )

    @classmethod
    def execute(cls, seed: int) -> io.NodeOutput:
        from . import wan

        return io.NodeOutput(wan.clip(seed))


class MiniatureWanVAE(io.ComfyNode):
    """A small autoencoder for videos with random weights."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniatureWanVAE",
            display_name="Miniature Wan VAE",
            category="miniature",
            description=cls.__doc__,
            inputs=[seed_input()],
            outputs=[io.Vae.Output()],
        )

    @classmethod
    def execute(cls, seed: int) -> io.NodeOutput:
        from . import wan

        return io.NodeOutput(wan.vae(seed))


class MiniatureFluxCLIP(io.ComfyNode):
    """The small text encoders of the miniature FLUX alone."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniatureFluxCLIP",
            display_name="Miniature FLUX CLIP",
            category="miniature",
            description=cls.__doc__,
            inputs=[seed_input()],
            outputs=[io.Clip.Output()],
        )

    @classmethod
    def execute(cls, seed: int) -> io.NodeOutput:
        from . import flux

        return io.NodeOutput(flux.clip(seed))


class MiniatureFluxVAE(io.ComfyNode):
    """The tiny autoencoder of the miniature FLUX alone."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniatureFluxVAE",
            display_name="Miniature FLUX VAE",
            category="miniature",
            description=cls.__doc__,
            inputs=[seed_input()],
            outputs=[io.Vae.Output()],
        )

    @classmethod
    def execute(cls, seed: int) -> io.NodeOutput:
        from . import flux

        return io.NodeOutput(flux.vae(seed))


class MiniatureTransformer(io.ComfyNode):
    """A small transformer of a kind that no branch acts in, with random weights."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniatureTransformer",
            display_name="Miniature Transformer",
            category="miniature",
            description=cls.__doc__,
            inputs=[io.Combo.Input("kind", options=list(WITHOUT_BRANCHES)), seed_input()],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, kind: str, seed: int) -> io.NodeOutput:
        from . import without_branches

        return io.NodeOutput(without_branches.model(kind, seed))


class MiniatureCLIPVision(io.ComfyNode):
    """A small CLIP image encoder with random weights."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniatureCLIPVision",
            display_name="Miniature CLIP Vision",
            category="miniature",
            description=cls.__doc__,
            inputs=[io.Combo.Input("kind", options=list(ENCODERS)), seed_input()],
            outputs=[io.ClipVision.Output()],
        )

    @classmethod
    def execute(cls, kind: str, seed: int) -> io.NodeOutput:
        from . import models

        return io.NodeOutput(models.clip_vision(kind, seed))


class MiniatureControlNet(io.ComfyNode):
    """A small ControlNet with random weights and the encoder layout of a family."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniatureControlNet",
            display_name="Miniature ControlNet",
            category="miniature",
            description=cls.__doc__,
            inputs=[io.Combo.Input("family", options=[*FAMILIES, "flux"], default="sdxl"), seed_input()],
            outputs=[io.ControlNet.Output()],
        )

    @classmethod
    def execute(cls, family: str, seed: int) -> io.NodeOutput:
        from . import flux, models

        return io.NodeOutput(flux.infusenet(seed) if family == "flux" else models.controlnet(seed, family))


class MiniatureExtension(ComfyExtension):
    async def on_load(self) -> None:
        from . import encoder_files

        encoder_files.teach_the_host()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [
            MiniatureModel,
            MiniatureWan,
            MiniatureWanCLIP,
            MiniatureWanVAE,
            MiniatureFluxCLIP,
            MiniatureFluxVAE,
            MiniatureTransformer,
            MiniatureCLIPVision,
            MiniatureControlNet,
            *WORLD,
        ]


async def comfy_entrypoint() -> MiniatureExtension:
    return MiniatureExtension()
