"""The node that trains a new InstantID: its adapter and its IdentityNet, together."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.v0_0_2 import io

from ...face.choose import MISSING
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
from ..training.reference_inputs import folder_input, subject_input
from ..wires import FaceModelsWire, FacesWire

FOLDERS = ("instantid", "controlnet")


class TrainInstantID(io.ComfyNode):
    """Trains a new InstantID on pictures of people: an adapter that reads the face, and an IdentityNet that reads it in
    place of the text and sees the keypoints. The model and its text encoder stay as they are."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessTrainInstantID",
            display_name="Train InstantID",
            category="likeness/training",
            description=described(cls),
            search_aliases=["train instantid", "train identitynet", "instantid training", "face adapter training"],
            is_input_list=True,
            is_output_node=True,
            inputs=[
                *model_inputs("SDXL, which the published InstantID is for, or SD1.5 or Segmind Vega"),
                *picture_inputs(optional=True),
                FacesWire.Input(
                    "faces",
                    optional=True,
                    tooltip="The faces of these pictures, from Find Faces on the same 'images'. Where there are "
                    "several in one picture, put Choose Face in between.",
                ),
                io.String.Input(
                    "name",
                    default="my-instantid",
                    tooltip="The files to write, one in models/instantid and one in models/controlnet. A name "
                    "that is taken is an error.",
                ),
                io.Combo.Input(
                    "missing",
                    optional=True,
                    options=list(MISSING),
                    default=MISSING[0],
                    tooltip="What to do with a picture that shows no face: stop and name it, or train without it.",
                ),
                *recipe_inputs(),
                io.Boolean.Input(
                    "any_recogniser",
                    optional=True,
                    default=False,
                    advanced=True,
                    tooltip="Accept face embeddings of a recogniser other than antelopev2's. What is trained then reads "
                    "only that one.",
                ),
                *advanced_recipe_inputs(),
                start_input(),
                io.ControlNet.Input(
                    "start_control_net",
                    optional=True,
                    tooltip="The IdentityNet to begin from, from the host's Load ControlNet Model. Not connected: a copy of "
                    "the model's encoder.",
                ),
                subject_input(),
                folder_input(),
                FaceModelsWire.Input(
                    "face_models",
                    optional=True,
                    tooltip="Finds the largest face of each picture of 'folder', in place of 'faces'. A lesson there does not "
                    "need it.",
                ),
                *means_inputs(),
            ],
            outputs=[
                wires.AdapterWire.Output("adapter", tooltip="The trained adapter, read back from its file."),
                io.ControlNet.Output("control_net", tooltip="The trained IdentityNet, read back from its file."),
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
        from ...attention.training.new_identitynet import read_identitynet
        from ...attention.training.train import INSTANTID, unet_config
        from ..page.notice import for_page
        from ..page.show import shown
        from ..training.dataset import encoded_text
        from ..training.face_dataset import FaceRules
        from ..training.people import people_of
        from ..training.run import Lesson, Target, train

        given, recipe = ones(lists), recipe_of(ones(lists))
        name, vae = given["name"], given["vae"]
        paths, state = [file_to_write(folder, name) for folder in FOLDERS], state_file(FOLDERS[0], name)
        check_targets(paths, state, recipe.resume)
        check_tracker(recipe.tracker)
        with row_of(cls, given) as row:
            rules = FaceRules(given.get("missing", MISSING[0]), given.get("any_recogniser", False))
            people = people_of(lists, given, recipe.bucket_side, rules, ticker(row.prepared))
            looks = [encoded_text(given["clip"], prompt) for prompt in recipe.look_prompts]
            with torch.inference_mode(False):
                lesson = Lesson(given["model"], vae, people.dataset, INSTANTID, start_of(given), looks)
                done = train(lesson, recipe, state, Target(paths, {"recogniser": people.recogniser}), row)
            adapter = wires.LoadedAdapter(Adapter(read(paths[0]), INSTANTID))
            net = read_identitynet(paths[1], unet_config(done.trainer.frozen))
            text = done.report(paths) + people.told
            output = shown(cls, text, done.pictures(), adapter, net, *done.course())
            return for_page(output, training=row.finished(paths))


NODES = [TrainInstantID]
