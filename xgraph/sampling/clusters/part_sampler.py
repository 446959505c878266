"""Batches of a partition's parts."""

from xgraph.sampling.neighbors.orders import InOrder


class PartSampler(InOrder):
    """Batches of parts, in the order of their numbers or shuffled."""

    def __init__(self, num_parts: int, batch_size: int, shuffle: bool, seed: int, checksum: int) -> None:
        super().__init__(num_parts, batch_size, shuffle, seed)
        self.checksum = checksum

    def identity(self) -> dict[str, int]:
        """Return what the batches depend on."""
        return {"parts": self.checksum, **super().identity()}
