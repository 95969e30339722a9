"""Generators as files for other programs: the same output, and all that it takes to read it."""

import json
import re
import shutil
import sys
import warnings
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import seqgan_kit
from seqgan_kit.errors import NotSupported
from seqgan_kit.labels import Ordered, sizes, with_levels
from seqgan_kit.models.sequence import RecurrentGenerator
from seqgan_kit.nn.heads import ContinuousHead, LogisticHead
from seqgan_kit.nn.mixed import MixedHead, MixedLikelihoodHead, Piece
from seqgan_kit.nn.networks import Generator
from seqgan_kit.nn.noise import Latent, seeded_noise
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs.data import kind_of, load_dataset, make_codec, seen, store_codec
from seqgan_kit.runs.exporting import write
from seqgan_kit.runs.networks import make_generator
from seqgan_kit.runs.programs import FORMATS, ExportProblem

from .conftest import SMALL_DATA, text_data, tiny


def made(name, small_text):
    """The tiny network of a recipe with fresh weights, its classes and its codec."""
    data = text_data(name, small_text) or SMALL_DATA
    if name == "mnist_vae_binarized":
        data = (*SMALL_DATA, "data.binarize=0")
    if recipe_files.load(name).data.source == "brackets":
        data = ("data.sequences=200", "data.test=60")
    recipe = recipe_files.load(name, (*tiny(name), *data))
    dataset = load_dataset(recipe)
    codec = make_codec(kind_of(recipe), store_codec(recipe, dataset))
    classes = sizes(with_levels(seen(recipe, dataset).labels, recipe.data.numeric))
    torch.manual_seed(0)
    return make_generator(recipe.model, codec, classes).writer, classes, codec


def parts(generator, codec):
    """Of what a network consists, as far as it decides which operations are written."""
    latent = generator.eval().draw(2, seeded_noise(0))
    x = torch.linspace(-1, 1, 2 * codec.steps * codec.features).view(2, codec.steps, -1)
    head = getattr(generator, "head", generator)
    cell = generator.recurrent.cell if hasattr(generator, "recurrent") else type(generator)
    return {
        *(type(part).__name__ for part in generator.modules()),
        (cell, generator.feedback),
        (type(head).__name__, latent.head_BTN.numel() > 0, getattr(head, "tied", None)),
        ("end", codec.end is None),
        ("exact", torch.equal(codec.exact(x), x)),
    }


LIKE = (
    "names_text", "coco_captions", "oracle_text", "digits_rows", "mnist_dcgan", "mnist_gan",
    "mnist_cvae", "mnist_vae_binarized", "spoken_digits", "spoken_digits_likelihood",
    "spoken_digits_mel_vae", "spoken_digits_mulaw", "vowels_series_feedback",
)  # fmt: skip
"""Recipes in which all parts occur; benchmarks/export.py writes every recipe, in its own size."""


def test_all_parts_of_all_recipes_are_among_these(small_text):
    found = {name: parts(*made(name, small_text)[::2]) for name in recipe_files.bundled()}
    covered = set().union(*(found[name] for name in LIKE))
    missing = {name: there - covered for name, there in found.items() if there - covered}
    assert not missing, "add one of each to LIKE"


def asked(about, count, seed=0):
    """Noise and labels, drawn by nothing but what a file says of itself."""
    draw = np.random.default_rng(seed)
    inputs = {}
    for one in about["inputs"]:
        shape = [count, *one["shape"][1:]]
        if one["name"] == "label":
            inputs["label"] = draw.integers(0, one["classes"], shape)
        else:
            inputs[one["name"]] = getattr(draw, one["distribution"])(size=shape).astype("f4")
    return inputs


def opened(path):
    """An ONNX file as a session, and what it says of itself."""
    session = onnxruntime.InferenceSession(path)
    about = json.loads(session.get_modelmeta().custom_metadata_map["seqgan_kit"])
    names = [one["name"] for one in about["inputs"]]
    assert [one.name for one in session.get_inputs()] == names
    assert [one.name for one in session.get_outputs()] == ["x", "mask"]
    assert session.get_inputs()[0].shape[0] == "batch"
    return session, about


def ours(generator, inputs):
    """What a network writes for the inputs of a file."""
    count = len(inputs["label"])
    latent = generator.eval().draw(count, seeded_noise(0))
    given = {
        name: torch.from_numpy(inputs[name]) if name in inputs else part
        for name, part in zip(("z", "step", "head"), latent, strict=True)
    }
    with torch.no_grad():
        x, mask = generator.write(Latent(*given.values()), torch.from_numpy(inputs["label"]))
    return x.numpy(), mask.numpy()


def held(generator, classes, path):
    """Write a network, and hold the file to it, by nothing but what the file says of itself."""
    found = write(generator, classes, path, {})
    assert found.largest <= 1e-5
    assert found.undecided <= 6
    session, about = opened(path)
    for count in (1, 3, 500):
        inputs = asked(about, count)
        x, mask = session.run(None, inputs)
        y, other = ours(generator, inputs)
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        same = (mask == other).all(1)
        same &= (np.abs(x - y) <= 1e-5).reshape(count, -1).all(1)
        # What hangs on rounding may fall on the other side.
        assert same.mean() >= (0.9 if count == 500 else 0.6)
    return about


@pytest.mark.parametrize("name", LIKE)
def test_a_file_writes_what_the_network_does(name, small_text, tmp_path):
    generator, classes, _ = made(name, small_text)
    held(generator, classes, tmp_path / "a.onnx")
    onnx.checker.check_model(str(tmp_path / "a.onnx"), full_check=True)
    assert b"seqgan_kit/" not in (tmp_path / "a.onnx").read_bytes(), "no place of this machine"


@pytest.mark.parametrize("name", ["spoken_digits", "spoken_digits_mulaw"])
def test_a_program_writes_what_the_network_does(name, small_text, tmp_path):
    generator, classes, _ = made(name, small_text)
    found = write(generator, classes, tmp_path / "a.pt2", {"recipe": name})
    assert found.largest <= 1e-5
    extra = {"seqgan_kit.json": ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, of buffers that nobody writes into.
        program = torch.export.load(tmp_path / "a.pt2", extra_files=extra).module()
    about = json.loads(extra["seqgan_kit.json"])
    assert about["recipe"] == name
    inputs = asked(about, 7)
    x, mask = program(**{name: torch.from_numpy(part) for name, part in inputs.items()})
    y, other = ours(generator, inputs)
    assert ((np.abs(x.numpy() - y) <= 1e-5).reshape(7, -1).all(1)).sum() >= 6
    assert (mask.numpy() == other).all()
    with zipfile.ZipFile(tmp_path / "a.pt2") as archive:
        assert archive.read("archive/data/sample_inputs/model.pt") == b""
        assert b"seqgan_kit/" not in archive.read("archive/models/model.json")


PIECES = (Piece("values", 2), Piece("choice", 3), Piece("switch", 2))
HEADS = {
    "continuous": lambda: ContinuousHead(8, 3),
    "mixed": lambda: MixedHead(8, PIECES, partial(ContinuousHead, 8, noise=True)),
    "mixed_likelihood": lambda: MixedLikelihoodHead(8, PIECES, partial(LogisticHead, 8)),
}


@pytest.mark.parametrize(
    ("head", "feedback"), [("continuous", True), ("mixed", False), ("mixed_likelihood", True)]
)
def test_what_no_recipe_has(head, feedback, tmp_path):
    torch.manual_seed(0)
    generator = RecurrentGenerator(
        head=HEADS[head](), classes=(Ordered([0.0, 1.0, 4.0]), 2), steps=6, cell="gru",
        hidden_size=8, input_size=8, noise_size=4, step_noise_size=0, label_size=4,
        feedback=feedback,
    )  # fmt: skip
    about = held(generator, generator.classes, tmp_path / "a.onnx")
    assert about["inputs"][0]["classes"] == [3, 2]


def told(path):
    """What a .pt2 file says of itself."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("archive/extra/seqgan_kit.json"))


def test_a_file_does_not_grow_with_the_steps(tmp_path):
    sizes_of = []
    for steps in (50, 300):
        generator = RecurrentGenerator(
            head=ContinuousHead(8, 3), classes=(2,), steps=steps, hidden_size=8, input_size=8,
            noise_size=4, step_noise_size=0, label_size=4, feedback=True,
        )  # fmt: skip
        path = tmp_path / f"{steps}.pt2"
        write(generator, (2,), path, {})
        sizes_of.append(path.stat().st_size - 4 * generator.position_TE.numel())
    assert abs(sizes_of[1] - sizes_of[0]) < 500


class Drawn(Generator):
    """Writes its noise, drawn as it is told."""

    def __init__(self, draw):
        super().__init__()
        self._draw = draw

    def draw(self, count, noise, steps=None):
        return Latent(noise.normal(count, 0), noise.normal(count, 2, 0), self._draw(count, noise))

    def forward(self, latent, label_BA):
        x = latent.head_BTN + label_BA[:, None].float()
        return x, torch.ones(x.shape[0], 2, dtype=torch.bool)


@pytest.mark.parametrize("distribution", ["normal", "uniform", "gumbel"])
def test_how_noise_is_drawn_is_told(distribution, tmp_path):
    generator = Drawn(lambda count, noise: getattr(noise, distribution)(count, 2, 3))
    write(generator, (1,), tmp_path / "a.pt2", {})
    inputs = told(tmp_path / "a.pt2")["inputs"]
    assert [one.get("distribution") for one in inputs] == [None, distribution]


def test_noise_that_cannot_be_told_is_refused(tmp_path):
    generator = Drawn(lambda count, noise: torch.cat(
        [noise.normal(count, 2, 1), noise.uniform(count, 2, 1)], -1))  # fmt: skip
    with pytest.raises(NotSupported, match="its noise 'head' is not drawn from one of"):
        write(generator, (1,), tmp_path / "a.pt2", {})
    assert not list(tmp_path.iterdir())


class Looking(Drawn):
    """Does what depends on numbers."""

    def forward(self, latent, label_BA):
        x, mask_BT = super().forward(latent, label_BA)
        return (x if x.sum() > 0 else -x), mask_BT


def test_a_network_that_cannot_be_traced_is_refused(tmp_path):
    generator = Looking(lambda count, noise: noise.normal(count, 2, 1))
    with pytest.raises(NotSupported, match="this network cannot be exported: "):
        write(generator, (1,), tmp_path / "a.pt2", {})
    assert not list(tmp_path.iterdir())


class Rounded(Drawn):
    """Rounds its noise to whole numbers."""

    def forward(self, latent, label_BA):
        x, mask_BT = super().forward(latent, label_BA)
        return x.round(), mask_BT


def off_by_rounding(x):
    """Steps of which one lies on the other side of an edge."""
    return x + torch.eye(x.shape[0], 6).view(-1, 2, 3) * (x.shape[0] == 3)


@pytest.mark.parametrize("network", [Drawn, Rounded])
@pytest.mark.parametrize(
    "wrong", [lambda x: x + 1e-4, lambda x: x * torch.nan, torch.Tensor.double, off_by_rounding]
)
def test_a_file_that_writes_something_else_is_not_written(network, wrong, tmp_path, monkeypatch):
    usual = FORMATS[".pt2"]

    def open_wrongly(path):
        program = usual.open(path)

        def run(inputs):
            x, mask_BT = program(inputs)
            return wrong(x), mask_BT

        return run

    monkeypatch.setitem(FORMATS, ".pt2", replace(usual, open=open_wrongly))
    generator = network(lambda count, noise: noise.normal(count, 2, 3))
    with pytest.raises(ExportProblem, match="is not written: what it gives differs from the run"):
        write(generator, (1,), tmp_path / "a.pt2", {})
    assert not list(tmp_path.iterdir())


class OnEdges(Drawn):
    """Rounds to whole numbers, what is large from the edge between two of them."""

    def __init__(self, bound):
        super().__init__(lambda count, noise: noise.normal(count, 2, 3))
        self.bound, self.edge = bound, torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, latent, label_BA):
        x, mask_BT = super().forward(latent, label_BA)
        return torch.where(x > self.bound, self.edge, x).round(), mask_BT


@pytest.mark.parametrize(("bound", "written"), [(1.5, True), (-9.0, False)])
def test_what_hangs_on_rounding_is_told_apart(bound, written, tmp_path, monkeypatch):
    usual = FORMATS[".pt2"]

    def open_differently(path):
        program = usual.open(path)

        def run(inputs):
            x, mask_BT = program(inputs)
            # A half is rounded up instead of to an even number.
            return torch.where(inputs["head"] > bound, 1.0, x), mask_BT

        return run

    monkeypatch.setitem(FORMATS, ".pt2", replace(usual, open=open_differently))
    target = tmp_path / "a.pt2"
    if written:
        found = write(OnEdges(bound), (1,), target, {})
        assert (found.largest, found.sequences + found.undecided) == (0, 64)
        assert 5 < found.undecided < 32
    else:
        with pytest.raises(ExportProblem, match="64 of 64 sequences change with the last digit"):
            write(OnEdges(bound), (1,), target, {})
    assert target.exists() == written


# -- the command --------------------------------------------------------------------------------


def test_from_the_command_line(seqgen, tiny_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = seqgen("export", tiny_run, "a.onnx")
    assert shown.code == 0, shown.err
    assert shown.out == "a.onnx\n"
    assert re.search(
        r"largest difference to the run: \S+ \(64 sequences; 1e-05 is allowed\)", shown.err
    )
    session, about = opened("a.onnx")
    info = json.loads((tiny_run / "run.json").read_text())
    assert (about["kind"], about["recipe"], about["labels"], about["codec"]) == (
        "images", "digits_rows", info["labels"], info["codec"],
    )  # fmt: skip
    sample = seqgan_kit.load(tiny_run)
    inputs = asked(about, 5)
    x, _ = session.run(None, inputs)
    assert np.abs(x - ours(sample.generator, inputs)[0]).max() <= 1e-5
    before = Path("a.onnx").read_bytes()
    again = seqgen("export", tiny_run, "a.onnx")
    assert (again.code, "a.onnx exists and is not overwritten" in again.err) == (2, True)
    assert Path("a.onnx").read_bytes() == before
    for extra in ((), ("--force", "--checkpoint", "2")):
        assert seqgen("export", tiny_run, "a.pt2", *extra).code == 0
    assert told("a.pt2")["checkpoint"] == "step-00000002"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("a.zip", "a.zip: the name of an exported run ends in .onnx or .pt2"),
        ("a", "a: the name of an exported run ends in"),
        ("folder", "folder is a folder: name a file in it"),
    ],
)
def test_targets_that_are_refused(seqgen, tiny_run, tmp_path, monkeypatch, target, words):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    shown = seqgen("export", tiny_run, target)
    assert (shown.code, words in shown.err, "Traceback" in shown.err) == (2, True, False)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_run_without_weights_is_refused(seqgen, tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    shutil.rmtree(run / "checkpoints")
    shown = seqgen("export", run, tmp_path / "a.onnx")
    assert (shown.code, "has no checkpoint yet" in shown.err) == (2, True)
    assert seqgen("export", tmp_path / "none", tmp_path / "a.onnx").code == 2


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_package_that_is_missing(seqgen, tiny_run, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    shown = seqgen("export", tiny_run, tmp_path / "a.onnx")
    assert (shown.code, 'pip install "seqgan_kit[export]"' in shown.err) == (1, True)
    assert not list(tmp_path.iterdir())
