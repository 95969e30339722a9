"""The TensorBoard extra."""

import sys

import pytest

from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import workflow

from .conftest import TINY


def test_figures_are_written(tmp_path):
    pytest.importorskip("tensorboard")
    recipe = recipe_files.load("digits_rows", (*TINY, "train.tensorboard=true"))
    run = workflow.train(recipe, out=tmp_path / "run").run
    (events,) = (run.path / "tensorboard").iterdir()
    assert b"loss/generator" in events.read_bytes()


def test_without_it_there_is_one_sentence(seqgen, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    shown = seqgen(
        "train", "digits_rows", *TINY, "train.tensorboard=true", "--out", tmp_path / "r"
    )
    assert shown.code == 1
    assert "pip install 'seqgan_kit[tensorboard]'" in shown.err
    assert "Traceback" not in shown.err
