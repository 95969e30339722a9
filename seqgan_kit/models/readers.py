"""The recurrent discriminator and encoder, for every kind of sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from einops import repeat
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..batch import Batch
from ..nn.categorical import TokenEmbedding
from ..nn.condition import LabelEmbedding
from ..nn.convolution import StepConvolutions
from ..nn.networks import Discriminator
from ..nn.pooling import masked_max, masked_mean, minibatch_deviation
from ..nn.recurrent import Cell, read_both_ways, readers, reversal
from ..nn.relaxation import Written


class RecurrentDiscriminator(Discriminator):
    """A recurrent discriminator of labelled sequences: high logits for real, low for generated.

    Args:
        features: numbers in a step, after ``view``.
        classes: number of classes of each attribute.
        cell: ``"lstm"`` or ``"gru"``.
        hidden_size: units per recurrent layer and direction.
        layers: recurrent layers per direction.
        bidirectional: add a second stack that reads from the end.
        logits: ``"sequence"`` for one logit from mean and maximum over time, ``"step"`` for one
            per step, ``"both"`` for the sequence logit added to the step logits.
        group: group size of the minibatch-deviation feature; 0 disables it.
        condition: ``"projection"`` (product of label embedding and features, Miyato & Koyama
            2018), or ``"concatenation"`` (label embedding appended to the input of each step).
        view: a module that embeds each step (tokens, or extra features) as ``features`` numbers;
            None reads steps unchanged.
        convolutions: convolutions in front of the recurrent layers; None for none. What a penalty
            perturbs is in front of them.

    References:
        The minibatch feature: Karras et al. 2018. Reading both ways without packing: see
        :func:`~seqgan_kit.nn.recurrent.reversal`.
    """

    def __init__(
        self,
        *,
        features: int,
        classes: Sequence[int],
        cell: Cell = "lstm",
        hidden_size: int = 128,
        layers: int = 1,
        bidirectional: bool = True,
        logits: Literal["sequence", "step", "both"] = "sequence",
        group: int = 4,
        condition: Literal["projection", "concatenation"] = "projection",
        view: nn.Module | None = None,
        convolutions: StepConvolutions | None = None,
    ) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.view = view
        self.convolutions = convolutions
        if convolutions is not None:
            features = convolutions.features
            if logits != "sequence" and convolutions.stride * convolutions.lines > 1:
                raise ValueError("these convolutions do not leave one logit for each step")
        self.logits = logits
        self.group = group
        self.condition = condition
        label_size = 32 if condition == "concatenation" else 0
        if label_size:
            self.label = LabelEmbedding(classes, label_size)
        self.forwards, self.backwards = readers(
            cell=cell,
            input_size=features + label_size,
            hidden_size=hidden_size,
            layers=layers,
            bidirectional=bidirectional,
        )
        if isinstance(view, TokenEmbedding):
            # Unit-length embeddings are much smaller than the inputs that the initial weights are
            # meant for; without this factor the discriminator takes long to start learning.
            for weight in self._first_weights():
                weight.data *= view.weight.shape[1] ** 0.5
        read = hidden_size * (2 if bidirectional else 1)
        pooled = read * (2 if logits == "sequence" else 1)
        self.summary = nn.Linear(pooled + bool(group), hidden_size)
        self.score_head = nn.Linear(hidden_size, 1)
        if logits == "both":
            self.whole = nn.Linear(2 * read + bool(group), hidden_size)
            self.whole_head = nn.Linear(hidden_size, 1)
        if condition == "projection":
            self.projection = LabelEmbedding(classes, hidden_size, scale=hidden_size**-0.5)

    def _first_weights(self) -> list[Tensor]:
        if self.convolutions is not None:
            return [next(self.convolutions.parameters())]
        stacks = [stack for stack in (self.forwards, self.backwards) if stack is not None]
        return [stack.weights.get_parameter("weight_ih_l0") for stack in stacks]

    def embed(self, x: Written) -> Float[Tensor, "B T F"]:
        return super().embed(x) if self.view is None else self.view(x)

    def score_labels(
        self,
        x_BTF: Float[Tensor, "B T F"],
        labels: Sequence[Int[Tensor, "B A"]],
        mask_BT: Bool[Tensor, "B T"],
    ) -> list[Tensor]:
        """See :class:`~seqgan_kit.nn.networks.Discriminator`.

        With projection, one pass over the sequences serves all labels.
        """
        if self.convolutions is not None:
            x_BTF, mask_BT = self.convolutions(x_BTF, mask_BT)
        turn = reversal(mask_BT)
        if self.condition == "concatenation":
            inputs = [self._with_label(x_BTF, label_BA) for label_BA in labels]
            found = [self._summarize(x_BTF, mask_BT, turn) for x_BTF in inputs]
            return [self._joined([head(h).squeeze(-1) for h, head in read]) for read in found]
        read = self._summarize(x_BTF, mask_BT, turn)
        logits = [head(h).squeeze(-1) for h, head in read]
        return [
            self._joined(
                [
                    logit + torch.einsum("b...h,bh->b...", h, self.projection(label_BA))
                    for logit, (h, _) in zip(logits, read, strict=True)
                ]
            )
            for label_BA in labels
        ]

    @staticmethod
    def _joined(logits: list[Tensor]) -> Tensor:
        """Return the single logit, or the sequence logit added to the step logits."""
        if len(logits) == 1:
            return logits[0]
        logit_B, logit_BT = logits
        return logit_B[:, None] + logit_BT

    def _with_label(self, x_BTF: Tensor, label_BA: Tensor) -> Float[Tensor, "B T E"]:
        label_BTE = repeat(self.label(label_BA), "b e -> b t e", t=x_BTF.shape[1])
        return torch.cat([x_BTF, label_BTE], -1)

    def _summarize(
        self, x_BTF: Tensor, mask_BT: Bool[Tensor, "B T"], turn: Callable[[Tensor], Tensor]
    ) -> list[tuple[Tensor, nn.Linear]]:
        """Return features of the sequence ``[B, H]``, of its steps ``[B, T, H]``, or of both,
        each with the layer that scores it."""
        h_BTH = read_both_ways(self.forwards, self.backwards, x_BTF, turn)
        found = []
        if self.logits != "step":
            h = torch.cat([masked_mean(h_BTH, mask_BT), masked_max(h_BTH, mask_BT)], 1)
            if self.logits == "both":
                found.append((self._seen(h, self.whole), self.whole_head))
            else:
                found.append((self._seen(h, self.summary), self.score_head))
        if self.logits != "sequence":
            h = h_BTH * mask_BT[:, :, None]
            found.append((self._seen(h, self.summary), self.score_head))
        return found

    def _seen(self, h: Tensor, summary: nn.Linear) -> Tensor:
        if self.group:
            h = torch.cat([h, minibatch_deviation(h, self.group)], -1)
        return nn.functional.leaky_relu(summary(h), 0.2)


class RecurrentEncoder(nn.Module):
    """A recurrent encoder: a labelled sequence in, one vector out.

    Args:
        features: numbers in a step.
        classes: number of classes of each attribute.
        cell: ``"lstm"`` or ``"gru"``.
        hidden_size: units per recurrent layer and direction.
        layers: recurrent layers per direction.
        bidirectional: add a second stack that reads from the end.
        label_size: size of the label embedding, which every step reads.

    Attributes:
        size: length of the vector.
    """

    def __init__(
        self,
        *,
        features: int,
        classes: Sequence[int],
        cell: Cell = "lstm",
        hidden_size: int = 128,
        layers: int = 1,
        bidirectional: bool = True,
        label_size: int = 32,
    ) -> None:
        super().__init__()
        self.label = LabelEmbedding(classes, label_size)
        self.forwards, self.backwards = readers(
            cell=cell,
            input_size=features + label_size,
            hidden_size=hidden_size,
            layers=layers,
            bidirectional=bidirectional,
        )
        # Mean and maximum over time of every direction.
        self.size = 2 * hidden_size * (2 if bidirectional else 1)

    def forward(self, batch: Batch) -> Float[Tensor, "B H"]:
        label_BTE = repeat(self.label(batch.label_BA), "b e -> b t e", t=batch.mask_BT.shape[1])
        x_BTF = torch.cat([batch.x_BTF, label_BTE], -1)
        turn = reversal(batch.mask_BT)
        h_BTH = read_both_ways(self.forwards, self.backwards, x_BTF, turn)
        return torch.cat([masked_mean(h_BTH, batch.mask_BT), masked_max(h_BTH, batch.mask_BT)], 1)
