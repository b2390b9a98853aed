"""Several processes that train one network: on two CPU processes, started as a user starts them."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from fm_core.checkpoints import checkpoint_path, load_checkpoint, read_tensors
from fm_core.models.catalogue import CATALOGUE
from fm_core.training import report
from fm_core.training.team import ALONE
from tests import team_training
from tests.image_files import write_bundled

ROOT = Path(__file__).parent.parent
LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1"]
LAUNCH += ["--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0"]


def two_processes(*command: str) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*LAUNCH, *command], cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def completed(process: subprocess.Popen) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def test_one_process_takes_the_whole_batch():
    batch = (torch.arange(6).view(3, 2), torch.arange(3))
    share, weight = ALONE.share(batch)
    assert weight == 1
    assert all(torch.equal(a, b) for a, b in zip(share, batch, strict=True))
    assert ALONE.leads
    assert ALONE.device is None
    assert ALONE.any(True)
    assert not ALONE.any(False)


def test_two_processes_reach_the_weights_and_losses_of_one(tmp_path):
    root = write_bundled(tmp_path / "data")
    completed(two_processes("tests/team_training.py", str(tmp_path / "two.safetensors"), str(root)))
    alone = team_training.main(tmp_path / "one.safetensors", root)
    tensors, progress = read_tensors(tmp_path / "two.safetensors")
    assert progress["iteration"] == alone.iteration
    assert [entry["loss"] for entry in progress["curve"]] == pytest.approx(
        [entry["loss"] for entry in alone.curve], rel=1e-4
    )
    reached = torch.cat([tensors[f"ema.{key}"].flatten() for key in alone.ema.state_dict()])
    expected = torch.cat([weights.flatten() for weights in alone.ema.state_dict().values()])
    assert (reached - expected).norm() < 0.01 * expected.norm()  # Muon rounds to bfloat16


def test_a_team_that_is_stopped_goes_on_where_it_was_and_only_one_process_speaks(tmp_path):
    command = [
        "tests/team_train_all.py",
        "--only",
        "moons-linear",
        "--iterations",
        "250",
        "--device",
        "cpu",
        "--checkpoints",
        str(tmp_path),
    ]
    process = two_processes(*command)
    path = report.state_path("moons-linear", tmp_path)
    while not path.exists():
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
        assert process.returncode is None, process.communicate()[1]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    stopped = read_tensors(path)[1]["iteration"]
    assert 100 <= stopped < 250
    assert completed(two_processes(*command)).count("moons-linear: flow-map error") == 1
    path = checkpoint_path("moons-linear", tmp_path)
    assert load_checkpoint(path, CATALOGUE["moons-linear"]).metadata["iterations"] == 250
