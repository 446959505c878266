"""Attributions of instances and of neighbours against references that are computed here."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.data import Data

import xgraph
from xgraph.data import BagDataset
from xgraph.explanations.bags import of_bag
from xgraph.nn import BagClassifier, ExtraTrees

SHORT = {"epochs": 1, "pretrain_epochs": 0, "threads": 1, "device": "cpu", "baseline": False}


def bags(sizes: tuple[int, ...] = (5, 2, 1)) -> BagDataset:
    x = torch.randn(sum(sizes), 3, generator=torch.Generator().manual_seed(0))
    return BagDataset(x, np.cumsum([0, *sizes]).tolist(), [i % 2 for i in range(len(sizes))])


@pytest.mark.parametrize("pooling", ["attention", "gated-attention", "mean", "max", "smoothed-max"])
@pytest.mark.parametrize("scale", [1.0, 50.0])
def test_leaving_an_instance_out_against_a_loop(pooling: str, scale: float) -> None:
    torch.manual_seed(1)
    model = BagClassifier(2, 3, hidden_channels=8, pooling=pooling).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        model.head.weight.mul_(scale)  # a weight near 1 must not cancel
    data = bags()
    for bag in (0, 1):
        *_, share, fall = of_bag(model, model, data, bag, "sigmoid", "cpu")
        x = data.batch([bag]).x
        with torch.no_grad():
            whole = model(data.batch([bag]))
            rest = [
                model(
                    Data(x=torch.cat([x[:i], x[i + 1 :]]), batch=torch.zeros(len(x) - 1, dtype=torch.long), num_bags=1)
                )
                for i in range(len(x))
            ]
        np.testing.assert_allclose(fall, (whole - torch.cat(rest)).numpy(), atol=1e-4 * scale)
        if model.attends:
            np.testing.assert_allclose(share.sum(0), whole[0].numpy(), atol=1e-5 * scale)
    assert np.isnan(of_bag(model, model, data, 2, "sigmoid", "cpu")[-1]).all()  # nothing is left of it


def test_leaving_an_instance_out_of_a_model_of_whole_bags() -> None:
    from xgraph.data import bag_statistics

    data = bags((6,) * 12)
    model = ExtraTrees(1, 12, trees=10)
    model.fit(bag_statistics(data), data.y)
    fall = of_bag(model, model, data, 3, "sigmoid", "cpu")[-1]
    x = data.batch([3]).x

    def logit(rows: torch.Tensor) -> float:
        table = bag_statistics(BagDataset(rows, [0, len(rows)]))
        return float(model(Data(features=table)))

    expected = [logit(x) - logit(torch.cat([x[:i], x[i + 1 :]])) for i in range(6)]
    np.testing.assert_allclose(fall[:, 0], expected, atol=1e-9)


def test_bags_of_a_run_and_of_a_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"]).assign(bag=np.repeat(np.arange(20), 3))
    frame["label"] = frame["bag"] % 2
    run = xgraph.train(frame, split="random", bag_column="bag", out=tmp_path / "run", hidden_channels=8, **SHORT)
    found = xgraph.explain(run.path, frame.drop(columns="label"))
    assert (found.attrs["method"], len(found)) == ("attention-value", 60)
    np.testing.assert_allclose(found.groupby("bag")["weight"].sum(), 1.0, atol=1e-6)
    score = found.groupby("bag")["score"].first()
    np.testing.assert_allclose(found.groupby("bag")["attribution"].sum(), np.log(score / (1 - score)), atol=1e-5)
    assert found["row"].tolist() == list(range(60))
    with pytest.raises(ValueError, match=r"method = 'integrated-gradients': it does not fit .*attention-value"):
        xgraph.explain(run.path, frame, method="integrated-gradients")


def test_nodes_of_a_graph(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(15, 4, generator=generator)
    edge_index = torch.randint(15, (2, 45), generator=generator)
    graph = Data(x=x, edge_index=edge_index, y=(x[:, 0] > 0).long())
    for model in ("sage", "gcn"):
        options = {"model": model, "hidden_channels": 8, "split": "random", **SHORT}
        options.pop("baseline")
        run = xgraph.train(graph, out=tmp_path / model, **options)
        network = xgraph.load_model(run.path)
        found = xgraph.explain(run.path, graph, steps=100)
        with torch.no_grad():
            whole = network(Data(x=x, edge_index=edge_index))
            start = network(Data(x=0 * x, edge_index=edge_index))
        task = 0
        own = found[found["task"] == found["task"].iloc[0]]
        for part in ("feature", "node"):
            sums = own[own["part"] == part].groupby("node")["attribution"].sum()
            np.testing.assert_allclose(sums, (whole - start)[:, task].numpy(), atol=0.03, rtol=0.05)
        assert own[(own["part"] == "node") & (own["hop"] == 0)]["node"].astype(int).tolist() == list(range(15))
