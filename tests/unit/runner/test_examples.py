"""The demonstration on one's own models: examples fit what is there, checkpoints are known by their contents."""

import asyncio

import pytest

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("aiohttp")
pytest.importorskip("torch")

from miniature import sparse  # noqa: E402

from runner.demo.examples import __main__ as client  # noqa: E402
from runner.demo.examples import checkpoints, drawing, report  # noqa: E402
from runner.demo.examples.prompts import PRESETS, Models, at_weight, examples, fitted, plain  # noqa: E402
from runner.problems import Problem  # noqa: E402

EXAMPLES = {example.name: example for example in examples()}
BOTH = {"sd15": "small.safetensors", "sdxl": "sub/large.safetensors"}
LISTED = {("ControlNetLoader", "control_net_name"): ["sub/instantid-identitynet.safetensors"]}
UPLOADED = {name: f"likeness-{name}.png" for name in ("a", "b", "first", "second", "pair")}


def prompt(name, present=BOTH, preset="plus"):
    return fitted(EXAMPLES[name], Models(present, LISTED), UPLOADED, preset)


def inputs(graph, kind):
    return [node["inputs"] for node in graph.values() if node["class_type"] == kind]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_wire_leads_to_a_node_and_every_file_was_chosen(name):
    graph = prompt(name)
    wires = [value for node in graph.values() for value in node["inputs"].values() if isinstance(value, list)]
    assert wires and all(source in graph for source, _ in wires)
    assert not inputs(graph, "LikenessLoadIPAdapter")
    assert all(each["ckpt_name"] in BOTH.values() for each in inputs(graph, "CheckpointLoaderSimple"))
    assert all(each["image"] in UPLOADED.values() for each in inputs(graph, "LoadImage"))


def test_what_trains_for_hours_or_needs_another_kind_of_model_is_not_run_and_the_rest_is():
    left_out = {
        "IP-Adapter training",
        "Wan, let go of the first frame",
        "IP-Adapter on FLUX",
        "IP-Adapter on FLUX, InstantX",
        "IP-Adapter on SD3.5",
        "References on FLUX Kontext",
    }
    assert not left_out & set(EXAMPLES)
    assert {"IP-Adapter 1 picture prompt", "Face 1 InstantID portrait face swap"} <= set(EXAMPLES)


def test_the_adapter_that_the_examples_name_is_the_first_preset():
    from pack.attention.catalogue.presets import PRESETS as ROWS

    plus = {file.name for row in ROWS if row.purpose == PRESETS[0] for file in row.files}
    named = [each["file"] for example in EXAMPLES.values() for each in inputs(example.prompt, "LikenessLoadIPAdapter")]
    assert named and set(named) <= plus
    assert set(PRESETS) <= {row.purpose for row in ROWS}


def test_each_base_model_has_its_own_checkpoint_and_a_file_in_a_subfolder_is_found():
    assert inputs(prompt("IP-Adapter 1 picture prompt"), "CheckpointLoaderSimple")[0]["ckpt_name"] == BOTH["sd15"]
    graph = prompt("Face 1 InstantID portrait face swap")
    assert inputs(graph, "CheckpointLoaderSimple")[0]["ckpt_name"] == BOTH["sdxl"]
    assert inputs(graph, "ControlNetLoader")[0]["control_net_name"] == "sub/instantid-identitynet.safetensors"


def test_without_its_base_model_an_example_is_drawn_on_the_other_at_its_size():
    sizes = [inputs(prompt("IP-Adapter 1 picture prompt", {only: BOTH[only]}), "EmptyLatentImage")[0] for only in BOTH]
    assert (sizes[1]["width"], sizes[1]["height"]) == (2 * sizes[0]["width"], 2 * sizes[0]["height"])


def test_photographs_are_those_that_an_example_is_about():
    assert [each["image"] for each in inputs(prompt("Face 7 FaceID, several photos"), "LoadImage")] == [
        "likeness-first.png",
        "likeness-second.png",
    ]
    assert [each["image"] for each in inputs(prompt("Face 3 InstantID two people"), "LoadImage")] == [
        "likeness-pair.png"
    ]


def test_the_plain_prompt_has_no_node_of_the_pack_and_the_weighted_ones_differ_by_the_weight():
    for name in ("IP-Adapter 1 picture prompt", "IP-Adapter 5 two regions"):
        graph = prompt(name)
        bare = plain(graph)
        assert not [node for node in bare.values() if node["class_type"].startswith("Likeness")]
        (sampler,) = inputs(bare, "KSampler")
        assert bare[sampler["model"][0]]["class_type"] == "CheckpointLoaderSimple"
        assert sampler == {**inputs(graph, "KSampler")[0], "model": sampler["model"]}
        zero = at_weight(graph, 0.0)
        different = {graph[number]["class_type"] for number in graph if graph[number] != zero[number]}
        assert different == {"LikenessApplyIPAdapter"}


def checkpoint(path, layers, width, channels=4):
    shapes = {f"{checkpoints.UNET}{n}.attn2.to_k.weight": [4, width] for n in range(layers)}
    sparse.safetensors(
        path, {**shapes, checkpoints.FIRST: [4, channels, 3, 3]}, dict.fromkeys([*shapes, checkpoints.FIRST], "F16")
    )


def test_checkpoints_are_known_by_what_is_inside(tmp_path):
    (tmp_path / "sub").mkdir()
    for name, *inside in (
        ("a.safetensors", 16, 768, 9),  # inpainting
        ("b.safetensors", 16, 1024),  # SD2.1
        ("c.safetensors", 16, 768),
        ("d.safetensors", 16, 768),
        ("sub/e.safetensors", 70, 2048),
    ):
        checkpoint(tmp_path / name, *inside)
    (tmp_path / "damaged.safetensors").write_bytes(b"x" * 100)
    (tmp_path / "damaged.ckpt").write_bytes(b"x" * 100)
    found = checkpoints.checkpoints_in([tmp_path])
    assert {family: name.replace("\\", "/") for family, name in found.items()} == {
        "sd15": "c.safetensors",
        "sdxl": "sub/e.safetensors",
    }


def test_a_folder_without_a_checkpoint_is_named(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(Problem, match="holds no SD1.5 or SDXL checkpoint") as problem:
            client.checkpoints_of(folder)
        assert str(folder) in str(problem.value)


def test_what_comfyui_offers_is_read_in_both_of_its_forms():
    said = {
        "Old": {"input": {"required": {"file": [["x"], {}], "size": ["INT", {"default": 1}]}}},
        "New": {
            "input": {
                "required": {"file": ["COMBO", {"options": ["y"]}]},
                "optional": {"wire": ["MODEL"]},
                "hidden": {"p": "PROMPT"},
            }
        },
    }
    assert client.listed(said) == {("Old", "file"): ["x"], ("New", "file"): ["y"]}


class FakeServer:
    """Runs prompts: of the presets only those in `installed` load; FaceID's lack their face models."""

    def __init__(self, installed, picture):
        self.installed = installed
        self.picture_ = picture
        self.ran = []

    async def run(self, graph, on_step):
        presets = frozenset(each["preset"] for each in inputs(graph, "LikenessLoadByPreset"))
        self.ran.append(presets)
        if presets - self.installed:
            raise Problem(f"ComfyUI stopped in node '3' (LikenessLoadByPreset): no {min(presets)}\n is installed", "")
        if inputs(graph, "LikenessFindFaces"):
            raise Problem("ComfyUI refused the prompt: no pack", "")
        save = next((number for number, node in graph.items() if node["class_type"].startswith("Save")), "none")
        return {"shown": {"images": [{"type": "temp"}]}, save: {"images": [{"type": "output"}]}}

    async def picture(self, outputs, node, number):
        import io

        content = io.BytesIO()
        self.picture_.save(content, "PNG")
        return content.getvalue()


def drawn(installed):
    server = FakeServer(installed, Image.new("RGB", (64, 64), "grey"))
    found = asyncio.run(drawing.draw(server, list(EXAMPLES.values()), Models(BOTH, LISTED), UPLOADED))
    return found, server


def test_what_cannot_run_is_left_out_with_its_reason_and_the_rest_is_drawn(tmp_path):
    found, _ = drawn({"plus"})
    assert {"IP-Adapter 1 picture prompt", "IP-Adapter 2 style transfer"} <= set(found.pictures)
    assert found.left_out["Face 1 InstantID portrait face swap"].endswith(
        "(LikenessLoadByPreset): no InstantID is installed"
    )
    assert "no pack" in found.left_out["Face likeness, compare two"]
    assert set(found.pictures) | set(found.left_out) <= set(EXAMPLES)
    assert list(found.weights) == ["plain", "0", "0.5", "1", "1.5"]
    drawing.write(found, tmp_path)
    assert (tmp_path / "IP-Adapter 1 picture prompt.png").is_file() and (
        tmp_path / "IP-Adapter 1 picture prompt, 0.5.png"
    ).is_file()
    assert any("bit-identical" in line for line in report.told(found)) and not report.unequal(found)
    photos = {name: Image.new("RGB", (64, 64)) for name in UPLOADED}
    sheet = report.sheet_of(found, BOTH, photos)
    assert sheet.width > 6 * 300


def test_another_adapter_stands_in_for_plus_and_is_remembered():
    found, server = drawn({"standard"})
    assert "IP-Adapter 1 picture prompt" in found.pictures
    assert server.ran.count({"plus"}) == 2, "asked once for each base model"
    found, _ = drawn({"FaceID"})
    assert not found.weights and found.left_out["IP-Adapter 1 picture prompt"].endswith("no plus is installed")


def test_one_grey_level_in_one_pixel_is_a_difference():
    found, _ = drawn({"plus"})
    found.weights["0"].putpixel((3, 3), (128, 129, 128))
    assert report.unequal(found) and any("DIFFERS" in line for line in report.told(found))
