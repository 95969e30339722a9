"""What changes sequences before a discriminator reads them."""

import pytest
import torch

from seqgan_kit.batch import Batch
from seqgan_kit.nn.augmentation import FrameAugmentation
from seqgan_kit.nn.noise import seeded_noise
from seqgan_kit.objectives.gan import GAN
from seqgan_kit.objectives.objective import Moment
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.recipe.files import RecipeError
from seqgan_kit.runs.data import run_codec
from seqgan_kit.runs.loading import load_critic, load_sampler, run_recipe
from seqgan_kit.runs.objectives import make_objective
from seqgan_kit.training.run import Run

FRAMES, NUMBERS, STEPS = 2, 3, 20


def clips(count=400):
    """Frames that say at which step they are, and ends after 15 steps."""
    x = torch.arange(STEPS, dtype=torch.float32)[None, :, None].repeat(count, 1, 7)
    x[..., -1] = torch.where(torch.arange(STEPS) < 15, 1.0, -1.0)
    return x


def changed(share=1.0, **settings):
    settings = {"offset": [0.0] * NUMBERS, "shift": 0, "hidden": 0, **settings}
    return FrameAugmentation(frames=FRAMES, **settings)(clips(), share, seeded_noise(0))


def test_a_share_of_the_sequences_is_changed():
    for settings in ({"offset": [1.0] * NUMBERS}, {"shift": 3}, {"hidden": 5}):
        assert torch.equal(changed(0.0, **settings), clips())
        touched = (changed(0.3, **settings) != clips()).flatten(1).any(1).float().mean()
        # A shift of none is among the shifts.
        assert 0.18 < touched < 0.38


def test_the_level_of_each_number_is_moved_until_the_end():
    moved = changed(offset=[0.5, 0.0, 1.0]) - clips()
    assert torch.equal(moved[:, 15:], torch.zeros_like(moved[:, 15:]))
    level = moved[:, :15]
    torch.testing.assert_close(level, level[:, :1].expand_as(level), atol=2e-6, rtol=0)
    first, second = level[:, 0, :3], level[:, 0, 3:6]
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(first.std(0), torch.tensor([0.5, 0.0, 1.0]), atol=0.1, rtol=0)
    assert not level[..., -1].any()


def test_a_sequence_begins_earlier_or_later():
    x = changed(shift=3)
    place = x[..., 0]
    shift = (place[:, 10] - 10).long()
    assert sorted(set(shift.tolist())) == [-3, -2, -1, 0, 1, 2, 3]
    for moved, row, end in zip(shift, place, x[..., -1], strict=True):
        expected = (torch.arange(STEPS) + moved).clamp(0, STEPS - 1)
        assert torch.equal(row, expected.float())
        assert (end > 0).sum() == 15 - moved


def test_a_stretch_is_hidden():
    x = changed(hidden=5)
    hidden = (x[:, 1:, :-1] == 0).all(-1)  # The first step is 0 anyway.
    counts = hidden.sum(1)
    assert counts.max() == 5
    edges = hidden.int().diff(dim=1, prepend=torch.zeros(len(x), 1, dtype=torch.int))
    assert ((edges > 0).sum(1) <= 1).all(), "in one piece"
    assert hidden.any(0).all(), "anywhere"
    assert torch.equal(x[..., -1], clips()[..., -1])


def test_gradients_pass():
    x = clips(8).requires_grad_()
    change = FrameAugmentation([0.1] * NUMBERS, FRAMES, 3, 5)
    change(x, 1.0, seeded_noise(0)).sum().backward()
    assert x.grad.abs().sum() > 0
    assert (x.grad >= 0).all()


class Marked(torch.nn.Module):
    """Adds ten, and remembers how much of the run was over."""

    def __init__(self):
        super().__init__()
        self.shares = []

    def forward(self, x, share, noise):
        self.shares.append(share)
        return x + 10


def test_both_sides_are_changed_in_both_turns(tiny_runs, monkeypatch):
    run = Run(tiny_runs("spoken_digits"))
    recipe = run_recipe(run)
    generator = load_sampler(run, recipe, checkpoint=None, device=torch.device("cpu")).generator
    critic = load_critic(run, recipe, checkpoint=None)
    marked = Marked()
    game = GAN(generator, critic, augmentation=marked, augmented=0.5)
    seen, embed = [], critic.embed
    monkeypatch.setattr(critic, "embed", lambda x: seen.append(x.detach()) or embed(x))
    codec = run_codec(run)
    x = torch.zeros(4, codec.steps, codec.features)
    mask = torch.ones(4, codec.steps, dtype=torch.bool)
    batch = Batch(x, mask, torch.zeros(4, 2, dtype=torch.long))
    moment = Moment(step=3, progress=0.5, shared=True)
    game.discriminator_turn(batch, seeded_noise(0), moment)
    real, fake = seen
    assert torch.equal(real, x + 10)
    assert (fake > 5).all()
    seen.clear()
    game.generator_turn(batch, seeded_noise(0), moment)
    assert len(seen) == 1
    assert torch.equal(seen[0], fake)
    assert marked.shares == [0.25] * 3


def test_a_codec_without_it_says_so(tiny_run):
    run = Run(tiny_run)
    recipe = recipe_files.load("digits_rows", ["objective.augmentation=0.5"])
    with pytest.raises(RecipeError, match="knows no changes of its sequences"):
        make_objective(recipe, run_codec(run), (10,))
