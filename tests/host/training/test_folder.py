"""A folder read one picture at a time: the host's pictures and captions in its order, and who is whose reference."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image


@pytest.fixture
def below(tmp_path, monkeypatch):
    """ComfyUI's input with a folder `mine` of pictures of several modes, captions, and folders below it."""
    import folder_paths

    monkeypatch.setattr(folder_paths, "input_directory", str(tmp_path))
    top = tmp_path / "mine"
    pixels = np.random.default_rng(0)
    for name, mode in (("b.png", "RGB"), ("a.JPG", "L"), ("2_cats/c.webp", "RGB"), ("dogs/d.png", "RGBA")):
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        size = (24, 16, {"L": 1, "RGB": 3, "RGBA": 4}[mode])
        Image.fromarray(pixels.integers(0, 255, size, np.uint8).squeeze(), mode).save(path)
    (top / "b.txt").write_text(" a red wall\n", encoding="utf-8")
    (top / "dogs" / "d.txt").write_text("dogs", encoding="utf-8")
    return top


def read(name="mine"):
    from pack.nodes.training.folder import read_folder

    return read_folder(name)


def test_it_is_what_the_hosts_loader_gives(below):
    from comfy_extras.nodes_dataset import LoadImageTextDataSetFromFolderNode

    images, texts = LoadImageTextDataSetFromFolderNode.execute("mine").args
    found = read()
    assert len(found.pictures) == len(images) == 5 and list(found.captions) == texts
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(found.pictures, images, strict=True))
    assert not any(found.partners)


def test_memory_holds_one_picture(below):
    """However many there are: the second look through all of them takes no more than the first picture."""
    for number in range(20):
        Image.new("RGB", (256, 256)).save(below / f"{number}.png")
    pictures = read().pictures
    one = 256 * 256 * 3 * 4
    tracemalloc.start()
    try:
        assert sum(picture.shape[0] for picture in pictures) == 25
        assert tracemalloc.get_traced_memory()[1] < 4 * one  # the file, its pixels, and two pictures at the change
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("table", "partners"),
    [
        ("file,subject\nb.png,wall\na.JPG,wall\n2_cats/c.webp,cat\n", {"b.png": ["a.JPG"], "a.JPG": ["b.png"]}),
        ("file,pair\nb.png,2_cats/c.webp\ndogs/d.png,\n", {"b.png": ["c.webp"]}),
    ],
)
def test_a_table_says_whose_picture_is_whose_reference(below, table, partners):
    (below / "references.csv").write_text(table, encoding="utf-8")
    found = read()
    names = [path.name for path in found.pictures._paths]
    assert {
        names[n]: [names[other] for other in others] for n, others in enumerate(found.partners) if others
    } == partners


def test_a_table_works_through_links_too(below, tmp_path):
    """As `run.py train` makes a folder appear: each of its folders is a link beside one to itself."""
    (below / "references.csv").write_text("file,pair\ndogs/d.png,b.png\n", encoding="utf-8")
    linked = tmp_path / "train-x"
    linked.mkdir()
    (linked / ".itself").symlink_to(below)
    (linked / "dogs").symlink_to(below / "dogs")
    found = read("train-x")
    names = [path.name for path in found.pictures._paths]
    assert [names[other] for others in found.partners for other in others] == ["b.png"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,subject\nz.png,wall\n", "names 'z.png', which is not one of the pictures"),
        ("file,pair\nb.png,z.png\n", "names 'z.png'"),
        ("name,subject\nb.png,x\n", "needs a column 'file' and either 'subject' or 'pair'; it has: .'name', 'subject'"),
    ],
)
def test_a_table_that_does_not_fit_is_named(below, table, message):
    (below / "references.csv").write_text(table, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read()


@pytest.mark.parametrize("name", ["nowhere", "../mine", ""])
def test_a_folder_that_is_not_there_is_named(below, name):
    (below / "empty").mkdir()
    with pytest.raises(ValueError, match="is not a folder in"):
        read(name)
    with pytest.raises(ValueError, match="there are no pictures in"):
        read("mine/empty")


def test_a_changed_folder_is_trained_on_again(below):
    """What the host compares before it takes a result from its cache; without a folder it is always the same."""
    from pack.nodes.forms.train_ip_adapter import TrainIPAdapter

    first = TrainIPAdapter.fingerprint_inputs(folder=["mine"])
    assert first and first == TrainIPAdapter.fingerprint_inputs(folder=["mine"])
    (below / "dogs" / "d.txt").write_text("a dog that runs", encoding="utf-8")
    assert TrainIPAdapter.fingerprint_inputs(folder=["mine"]) != first
    assert TrainIPAdapter.fingerprint_inputs(folder=[""], images=None) == TrainIPAdapter.fingerprint_inputs() == ""


def test_what_is_wrong_with_a_folder_is_no_fault_of_the_host_that_encodes(below, monkeypatch):
    """`run.py encode` tries hosts again, but not for pictures that it cannot use anywhere."""
    from pack.nodes.training import folder

    from runner.encode import stretches
    from runner.problems import Problem

    monkeypatch.setattr(stretches.headless, "of_pack", lambda _: folder)

    def found(place):
        told = SimpleNamespace(pictures=[str(place)], out=below, per_shard=2)
        return len(stretches.Stretches(told).found)

    assert found(below) == 5
    (below / "none").mkdir()
    with pytest.raises(Problem, match="there are no pictures in '.*none'"):
        found(below / "none")
    (below / "references.csv").write_text("file\nb.png\n")
    with pytest.raises(Problem, match="needs a column 'file' and either 'subject' or 'pair'"):
        found(below)
    (below / "dogs" / "references.csv").write_text("file,subject\nd.png,dog\n")
    with pytest.raises(Problem, match="there are several tables"):
        found(below)
