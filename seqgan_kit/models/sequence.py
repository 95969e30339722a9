"""The recurrent generator, for every kind of sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..batch import Batch
from ..nn.categorical import CategoricalHead
from ..nn.condition import NO_LABEL, LabelEmbedding
from ..nn.heads import Head, LikelihoodHead, with_likelihood
from ..nn.networks import Generator
from ..nn.noise import Latent, Noise
from ..nn.per_item import spread, tape_of
from ..nn.recurrent import Cell, Recurrent, State
from ..nn.relaxation import PLAIN, Decoding, Written, as_tensor, joined
from ..nn.scan import scan


class RecurrentGenerator(Generator):
    """A recurrent generator: noise and a label in, a sequence out.

    A step reads ``W_z [z; label] + W_e e_t + p_t`` (plus ``W_x x_{t-1}`` with output feedback):
    global noise and label, fresh noise, and a learned position. The initial state also depends
    on noise and label. The projections are summed, not concatenated, so that the part that is
    constant over time is computed once per sequence.

    Args:
        head: output head; reads ``hidden_size`` units.
        classes: number of classes of each attribute.
        steps: maximum sequence length.
        cell: ``"lstm"`` or ``"gru"``.
        hidden_size: units per recurrent layer.
        layers: number of recurrent layers.
        input_size: input width of a step.
        noise_size: Z, noise per sequence.
        step_noise_size: E, noise per step.
        label_size: size of the label embedding.
        feedback: feed the output of each step to the next one. Without it the whole sequence
            runs through the fused kernel.
        dropout: fraction of the inputs of steps and head that are dropped under maximum
            likelihood, the same units at all steps of a sequence (Gal & Ghahramani 2016).

    References:
        Esteban, Hyland & Rätsch, *Real-valued (Medical) Time Series Generation with Recurrent
        Conditional GANs*, 2017.
    """

    def __init__(
        self,
        *,
        head: Head,
        classes: Sequence[int],
        steps: int,
        cell: Cell = "lstm",
        hidden_size: int = 128,
        layers: int = 2,
        input_size: int = 64,
        noise_size: int = 64,
        step_noise_size: int = 16,
        label_size: int = 64,
        feedback: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.steps = steps
        self.dropout = dropout
        self.noise_size = noise_size
        self.step_noise_size = step_noise_size
        self.feedback = feedback
        self.label = LabelEmbedding(classes, label_size)
        self.constant = nn.Linear(noise_size + label_size, input_size)
        if step_noise_size:
            self.fresh = nn.Linear(step_noise_size, input_size, bias=False)
        self.position_TE = nn.Parameter(torch.randn(steps, input_size) * 0.1)
        self.recurrent = Recurrent(
            cell=cell, input_size=input_size, hidden_size=hidden_size, layers=layers
        )
        self.first = nn.Linear(
            noise_size + label_size, self.recurrent.state_tensors * layers * hidden_size
        )
        self.head = head
        if isinstance(head, LikelihoodHead) and not noise_size + step_noise_size:
            self.likelihood = "exact"
        if feedback:
            self.before = nn.Linear(head.feedback, input_size, bias=False)
            self.start_F = nn.Parameter(torch.zeros(head.feedback))

    def draw(self, count: int, noise: Noise, steps: int | None = None) -> Latent:
        steps = self.steps if steps is None else steps
        return Latent(
            z_BZ=noise.normal(count, self.noise_size),
            step_BTE=noise.normal(count, steps, self.step_noise_size),
            head_BTN=self.head.draw(count, steps, noise),
        )

    def begin(
        self, latent: Latent, label_BA: Int[Tensor, "B A"]
    ) -> tuple[State, Float[Tensor, "B T I"]]:
        """Return the initial state and the input of every step, without output feedback.

        Raises:
            ValueError: there are more steps than positions.
        """
        steps = latent.step_BTE.shape[1]
        if steps > self.steps:
            raise ValueError(f"{steps} steps are too many; this generator allows {self.steps}")
        context_BE = torch.cat([latent.z_BZ, self.label(label_BA)], 1)
        states = rearrange(
            self.first(context_BE).tanh(), "b (s l h) -> s l b h",
            s=self.recurrent.state_tensors, l=self.recurrent.layers,
        )  # fmt: skip
        position_TE = spread(self.position_TE, context_BE)
        input_BTI = self.constant(context_BE)[:, None] + position_TE[..., :steps, :]
        if self.step_noise_size:
            input_BTI = input_BTI + self.fresh(latent.step_BTE)
        return tuple(state_LBH.contiguous() for state_LBH in states), input_BTI

    def anneal(self, progress: float) -> None:
        self.head.anneal(progress)

    def forward(
        self, latent: Latent, label_BA: Int[Tensor, "B A"]
    ) -> tuple[Written, Bool[Tensor, "B T"]]:
        return self.write(latent, label_BA)

    def write(
        self,
        latent: Latent,
        label_BA: Int[Tensor, "B A"],
        *,
        prefix: Tensor | None = None,
        decoding: Decoding = PLAIN,
        guidance: float = 1.0,
    ) -> tuple[Written, Bool[Tensor, "B T"]]:
        r"""Generate sequences, optionally from a given prefix or with other settings.

        Args:
            latent: all randomness.
            label_BA: labels.
            prefix: the first steps, ``[B, P, F]`` or token ids ``[B, P]``, at most as many as the
                latent has; requires output feedback.
            decoding: settings of a categorical head.
            guidance: w of classifier-free guidance (Ho & Salimans 2022): steps are drawn from
                :math:`w \log p(x | c) + (1 - w) \log p(x)`. The network runs twice, with and
                without the label, and what the head reads is moved: its outputs (logits, means,
                log-scales) are affine in that, so that they move alike.

        Raises:
            ValueError: a prefix was given without feedback, or decoding settings for a head that
                is not categorical.
        """
        if prefix is not None and not self.feedback:
            raise ValueError("a prefix requires a generator with output feedback")
        emit: Callable[[Tensor, Tensor], Written] = self.head
        if decoding != PLAIN:
            if not isinstance(self.head, CategoricalHead):
                raise ValueError("temperature, top-k and top-p require a categorical head")
            emit = partial(self.head, decoding=decoding)
        noise_BTN = latent.head_BTN
        if guidance != 1.0:
            emit = partial(_guided, emit, guidance)
            latent = Latent(*(torch.cat([part, part]) for part in latent))
            label_BA = torch.cat([label_BA, torch.full_like(label_BA, NO_LABEL)])
        state, input_BTI = self.begin(latent, label_BA)
        if self.feedback:
            x = self._unroll_with_feedback(state, input_BTI, noise_BTN, emit, prefix)
        else:
            h_BTH, _ = self.recurrent.unroll(input_BTI, state)
            x = emit(h_BTH, noise_BTN)
        return self.head.close(x)

    def covers(self, x_BTF: Tensor) -> bool:
        return isinstance(self.head, LikelihoodHead) and self.head.covers(x_BTF)

    def log_prob(
        self,
        batch: Batch,
        z_BZ: Float[Tensor, "B Z"] | None = None,
        *,
        regularize: Noise | None = None,
        temperature: float = 1.0,
    ) -> Float[Tensor, "B T"]:
        """See :class:`~seqgan_kit.nn.networks.Generator`.

        Every step reads the true step before it, so the fused kernel runs over all steps.

        Args:
            batch: sequences and their labels.
            z_BZ: noise of the whole sequence (default: zero).
            regularize: random numbers for dropout; None for no dropout.
            temperature: temperature of a categorical head.

        Raises:
            TypeError: the head has no likelihood.
            ValueError: a temperature was given for a head that is not categorical.
        """
        head = with_likelihood(self.head)
        if temperature != 1.0:
            if not isinstance(head, CategoricalHead):
                raise ValueError("a temperature requires a categorical head")
            log_prob: Any = partial(head.log_prob, temperature=temperature)
        else:
            log_prob = head.log_prob
        count, steps = batch.mask_BT.shape
        zero = self.position_TE.new_zeros
        latent = Latent(
            zero(count, self.noise_size) if z_BZ is None else z_BZ,
            zero(count, steps, self.step_noise_size),
            zero(count, steps, 0),
        )
        state, input_BTI = self.begin(latent, batch.label_BA)
        if self.feedback:
            before_BTF = head.embed(batch.x_BTF[:, :-1])
            start_BTF = spread(self.start_F, input_BTI)[..., None, :].expand(count, 1, -1)
            input_BTI = input_BTI + self.before(torch.cat([start_BTF, before_BTF], 1))
        input_BTI = self._dropped(input_BTI, regularize)
        h_BTH, _ = self.recurrent.unroll(input_BTI, state)
        h_BTH = self._dropped(h_BTH, regularize)
        if not h_BTH.is_cpu or tape_of(self.position_TE) is not None:
            # Selecting the existing steps would wait for the device to count them, and what is
            # noted of each sequence would no longer be apart.
            return log_prob(h_BTH, batch.x_BTF) * batch.mask_BT
        chosen = batch.mask_BT.nonzero(as_tuple=True)
        written = log_prob(h_BTH[chosen][None], batch.x_BTF[chosen][None])[0]
        return zero(count, steps).index_put(chosen, written)

    def _dropped(self, x_BTF: Tensor, noise: Noise | None) -> Tensor:
        if noise is None or not self.dropout:
            return x_BTF
        count, _, features = x_BTF.shape
        kept_BF = (noise.uniform(count, features) >= self.dropout).float() / (1 - self.dropout)
        return x_BTF * kept_BF[:, None]

    def advance(
        self, state: State, input_BI: Float[Tensor, "B I"], before_BF: Tensor | None
    ) -> tuple[State, Float[Tensor, "B H"]]:
        """Compute the recurrent part of a step.

        Args:
            state: the state before the step.
            input_BI: the input of this step, from :meth:`begin`.
            before_BF: the embedded output of the previous step (``None`` at the first step, or
                without output feedback).

        Returns:
            The state after the step, and what the head reads.
        """
        if self.feedback:
            previous = self.start_F if before_BF is None else before_BF
            input_BI = input_BI + self.before(previous)
        return self.recurrent.step(state, input_BI)

    def step(
        self,
        state: State,
        input_BI: Float[Tensor, "B I"],
        before_BF: Tensor | None,
        noise_BN: Float[Tensor, "B N"],
    ) -> tuple[State, Written]:
        """Compute one step. All steps together equal :meth:`forward` before ``head.close``.

        Args:
            state: the state before the step.
            input_BI: the input of this step, from :meth:`begin`.
            before_BF: see :meth:`advance`.
            noise_BN: noise of the head for this step.

        Returns:
            The state after the step, and the step itself, ``[B, 1, F]`` or ids ``[B, 1]``.
        """
        state, h_BH = self.advance(state, input_BI, before_BF)
        return state, self.head(h_BH[:, None], noise_BN[:, None])

    def _unroll_with_feedback(
        self,
        state: State,
        input_BTI: Tensor,
        head_BTN: Tensor,
        emit: Callable[[Tensor, Tensor], Written],
        prefix: Tensor | None,
    ) -> Written:
        if torch.compiler.is_exporting() and prefix is None and emit is self.head:
            start_BF = self.start_F.expand(input_BTI.shape[0], -1)
            return scan(_Step(self), [*state, start_BF], [input_BTI, head_BTN])
        given = 0 if prefix is None else prefix.shape[1]
        steps: list[Written] = []
        before_BF = None
        for t in range(input_BTI.shape[1]):
            state, h_BH = self.advance(state, input_BTI[:, t], before_BF)
            x: Written
            if prefix is not None and t < given:
                x = prefix[:, t : t + 1]
            else:
                x = emit(h_BH[:, None], head_BTN[:, t : t + 1])
            before_BF = self.head.embed(x)[:, 0]
            if before_BF.shape[0] < h_BH.shape[0]:
                # With and without a label, the same is read.
                before_BF = before_BF.repeat(2, 1)
            steps.append(x)
        return joined(steps)


class _Step(nn.Module):
    """A step of a generator with output feedback, from tensors to tensors.

    Args:
        generator: the generator.
    """

    def __init__(self, generator: RecurrentGenerator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, *tensors: Tensor) -> list[Tensor]:
        """From state, embedded output before, input and noise to the next of these, and steps."""
        *state, before_BF, input_BI, noise_BN = tensors
        state_after, x = self.generator.step(tuple(state), input_BI, before_BF, noise_BN)
        embedded_BF = self.generator.head.embed(x)[:, 0]
        # Copies, because what a head embeds may be the step itself.
        return [*state_after, embedded_BF.clone(), as_tensor(x)[:, 0].clone()]


def _guided(
    emit: Callable[[Tensor, Tensor], Written],
    guidance: float,
    h_BTH: Float[Tensor, "B T H"],
    noise_BTN: Float[Tensor, "C T N"],
) -> Written:
    """Emit what states with labels, the first half of ``h``, say more than those without."""
    asked_BTH, free_BTH = h_BTH.chunk(2)
    return emit(torch.lerp(free_BTH, asked_BTH, guidance), noise_BTN)
