"""Join Faces as the host runs it: inputs that grow, and whole lists."""

MODELS = {"class_type": "LikenessLoadFaceModels", "inputs": {"pack": "vectron"}}
PHOTO = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}


def found(image):
    return {"class_type": "LikenessFindFaces", "inputs": {"image": image, "face_models": ["models", 0]}}


def small(image):
    """The photo at a quarter of its size and another shape."""
    inputs = {"image": image, "upscale_method": "area", "width": 360, "height": 200, "crop": "disabled"}
    return {"class_type": "ImageScale", "inputs": inputs}


def identity(faces, **more):
    return {"join": {"class_type": "LikenessJoinFaces", "inputs": faces}, **more} | {
        "photo": PHOTO,
        "small": small(["photo", 0]),
        "models": MODELS,
        "embed": {"class_type": "LikenessEmbedFaces", "inputs": {"faces": ["join", 0]}},
        "save": {"class_type": "PreviewImage", "inputs": {"images": ["embed", 1]}},
    }


def test_inputs_and_a_list_become_one_identity_alike(api, example_photo):
    inputs = api.run(
        identity(
            {"faces.faces0": ["first", 0], "faces.faces1": ["second", 0]},
            first=found(["photo", 0]),
            second=found(["small", 0]),
        )
    )
    listed = api.run(
        identity(
            {"faces.faces0": ["finds", 0]},
            list={"class_type": "CreateList", "inputs": {"inputs.input0": ["photo", 0], "inputs.input1": ["small", 0]}},
            finds=found(["list", 0]),
        )
    )
    for entry in (inputs, listed):
        assert entry.succeeded, entry.messages.get("execution_error")
        assert entry.text("join") == "2 photos, 4 faces"
        assert entry.text("embed").startswith("2 photos, MobileFaceNet; likeness of each to the others: ")
    assert inputs.text("embed") == listed.text("embed")
