"""The example of an API client does what its first lines say, and says what is wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from serving.patience import PATIENCE
from serving.substitutes import on_the_miniature

API = Path(__file__).resolve().parents[3] / "example_workflows" / "api"


@pytest.fixture
def client(server, tmp_path):
    """(arguments) -> the finished process, on the miniature's form of Picture prompt."""
    prompt = on_the_miniature(json.loads((API / "IP-Adapter 1 picture prompt.json").read_text(encoding="utf-8")))
    (tmp_path / "prompt.json").write_text(json.dumps(prompt))
    Image.effect_noise((64, 64), 80).convert("RGB").save(tmp_path / "my photo.png")

    def ran(*arguments):
        prompt = () if arguments[:1] and arguments[0].endswith(".json") else ("prompt.json",)
        command = [
            sys.executable,
            API / "client.py",
            *prompt,
            "--server",
            server.url,
            "--out",
            "made",
            *arguments,
        ]
        environ = {**os.environ, "NO_PROXY": "*", "no_proxy": "*"}
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=PATIENCE)

    return ran


def test_it_uploads_sets_queues_and_fetches(client, tmp_path, server):
    settings = ("--set", "Prompt.text=a castle", "--set", "Apply IP-Adapter.weight=0.5", "--set", "9.seed=7")
    done = client("--image", "Reference=my photo.png", *settings)
    assert done.returncode == 0, done.stderr
    (picture,) = (tmp_path / "made").iterdir()
    assert Image.open(picture).size == (128, 128)
    assert done.stdout.split() == [str(Path("made", picture.name))]
    sent = json.loads(Image.open(picture).info["prompt"])
    assert sent["3"]["inputs"]["image"] == "my photo.png" and (server.base / "input" / "my photo.png").is_file()
    assert (sent["6"]["inputs"]["text"], sent["5"]["inputs"]["weight"]) == ("a castle", 0.5)


def test_it_names_the_nodes_there_are(client):
    done = client("--image", "Photo=my photo.png")
    assert done.returncode == 1 and "Reference" in done.stderr


def test_it_hands_on_what_comfyui_refuses(client):
    done = client("--set", "Reference.image=gone.png")
    assert done.returncode == 1 and "gone.png" in done.stderr


def test_faces_go_from_one_prompt_to_the_next_as_a_file(client, tmp_path, example_photo, server):
    """What the first prompt saved is fetched, and uploaded for the second, which has no photo."""
    for number, name in enumerate(("Face 8 save faces", "Face 9 load faces"), 1):
        prompt = on_the_miniature(json.loads((API / f"{name}.json").read_text(encoding="utf-8")))
        (tmp_path / f"{number}.json").write_text(json.dumps(prompt))
    photo = server.base / "input" / "example.png"
    first = client(
        "1.json", "--image", f"Photo of the person={photo}", "--set", "Save Faces.filename_prefix=people/one"
    )
    assert first.returncode == 0, first.stderr
    (file,) = first.stdout.split()
    assert file.endswith(".faces.safetensors")
    second = client("2.json", "--image", f"Load Faces={file}")
    assert second.returncode == 0, second.stderr
    (picture,) = second.stdout.split()
    sent = json.loads(Image.open(tmp_path / picture).info["prompt"])
    assert {one["class_type"] for one in sent.values()}.isdisjoint({"LoadImage", "LikenessLoadFaceModels"})
    assert [one["inputs"]["file"] for one in sent.values() if one["class_type"] == "LikenessLoadFaces"] == [
        Path(file).name
    ]
