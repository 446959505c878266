import numpy as np
import pytest

from xgraph.recipes.schema.metrics import further_metrics, title
from xgraph.training.scoring.metrics import METRICS, partial_auc, score_all, two_way_pauc

Y, SCORES = np.array([1, 0, 1, 0, 0, 0, 1.0]), np.array([0.9, 0.8, 0.7, 0.4, 0.3, 0.2, 0.1])


def test_partial_areas_are_found_by_name() -> None:
    names = ["ap", "ogb_rocauc", "accuracy", "pauc_mcclish_fpr0.25", "pauc_area_fpr0.25", "tpauc_tpr0.6_fpr0.4"]
    result = score_all(Y, SCORES, further_metrics(names))
    assert {name: result[name] for name in result if name not in METRICS} == {
        "pauc_mcclish_fpr0.25": partial_auc(Y, SCORES, max_fpr=0.25, normalization="mcclish"),
        "pauc_area_fpr0.25": partial_auc(Y, SCORES, max_fpr=0.25, normalization="area"),
        "tpauc_tpr0.6_fpr0.4": two_way_pauc(Y, SCORES, min_tpr=0.6, max_fpr=0.4),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("auc", "pauc", "pauc_mcclish_fpr", "pauc_mcclish_fprx", "pauc_mcclish_fpr0", "pauc_mcclish_fpr1.5"),
        *("pauc_mcclish_fpr0.30", "pauc_mcclish_fpr..", "tpauc_tpr0.5", "tpauc_tpr2_fpr0.5", "ogb_auc", "AP"),
    ],
)
def test_unknown_metrics_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="unknown metric"):
        further_metrics([name])


def test_titles_are_distinct() -> None:
    names = [*METRICS, "accuracy", "ogb_rocauc", "ogb_ap", "pauc_area_fpr0.5", "tpauc_tpr0.6_fpr0.4"]
    assert len({title(name) for name in names}) == len(names)
