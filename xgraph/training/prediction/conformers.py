"""Scores of molecules as bags of their conformers."""

from collections.abc import Generator, Iterable, Sequence

import numpy as np
import torch

from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.prediction.members import Members
from xgraph.training.prediction.new_bags import bags_of_conformers
from xgraph.training.prediction.scorer import Scored
from xgraph.training.scoring.bag_scores import score_bags
from xgraph.training.scoring.inference import as_scores


class ConformerScorer:
    """Scores chunks of SMILES with all runs of an ensemble, from conformers that are generated as for training.

    Args:
        members: The runs.
    """

    def __init__(self, members: Members) -> None:
        self._members = members
        self._links = [loss_link(state) for state in members.states]
        self._models = [load_model(state) for state in members.states]

    def __call__(self, chunks: Iterable[Sequence[str]]) -> Generator[Scored, None, None]:
        """Yield the scores of each chunk, in order."""
        for texts in chunks:
            new = bags_of_conformers(texts, self._members.states[0])
            members = [np.full((len(texts), len(self._members.tasks)), np.nan) for _ in self._models]
            if new.data is not None:
                every = torch.arange(len(new.data))
                for scores, model, link in zip(members, self._models, self._links, strict=True):
                    logits = score_bags(model, new.data, every, device=self._members.device)  # type: ignore[arg-type]
                    scores[new.place] = as_scores(logits, link)
            yield Scored(members, new.errors).finite(self._members.tasks)
