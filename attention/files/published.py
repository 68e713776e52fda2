"""The table of published files: exact name, folder, size, hash, publisher and licence of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

APACHE = "Apache-2.0"
MIT = "MIT"
INSIGHTFACE = "non-commercial research only (InsightFace's models)"
RESEARCH = "non-commercial research only (it was trained with InsightFace's face recognition)"
KOLORS = "Apache-2.0; its Kolors model is free for research, commercial use after registration with its authors"


@dataclass(frozen=True)
class Repository:
    """A repository of the Hugging Face hub at one revision ("main" where none was recorded)."""

    name: str
    revision: str
    licence: str

    @property
    def page(self) -> str:
        return f"https://huggingface.co/{self.name}"


@dataclass(frozen=True)
class File:
    """One published file.

    `name` is the file's path below `folder`, which is a model folder of the host; `path` is where the repository
    keeps it. `size` is in bytes, None where only the hash is known. `sha256` is whole, or the start of it where
    the rest was never recorded.
    """

    name: str
    folder: str
    size: int | None
    sha256: str
    repository: Repository
    path: str

    @property
    def id(self) -> str:
        return f"{self.folder}/{self.name}"

    @property
    def url(self) -> str:
        return f"{self.repository.page}/resolve/{self.repository.revision}/{self.path}"

    def described(self) -> str:
        """Where it goes, how large it is, who publishes it and under which licence."""
        size = f"{self.size:,} bytes" if self.size else "size not recorded"
        return (
            f"{self.name} ({size}) in models/{self.folder}, published as {self.path} at {self.repository.page}, "
            f"licence: {self.repository.licence}"
        )


H94 = Repository("h94/IP-Adapter", "018e402774aeeddd60609b4ecdb7e298259dc729", APACHE)
FACEID = Repository("h94/IP-Adapter-FaceID", "43907e6f44d079bf1a9102d9a6e56aef7a219bae", RESEARCH)
INSTANTID = Repository("InstantX/InstantID", "57b32dfee076092ad2930c71fd6d439c2c3b1820", APACHE)
OSTRIS = Repository("ostris/ip-composition-adapter", "0d2ed55c441a20c20e09da4dc086097703f26b61", APACHE)
KOLORS_PLUS = Repository("Kwai-Kolors/Kolors-IP-Adapter-Plus", "main", KOLORS)
KOLORS_FACEID = Repository("Kwai-Kolors/Kolors-IP-Adapter-FaceID-Plus", "main", KOLORS)
OPENAI = Repository("openai/clip-vit-large-patch14-336", "ce19dc912ca5cd21c8a653c79e251e808ccabcd1", MIT)
# Copies, file by file, of the packs that InsightFace publishes as archives.
BUFFALO_L = Repository("public-data/insightface", "33c1063c49c785b7652d3fd529f86fa4f149392b", INSIGHTFACE)
ANTELOPEV2 = Repository("MonsterMMORPG/InstantID_Models", "397cafa6d8310e96e302e96528c20a4c92a884f2", INSIGHTFACE)


def _adapter(path: str, size: int | None, sha256: str, repository: Repository, folder: str = "ipadapter") -> File:
    return File(path.rpartition("/")[2], folder, size, sha256, repository, path)


def _encoder(name: str, path: str, size: int, sha256: str, repository: Repository) -> File:
    return File(name, "clip_vision", size, sha256, repository, path)


def _face(path: str, size: int, sha256: str, repository: Repository) -> File:
    return File(path, "insightface", size, sha256, repository, path)


_FILES = (
    _adapter(
        "models/ip-adapter_sd15.safetensors",
        44_642_768,
        "289b45f16d043d0bf542e45831f971dcdaabe18b656f11e86d9dfba7e9ee3369",
        H94,
    ),
    _adapter(
        "models/ip-adapter_sd15_light.safetensors",
        44_642_768,
        "0747d08db670535bfa286452a77d93cebad5c677b46d038543f9f2de8690bb26",
        H94,
    ),
    _adapter(
        "models/ip-adapter_sd15_light_v11.bin",
        44_642_977,
        "350b63a57847c163e2e984b01090f85ffe60eaae20f32b2b2c9e1ccc7ddd972b",
        H94,
    ),
    _adapter(
        "models/ip-adapter_sd15_vit-G.safetensors",
        46_215_640,
        "a26f736af07bb341a83dfea23713531d0575760e8ed947c68cb31a4c62d9c90b",
        H94,
    ),
    _adapter(
        "models/ip-adapter-plus_sd15.safetensors",
        98_183_288,
        "a1c250be40455cc61a43da1201ec3f1edaea71214865fb47f57927e06cbe4996",
        H94,
    ),
    _adapter(
        "models/ip-adapter-plus-face_sd15.safetensors",
        98_183_288,
        "1c9edc21af6f737dc1d6e0e734190e976cfacf802d6b024b77aa3be922f7569b",
        H94,
    ),
    _adapter(
        "models/ip-adapter-full-face_sd15.safetensors",
        43_592_352,
        "f4a17fb643bf876235a45a0e87a49da2855be6584b28ca04c62a97ab5ff1c6f3",
        H94,
    ),
    _adapter(
        "sdxl_models/ip-adapter_sdxl.safetensors",
        702_585_376,
        "ba1002529e783604c5f326d49f0122025392d1d20ac8d573b3eeb3e6dea4ebb6",
        H94,
    ),
    _adapter(
        "sdxl_models/ip-adapter_sdxl_vit-h.safetensors",
        698_391_064,
        "ebf05d918348aec7abb02a5e9ecef77e0aaea6914a5c4ea13f50d45eb1681831",
        H94,
    ),
    _adapter(
        "sdxl_models/ip-adapter-plus_sdxl_vit-h.safetensors",
        847_517_512,
        "3f5062b8400c94b7159665b21ba5c62acdcd7682262743d7f2aefedef00e6581",
        H94,
    ),
    _adapter(
        "sdxl_models/ip-adapter-plus-face_sdxl_vit-h.safetensors",
        847_517_512,
        "677ad8860204f7d0bfba12d29e6c31ded9beefdf3e4bbd102518357d31a292c1",
        H94,
    ),
    _adapter(
        "ip_plus_composition_sd15.safetensors",
        98_183_728,
        "4a02c9f4d2ade7c0e14db7471377ce5d326a2bfda7777231c79dc861c93f2c12",
        OSTRIS,
    ),
    _adapter(
        "ip_plus_composition_sdxl.safetensors",
        None,
        "e92dc36cc273bac3200b2e41807ebdc174076185d95a45238558d4c236b6da74",
        OSTRIS,
    ),
    _adapter(
        "ip-adapter-faceid_sd15.bin",
        96_740_574,
        "201344e22e6f55849cf07ca7a6e53d8c3b001327c66cb9710d69fd5da48a8da7",
        FACEID,
    ),
    _adapter(
        "ip-adapter-faceid-plus_sd15.bin",
        156_558_503,
        "252fb53e0d018489d9e7f9b9e2001a52ff700e491894011ada7cfb471e0fadf2",
        FACEID,
    ),
    _adapter(
        "ip-adapter-faceid-plusv2_sd15.bin",
        156_558_509,
        "26d0d86a1d60d6cc811d3b8862178b461e1eeb651e6fe2b72ba17aa95411e313",
        FACEID,
    ),
    _adapter(
        "ip-adapter-faceid-portrait_sd15.bin",
        64_586_611,
        "68570f3c14fe125b00d4abf416af33d8b13bb496f4e55af2eb5d0a6017ee99a4",
        FACEID,
    ),
    _adapter(
        "ip-adapter-faceid-portrait-v11_sd15.bin",
        64_586_623,
        "a48cb4f89ed18e02c6000f65aa9efec452e87eaed4a1bc9fcf4a460c8d0e3bc6",
        FACEID,
    ),
    _adapter(
        "ip-adapter-faceid_sdxl.bin",
        1_071_149_741,
        "f455fed24e207c878ec1e0466b34a969d37bab857c5faa4e8d259a0b4ff63d7e",
        FACEID,
    ),
    _adapter(
        "ip-adapter-faceid-plusv2_sdxl.bin",
        1_487_555_181,
        "c6945d82b543700cc3ccbb98d363b837e9c596281607857c74b713a876daf5fb",
        FACEID,
    ),
    _adapter(
        "ip-adapter-faceid-portrait_sdxl.bin",
        749_822_515,
        "5631ce7824cdafd2db37c5e85b985730a95ff59c5b4fc80c2b79b0bee5711512",
        FACEID,
    ),
    _adapter(
        "ip-adapter-faceid-portrait_sdxl_unnorm.bin",
        1_009_523_411,
        "220bb86e205393a3d0411631cb473caddbf35fd371be2905ca9008818170db55",
        FACEID,
    ),
    _adapter(
        "ip-adapter.bin",
        1_691_134_141,
        "02b3618e36d803784166660520098089a81388e61a93ef8002aa79a5b1c546e1",
        INSTANTID,
        "instantid",
    ),
    _adapter("ip_adapter_plus_general.bin", 1_013_163_359, "1983c3f927ac", KOLORS_PLUS),
    _adapter("ipa-faceid-plus.bin", 2_385_842_603, "8af246ef794e", KOLORS_FACEID),
    File(
        "instantid-identitynet.safetensors",
        "controlnet",
        2_502_139_136,
        "c8127be9f174101ebdafee9964d856b49b634435cf6daa396d3f593cf0bbbb05",
        INSTANTID,
        "ControlNetModel/diffusion_pytorch_model.safetensors",
    ),
    _encoder(
        "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors",
        "models/image_encoder/model.safetensors",
        2_528_373_448,
        "6ca9667da1ca9e0b0f75e46bb030f7e011f44f86cbfb8d5a36590fcd7507b030",
        H94,
    ),
    _encoder(
        "CLIP-ViT-bigG-14-laion2B-39B-b160k.safetensors",
        "sdxl_models/image_encoder/model.safetensors",
        3_689_912_664,
        "657723e09f46a7c3957df651601029f66b1748afb12b419816330f16ed45d64d",
        H94,
    ),
    _encoder(
        "clip-vit-large-patch14-336.bin",
        "pytorch_model.bin",
        1_711_974_081,
        "c6032c2e0caae3dc2d4fba35535fa6307dbb49df59c7e182b1bc4b3329b81801",
        OPENAI,
    ),
    _face(
        "models/buffalo_l/det_10g.onnx",
        16_923_827,
        "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91",
        BUFFALO_L,
    ),
    _face(
        "models/buffalo_l/w600k_r50.onnx",
        174_383_860,
        "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
        BUFFALO_L,
    ),
    _face(
        "models/antelopev2/scrfd_10g_bnkps.onnx",
        16_923_827,
        "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91",
        ANTELOPEV2,
    ),
    _face(
        "models/antelopev2/glintr100.onnx",
        260_665_334,
        "4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf",
        ANTELOPEV2,
    ),
)

FILES: Mapping[str, File] = MappingProxyType({file.id: file for file in _FILES})
"""Every published file by its id, `folder/name`."""
