"""What is checked of this Python: what is missing or clashes has its cure, and what runs is really started."""

import insightface  # noqa: F401  it derives from ONNX Runtime's session, so before that is replaced
import onnxruntime
import pytest
from pack.face import checked, needs, providers
from pack.face.checked import Checked, clashes, face_packages, runs_on
from pack.face.errors import MissingPackage


def test_here_nothing_is_missing_and_a_network_is_really_started(monkeypatch):
    started = []
    real = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda *given, **named: started.append(named) or real(*given, **named)
    )
    found = [one.says for one in face_packages()]
    assert {"insightface is there.", "onnxruntime is there.", "opencv-python is there."} <= set(found)
    assert len(started) == 1 and found[-1].startswith("Face networks run on C")


def test_a_missing_package_has_its_command_and_nothing_is_started(monkeypatch):
    def need(module):
        if module == "cv2":
            raise MissingPackage("no") from ImportError("no module named cv2")

    monkeypatch.setattr(checked, "need", need)
    monkeypatch.setattr(checked, "runs_on", lambda builds: pytest.fail("started"))
    (missing,) = (one for one in face_packages() if "missing" in one.says)
    assert missing.says.startswith("opencv-python is missing") and "no module named cv2" in missing.says
    assert missing.cure == needs.pip("install", "insightface", "onnxruntime", "opencv-python")


def test_builds_that_lie_over_each_other_are_named_and_the_best_is_kept():
    onnx, opencv = clashes({"onnxruntime", "onnxruntime-gpu"}, {"opencv-python-headless", "opencv-python"})
    assert onnx.says == "2 builds of ONNX Runtime lie over each other: onnxruntime, onnxruntime-gpu."
    away, kept = needs.pip("uninstall", "onnxruntime", "onnxruntime-gpu"), needs.pip("install", "onnxruntime-gpu")
    assert onnx.cure == f"{away}  and then  {kept}"
    assert opencv.cure.endswith(needs.pip("install", "opencv-python"))
    assert list(clashes({"onnxruntime"}, set())) == []


def test_a_provider_that_does_not_start_is_said(monkeypatch):
    class Session:
        def __init__(self, network, providers):
            assert network and providers[0][0] == "CUDAExecutionProvider"

        def get_providers(self):
            return [providers.CPU]

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [providers.CUDA, providers.CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    found = runs_on({"onnxruntime-gpu"})
    assert found == Checked("Face networks run on CPU.", found.cure) and "CUDA or cuDNN" in found.cure
