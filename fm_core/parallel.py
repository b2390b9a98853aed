"""The processes that train one network together, through Hugging Face Accelerate."""

import atexit
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from torch import Tensor, nn

_PATIENCE = timedelta(hours=12)  # how long the others wait while the leader measures a finished network


class TeamError(Exception):
    """The processes cannot train together; the message says why."""


@dataclass(frozen=True)
class Team:
    """This process and its fellows. All draw the same batches, each descends its share, and the gradients are averaged.

    Without an accelerator the process is alone.
    """

    accelerator: Accelerator | None = None

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.accelerator is None or self.accelerator.is_main_process

    @property
    def size(self) -> int:
        return self.accelerator.num_processes if self.accelerator else 1

    @property
    def device(self) -> str | None:
        """The device that Accelerate gave this process."""
        return str(self.accelerator.device) if self.accelerator else None

    def local_leader_first(self) -> AbstractContextManager[None]:
        """A block that one process of each machine passes before the others do."""
        return self.accelerator.local_main_process_first() if self.accelerator else nullcontext()

    def wrap(self, network: nn.Module) -> Callable[..., Tensor]:
        """The network, with gradients that are averaged over the team."""
        return self.accelerator.prepare_model(network) if self.accelerator else network

    def share(self, batch: tuple[Tensor, ...]) -> tuple[list[Tensor], float]:
        """This process's rows of a batch, and the weight that makes the team's mean of means that of the batch."""
        rank = self.accelerator.process_index if self.accelerator else 0
        rows = [part[rank :: self.size] for part in batch]
        return rows, len(rows[0]) * self.size / len(batch[0])

    def mean(self, value: Tensor) -> Tensor:
        """The average over the team of a scalar."""
        if self.accelerator is None:
            return value
        return self.accelerator.reduce(value, "mean")  # pyright: ignore[reportReturnType]

    def any(self, flag: bool) -> bool:
        """Whether any process raises its flag."""
        return self.mean(torch.tensor(float(flag), device=self.device)).item() > 0

    def wait(self) -> None:
        """Go on when all processes have come here."""
        if self.accelerator:
            self.accelerator.wait_for_everyone()

    def check_iteration(self, iteration: int) -> None:
        """Raise TeamError unless all processes stand at the same iteration."""
        mean = self.mean(torch.tensor(float(iteration), device=self.device)).item()
        if self.any(mean != iteration):
            raise TeamError(
                "The processes found different saved states. The checkpoints folder must be one they share."
            )


ALONE = Team()


def join(cpu: bool) -> Team:
    """The team that `accelerate launch` started this process in, or a team of one; `cpu` keeps it off the GPUs."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return ALONE
    patience = InitProcessGroupKwargs(timeout=_PATIENCE)
    accelerator = Accelerator(cpu=cpu, mixed_precision="no", kwargs_handlers=[patience])
    atexit.register(accelerator.end_training)  # a process that ends with its connections open may abort
    return Team(accelerator)
