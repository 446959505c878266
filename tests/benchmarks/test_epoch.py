"""Epoch times are scaled to the same number of molecules and compared with the bare loop."""

from benchmarks.epoch import measured, with_ratios


def test_epochs_are_scaled_to_the_same_number_of_molecules():
    row = measured("bare", 64, [{"wall": 2.0, "cpu": 3.0, "molecules": 90.0}] * 3, 45)
    assert (row["wall_s"], row["cpu_s"], row["batch"]) == (1.0, 1.5, 64)
    assert "metrics_csv_s" not in row


def test_ratios_to_the_bare_loop_of_the_same_batch_size():
    rows = [
        {"library": library, "batch": batch, "wall_s": wall, "cpu_s": 1.0}
        for library, batch, wall in (("xgraph", 64, 3.0), ("bare", 64, 2.0), ("xgraph", 256, 3.0))
    ]
    assert [row.get("wall × bare") for row in with_ratios(rows)] == [1.5, 1.0, None]
