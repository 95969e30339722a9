"""Speed of a training step and of sampling, beside plain baselines, in one process.

    python benchmarks/speed.py [--device cuda] [--rounds 15]

Three programs train the same networks with the same loss and penalty on the same images (that the
recipe lets the weight of the penalty fall takes no time):

- ours: `seqgan_kit` as the recipe `mnist_rows` builds it;
- eager: what one writes by hand with fused `nn.LSTM` layers and tensors on the device, where each
  turn of a step writes its own samples;
- loop: a Python loop over `nn.LSTMCell` and a DataLoader.

They take turns, so that a machine that slows down slows all three. The floor is the time of the
fused recurrent kernels alone, in the shapes and numbers of our step.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, softplus
from torch.utils.data import DataLoader, TensorDataset

from seqgan_kit.data.dataset import Dataset, Part
from seqgan_kit.data.loader import GroupedBatches, SequenceStore
from seqgan_kit.nn.recurrent import Recurrent
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs.data import kind_of, make_codec, store_codec
from seqgan_kit.runs.objectives import make_objective, optimization, schedule
from seqgan_kit.runs.sampler import Sampler
from seqgan_kit.training.run import create_run
from seqgan_kit.training.runtime import Runtime
from seqgan_kit.training.trainer import Trainer

BATCH, HIDDEN, NOISE, FRESH, LABEL = 32, 128, 64, 16, 64
CHANNELS, KERNEL = (16, 32, 64), 5
READ = (4, 256)
"""Steps that the convolutions leave to the recurrent layers, and numbers in each."""
GAMMA, SCALE, EVERY, GROUP = 1.0, 0.05, 4, 4


def images(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random images: the time of a step does not depend on what they show."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (count, 28, 28, 1), dtype=np.uint8)
    return pixels, (np.arange(count) % 10)[:, None]


# -- ours ---------------------------------------------------------------------------------------


def ours(device: str, folder: Path) -> tuple[Callable[[], None], Callable[[int], None]]:
    """Our step and our sampling."""
    overrides = [f"train.batch_size={BATCH}", "train.steps=1000000", "objective.mismatch=0"]
    recipe = recipe_files.load("mnist_rows", overrides)
    pixels, label_NA = images(8192)
    part = Part(pixels, label_NA)
    names = {"digit": [str(n) for n in range(10)]}
    dataset = Dataset("random", {"training": part}, names, "random")
    codec = make_codec(kind_of(recipe), store_codec(recipe, dataset))
    data = {"name": "random", "fingerprint": "random"}
    runtime = Runtime(device=device)
    store = SequenceStore(part, codec, runtime.device, 2**31, folder)
    objective = make_objective(recipe, codec, (10,))
    trainer = Trainer(
        objective,
        GroupedBatches(store, batch_size=BATCH, group=GROUP),
        runtime=runtime,
        run=create_run(folder / "run", "", {"labels": names, "codec": {}, "data": data}),
        optimization=optimization(recipe, objective),
        schedule=schedule(recipe),
        steps=recipe.train.steps,
    )
    sampler = Sampler(trainer.average.module, codec, names, runtime.device)

    def sample(count: int) -> None:
        rows = np.resize(np.arange(10), count)[:, None]
        for _ in sampler.stream(rows):
            pass

    return trainer.train_step, sample


# -- plain PyTorch ------------------------------------------------------------------------------


class Cells(nn.Module):
    """One direction of LSTM layers as a Python loop over cells."""

    def __init__(self, input_size: int, hidden_size: int, layers: int) -> None:
        super().__init__()
        sizes = [input_size] + [hidden_size] * (layers - 1)
        self.cells = nn.ModuleList(nn.LSTMCell(size, hidden_size) for size in sizes)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, None]:
        states = [(state[0][layer], state[1][layer]) for layer in range(len(self.cells))]
        out = []
        for t in range(x.shape[1]):
            h = x[:, t]
            for layer, cell in enumerate(self.cells):
                states[layer] = cell(h, states[layer])
                h = states[layer][0]
            out.append(h)
        return torch.stack(out, 1), None


class PlainGenerator(nn.Module):
    """The usual way: noise, label and fresh noise side by side at every step."""

    def __init__(self, fused: bool) -> None:
        super().__init__()
        self.label = nn.Embedding(10, LABEL)
        self.position = nn.Parameter(torch.randn(28, 16))
        size = NOISE + LABEL + FRESH + 16
        self.first = nn.Linear(NOISE + LABEL, 4 * HIDDEN)
        self.rnn = nn.LSTM(size, HIDDEN, 2, batch_first=True) if fused else Cells(size, HIDDEN, 2)
        self.out = nn.Linear(HIDDEN, 28)

    def forward(self, z: Tensor, fresh: Tensor, label: Tensor) -> Tensor:
        context = torch.cat([z, self.label(label)], 1)
        h, c = self.first(context).tanh().view(-1, 2, 2, HIDDEN).permute(1, 2, 0, 3)
        position = self.position.expand(len(z), -1, -1)
        x = torch.cat([context[:, None].expand(-1, 28, -1), fresh, position], 2)
        return self.out(self.rnn(x, (h.contiguous(), c.contiguous()))[0]).tanh()


class PlainDiscriminator(nn.Module):
    """Convolutions, a bidirectional LSTM, pooling over time, minibatch deviation, projection."""

    def __init__(self, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        layers: list[nn.Module] = []
        for before, after in pairwise((1, *CHANNELS)):
            layers += [nn.Conv2d(before, after, KERNEL, 2, KERNEL // 2), nn.LeakyReLU(0.2)]
        self.convolutions = nn.Sequential(*layers)
        size = READ[1]
        if fused:
            self.rnn = nn.LSTM(size, HIDDEN, batch_first=True, bidirectional=True)
        else:
            self.forwards, self.backwards = Cells(size, HIDDEN, 1), Cells(size, HIDDEN, 1)
        self.summary = nn.Linear(4 * HIDDEN + 1, HIDDEN)
        self.score = nn.Linear(HIDDEN, 1)
        self.label = nn.Embedding(10, HIDDEN)

    def read(self, x: Tensor) -> Tensor:
        if self.fused:
            return self.rnn(x)[0]
        zero = (x.new_zeros(1, len(x), HIDDEN),) * 2
        back = self.backwards(x.flip(1), zero)[0].flip(1)
        return torch.cat([self.forwards(x, zero)[0], back], 2)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        h = self.read(self.convolutions(x[:, None]).transpose(1, 2).flatten(2))
        pooled = torch.cat([h.mean(1), h.amax(1)], 1)
        groups = pooled.view(-1, GROUP, pooled.shape[1])
        deviation = groups.std(1, unbiased=False).mean(1).repeat_interleave(GROUP)[:, None]
        features = leaky_relu(self.summary(torch.cat([pooled, deviation], 1)), 0.2)
        return self.score(features)[:, 0] + (features * self.label(label)).sum(1)


def plain(device: str, fused: bool) -> tuple[Callable[[], None], Callable[[int], None]]:
    """A step and sampling as one writes them by hand."""
    pixels, label_NA = images(8192)
    x_all = torch.from_numpy(pixels[..., 0]).float() / 127.5 - 1
    label_all = torch.from_numpy(label_NA[:, 0])

    def on_device() -> Iterator[tuple[Tensor, Tensor]]:
        x, label = x_all.to(device), label_all.to(device)
        while True:
            index = torch.randint(len(x), (BATCH,), device=device)
            yield x[index], label[index]

    def by_loader() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            for x, label in DataLoader(TensorDataset(x_all, label_all), BATCH, shuffle=True):
                yield x.to(device), label.to(device)

    batches = on_device() if fused else by_loader()
    generator = PlainGenerator(fused).to(device)
    discriminator = PlainDiscriminator(fused).to(device)
    average = PlainGenerator(fused).to(device).requires_grad_(False)
    options = {"lr": 1.5e-3, "betas": (0.0, 0.99)}
    for_d = torch.optim.Adam(discriminator.parameters(), **options)
    for_g = torch.optim.Adam(generator.parameters(), **options)
    done = 0

    def generate(network: nn.Module, label: Tensor) -> Tensor:
        z = torch.randn(len(label), NOISE, device=device)
        return network(z, torch.randn(len(label), 28, FRESH, device=device), label)

    def step() -> None:
        nonlocal done
        x, label = next(batches)
        with torch.no_grad():
            fake = generate(generator, label)
        real_logit, fake_logit = discriminator(x, label), discriminator(fake, label)
        loss = softplus(fake_logit - real_logit).mean()
        if done % EVERY == 0:
            for point, logit in ((x, real_logit), (fake, fake_logit)):
                moved = discriminator(point + SCALE * torch.randn_like(point), label)
                loss = loss + EVERY * GAMMA / 2 * ((moved - logit) / SCALE).square().mean()
        for_d.zero_grad()
        loss.backward()
        for_d.step()
        x, label = next(batches)
        fake_logit = discriminator(generate(generator, label), label)
        with torch.no_grad():
            real_logit = discriminator(x, label)
        for_g.zero_grad()
        softplus(real_logit - fake_logit).mean().backward()
        for_g.step()
        with torch.no_grad():
            for kept, new in zip(average.parameters(), generator.parameters(), strict=True):
                kept.lerp_(new, 0.001)
        done += 1

    @torch.no_grad()
    def sample(count: int) -> None:
        for start in range(0, count, 500):
            label = torch.arange(start, min(start + 500, count), device=device) % 10
            ((generate(average, label) + 1) / 2).clamp(0, 1).cpu()

    return step, sample


# -- the floor ----------------------------------------------------------------------------------


def kernels(device: str) -> Callable[[], None]:
    """The fused kernels of one of our steps and nothing else."""
    writer = Recurrent(input_size=64, hidden_size=HIDDEN, layers=2).to(device)
    readers = [Recurrent(input_size=READ[1], hidden_size=HIDDEN).to(device) for _ in range(2)]
    inputs = torch.randn(BATCH, 28, 64, device=device)
    # Gradients go on to the convolutions.
    seen = torch.randn(2 * BATCH, *READ, device=device, requires_grad=True)
    h_written = torch.randn(BATCH, 28, HIDDEN, device=device)
    h_read = torch.randn(2 * BATCH, READ[0], HIDDEN, device=device)
    done = 0

    def step() -> None:
        nonlocal done
        written = writer.unroll(inputs)[0]
        times = 2 if done % EVERY == 0 else 1
        outs = [reader.unroll(seen)[0] for reader in readers for _ in range(times)]
        torch.autograd.backward(outs, [h_read] * len(outs))
        again = seen[:BATCH].detach().clone().requires_grad_()
        outs = [written, *(reader.unroll(again)[0] for reader in readers)]
        torch.autograd.backward(outs, [h_written, h_read[:BATCH], h_read[:BATCH]])
        done += 1

    return step


def seconds(call: Callable[[], None], device: str) -> float:
    if device != "cpu":
        torch.cuda.synchronize()
    began = time.perf_counter()
    call()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    device = chosen.device
    with tempfile.TemporaryDirectory() as folder:
        programs = {
            "ours": ours(device, Path(folder)),
            "eager": plain(device, fused=True),
            "loop": plain(device, fused=False),
        }
        floor = kernels(device)
        times: dict[str, list[float]] = {name: [] for name in (*programs, "kernels")}
        for turn in range(chosen.rounds + 2):
            for name, call in [*((n, p[0]) for n, p in programs.items()), ("kernels", floor)]:
                # A round is a full cycle of the lazy penalty.
                spent = sum(seconds(call, device) for _ in range(EVERY)) / EVERY
                if turn >= 2:
                    times[name].append(spent)
        step = {name: statistics.median(values) for name, values in times.items()}
        print(f"torch {torch.__version__}, {device}, {torch.get_num_threads()} threads")
        print(f"training step, batch {BATCH}, hidden {HIDDEN}, median of {chosen.rounds} rounds")
        for name, value in step.items():
            print(f"  {name:8} {value * 1e3:8.1f} ms   {value / step['ours']:5.2f} x ours")
        print(f"  the fused kernels are {step['kernels'] / step['ours']:.0%} of our step")
        print("sampling 10,000 digits")
        made = {}
        for name, (_, sample) in programs.items():
            sample(1000)
            made[name] = min(seconds(lambda call=sample: call(10_000), device) for _ in range(3))
        for name, value in made.items():
            print(f"  {name:8} {value:8.2f} s    {value / made['ours']:5.2f} x ours")


if __name__ == "__main__":
    main()
