"""`run.py train` checks what it is given, makes the right graph, and shows how far it has come."""

import io
from pathlib import Path

import pytest

from runner import cli
from runner.problems import Problem
from runner.progress import bar
from runner.train.launch import words_for
from runner.train.options import check, pictures_in, side_for
from runner.train.prompt import CURVE, SAMPLES, TRAIN, linked, prompt_for
from runner.train.recipe import RECIPE, input_of
from runner.train.seats import Seat


@pytest.fixture
def pictures(tmp_path):
    """A folder with a picture, its caption, and a folder of two more."""
    folder = tmp_path / "my pictures"
    (folder / "10_cats").mkdir(parents=True)
    for name in ("a.png", "10_cats/b.JPG", "10_cats/c.webp", "a.txt", "notes.md"):
        (folder / name).write_bytes(b"x")
    return folder


@pytest.fixture
def options(pictures):
    def made(*words):
        return cli.parse(["train", "--pictures", str(pictures), "--name", "mine", *words])

    return made


@pytest.fixture
def models(tmp_path):
    files = [tmp_path / "base.safetensors", tmp_path / "vit-h.safetensors"]
    for file in files:
        file.write_bytes(b"x")
    return ["--base-model", str(files[0]), "--clip-vision", str(files[1])]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--base-model", "x"], "--base-model is given without --clip-vision"),
        (["--clip-vision", "x"], "--clip-vision is given without --base-model"),
        (["--base-model", "x", "--clip-vision", "y"], "x is not a file"),
    ],
)
def test_models_that_are_not_there_are_named(words, message, options):
    with pytest.raises(Problem, match=message):
        check(options(*words))


def test_a_folder_without_pictures_is_named(tmp_path, options):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(Problem, match="no pictures in"):
        check(options("--pictures", str(empty)))
    with pytest.raises(Problem, match="is not a folder"):
        check(options("--pictures", str(tmp_path / "nowhere")))


@pytest.mark.parametrize("words", [["--variant", "faceid"], ["--steps", "many"], ["--wieght", "1"]])
def test_what_is_not_known_is_refused(words, options, capsys):
    with pytest.raises(SystemExit):
        options(*words)
    assert capsys.readouterr().err


def test_a_problem_ends_the_command_before_anything_starts(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)
    assert cli.main(["train", "--pictures", str(tmp_path / "nowhere"), "--name", "mine"]) == 1
    assert "is not a folder" in capsys.readouterr().err


def test_the_folder_appears_as_the_host_looks_into_it(pictures, tmp_path):
    """Pictures at the top and one folder below, under that folder's own name; a second time nothing is left over."""
    inputs = tmp_path / "input"
    assert len(pictures_in(pictures)) == 3
    for _ in range(2):
        folder = inputs / linked(pictures, inputs, "mine")
        assert sorted(path.name for path in folder.iterdir()) == [".itself", "10_cats"]
        assert (folder / ".itself" / "a.txt").is_file() and (folder / "10_cats" / "b.JPG").is_file()
    (pictures / "10_cats").rename(pictures / "2_cats")
    assert {path.name for path in (inputs / linked(pictures, inputs, "mine")).iterdir()} == {".itself", "2_cats"}


def test_the_graph_trains_on_the_given_models(options, models):
    graph = prompt_for(options("--steps", "100", "--variant", "plus", *models), "train-mine")
    assert graph["model"]["inputs"] == {"ckpt_name": "base.safetensors"}
    assert graph["encoder"]["inputs"] == {"clip_name": "vit-h.safetensors"}
    trained = graph[TRAIN]["inputs"]
    assert trained["folder"] == "train-mine"
    assert (trained["name"], trained["variant"], trained["steps"], trained["look_every"]) == ("mine", "plus", 100, 25)
    assert trained["bucket_side"] == 512
    wires = [v for node in graph.values() for v in node["inputs"].values() if isinstance(v, list)]
    assert all(source in graph for source, _ in wires)
    assert (graph[CURVE]["inputs"]["images"], graph[SAMPLES]["inputs"]["images"]) == ([TRAIN, 2], [TRAIN, 3])


def test_the_graph_sets_only_what_the_node_has(options):
    schema = pytest.importorskip(
        "pack.nodes.forms.train_ip_adapter", reason="needs ComfyUI"
    ).TrainIPAdapter.GET_SCHEMA()
    fields = {field.id: field for field in schema.inputs}
    assert set(prompt_for(options(), "f")[TRAIN]["inputs"]) <= set(fields)
    for option, how in RECIPE.items():
        assert list(how.get("choices", ())) == list(getattr(fields[input_of(option)], "options", None) or ()), option


def test_the_graph_begins_from_a_file(options, tmp_path):
    file = tmp_path / "ip-adapter_sd15.bin"
    assert "start" not in prompt_for(options(), "f")
    words = options("--start-from", str(file), "--variant", "plus")
    with pytest.raises(Problem, match="ip-adapter_sd15.bin is not a file"):
        check(words)
    graph = prompt_for(words, "f")
    assert graph["start"]["inputs"] == {"file": str(Path("start-from", file.name)), "kind": "plus"}
    assert graph[TRAIN]["inputs"]["start_from"] == ["start", 0]


def test_prompts_for_samples_come_from_a_file(options, tmp_path):
    file = tmp_path / "looks.txt"
    file.write_text("a sea\na hill\n", encoding="utf-8")
    trained = prompt_for(options("--look-prompts", str(file)), "f")[TRAIN]["inputs"]
    assert trained["look_prompts"] == "a sea\na hill\n"


def test_a_setting_goes_to_the_node_only_where_it_is_given(options):
    words = ("--schedule", "cosine", "--warmup", "10", "--floor", "0.05")
    plain, given = (prompt_for(options(*each), "f")[TRAIN]["inputs"] for each in ((), words))
    assert {name: given[name] for name in given.keys() - plain.keys()} == {
        "schedule": "cosine",
        "warmup": 10,
        "floor": 0.05,
    }


def test_the_side_follows_the_base_model(options, models, tmp_path):
    assert side_for(options()) == 64 and side_for(options("--side", "320")) == 320
    with (tmp_path / "base.safetensors").open("r+b") as large:
        large.truncate(5 << 30)  # sparse: it takes no room
    assert side_for(options(*models)) == 1024


def test_progress_is_a_few_lines_in_a_file():
    pytest.importorskip("aiohttp")
    from runner.train.course import Course

    out = io.StringIO()
    course = Course(out, steps=100)
    for done in range(1, 4):
        course.step(done, 3)
    for done in range(1, 101):
        course.step(done, 100)
    lines = out.getvalue().splitlines()
    assert lines[2] == f"{bar(3, 3)} 3 of 3 pictures encoded"
    assert len(lines) == 3 + 11 and lines[-1] == f"{bar(100, 100)} 100 of 100 steps trained"


@pytest.mark.parametrize(
    ("words", "seat", "message"),
    [
        (
            ["--gpus", "3", "--accumulation", "4"],
            None,
            "4 parts .--accumulation., which 3 processes cannot share evenly",
        ),
        (["--accumulation", "6"], Seat(0, 4, 0), "start one of 1, 2, 3, 6 processes"),
        (["--gpus", "2"], Seat(0, 2, 0), "--gpus starts processes, but this is already one of several"),
        (["--gpus", "0"], None, "0 processes cannot share"),
        (["--shard", "--gpus", "1"], None, "--shard shares out an IdentityNet, and base has none"),
        (["--shard", "--variant", "instantid"], None, "an IdentityNet among processes, and this is one"),
        (
            ["--shard", "--variant", "instantid", "--precision", "fp16", "--accumulation", "2"],
            Seat(0, 2, 0),
            "--shard does not go with fp16",
        ),
    ],
)
def test_processes_that_cannot_share_the_parts_are_refused(words, seat, message, options):
    with pytest.raises(Problem, match=message):
        check(options(*words), seat)


def test_the_processes_get_the_words_of_the_command(options):
    assert words_for(options("--gpus", "2", "--steps=3", "--restarts=1", "--accumulation", "2"))[4:] == [
        "mine", "--steps=3", "--accumulation", "2"
    ]  # fmt: skip


def test_an_instantid_needs_photos_alone(options, models, tmp_path):
    """The faces are found with antelopev2, unless a folder or a name says otherwise."""
    base = models[:2]
    check(options("--variant", "instantid", *base))
    graph = prompt_for(options("--variant", "instantid", *base), "f")
    assert graph["nets"]["inputs"] == {"pack": "antelopev2"}
    trained = graph[TRAIN]["inputs"]
    assert (graph[TRAIN]["class_type"], trained["missing"], trained["face_models"]) == (
        "LikenessTrainInstantID", "skip", ["nets", 0]
    )  # fmt: skip
    assert trained["texts"] == "a photo of a person" and "variant" not in trained and "clip_vision" not in trained
    assert graph[CURVE]["inputs"]["images"] == [TRAIN, 3]
    net = tmp_path / "net.safetensors"
    net.write_bytes(b"x")
    more = ("--face-models", str(tmp_path), "--caption", "a face", "--start-control-net", str(net), "--any-recogniser")
    graph = prompt_for(options("--variant", "instantid", *base, *more), "f")
    assert graph["nets"]["inputs"] == {"pack": tmp_path.name} and graph[TRAIN]["inputs"]["texts"] == "a face"
    assert graph[TRAIN]["inputs"]["any_recogniser"] and graph[TRAIN]["inputs"]["start_control_net"] == ["net", 0]
    for words, message in (
        (("--variant", "instantid", *models), "--clip-vision is given for instantid"),
        ((*models, "--face-models", "x"), "--face-models is for instantid; base reads pictures"),
    ):
        with pytest.raises(Problem, match=message):
            check(options(*words))
