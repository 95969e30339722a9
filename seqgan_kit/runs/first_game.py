"""The sections of a first recipe that are alike for all steps that are real values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .beginning import grouping

MEASURED = 200, 5000
"""Fewest and most samples of a set that a first recipe measures."""


def real_valued_game(
    name: str,
    label_NA: np.ndarray,
    *,
    thing: str,
    width: int,
    channels: Sequence[int],
    steps: int,
    rate: str,
    kernel: int = 5,
    texture: bool = True,
) -> str:
    """Return the sections of a recipe from ``model`` on, for steps that are real values.

    Args:
        name: of the recipe.
        label_NA: labels of the training part.
        thing: what a sequence is called, which takes an s for more than one.
        width: units of the networks.
        channels: of the discriminator's convolutions.
        steps: of the training.
        rate: learning rate.
        kernel: steps that a convolution reads.
        texture: whether steps have a fine texture, as what is measured has.
    """
    group, batch = grouping(label_NA)
    mismatch = f"""
  # Weight of real {thing}s under another label, which count as generated: what a label means.
  mismatch: 0.1"""
    noise = """
    # Noise of its own for each number of a step: the fine texture of what was measured.
    head: {kind: continuous, noise: true}"""
    several = len(np.unique(label_NA, axis=0)) > 1
    samples = int(np.clip(round(len(label_NA), -2), *MEASURED))
    return f"""\
model:
  kind: recurrent_gan
  generator:
    # lstm or gru; wider networks learn more and cost more.
    cell: lstm
    hidden_size: {width}
    layers: 2
    # Random numbers drawn once a {thing}, and at every step.
    noise_size: 64
    step_noise_size: 16{noise if texture else ""}
  discriminator:
    cell: lstm
    hidden_size: {width}
    bidirectional: true
    # How many {thing}s the discriminator compares: what keeps a class from collapsing.
    minibatch_group: {group}
    # In front of the recurrent layers: a step is read with its neighbours, and a stride of 2
    # halves the steps.
    convolutions: {{channels: {list(channels)}, kernel: {kernel}, stride: 2}}

objective:
  kind: gan
  loss: relativistic{mismatch if several else ""}
  penalties:
    - kind: finite-difference
      gamma: {{start: 0.3, end: 0.03}}

train:
  # Look at runs/{name}/samples now and then; more steps help for long. minutes: 30 ends training
  # after so long, if that is sooner.
  steps: {steps}
  batch_size: {batch}
  class_group: {group}
  learning_rate: {rate}
  betas: [0.0, 0.99]
  # The learning rate is held for a share of the run and falls to zero then.
  schedule: {{kind: linear, hold: 0.3}}
  average_decay: 0.999
  grid_every: 500
  checkpoint_every: 1000

evaluation:
  # Samples of a set, and those that a judge learns from (GAN-train): in proportion to the data.
  samples: {samples}
  gan_train_samples: {4 * samples}
"""
