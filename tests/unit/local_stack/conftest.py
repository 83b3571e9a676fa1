"""The `run` script as a module."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

RUN = Path(__file__).resolve().parents[3] / "run"


@pytest.fixture
def run_script() -> ModuleType:
    """A fresh import; it acts only as `__main__`."""
    loader = SourceFileLoader("run_script", str(RUN))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    if spec is None:
        pytest.fail("the run script cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
