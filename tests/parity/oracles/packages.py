"""Imports the reference packages: a missing one fails in CI and skips at a desk, saying so."""

import importlib
import os
import sys
from types import ModuleType

import pytest


def reference(name: str) -> ModuleType:
    """The module `name`, or a skip of the importing test module (a failure where CI is set)."""
    try:
        return importlib.import_module(name)
    except ImportError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the reference {name} is not installed here: {missing}", allow_module_level=True)


def tencent(name: str) -> ModuleType:
    """The module `ip_adapter.<name>` of the authors' package on a newer diffusers.

    `MultiControlNetModel` moved from `diffusers.pipelines.controlnet` to `diffusers.models.controlnets`;
    the authors' package still imports it from the old place, and never uses it in what is tested here.
    """
    controlnets = reference("diffusers.models.controlnets")
    old_place = reference("diffusers.pipelines.controlnet")
    if "ip_adapter" not in sys.modules:
        old_place.__dict__.setdefault("MultiControlNetModel", controlnets.MultiControlNetModel)
    return reference(f"ip_adapter.{name}")
