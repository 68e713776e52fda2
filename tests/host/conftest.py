"""Small real models, adapters and a KSampler for tests on the host's own classes."""

import sys
import weakref
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from running.device import NAME, PLAYED, is_card

sys.path.insert(0, str(Path(__file__).parent))  # what some of these tests share

FAMILIES = ("sd15", "sdxl")
EVERY_KIND = (*FAMILIES, "flux", "sd3")
"""A family of each kind of model that takes adapters, and SDXL."""
VARIANTS = ("base", "plus")
MODEL_SEED, ADAPTER_SEED, ENCODER_SEED = 1, 7, 3


@pytest.fixture(autouse=True)
def as_the_host_runs_nodes():
    """ComfyUI runs every node in inference mode."""
    with torch.inference_mode():
        yield


@pytest.fixture(autouse=True, scope="session")
def previews(tmp_path_factory):
    """Nodes that show pictures write them to a folder of the tests."""
    import folder_paths

    before = folder_paths.temp_directory
    folder_paths.set_temp_directory(str(tmp_path_factory.mktemp("previews")))
    yield
    folder_paths.set_temp_directory(before)


@cache
def base_model(family):
    """The plain model, its two conditionings and the channels of its latents."""
    from miniature import flux, flux_kinds, models, sd3, sd3_kinds

    if family == "sd3":
        model, clip, channels = sd3.model("sd3.5 large", MODEL_SEED), sd3.clip(MODEL_SEED), sd3_kinds.LATENT
    elif family == "flux":
        model, clip, channels = flux.model("short dev", MODEL_SEED), flux.clip(MODEL_SEED), flux_kinds.LATENT
    else:
        model, clip, channels = models.unet(family, MODEL_SEED), models.clip(family, MODEL_SEED), models.LATENT
    positive, negative = (clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a red cat", "blurry"))
    return SimpleNamespace(
        family=family, model=model, clip=clip, positive=positive, negative=negative, channels=channels
    )


@pytest.fixture(params=FAMILIES)
def base(request):
    return base_model(request.param)


@pytest.fixture(params=EVERY_KIND)
def any_base(request):
    return base_model(request.param)


@pytest.fixture(params=("sd15", "flux"))
def each_kind(request):
    return base_model(request.param)


@pytest.fixture
def flux():
    return base_model("flux")


@pytest.fixture
def sd3():
    return base_model("sd3")


@pytest.fixture
def sd15():
    return base_model("sd15")


@pytest.fixture
def sdxl():
    return base_model("sdxl")


@pytest.fixture(scope="session")
def adapter_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("adapters")


@pytest.fixture(scope="session")
def load(adapter_folder):
    """(family, variant, seed) -> what Load IP-Adapter puts on its wire, with the encoder that fits."""
    from miniature import adapters, flux, models, sd3
    from pack.attention.adapter import checkpoint
    from pack.attention.adapter.adapter import Adapter
    from pack.attention.reference.siglip_head import give_head
    from pack.nodes.wires import LoadedAdapter

    @cache
    def loaded(family, variant="base", seed=ADAPTER_SEED):
        path = adapter_folder / f"{family}-{variant}-{seed}.safetensors"
        if family == "flux":
            flux.write_adapter(variant, seed, path)
        elif family == "sd3":
            sd3.write_adapter(variant, seed, path)
        else:
            adapters.write_safetensors(adapters.adapter_state_dict(family, variant, seed), path)
        is_siglip = family == "sd3" or variant == "instantx"
        kind = "siglip" if is_siglip else adapters.encoder_of(family, variant)
        encoder = models.clip_vision(kind, ENCODER_SEED)
        if kind == "siglip":
            give_head(encoder, flux.siglip_head(ENCODER_SEED))
        return LoadedAdapter(Adapter(checkpoint.read(path)), encoder)

    return loaded


@pytest.fixture(scope="session")
def picture():
    """Smooth random pictures: what an encoder tells from another."""

    def made(seed, height=96, width=128, count=1):
        coarse = torch.rand(count, 3, 6, 8, generator=torch.Generator().manual_seed(seed))
        return torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear").movedim(1, -1)

    return made


@pytest.fixture
def apply(load, picture):
    """Apply IP-Adapter as the graph calls it; the reference is picture 1 unless one is given."""
    from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter

    def applied(model, family, variant="base", seed=ADAPTER_SEED, **inputs):
        if "embeds" not in inputs:
            inputs.setdefault("image", picture(1))
        return ApplyIPAdapter.execute(model, load(family, variant, seed), **inputs).args[0]

    return applied


@cache
def plain_picture(family, *settings):
    """What the plain model makes, which is asked for again and again."""
    return sampled(base_model(family), None, *settings)


def sampled(base, model, height, width, batch, steps, cfg, seed, **conds):
    import nodes

    latent = {"samples": torch.zeros(batch, getattr(base, "channels", 4), height, width)}
    positive, negative = (conds.get(name, getattr(base, name)) for name in ("positive", "negative"))
    chosen = base.model if model is None else model
    (out,) = nodes.KSampler().sample(chosen, seed, steps, cfg, "euler", "normal", positive, negative, latent)
    return out["samples"]


@pytest.fixture
def ksample():
    """KSampler as the graph calls it.

    Without a model and conditionings it is the plain picture, which is made once: where a test changes the shared model
    or the host itself, it gives the model.
    """

    def made(base, model=None, height=16, width=16, batch=1, steps=2, cfg=5.0, seed=11, **conds):
        settings = (height, width, batch, steps, cfg, seed)
        is_plain = model is None and not conds and base is base_model(getattr(base, "family", "sd15"))
        return plain_picture(base.family, *settings).clone() if is_plain else sampled(base, model, *settings, **conds)

    return made


@pytest.fixture(params=(*EVERY_KIND, "wan", "kontext"))
def any_law(request, apply, ksample, picture):
    """A kind of model with its branch, and SDXL."""
    return law_kind(request.param, apply, ksample, picture)


@pytest.fixture(params=("sd15", "flux", "sd3", "wan", "kontext"))
def each_law(request, apply, ksample, picture):
    return law_kind(request.param, apply, ksample, picture)


def law_kind(name, apply, ksample, picture):
    import edits
    import films
    import law_kinds
    from miniature import flux, models, sd3, wan

    if name == "kontext":
        kind = "short kontext"
        return law_kinds.of_references(edits.edit_model(kind), lambda: edits.model_of(kind), edits.weigh, edits.edit)
    if name == "wan":
        kind = "short i2v"
        return law_kinds.of_own_branch(
            films.wan_model(kind), lambda: wan.model(kind, films.SEED), films.scale, films.film
        )
    fresh = {
        "flux": lambda: flux.model("short dev", MODEL_SEED),
        "sd3": lambda: sd3.model("sd3.5 large", MODEL_SEED),
    }.get(name, lambda: models.unet(name, MODEL_SEED))
    return law_kinds.of_adapters(base_model(name), fresh, apply, ksample, picture)


@pytest.fixture
def over_two_devices():
    """(family) -> a SAMPLER_SAMPLE wrapper that lets the host split the sides over two names of the CPU."""
    if is_card():
        pytest.skip("on the CPU alone: a card has one name, and a machine for tests one card")
    from comfy.multigpu import MultiGPUThreadPool
    from miniature import models

    devices = (torch.device("cpu"), torch.device("cpu", 0))

    def of(family):
        second = models.unet(family, MODEL_SEED)

        def split(executor, guider, sigmas, extra_args, *rest):
            pool = MultiGPUThreadPool(list(devices))
            second.pre_run()
            options = extra_args["model_options"]
            options["multigpu_clones"] = dict(zip(devices, (guider.model_patcher, second), strict=True))
            options["multigpu_thread_pool"] = pool
            try:
                return executor(guider, sigmas, extra_args, *rest)
            finally:
                pool.shutdown()
                second.cleanup()

        return split

    return of


@pytest.fixture
def runs(monkeypatch):
    """A weak reference to every run of the engine that begins in the test."""
    from pack.attention.sampling import attach

    begun = []

    class Watched(attach.Run):
        def __init__(self, *args):
            super().__init__(*args)
            begun.append(weakref.ref(self))

    monkeypatch.setattr(attach, "Run", Watched)
    return begun


@pytest.fixture(scope="module")
def compiled():
    """Compile as the core node does, with graphs that are not compiled further, and as many of them as are asked for.

    By default torch gives up a function of which it has made eight graphs and compiles what that calls: then the
    number of graphs says nothing of what asked for another one.
    """
    from comfy_extras.nodes_torch_compile import TorchCompileModel

    if NAME == PLAYED:
        pytest.skip("not on a played card: torch.compile would compile what plays the card")
    torch._dynamo.reset()
    with torch._dynamo.config.patch(recompile_limit=64):
        yield lambda model: TorchCompileModel.execute(model, "eager").args[0]
    torch._dynamo.reset()


@pytest.fixture
def differs():
    """The mean difference of two pictures or latents."""

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
