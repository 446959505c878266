"""Tables of bags for tests: a bag is positive if one of its instances has a large third number."""

import numpy as np
import pandas as pd

FEATURES = ["f0", "f1", "f2", "f3"]


def table(bags: int = 60, seed: int = 0, scale: float = 1.0, shift: float = 0.0, largest: int = 7) -> pd.DataFrame:
    """One row per instance in random order, with columns patient, ill and four features."""
    random = np.random.default_rng(seed)
    parts = []
    for bag in range(bags):
        x = random.normal(size=(random.integers(1, largest + 1), 4))
        ill = int(bag % 3 == 0)
        if ill:
            x[random.integers(len(x)), 2] += 4
        parts.append(pd.DataFrame(x * scale + shift, columns=FEATURES).assign(patient=f"p{bag}", ill=ill))
    whole = pd.concat(parts)[["patient", "ill", *FEATURES]]
    return whole.sample(frac=1, random_state=seed).reset_index(drop=True)
