import torch
from torch_geometric.data import Data

from xgraph.data.published.allowed import pyg_objects


def test_allow_list_is_restored(tmp_path):
    torch.save(Data(x=torch.eye(2)), tmp_path / "graph.pt")
    before = set(torch.serialization.get_safe_globals())
    torch.serialization.add_safe_globals([Data])
    with pyg_objects():
        assert torch.load(tmp_path / "graph.pt", weights_only=True).x.shape == (2, 2)
    assert set(torch.serialization.get_safe_globals()) == before | {Data}
