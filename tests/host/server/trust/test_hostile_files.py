"""Files from strangers in a running server's folders: each prompt that names one fails with its name and why, nothing
else happens, and the next prompt runs."""

import json
import shutil

import hostile
import pytest
from miniature import adapters
from pack.attention.reference.embeds_file import SUFFIX
from serving.fixtures import node

FOLDER = "strangers"
FEW = ("empty", "text", "a picture", "a directory", "a pipe", "a link to nothing", "a link to itself")
FACEID = ("NaN in a key", "infinity in the projection", "a value turned", "a key with no rows")
RENAMED = ("with space", "\u4f60\u597d", "\U0001f642", "a'b\"c$(d)")
OUTSIDE = ("../outside", "/etc/passwd", "C:\\outside", "a/../../../outside", "nul\0", "\\\\server\\share\\x", "")


def written(folder, suffix, cases):
    """Writes each case into the folder; the names of the files."""
    folder.mkdir(parents=True)
    for number, write in enumerate(cases.values()):
        write(folder / f"{number}{suffix}")
    return [f"{FOLDER}/{number}{suffix}" for number in range(len(cases))]


def traps(marker):
    return {
        f"{trap}, {container}": lambda path, trap=trap, container=container: hostile.write_trap(
            hostile.traps(marker)[trap], container, path
        )
        for trap in hostile.traps(marker)
        for container in hostile.CONTAINERS
    }


def of_weights():
    whole = adapters.adapter_state_dict("sd15", "faceid", 5)
    return {
        case: lambda path, case=case: hostile.write(hostile.changed(whole, *hostile.WEIGHTS[case]), path)
        for case in FACEID
    }


def broken_nets(folder):
    """Files that are no IdentityNet, for the host's own loader."""
    folder.mkdir(parents=True)
    for name in ("a picture", "a header of 2^62 bytes", "no tensors"):
        {**hostile.ANY_SUFFIX, **hostile.HEADERS}[name](folder / f"{name}.safetensors")


@pytest.fixture(scope="module")
def strangers(server, tmp_path_factory):
    """Node, input and name of every hostile file; all of them are gone afterwards."""
    marker = tmp_path_factory.mktemp("marker") / "code was run"
    models, given = server.base / "models", server.base / "input"
    places = {
        models / "ipadapter" / FOLDER: (".safetensors", {**hostile.ANY_SUFFIX, **hostile.HEADERS}),
        models / "instantid" / FOLDER: (".bin", {**traps(marker), **hostile.PICKLES, **of_weights()}),
        given / FOLDER: (SUFFIX, {case: hostile.ANY_SUFFIX[case] for case in FEW}),
    }
    named = {folder: written(folder, *place) for folder, place in places.items()}
    packs = models / "insightface" / "models"
    for name, write in hostile.ANY_SUFFIX.items():
        (packs / f"stranger, {name}").mkdir()
        write(packs / f"stranger, {name}" / "x.onnx")
    broken_nets(models / "controlnet" / FOLDER)
    adapter_files, bin_files, embeds_files = named.values()
    asked = [("LikenessLoadIPAdapter", "file", name) for name in [*adapter_files, *bin_files]]
    asked += [("LikenessLoadEmbeds", "file", name) for name in embeds_files]
    asked += [("LikenessLoadFaceModels", "pack", f"stranger, {name}") for name in hostile.ANY_SUFFIX]
    yield asked
    assert not marker.exists(), "code of a file was run"
    for folder in [*places, models / "controlnet" / FOLDER, *packs.glob("stranger, *")]:
        shutil.rmtree(folder)


def loading(kind, socket, name):
    more = {"provider": "CPU"} if socket == "pack" else {}
    return {"load": node(kind, **{socket: name}, **more), "show": node("PreviewAny", source=["load", 0])}


def told(api, graphs):
    """What a client is told about each prompt: why the queue refuses it, or the error in its history. All are queued first."""
    answers = [api.post("/prompt", {"prompt": graph}) for graph in graphs]
    for status, answer in answers:
        if status == 200:
            entry = api.wait(answer["prompt_id"])
            assert not entry.succeeded
            yield f"{entry.error['node_type']}: {entry.error['exception_message']}"
        else:
            yield json.dumps(answer, ensure_ascii=False)


def test_each_hostile_file_is_one_error_that_names_it_and_the_next_prompt_runs(server, api, strangers, prompt):
    before = api.run(prompt(sampler__seed=71))
    assert before.succeeded
    for (kind, _, name), said in zip(strangers, told(api, [loading(*each) for each in strangers]), strict=True):
        words = said.replace("\\\\", "\\")
        assert name.rsplit("/", 1)[-1] in words or "x.onnx" in words, (kind, name, said)
        assert len(said) < 2500 and "Traceback" not in said.split("exception_message")[0], (kind, name, said)
    assert server.is_running()
    after = api.run(prompt(sampler__seed=71, steer__weight=0.81))
    assert after.succeeded
    again = api.run(prompt(sampler__seed=71))
    assert again.succeeded and again.picture() == before.picture()


@pytest.mark.parametrize(
    ("kind", "socket", "suffix"),
    [
        ("LikenessLoadIPAdapter", "file", ".safetensors"),
        ("LikenessLoadEmbeds", "file", SUFFIX),
        ("LikenessLoadFaceModels", "pack", ""),
    ],
)
def test_names_that_lead_out_of_the_folder_are_refused_before_anything_is_read(kind, socket, suffix, api):
    for name in OUTSIDE:
        status, answer = api.post("/prompt", {"prompt": loading(kind, socket, f"{name}{suffix}")})
        assert status == 400 and answer["node_errors"]["load"]["errors"], name


@pytest.mark.parametrize("name", RENAMED, ids=ascii)
def test_files_of_any_name_are_used(name, server, api, prompt):
    folder = server.base / "models" / "ipadapter" / "miniature"
    path = folder / f"{name}.safetensors"
    shutil.copy(folder / "sd15_base.safetensors", path)
    try:
        entry = api.run(prompt(adapter__file=f"miniature/{path.name}"))
        assert entry.succeeded, entry.error
    finally:
        path.unlink()


def test_a_file_that_is_no_identitynet_is_an_error_of_the_hosts_loader(server, api, strangers, prompt):
    """Not ours to word; the server lives, and the error is that of the loader's node."""
    for path in sorted((server.base / "models" / "controlnet" / FOLDER).iterdir()):
        (said,) = told(api, [loading("ControlNetLoader", "control_net_name", f"{FOLDER}/{path.name}")])
        assert said.startswith("ControlNetLoader: ") and len(said) > 40
    assert api.run(prompt(sampler__seed=72)).succeeded
