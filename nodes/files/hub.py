"""Where the Hugging Face hub, or a mirror of it, keeps a published file, and who asks: by huggingface_hub's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ...attention.files.published import File


@dataclass(frozen=True)
class Source:
    """An address and the headers that go to it and nowhere else."""

    url: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)


def source_of(file: File) -> Source:
    """The file at HF_ENDPOINT's mirror, or at the hub; with this machine's token where somebody has logged in.

    Of huggingface_hub's headers only the token is sent: its others tell the versions of this machine's packages.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(file.repository.name, file.path, revision=file.repository.revision)
    return Source(url, {name: value for name, value in build_hf_headers().items() if name == "authorization"})
