"""The types of the wires that faces travel on."""

from __future__ import annotations

from comfy_api.latest import io

FaceModelsWire = io.Custom("LIKENESS_FACE_MODELS")
"""Carries `face.models.FaceModels`."""

FacesWire = io.Custom("LIKENESS_FACES")
"""Carries `face.value.FaceBatch`: a tuple with one `PictureFaces` for every picture of a batch, each with its faces."""

LandmarksWire = io.Custom("FACE_LANDMARKS")
"""The host's own: what its MediaPipe face nodes give, see face/landmarks.py."""
