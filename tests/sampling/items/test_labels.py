import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.data import Data

from xgraph.sampling import DualSampler, GroupSampler, TriSampler
from xgraph.sampling.items.labels import as_matrix, negatives, num_positives, positives, rows_with

NAN = float("nan")


def test_positives_by_task_and_negatives_in_any_task():
    y = as_matrix([[1, 0, 0], [NAN, NAN, NAN], [1, 1, NAN], [0, NAN, NAN], [NAN, 1, NAN]])
    assert [p.tolist() for p in positives(y)] == [[0, 2], [2, 4]]  # the third task has none
    assert negatives(y).tolist() == [0, 3]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool, torch.uint8])
def test_labels_of_any_numeric_type_are_not_copied(dtype):
    y = torch.tensor([0, 1, 1, 0], requires_grad=False).to(dtype)
    matrix = as_matrix(y)
    assert matrix.shape == (4, 1)
    assert positives(matrix)[0].tolist() == [1, 2]
    assert negatives(matrix).tolist() == [0, 3]
    if dtype is not torch.bfloat16:
        assert np.shares_memory(matrix, y.numpy())


@pytest.mark.parametrize("bad", [-1, 2, 0.5, float("inf")])
def test_error_names_an_invalid_label_and_its_row(bad):
    with pytest.raises(ValueError, match=rf"0, 1 or NaN.*got {bad}.* in row 2$"):
        as_matrix(torch.tensor([0.0, NAN, bad, 7.0]))
    with pytest.raises(ValueError, match=rf"got {bad}.* in row 1, task 2$"):
        as_matrix(np.array([[0, 1, NAN], [0, 1, bad], [9, 9, 9]]))


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (3, 0), (2, 2, 2)])
def test_invalid_shape_is_rejected(shape):
    with pytest.raises(ValueError, match="shape"):
        as_matrix(torch.zeros(shape))


@pytest.mark.parametrize("labels", [["a", "b"], [None, 1.0], np.array([1j, 0])])
def test_non_numeric_labels_are_rejected(labels):
    with pytest.raises(TypeError, match="must be numbers"):
        as_matrix(labels)


@pytest.mark.parametrize("num_items", [1, 1023, 1024, 1025, 5000])
def test_rows_with_a_label_are_listed_by_task(num_items):
    rng = np.random.default_rng(num_items)
    y = rng.choice([0.0, 1.0, NAN], (num_items, 3))
    for label in (0, 1):
        rows = rows_with(y, label, np.int32)
        assert [r.tolist() for r in rows] == [np.flatnonzero(y[:, task] == label).tolist() for task in range(3)]
        assert all(r.dtype == np.int32 for r in rows)


@pytest.mark.parametrize(
    ("size", "rate", "expected"), [(10, 0.5, 5), (10, 0.01, 1), (10, 0.99, 9), (2, 0.9, 1), (64, 0.1, 6)]
)
def test_both_classes_get_at_least_one_slot(size, rate, expected):
    assert num_positives(size, rate) == expected


class WithTargets(torch.utils.data.Dataset):
    targets = torch.tensor([0, 1, 0, 1])

    def __getitem__(self, i):
        return torch.zeros(2), self.targets[i]


@pytest.mark.parametrize(
    ("data", "remedy"),
    [
        (WithTargets(), "such as dataset.targets;"),
        (Data(y=torch.tensor([0, 1])), "such as dataset.y;"),
        (torch.utils.data.TensorDataset(torch.zeros(4, 2), torch.tensor([0, 1, 0, 1])), "such as [y for x, y in"),
        (torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(4))), "such as [y for x, y in"),
    ],
)
@pytest.mark.parametrize("sampler", [DualSampler, TriSampler, GroupSampler])
def test_a_data_set_in_place_of_its_labels_is_refused_with_what_to_pass(sampler, data, remedy):
    name = "groups" if sampler is GroupSampler else "labels"
    with pytest.raises(TypeError) as refused:
        sampler(data, 4, sampling_rate=0.5) if sampler is DualSampler else sampler(data, 4)
    text = str(refused.value)
    assert text.startswith(f"{name} must be one ")
    assert f"got the data itself ({type(data).__name__})" in text
    assert f"pass the {name}, {remedy}" in text


def test_labels_of_a_data_frame_are_taken():
    frame = pd.DataFrame({"y": [0, 1, 0, 1], "targets": [1.0, NAN, 0, 1]})
    assert as_matrix(frame["y"]).shape == (4, 1)
    assert as_matrix(frame).shape == (4, 2)
