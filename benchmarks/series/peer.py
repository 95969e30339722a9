"""tsgm's conditional GAN on a set of series, for `ucr.py`; runs in an environment that has tsgm.

python peer.py TRAINING.npz SAMPLES.npz MINUTES COUNT SEED
"""

from __future__ import annotations

import sys
import time

import keras
import numpy as np
import tensorflow as tf
import tsgm

LATENT, BATCH, RATE = 16, 32, 3e-4
"""Of the settings in its tests and tutorials."""


class Clock(keras.callbacks.Callback):
    """Ends training after a time."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.end = time.monotonic() + seconds

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        if time.monotonic() > self.end:
            self.model.stop_training = True


def padded(x_NTC: np.ndarray, length_N: np.ndarray) -> np.ndarray:
    """Return series that go on with their last value."""
    place_NT = np.minimum(np.arange(x_NTC.shape[1])[None], length_N[:, None] - 1)
    return np.take_along_axis(x_NTC, place_NT[:, :, None], 1)


def main(training: str, target: str, minutes: float, count: int, seed: int) -> None:
    keras.utils.set_random_seed(seed)
    with np.load(training) as found:
        x_NTC, label_N = padded(found["x"], found["length"]), found["label"]
    names, class_N = np.unique(label_N, return_inverse=True)
    scaler = tsgm.utils.TSFeatureWiseScaler((-1, 1))
    x_NTC = scaler.fit_transform(x_NTC).astype(np.float32)
    y_NK = keras.utils.to_categorical(class_N, len(names)).astype(np.float32)
    data = tf.data.Dataset.from_tensor_slices((x_NTC, y_NK))
    data = data.shuffle(1024, seed=seed).repeat().batch(BATCH, drop_remainder=True)
    networks = tsgm.models.architectures.zoo["cgan_base_c4_l1"](
        seq_len=x_NTC.shape[1], feat_dim=x_NTC.shape[2], latent_dim=LATENT,
        output_dim=len(names),
    )  # fmt: skip
    gan = tsgm.models.cgan.ConditionalGAN(
        discriminator=networks.discriminator, generator=networks.generator, latent_dim=LATENT
    )
    gan.compile(
        d_optimizer=keras.optimizers.Adam(RATE), g_optimizer=keras.optimizers.Adam(RATE),
        loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
    )  # fmt: skip
    # Compiled first, so that this costs none of its time.
    gan.fit(data, steps_per_epoch=2, epochs=1, verbose=0)
    gan.fit(data, steps_per_epoch=10**6, epochs=1, verbose=0, callbacks=[Clock(minutes * 60)])
    asked_M = np.random.default_rng(seed).permutation(np.resize(class_N, count))
    asked_MK = keras.utils.to_categorical(asked_M, len(names)).astype(np.float32)
    # A copy: the scaler writes into what it is given.
    made_MTC = scaler.inverse_transform(np.array(gan.generate(asked_MK)))
    length_M = np.full(count, made_MTC.shape[1])
    np.savez(target, x=made_MTC.astype(np.float32), length=length_M, label=names[asked_M])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
