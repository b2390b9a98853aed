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

from fm_core.refusals import Refusal

_PATIENCE = timedelta(hours=12)  # the others wait while the leader measures a finished network


class TeamError(Refusal):
    """The processes cannot train together; the message says why."""


@dataclass(frozen=True)
class Team:
    """This process and its peers: all draw the same batches, each descends its share, and gradients are averaged."""

    accelerator: Accelerator | None = None  # None for a process on its own

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.accelerator is None or self.accelerator.is_main_process

    @property
    def size(self) -> int:
        return self.accelerator.num_processes if self.accelerator else 1

    @property
    def device(self) -> str | None:
        """The device that Accelerate assigned to this process."""
        return str(self.accelerator.device) if self.accelerator else None

    def local_leader_first(self) -> AbstractContextManager[None]:
        """A block that one process per machine runs before the others do."""
        return self.accelerator.local_main_process_first() if self.accelerator else nullcontext()

    def wrap(self, network: nn.Module) -> Callable[..., Tensor]:
        """The network, with gradients averaged over the team."""
        return self.accelerator.prepare_model(network) if self.accelerator else network

    def share(self, batch: tuple[Tensor, ...]) -> tuple[list[Tensor], float]:
        """This process's rows of a batch, and the weight that turns the team's mean of means into the batch mean."""
        rank = self.accelerator.process_index if self.accelerator else 0
        rows = [part[rank :: self.size] for part in batch]
        return rows, len(rows[0]) * self.size / len(batch[0])

    def mean(self, value: Tensor) -> Tensor:
        """The average of a scalar over the team."""
        return self.accelerator.reduce(value, "mean") if self.accelerator else value  # pyright: ignore[reportReturnType]

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        return self.mean(torch.tensor(float(flag), device=self.device)).item() > 0

    def wait(self) -> None:
        if self.accelerator:
            self.accelerator.wait_for_everyone()

    def check_iteration(self, iteration: int) -> None:
        """Raise TeamError unless all processes are at the same iteration."""
        mean = self.mean(torch.tensor(float(iteration), device=self.device)).item()
        if self.any(mean != iteration):
            raise TeamError("The processes found different saved states. They must share one checkpoints folder.")


ALONE = Team()


def join(cpu: bool) -> Team:
    """The team of this process under `accelerate launch`, or a team of one; `cpu` keeps it off the GPUs."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return ALONE
    patience = InitProcessGroupKwargs(timeout=_PATIENCE)
    accelerator = Accelerator(cpu=cpu, mixed_precision="no", kwargs_handlers=[patience])
    atexit.register(accelerator.end_training)  # a process that ends with its connections open may abort
    return Team(accelerator)
