"""The node that opens an InsightFace pack and says what it holds and where it runs."""

from __future__ import annotations

from comfy_api.v0_0_2 import io

from ...face.packs import PUBLISHED
from ...face.providers import CHOICES
from ...face.recognisers import IR_SE50
from ..files import face_folders
from ..page.description import described
from ..page.notice import for_page, noted
from ..wires import FaceModelsWire

OF_THE_PACK = "the pack's own"


class LoadFaceModels(io.ComfyNode):
    """Opens the face detector and the face recogniser of an InsightFace pack. The weights of InsightFace's own packs
    are for non-commercial research only. This node never downloads."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessLoadFaceModels",
            display_name="Load Face Models",
            category="likeness/loaders",
            description=described(cls),
            search_aliases=[
                "insightface",
                "insightface loader",
                "face analysis",
                "antelopev2",
                "buffalo_l",
                "instantid",
                "infiniteyou",
            ],
            inputs=[
                io.Combo.Input(
                    "pack",
                    options=list(face_folders.packs()) or list(PUBLISHED),
                    tooltip="A folder in models/insightface/models with ONNX files. InstantID and Kolors-FaceID were "
                    "trained with antelopev2, IP-Adapter FaceID with buffalo_l. Files are known by their contents.",
                ),
                io.Combo.Input(
                    "provider",
                    optional=True,
                    options=list(CHOICES),
                    default=CHOICES[0],
                    advanced=True,
                    tooltip="What the models run on. auto uses a GPU where onnxruntime has one and says what it uses; "
                    "a GPU chosen by name that cannot be used is an error. The CPU needs about 0.2 s per face.",
                ),
                io.Combo.Input(
                    "recogniser",
                    optional=True,
                    options=[OF_THE_PACK, IR_SE50],
                    default=OF_THE_PACK,
                    tooltip="What embeds the faces: the pack's recogniser, or IR-SE50 from models/facexlib, which InfiniteYou "
                    "was trained with. The pack finds the faces either way.",
                ),
            ],
            outputs=[FaceModelsWire.Output("face_models", tooltip="For Find Faces and Embed Faces.")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def validate_inputs(cls, pack: str) -> bool | str:
        """In place of the host's 'value not in list': say which files belong where."""
        try:
            face_folders.pack_folder(pack)
        except ValueError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, pack: str, recogniser: str = OF_THE_PACK, **_: object) -> str:
        from ..files import facexlib
        from ..files.fingerprint import hashed

        files = sorted(file for file in face_folders.pack_folder(pack).rglob("*.onnx") if file.is_file())
        files += [] if recogniser == OF_THE_PACK else facexlib.files()
        return hashed(f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)

    @classmethod
    def execute(cls, pack: str, provider: str = CHOICES[0], recogniser: str = OF_THE_PACK) -> io.NodeOutput:
        from ...face.errors import MissingModel
        from ...face.models import load
        from ..files.ir_se50 import with_ir_se50
        from ..page.badges import face_model_badges

        faults = face_folders.damaged(pack)
        try:
            models = load(face_folders.pack_folder(pack), provider)
        except MissingModel as error:
            raise MissingModel(" ".join((*faults, str(error)))) from error
        if recogniser == IR_SE50:
            models = with_ir_se50(models)
        report = "\n".join((*faults, models.report()))
        return for_page(noted(cls, report, models), badges=face_model_badges(models))


NODES = [LoadFaceModels]
