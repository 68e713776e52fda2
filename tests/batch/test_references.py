"""References first, with real encoders and faces: each photo is encoded once, and one without a face is named at once."""

import json
from pathlib import Path

import pytest
from PIL import Image
from serving.fixtures import DATA, node


def saving(photo_node="LoadImage"):
    """The first stage: the face of a photo into a file."""
    return {
        "photo": node(photo_node, image="x.png"),
        "models": node("LikenessLoadFaceModels", pack="vectron", provider="CPU"),
        "find": node("LikenessFindFaces", face_models=["models", 0], image=["photo", 0]),
        "choose": node("LikenessChooseFace", faces=["find", 0], rule="largest"),
        "save": node("LikenessSaveFaces", faces=["choose", 0], filename_prefix="x"),
    }


def drawing():
    """The second stage: the keypoints of the face, by way of the witness."""
    return {
        "faces": node("LikenessLoadFaces", file="x"),
        "points": node("LikenessRenderKeypoints", faces=["faces", 0], width=64, height=64),
        "witness": node("BatchWitness", image=["points", 0], name="", does="", number=255),
        "save": node("SaveImage", images=["witness", 0], filename_prefix="x"),
    }


@pytest.mark.parametrize("hosts", ["0", "2"])
def test_each_photo_is_encoded_once_and_one_without_a_face_is_named_first(batch, tmp_path, hosts):
    photos = [DATA / "photos" / name for name in ("obama.jpg", "biden.jpg")]
    Image.new("RGB", (128, 128), "grey").save(tmp_path / "nobody.png")
    two = batch(drawing())
    (two.folder / "encode.json").write_text(json.dumps(saving()))
    people = [*photos, tmp_path / "nobody.png"]
    table = [
        {"id": f"r{i:02}", "witness.name": f"r{i:02}", "witness.number": 200 + i, "faces": str(people[i % 3])}
        for i in range(12)
    ]
    settings = ("--references", str(two.folder / "encode.json"), "--hosts", hosts, "--rows-per-block", "2")
    assert two.run(table, *settings) == 2, two.said
    assert "nobody.png: " in two.said and "(id r02, r05, r08 and 1 more)" in two.said and not two.notes
    table = [row for row in table if not row["faces"].endswith("nobody.png")]
    assert two.run(table, *settings) == 0, two.said
    assert set(two.drawn.values()) == {1} and len(two.drawn) == 8
    assert len({tuple(line["pictures"]) for line in two.results()}) == 8
    saved = list((two.out / "references" / "embeds").rglob("*.faces.safetensors"))
    assert len(saved) == len(list((two.out / "references" / "drawn").rglob("*.json"))) == 2
    assert str(Path(photos[0]).parent).encode() not in b"".join(path.read_bytes() for path in saved)
