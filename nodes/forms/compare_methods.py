"""The node that puts the pictures of several methods into one table: likeness, copying, faithfulness to the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.v0_0_2 import io, ui
from torch import Tensor

from ...face.value import FaceBatch
from ..page.description import described
from ..page.growing import check_none_beyond
from ..page.notice import for_page, noted
from ..wires import FaceModelsWire, FacesWire

if TYPE_CHECKING:
    from ...face.models import FaceModels

MOST = 16


class CompareMethods(io.ComfyNode):
    """Compares pictures of one person that were made by several methods, from the same photo, prompt and seed: one table of how
    alike they are, how much they copy the photo and how well they follow the text. Writes it as CSV to the output folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        template = io.Autogrow.TemplatePrefix(
            io.Image.Input("image", tooltip="The pictures of one method, a row of the table. Of a batch the mean."),
            prefix="image",
            min=0,  # the first method may be muted as well
            max=MOST,
        )
        return io.Schema(
            node_id="LikenessCompareMethods",
            display_name="Compare Methods",
            category="likeness/face",
            description=described(cls),
            search_aliases=["compare faces", "benchmark", "identity score", "which method", "copy paste", "clip score"],
            inputs=[
                io.Autogrow.Input(
                    "images",
                    template=template,
                    tooltip="The pictures of each method; a new input appears with each that is connected.",
                ),
                FacesWire.Input(
                    "reference",
                    tooltip="From Find Faces with the same 'face_models': the photo that all pictures were made from.",
                ),
                FaceModelsWire.Input(
                    "face_models",
                    tooltip="What judges: best a pack that steers none of the methods. buffalo_s steers no published one.",
                ),
                FacesWire.Input(
                    "truth",
                    optional=True,
                    tooltip="From Find Faces with the same 'face_models': another photo of the same person. A good likeness is "
                    "close to it too, a copy only to the reference (MultiID-Bench's copy-paste measure).",
                ),
                io.Image.Input(
                    "plain",
                    optional=True,
                    tooltip="What the model makes of the same prompt and seed without any method: how little each changes of "
                    "it (PuLID's CLIP-I). Needs 'clip_vision'.",
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="For 'clip' and 'plain': an image encoder. For 'clip' that of the same CLIP: ViT-bigG for SDXL's, "
                    "ViT-H for SD2's.",
                ),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip="To measure how well pictures follow 'prompt': the text encoder of the same CLIP as 'clip_vision'.",
                ),
                io.String.Input(
                    "labels",
                    optional=True,
                    default="",
                    multiline=True,
                    placeholder="FaceID\nInstantID\nPuLID",
                    tooltip="The names of the rows, a line for each input in their order. A row without is called as its input.",
                ),
                io.String.Input(
                    "prompt",
                    optional=True,
                    default="",
                    multiline=True,
                    tooltip="The text that all pictures were made with; it is written into the file too.",
                ),
                io.String.Input(
                    "filename_prefix",
                    optional=True,
                    default="comparisons/likeness",
                    tooltip="Name within the output folder; a running number is added. Dates as in Save Image: %year%.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    "images", is_output_list=True, tooltip="The pictures of each method, in the order of the inputs."
                ),
                io.String.Output("table", tooltip="The means as a Markdown table."),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        images: dict[str, Tensor],
        reference: FaceBatch,
        face_models: FaceModels,
        truth: FaceBatch | None = None,
        plain: Tensor | None = None,
        clip_vision: Any | None = None,
        clip: Any | None = None,
        labels: str = "",
        prompt: str = "",
        filename_prefix: str = "comparisons/likeness",
        **beyond: object,
    ) -> io.NodeOutput:
        from ...attention.files.write_whole import write_bytes
        from ..files.saved_files import COMPARISONS
        from ..people.comparison import as_csv, as_markdown, caution, is_same_photo
        from ..people.judging import Eyes, judged, named, photos
        from ..people.methods_table import methods_table

        check_none_beyond(beyond, MOST, "Compare the others with another Compare Methods.")
        rows, compared = named(images, labels), photos(face_models, reference, truth)
        eyes = Eyes(clip_vision, clip, prompt, plain)
        methods = judged(rows, face_models, compared, eyes)
        recogniser = face_models.recogniser_id
        file = COMPARISONS.new(filename_prefix)
        about = {"recogniser": recogniser, "encoder": eyes.name, "prompt": prompt}
        write_bytes(
            file.path, as_csv(methods, about).encode("utf-8-sig")
        )  # without its mark Excel takes another script
        lines = [file.name, caution(recogniser), *eyes.notes]
        if compared.truth is not None and is_same_photo(compared.reference, compared.truth):
            lines.append("'truth' is the photo of 'reference': copying cannot be measured. Take another photo.")
        text = "\n".join(lines)
        output = noted(cls, text, [image for _, image in rows], as_markdown(methods))
        output.ui = {**ui.PreviewText(text).as_dict(), "comparisons": [file.shown]}
        return for_page(output, comparison=methods_table(methods, compared.reference))


NODES = [CompareMethods]
