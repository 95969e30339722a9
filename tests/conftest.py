"""What the tests share: small data, a small trained run, and the command in this process."""

import hashlib
import json
import os
import random
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from seqgan_kit.data.sources import Source
from seqgan_kit.evaluation import judge
from seqgan_kit.kinds.images.sources import SOURCES

TINY_NETWORKS = (
    "model.generator.hidden_size=8", "model.generator.input_size=8",
    "model.generator.noise_size=4", "model.generator.step_noise_size=2",
    "model.generator.label_size=4", "model.discriminator.hidden_size=8",
)  # fmt: skip
TINY_TRAINING = (
    "train.steps=4", "train.batch_size=16", "train.log_every=2", "train.grid_every=4",
    "train.checkpoint_every=2",
)  # fmt: skip
TINY_EVALUATION = (
    "evaluation.samples=100", "evaluation.sets=2", "evaluation.judge_epochs=1",
    "evaluation.gan_train_samples=100", "evaluation.importance_samples=3",

)  # fmt: skip
TINY = (*TINY_NETWORKS, *TINY_TRAINING, *TINY_EVALUATION)
"""Overrides that make the recipes of recurrent GANs a matter of a second."""

SMALL_DATA = ("data.source=digits", "data.root=null")
SMALLER = {
    "recurrent_gan": TINY_NETWORKS,
    "dense": ("model.generator.widths=[8]", "model.discriminator.channels=[4,4]"),
    "convolutional": ("model.generator.channels=[4]", "model.discriminator.channels=[4,4]"),
    "vae": (
        "model.latent_size=3", "model.encoder.channels=[4,4]", "model.decoder.widths=[8]",
    ),
    "recurrent_vae": (
        "model.latent_size=3", "model.encoder.hidden_size=8", "model.decoder.hidden_size=8",
        "model.decoder.input_size=8",
    ),
}  # fmt: skip


def tiny(name):
    """Overrides that make a bundled recipe a matter of a second, whatever its networks."""
    from seqgan_kit.recipe import files as recipe_files

    recipe = recipe_files.load(name)
    kind = recipe.model.kind
    kind = recipe.model.generator.kind if kind == "image_gan" else kind
    networks = list(SMALLER[kind])
    if recipe.objective.kind == "likelihood" or recipe.codec.kind == "text":
        # Such a generator has no noise.
        networks = [text for text in networks if "noise_size" not in text]
    if recipe.codec.kind == "text":
        networks += ["model.generator.head.embedding_size=8", "codec.max_length=12"]
        networks += ["codec.too_long=cut"]
        networks += ["model.discriminator.embedding_size=4"]
        if recipe.codec.tokenizer in ("unigram", "bpe"):
            networks.append("codec.vocabulary=40")
    if recipe.codec.kind == "series":
        networks.append("evaluation.score_steps=5")
    networks += [f"phases.{place}.steps=1" for place in range(len(recipe.phases) - 1)]
    return (*networks, *TINY_TRAINING, *TINY_EVALUATION)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    # Tiny products are faster on one thread, and the tests leave a core to others.
    torch.set_num_threads(1)


KINDS, SENTIMENTS = ("editorial", "movie", "tweet"), ("negative", "positive")


def small_lines(count=240):
    """Labelled sentences, each kind with words of its own."""
    generator = random.Random(0)
    words = {
        "editorial": ["the", "mayor", "council", "budget", "of", "city", "law"],
        "movie": ["the", "film", "actor", "plot", "a", "comedy", "scene"],
        "tweet": ["lol", "omg", "today", "my", "cat", "so", "tired"],
    }
    lines = []
    for number in range(count):
        kind, sentiment = KINDS[number % 3], SENTIMENTS[number // 3 % 2]
        chosen = generator.choices(words[kind], k=generator.randrange(3, 9))
        chosen.append("good" if sentiment == "positive" else "bad")
        lines.append({"text": " ".join(chosen) + ".", "kind": kind, "sentiment": sentiment})
    return lines


@pytest.fixture(scope="session")
def small_text(tmp_path_factory):
    """A .jsonl file of labelled sentences, and beside it the same as plain lines, lines.txt."""
    folder = tmp_path_factory.mktemp("small_text")
    lines = small_lines()
    (folder / "lines.txt").write_text("".join(line["text"] + "\n" for line in lines))
    path = folder / "labelled.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def small_sounds(folder, count=20):
    """A folder of recordings by label: low and high tones of unequal lengths."""
    from seqgan_kit.kinds.audio.files import write_clip

    for label, hertz in (("low", 300), ("high", 1500)):
        if (folder / label).exists():
            continue
        (folder / label).mkdir(parents=True)
        for number in range(count):
            time = np.arange(900 + 50 * number) / 8000
            clip = 0.5 * np.sin(2 * np.pi * (hertz + 20 * number) * time)
            write_clip(folder / label / f"{number}.wav", clip.astype(np.float32), 8000)
    return folder


def write_small_series(path, count=60):
    """Series by site in two channels, of 6 to 12 steps, as an .npz."""
    generator = np.random.default_rng(0)
    time = np.arange(12)[:, None]
    phase = generator.uniform(0, 6, (count, 1, 2))
    site = np.array(["3", "5"])[np.arange(count) % 2]
    speed = np.where(site == "3", 0.4, 0.9)[:, None, None]
    np.savez(
        path, x=np.sin(speed * time + phase) * [3, 0.1] + [20, 0],
        length=generator.integers(6, 13, count), site=site, channel=np.array(["heat", "flow"]),
    )  # fmt: skip
    return path


@pytest.fixture(scope="session")
def small_series(small_text):
    """An .npz of series by site."""
    path = small_text.with_name("series.npz")
    return path if path.exists() else write_small_series(path)


def text_data(name, small_text):
    """Overrides that give a recipe of text, sound or series small data; none for others."""
    from seqgan_kit.recipe import files as recipe_files

    recipe = recipe_files.load(name)
    if recipe.data.source == "sines":
        return ("data.count=200",)
    if recipe.codec.kind == "series":
        path = small_text.with_name("series.npz")
        root = path if path.exists() else write_small_series(path)
        return (f"data={{source: series, root: {root}, test: 0.3, validation: 0.1}}",)
    if recipe.codec.kind == "audio":
        root = small_sounds(small_text.with_name("sounds"))
        return (f"data={{source: recordings, root: {root}, test: 0.3, max_seconds: 0.256}}",)
    if recipe.codec.kind != "text":
        return ()
    if recipe.data.source == "oracle":
        return ("data.sequences=200", "data.test=60", "data.length=12")
    if recipe.data.source == "brackets":
        return ("data.sequences=200", "data.test=60", "data.longest=12", "data.validation=0.2")
    if recipe.data.source == "coco_captions":
        return ("data.source=lines", f"data.root={small_text.with_name('lines.txt')}")
    labels = "data.labels=[kind,sentiment]"
    return ("data.source=lines", f"data.root={small_text}", labels)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """No test reads or writes the user's cache."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("SEQGAN_CACHE", str(folder))
    return folder


def write_idx(path: Path, array: np.ndarray) -> None:
    """An array of bytes as an IDX file."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes())


@pytest.fixture
def small_mnist(tmp_path_factory, monkeypatch):
    """A folder like that of MNIST with a few random images; known by its checksums."""
    root = tmp_path_factory.mktemp("small_mnist")
    generator = np.random.default_rng(0)
    for start, count in (("train", 200), ("t10k", 40)):
        images = generator.integers(0, 256, (count, 28, 28))
        write_idx(root / f"{start}-images-idx3-ubyte", images)
        write_idx(root / f"{start}-labels-idx1-ubyte", np.arange(count) % 10)
    sums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in root.iterdir()}
    for name in ("mnist", "fashion_mnist"):
        known = SOURCES[name]
        small = Source(name, sums, licence=known.licence, home=known.home)
        monkeypatch.setitem(SOURCES, name, small)
    return root


@pytest.fixture(scope="session")
def real_data():
    """The folder with real data for measuring; tests that want it skip where it is absent."""
    folder = os.environ.get("SEQGAN_TEST_DATA")
    if not folder:
        pytest.skip("SEQGAN_TEST_DATA does not name a folder with real data")
    return Path(folder)


class Outcome:
    """What a command left behind."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def seqgen(monkeypatch, capsys):
    """The `seqgen` command in this process: `seqgen("train", "digits_rows")`."""
    from seqgen_cli.main import main

    # Judges of small data are trained on the same few items again and again.
    monkeypatch.setattr(judge, "LEAST_STEPS", 60)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["seqgen", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        shown = capsys.readouterr()
        return Outcome(code, shown.out, shown.err)

    return run


@pytest.fixture(scope="session")
def tiny_runs(tmp_path_factory, small_text):
    """Runs of a few steps on small data, one a recipe; made when they are asked for."""
    from seqgan_kit.recipe import files as recipe_files
    from seqgan_kit.runs import workflow

    folder = tmp_path_factory.mktemp("runs")

    def run(name):
        path = folder / name
        if not path.exists():
            data = text_data(name, small_text) or SMALL_DATA
            if name == "mnist_vae_binarized":
                data = (*SMALL_DATA, "data.binarize=0")
            recipe = recipe_files.load(name, (*tiny(name), *data))
            workflow.train(recipe, out=path)
        return path

    return run


@pytest.fixture
def unmeasured(tiny_runs, tmp_path):
    """A copy of such a run that nothing has measured, whatever other tests did with it."""

    def run(name):
        path = tmp_path / "unmeasured" / name
        left_out = shutil.ignore_patterns("evaluation.json")
        return shutil.copytree(tiny_runs(name), path, ignore=left_out)

    return run


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """A run of a few steps on scikit-learn's digits; tests that change it take a copy."""
    from seqgan_kit.recipe import files as recipe_files
    from seqgan_kit.runs import workflow

    folder = tmp_path_factory.mktemp("session")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQGAN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        recipe = recipe_files.load("digits_rows", TINY)
        return workflow.train(recipe, out=folder / "tiny").run.path


@pytest.fixture
def hub(tmp_path_factory, monkeypatch):
    """A stand-in of the Hugging Face hub, at which ``me`` is logged in."""
    from huggingface_hub import close_session, constants

    from .hub import running

    place = tmp_path_factory.mktemp("hub")
    for name, value in (
        ("HF_HUB_CACHE", str(place / "cache")),
        ("HF_TOKEN_PATH", str(place / "token")),
        ("HF_HUB_OFFLINE", False),
    ):
        monkeypatch.setattr(constants, name, value)
    with running() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_TOKEN", "hf_of_me")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server
        close_session()


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, without a window; tests that want it skip where it is absent."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Debian's chromium is not installed")
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def runs(own_cache):
    """Runs of every kind of data that come with the package, as a server has them."""
    from .serving import packaged_runs

    return packaged_runs()


@pytest.fixture
def ask(runs):
    """Ask a server for many things at once: `ask({"run": ...}, ...)`; the answers are in order."""
    from seqgan_kit.serving.app import make_app

    from .serving import asked

    return lambda *queries, **how: asked(make_app(runs), *queries, **how)
