"""Speed of a training step and of sampling over a vocabulary, beside plain ones, in one process.

    python benchmarks/text_speed.py [--rounds 5]

A step is one turn of the discriminator and one of the generator on 64 sequences of 20 tokens out
of 5,000, with the networks of the recipe `oracle_text`: by Gumbel-softmax, by policy gradient, and
written down plainly (a loop that draws a Gumbel number for every entry of the vocabulary at every
token of both turns and reads one-hot vectors). CPU time is of one thread; sampling is timed on the
clock with two.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, softplus

from seqgan_kit.batch import Batch, full_mask
from seqgan_kit.kinds.text.codec import TextCodec
from seqgan_kit.kinds.text.tokenizers import NumbersTokenizer
from seqgan_kit.nn.noise import seeded_noise
from seqgan_kit.objectives.objective import Moment, Objective
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs.objectives import make_objective
from seqgan_kit.training.runtime import keep_freed_memory

BATCH, STEPS, VOCABULARY = 64, 20, 5000
LINES = 10_000

Programs = Mapping[str, Callable[[], None]]


def _batch() -> Batch:
    ids = torch.randint(VOCABULARY, (BATCH, STEPS), generator=torch.Generator().manual_seed(0))
    return Batch(ids, full_mask(BATCH, STEPS), torch.zeros(BATCH, 1, dtype=torch.int64))


def objective_of(*overrides: str) -> Objective:
    """The networks of the recipe under another objective."""
    recipe = recipe_files.load("oracle_text", ["phases=[]", *overrides])
    codec = TextCodec(tokenizer=NumbersTokenizer(VOCABULARY), max_length=STEPS)
    return make_objective(recipe, codec, (1,))


def step_of(objective: Objective, batch: Batch) -> Callable[[], None]:
    """One turn of each network on a batch, optimisers included."""
    optimizers = {
        turn.name: torch.optim.Adam(objective.networks[turn.name].parameters(), fused=True)
        for turn in objective.turns
    }
    noise, done = seeded_noise(0), [0]

    def step() -> None:
        for place, turn in enumerate(objective.turns, 1):
            for name, module in objective.networks.items():
                module.requires_grad_(name == turn.name)
            optimizers[turn.name].zero_grad()
            moment = Moment(done[0], 0.0, shared=place < len(objective.turns))
            losses = turn.compute(batch, noise, moment).losses
            torch.stack(list(losses.values())).sum().backward()
            optimizers[turn.name].step()
        done[0] += 1

    return step


def plain_step() -> Callable[[], None]:
    """What one writes first: one-hot vectors, PyTorch's Gumbel-softmax, a loop over cells."""
    recipe = recipe_files.load("oracle_text")
    writer, reader = recipe.model.generator, recipe.model.discriminator
    cell = nn.LSTMCell(writer.head.embedding_size, writer.hidden_size)
    embed = nn.Linear(VOCABULARY, writer.head.embedding_size, bias=False)
    project = nn.Linear(writer.hidden_size, VOCABULARY)
    see = nn.Linear(VOCABULARY, reader.embedding_size, bias=False)
    read = nn.LSTM(
        reader.embedding_size, reader.hidden_size, batch_first=True,
        bidirectional=reader.bidirectional,
    )  # fmt: skip
    decide = nn.Linear(reader.hidden_size * (1 + reader.bidirectional), 1)
    written = nn.ModuleList([cell, embed, project])
    judged = nn.ModuleList([see, read, decide])
    optimizers = [torch.optim.Adam(part.parameters(), fused=True) for part in (judged, written)]
    real = one_hot(_batch().x_BTF, VOCABULARY).float()

    def write() -> Tensor:
        x = torch.zeros(BATCH, writer.head.embedding_size)
        state = (torch.zeros(BATCH, writer.hidden_size),) * 2
        steps = []
        for _ in range(STEPS):
            state = cell(x, state)
            token = nn.functional.gumbel_softmax(project(state[0]), hard=True)
            x = embed(token)
            steps.append(token)
        return torch.stack(steps, 1)

    def score(x: Tensor) -> Tensor:
        return decide(read(see(x))[0]).mean((1, 2))

    def step() -> None:
        for place, optimizer in enumerate(optimizers):
            judged.requires_grad_(place == 0)
            written.requires_grad_(place == 1)
            optimizer.zero_grad()
            fake = score(write().detach() if place == 0 else write())
            if place == 0:
                loss = softplus(fake).mean() + softplus(-score(real)).mean()
            else:
                loss = softplus(-fake).mean()
            loss.backward()
            optimizer.step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    threads = torch.get_num_threads()
    keep_freed_memory()
    torch.set_num_threads(1)
    policy = "objective={kind: policy}"
    programs: Programs = {
        "gumbel": step_of(objective_of("objective={kind: gan}"), _batch()),
        "policy": step_of(objective_of(policy), _batch()),
        "plain": plain_step(),
    }
    times: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(rounds + 1):
        for name, call in programs.items():
            began = time.process_time()
            for _ in range(4):
                call()
            if turn:
                times[name].append((time.process_time() - began) / 4)
    print(f"torch {torch.__version__}, one thread, median of {rounds} rounds of 4 steps")
    print(f"training step, {BATCH} x {STEPS} tokens of {VOCABULARY}")
    ours = statistics.median(times["gumbel"])
    for name, values in times.items():
        value = statistics.median(values)
        print(f"  {name:8} {value:6.3f} s of CPU   {value / ours:5.2f} x gumbel")
    torch.set_num_threads(threads)
    generator = objective_of(policy).networks["generator"].eval()
    label_BA = torch.zeros(500, 1, dtype=torch.int64)
    noise = seeded_noise(0)
    began = time.perf_counter()
    with torch.no_grad():
        for _ in range(LINES // 500):
            generator(generator.draw(500, noise), label_BA)
    print(f"sampling {LINES} sequences, {threads} threads: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
