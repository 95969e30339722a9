"""The budget of a training with privacy: what was spent, and how much more may be.

The accountants are those of Opacus, which is an extra and imported when it is first needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

from pydantic import Field, FiniteFloat, NonNegativeInt, StrictInt

from ..errors import UsageError

Positive = Annotated[FiniteFloat, Field(gt=0)]
Name = Literal["prv", "rdp"]


@dataclass
class Spending:
    """What a run has spent, as its checkpoints keep it.

    Attributes:
        history: noise multiplier, sampling rate and number of private gradients, in order.
        epsilon: what that is, at ``delta``.
        delta: delta.
    """

    history: list[tuple[Positive, Positive, Annotated[StrictInt, NonNegativeInt]]] = field(
        default_factory=list
    )
    epsilon: Annotated[FiniteFloat, Field(ge=0)] = 0.0
    delta: Positive = 1e-5


@runtime_checkable
class Budget(Protocol):
    """What limits a training besides steps and minutes."""

    def used_up(self, step: int) -> bool:
        """Return whether the step after ``step`` would be too much."""
        ...

    def figures(self) -> dict[str, float]:
        """Return what is logged."""
        ...

    def state(self) -> Spending | None:
        """Return what a checkpoint keeps."""
        ...

    def restore(self, spent: Spending | None) -> None:
        """Go on from a checkpoint.

        Raises:
            UsageError: it is of a training with another sort of budget.
        """
        ...


class Unlimited:
    """The budget of a training without privacy."""

    def used_up(self, step: int) -> bool:
        return False

    def figures(self) -> dict[str, float]:
        return {}

    def state(self) -> Spending | None:
        return None

    def restore(self, spent: Spending | None) -> None:
        if spent is not None:
            raise UsageError(
                "this run was begun with train.privacy, and its guarantee would be lost: go on "
                "with it, or begin another run (--init-from)"
            )


class PrivacyBudget:
    """The budget of a training with privacy.

    Args:
        epsilon: the budget, at ``delta``.
        delta: delta.
        noise_multiplier: sigma.
        rate: the chance of a unit to be in a batch.
        calls: number of private gradients in the step after a given one.
        most_calls: the largest of these numbers, or more.
        steps: steps of the run.
        accountant: ``"prv"`` (Gopi et al. 2021) or ``"rdp"`` (Mironov 2017).
        say: told once when the budget ends before the steps.
    """

    def __init__(
        self,
        *,
        epsilon: float,
        delta: float,
        noise_multiplier: float,
        rate: float,
        calls: Callable[[int], int],
        most_calls: int,
        steps: int,
        accountant: Name,
        say: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.epsilon, self.delta = epsilon, delta
        self.noise_multiplier, self.rate = noise_multiplier, rate
        self.accountant = accountant
        self._calls, self._most_calls = calls, most_calls
        self._steps, self._say = steps, say
        self._earlier: list[tuple[float, float, int]] = []
        self._spent = 0
        self._allowed: int | None = None
        self._said = False

    def spend(self) -> None:
        """Count one private gradient, before it is computed."""
        self._spent += 1

    @property
    def history(self) -> list[tuple[float, float, int]]:
        own = (self.noise_multiplier, self.rate, self._spent)
        return [*self._earlier, own] if self._spent else list(self._earlier)

    def used_up(self, step: int) -> bool:
        if self._allowed is None:
            self._allowed = self._most(step)
        over = step < self._steps and self._spent + self._calls(step) > self._allowed
        if over and not self._said:
            self._said = True
            self._say(
                f"the privacy budget is used up at step {step}: epsilon "
                f"{self._spent_epsilon():.4g} of {self.epsilon:g} at delta {self.delta:g}; "
                "training ends here"
            )
        return over

    def _most(self, step: int) -> int:
        """Return how many gradients with this noise keep to the budget, or all of the run."""
        low, high = 0, self._spent + self._most_calls * (self._steps - step)
        if self._within(high):
            return high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._within(middle) else (low, middle)
        return low

    def _within(self, count: int) -> bool:
        own = [(self.noise_multiplier, self.rate, count)] if count else []
        return self._epsilon_of([*self._earlier, *own]) <= self.epsilon

    def _epsilon_of(self, history: Sequence[tuple[float, float, int]]) -> float:
        return epsilon_of(history, self.delta, self.accountant)

    def _spent_epsilon(self) -> float:
        return self._epsilon_of(self.history)

    def figures(self) -> dict[str, float]:
        return {"privacy/epsilon": self._spent_epsilon()}

    def state(self) -> Spending | None:
        return Spending(self.history, self._spent_epsilon(), self.delta)

    def restore(self, spent: Spending | None) -> None:
        if spent is None:
            raise UsageError(
                "this run was begun without train.privacy, and cannot get its guarantee later: "
                "begin another run"
            )
        own = (self.noise_multiplier, self.rate)
        history = [(sigma, rate, count) for sigma, rate, count in spent.history]
        self._earlier = [one for one in history if one[:2] != own]
        self._spent = sum(count for *kept, count in history if tuple(kept) == own)
        self._allowed, self._said = None, False


def _opacus() -> Any:
    try:
        from opacus import accountants
    except ImportError as error:
        raise UsageError(
            "train.privacy requires the package opacus: pip install 'seqgan_kit[privacy]'"
        ) from error
    return accountants


def epsilon_of(
    history: Sequence[tuple[float, float, int]], delta: float, accountant: Name
) -> float:
    """Return the epsilon of private gradients, given noise multiplier, rate and number of each.

    Raises:
        UsageError: Opacus is not installed.
    """
    if not history:
        return 0.0
    counting = _opacus().create_accountant(mechanism=accountant)
    counting.history = list(history)
    with warnings.catch_warnings():
        # It advises other orders, by which the bound might be tighter; it holds as it is.
        warnings.simplefilter("ignore")
        return float(counting.get_epsilon(delta=delta))


def noise_for(epsilon: float, *, delta: float, rate: float, count: int, accountant: Name) -> float:
    """Return the noise multiplier with which so many private gradients keep to a budget.

    Raises:
        UsageError: Opacus is not installed, or no noise is enough.
    """
    _opacus()
    from opacus.accountants.utils import get_noise_multiplier

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(
                get_noise_multiplier(
                    target_epsilon=epsilon, target_delta=delta, sample_rate=rate, steps=count,
                    accountant=accountant, epsilon_tolerance=min(0.01, epsilon / 100),
                )
            )  # fmt: skip
        except ValueError as error:
            raise UsageError(
                f"train.privacy.epsilon: {epsilon:g} is too small for {count} private gradients; "
                "choose a larger one, or fewer train.steps"
            ) from error
