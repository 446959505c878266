import random

import numpy as np
import torch

from xgraph.training.fit.seeding import own_random_streams, random_state, restore_random_state


def draw() -> tuple[float, float, float, float]:
    return random.gauss(0, 1), float(np.random.normal()), float(torch.rand(())), float(torch.randn(()))  # noqa: NPY002


def test_the_random_state_survives_a_checkpoint(tmp_path: object) -> None:
    draw()
    path = f"{tmp_path}/state.pt"
    torch.save(random_state(), path)
    expected = [draw() for _ in range(3)]
    restore_random_state(torch.load(path, weights_only=True))
    assert [draw() for _ in range(3)] == expected


def test_random_streams_depend_on_the_seed_and_the_callers_are_untouched() -> None:
    def inside(seed: int) -> tuple[float, ...]:
        with own_random_streams(seed, threads=1):
            assert torch.get_num_threads() == 1
            return draw()

    before = random_state()
    assert inside(1) == inside(1) != inside(2)
    expected = draw()
    restore_random_state(before)
    assert draw() == expected
