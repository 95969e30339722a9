"""What a discriminator reads of smooth sequences beside their values: how they change."""

import json
import shutil

import torch

from seqgan_kit.kinds.audio.vocoder import Vocoder
from seqgan_kit.nn.changes import SHARE, ChangeView
from seqgan_kit.nn.convolution import StepConvolutions
from seqgan_kit.runs.loading import load_critic, run_recipe
from seqgan_kit.training.run import Run


def test_changes_by_hand():
    # Two frames of two numbers in a step, and the end.
    x = torch.tensor([[[0.0, 1.0, 0.3, 1.0, 1.0], [0.9, 0.4, 0.9, 0.4, -1.0]]])
    view = ChangeView([0.1, 0.2], frames=2, more=1)
    assert view.features == 9
    first, second = view(x)[0].tolist()
    expected = [0.0, 1.0, 0, 0, 0.3, 1.0, 0.3 / (0.1 * SHARE), 0, 1.0]
    torch.testing.assert_close(torch.tensor(first), torch.tensor(expected))
    # Across the border of the two steps, too.
    expected = [0.9, 0.4, 0.6 / (0.1 * SHARE), -0.6 / (0.2 * SHARE), 0.9, 0.4, 0, 0, -1.0]
    torch.testing.assert_close(torch.tensor(second), torch.tensor(expected))


def test_its_frames_are_neighbours_for_convolutions():
    view = ChangeView([0.1, 0.2], frames=2, more=1)
    x = torch.randn(3, 4, 5)
    maps = view.maps(view(x))
    assert maps.shape == (3, 5, 8, 1)
    values = x[..., :4].reshape(3, 8, 2)
    torch.testing.assert_close(maps[:, :2, :, 0], values.transpose(1, 2))
    torch.testing.assert_close(maps[:, 4, :, 0], x[..., 4].repeat_interleave(2, 1))
    layers = StepConvolutions(maps=view.maps, features=view.features, channels=[6], stride=2)
    assert layers.lines == 2
    assert layers(view(x), torch.ones(3, 4, dtype=torch.bool))[0].shape == (3, 4, 6)


def test_smooth_and_jagged_contours_are_far_apart():
    """Real contours change little; jitter that is small among values is large among changes."""
    smooth = torch.sin(torch.linspace(0, 3, 40))[None, :, None]
    jagged = smooth + 0.05 * torch.tensor([1.0, -1.0]).repeat(20)[None, :, None]
    view = ChangeView(smooth.diff(dim=1).square().mean((0, 1)).sqrt().tolist())
    values, changes = (view(jagged) - view(smooth)).abs().mean((0, 1)).tolist()
    assert changes > 8 * values


def test_the_vocoder_learns_how_much_a_voice_changes():
    rate, count = 8000, 8000
    time = torch.arange(count) / rate
    pitch = 120 + 10 * torch.sin(2 * torch.pi * 2 * time)
    phase = (2 * torch.pi * pitch / rate).cumsum(0)
    voice = sum(torch.sin(k * phase) / k for k in range(1, 12))[None] * 0.1
    codec = Vocoder(sample_rate=rate, samples=count)
    learned = codec.learn([(voice, torch.tensor([count]))])
    assert len(learned["change"]) == codec.world.numbers
    again = Vocoder(sample_rate=rate, samples=count, **learned)
    x = again.encode(voice, torch.tensor([count]))
    changes = again.view()(x)[..., again.world.numbers]
    # In units of three deviations.
    assert 0.05 < changes.abs().mean() < 0.6
    # Runs of before have learned no changes, and their discriminators read none.
    assert codec.view() is None


def test_a_run_of_before_has_the_discriminator_that_it_had(tiny_runs, tmp_path):
    new = Run(tiny_runs("spoken_digits"))
    assert load_critic(new, run_recipe(new), checkpoint=None).view is not None
    shutil.copytree(new.path, tmp_path / "old")
    info = json.loads((tmp_path / "old" / "run.json").read_text())
    del info["codec"]["representation"]["change"]
    (tmp_path / "old" / "run.json").write_text(json.dumps(info))
    from seqgan_kit.runs.data import run_codec

    assert run_codec(Run(tmp_path / "old")).view() is None
