"""Two processes compute what one computes for the same rows: losses, tables and weights."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from xgraph.distributed import gathered, rank, synchronized, world_size
from xgraph.losses import SOAPLoss
from xgraph.nn import GraphSAGEFM


@pytest.fixture(scope="module")
def ranks(request):
    """The module that the processes import by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        import ranks

        yield ranks


@pytest.fixture(scope="module")
def results(ranks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(ranks.compare, args=(2, str(folder)), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


def test_two_processes_equal_one(ranks, results):
    first, second = results
    expected = {name: case(ranks.whole(), ranks.alone) for name, case in ranks.CASES.items()}
    expected |= {
        f"nodes {kind}": ranks.train_nodes(kind, ranks.nodes_of(None), ranks.alone) for kind in ("straight", "scaled")
    }
    assert first.keys() == second.keys() == expected.keys()
    for name, one in expected.items():
        for own in (first[name], second[name]):
            for part, value in one.items():
                torch.testing.assert_close(
                    own[part],
                    value,
                    rtol=1e-6,
                    atol=1e-5 if name in ("loss isogclr", "loss two-tower") else 1e-6,  # slopes of temperatures
                    msg=lambda text, at=(name, part): f"{at}: {text}",
                    equal_nan=True,
                )


def test_processes_that_do_not_fit_together_are_told(ranks, tmp_path):
    torch.multiprocessing.spawn(ranks.misuse, args=(2, str(tmp_path)), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert first["kinds"] == second["kinds"]
    assert "rank 0 has SOAPLoss: float32 ['rows'], float32 ['rows'], int64 ['rows']" in first["kinds"]
    assert "rank 1 has SOAPLoss: float32 ['rows', 1]" in first["kinds"]
    assert first["rows"] == "SOAPLoss: expected tensors with the same number of rows, got [3, 4]"
    assert any(
        "rows of this process alone, one of 2" in text and "gathered(loss_fn)" in text for text in first["alone"]
    )
    # A cluster without a halo takes part in the exchange of the halo's rows.
    torch.testing.assert_close(first["halo"], second["halo"], rtol=0, atol=0)


def test_a_process_that_dies_ends_the_others(ranks, tmp_path):
    begun = time.monotonic()
    with pytest.raises(torch.multiprocessing.ProcessExitedException, match="exit code 7"):
        torch.multiprocessing.spawn(ranks.die, args=(2, str(tmp_path)), nprocs=2)
    assert time.monotonic() - begun < 60


def test_one_process_needs_no_group(ranks):
    loss_fn, model = SOAPLoss(num_items=4), GraphSAGEFM(1, 3, 4)
    x, y, index = torch.randn(4), torch.tensor([1.0, 0, 0, 0]), torch.arange(4)
    assert gathered(loss_fn)(x, y, index=index) == SOAPLoss(num_items=4)(x, y, index=index)
    assert synchronized(model) is model
    assert model.tables["1"].table.exchange is None
    assert (rank(), world_size()) == (0, 1)


@pytest.mark.slow
def test_documented_loop_under_torchrun():
    def losses(processes):
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        script = Path(__file__).parents[2] / "docs" / "examples" / "several_processes.py"
        done = subprocess.run([*command, str(script)], capture_output=True, text=True, timeout=500, check=False)
        assert done.returncode == 0, done.stderr
        return [float(line.partition("loss=")[2]) for line in done.stdout.splitlines() if "loss=" in line]

    one, two = losses(1), losses(2)
    assert len(one) > 15
    assert one == pytest.approx(two, abs=1e-6)
