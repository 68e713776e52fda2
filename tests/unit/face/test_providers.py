"""The provider that is chosen, hidden, or fails to start is said, never silent."""

import pytest
from pack.face.errors import MissingModel, MissingPackage
from pack.face.needs import pip
from pack.face.providers import CHOICES, CPU, CUDA, PROVIDERS, Provider, pick, really_runs, shadowed

DML, COREML, ROCM, MIGRAPHX = (
    "DmlExecutionProvider",
    "CoreMLExecutionProvider",
    "ROCMExecutionProvider",
    "MIGraphXExecutionProvider",
)


@pytest.mark.parametrize(
    ("available", "names"),
    [
        ([CPU], (CPU,)),
        (["TensorrtExecutionProvider", CUDA, CPU], (CUDA, CPU)),
        ([DML, CPU], (DML, CPU)),
        ([MIGRAPHX, CPU], (MIGRAPHX, CPU)),
        ([COREML, CPU], (CPU,)),
    ],
)
def test_auto_takes_the_fastest_that_is_safe(available, names):
    assert pick("auto", available, {"onnxruntime"}).names == names


@pytest.mark.parametrize("choice", PROVIDERS)
def test_every_choice_is_honoured_or_refused(choice):
    name = PROVIDERS[choice][0]
    assert pick(choice, [name, CPU], set()).names[0] == name
    if choice != "CPU":
        with pytest.raises(MissingPackage, match=f"cannot use {choice}; it offers CPUExecutionProvider"):
            pick(choice, [CPU], {"onnxruntime"})
    assert choice in CHOICES


def test_a_hidden_gpu_build_gets_its_cure():
    builds = {"onnxruntime", "onnxruntime-gpu"}
    assert shadowed([CUDA, CPU], builds) == ""
    note = pick("auto", [CPU], builds).note
    assert pip("uninstall", "onnxruntime", "onnxruntime-gpu") in note
    assert note.endswith(pip("install", "onnxruntime-gpu"))
    with pytest.raises(MissingPackage, match="hides it"):
        pick("CUDA", [CPU], builds)
    assert pick("CPU", [CPU], builds).names == (CPU,)


def test_a_session_that_fell_back_is_noticed():
    assert really_runs(Provider((CPU,), False), [CPU], "x.onnx") == (CPU, "")
    running, note = really_runs(Provider((CUDA, CPU), False), [CPU], "x.onnx")
    assert running == CPU
    assert "x.onnx runs on CPUExecutionProvider though CUDAExecutionProvider" in note
    with pytest.raises(MissingPackage, match="Choose CPU or auto"):
        really_runs(Provider((CUDA, CPU), True), [CPU], "x.onnx")


def test_cuda_keeps_full_precision():
    (cuda, options), cpu = Provider((CUDA, CPU), True).sessions()
    assert (cuda, cpu, options["use_tf32"]) == (CUDA, CPU, "0")


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        ("CUDA failure 2: out of memory ; GPU=0", MemoryError, "no memory left in which to run det_10g.onnx"),
        ("Protobuf parsing failed.", MissingModel, "cannot be run .Protobuf parsing failed.*Get it again"),
    ],
)
def test_a_full_card_is_not_taken_for_a_damaged_file(said, kind, told, tmp_path, monkeypatch):
    from pack.face import models

    zoo = pytest.importorskip("insightface.model_zoo")
    path = tmp_path / "det_10g.onnx"
    path.touch()

    def refused(*_, **__):
        raise RuntimeError(said)

    monkeypatch.setattr(zoo, "get_model", refused)
    with pytest.raises(kind, match=told):
        models._model(path, Provider((CUDA, CPU), False), "SCRFD")
