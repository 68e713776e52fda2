"""The node that trains a new IP-Adapter."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.v0_0_2 import io

from .. import wires
from ..files.training_files import check_targets, file_to_write, state_file
from ..page.description import described
from ..page.progress import ticker
from ..training.course_row import row_of
from ..training.means_inputs import means_inputs
from ..training.recipe import (
    advanced_recipe_inputs,
    course_outputs,
    model_inputs,
    ones,
    picture_inputs,
    recipe_inputs,
    recipe_of,
    start_input,
    start_of,
)
from ..training.reference_inputs import folder_input, subject_input, view_inputs, views_in

FOLDER = "ipadapter"


class TrainIPAdapter(io.ComfyNode):
    """Trains a new IP-Adapter on your pictures and captions; model, text encoder and image encoder stay as they are."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessTrainIPAdapter",
            display_name="Train IP-Adapter",
            category="likeness/training",
            description=described(cls),
            search_aliases=["train ipadapter", "ip-adapter training", "fine-tune adapter", "image prompt training"],
            is_input_list=True,
            is_output_node=True,
            inputs=[
                *model_inputs("SD1.5, SDXL or Segmind Vega"),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="The image encoder that the adapter will read. A lesson in 'folder' does not need it.",
                ),
                *picture_inputs(optional=True),
                io.String.Input(
                    "name",
                    default="my-adapter",
                    tooltip="The file to write, in models/ipadapter. A name that is taken is an error.",
                ),
                io.Combo.Input(
                    "variant",
                    options=["base", "plus"],
                    default="base",
                    tooltip="base: 4 tokens from the pooled features, 22 million weights on SD1.5. plus: 16 tokens from "
                    "the picture's parts, closer to the reference, about twice as many weights.",
                ),
                *recipe_inputs(),
                *advanced_recipe_inputs(),
                start_input(),
                subject_input(),
                *view_inputs(),
                folder_input(),
                *means_inputs(),
            ],
            outputs=[
                wires.AdapterWire.Output("adapter", tooltip="The trained adapter, read back from its file."),
                *course_outputs(),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, folder: Any = "", **_: Any) -> str:
        from ..training.folder import stand_of

        return stand_of(folder[0] if isinstance(folder, list) else folder)

    @classmethod
    def execute(cls, **lists: list[Any]) -> io.NodeOutput:
        from ...attention.adapter.adapter import Adapter
        from ...attention.adapter.checkpoint import read
        from ...attention.training.log import check_tracker
        from ..page.notice import for_page
        from ..page.show import shown
        from ..training.dataset import captioned_pictures, dataset_of, encoded_text
        from ..training.lessons import lesson_in
        from ..training.run import Lesson, Target, train

        given, recipe = ones(lists), recipe_of(ones(lists))
        path, state = file_to_write(FOLDER, given["name"]), state_file(FOLDER, given["name"])
        check_targets([path], state, recipe.resume)
        check_tracker(recipe.tracker)
        with row_of(cls, given) as row:
            variant, vae, clip_vision = given["variant"], given["vae"], given.get("clip_vision")
            kept, told = lesson_in(lists, given["model"], variant), ""
            if kept is not None:
                dataset = kept.dataset
            else:
                if clip_vision is None:
                    raise ValueError(
                        "connect 'clip_vision', which sees the pictures; only a lesson in 'folder' does without."
                    )
                pictures = captioned_pictures(lists, (vae, given["clip"]), recipe.bucket_side)
                dataset, told = (
                    dataset_of(pictures, clip_vision, variant, views_in(given), ticker(row.prepared)),
                    pictures.told(),
                )
            looks = [encoded_text(given["clip"], prompt) for prompt in recipe.look_prompts]
            with torch.inference_mode(False):
                lesson = Lesson(given["model"], vae, dataset, variant, start_of(given), looks)
                done = train(lesson, recipe, state, Target([path], {"encoder": dataset.no_picture.encoder}), row)
            loaded = wires.LoadedAdapter(Adapter(read(path), variant), clip_vision)
            output = shown(cls, done.report([path]) + told, done.pictures(), loaded, *done.course())
            return for_page(output, training=row.finished([path]))


NODES = [TrainIPAdapter]
