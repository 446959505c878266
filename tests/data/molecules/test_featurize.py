import sys

import numpy as np
import pytest

from tests.data.molecules.test_molecule import HARD, nci
from xgraph.data.molecules import cuik, featurize, molecule, standardize
from xgraph.data.molecules.featurize import Featurized
from xgraph.data.molecules.packed import PackedGraphs

run = featurize.featurize


def assert_same(one: Featurized, other: Featurized) -> None:
    assert one.failures == other.failures
    assert np.array_equal(one.kept, other.kept)
    for name in PackedGraphs.__dataclass_fields__:
        assert np.array_equal(getattr(one.graphs, name), getattr(other.graphs, name)), name


def test_results_do_not_depend_on_workers_or_engine() -> None:
    smiles = [*nci()[:600], "C1CC", *HARD, "", "CN(C)(C)(C)C"]
    plain = run(smiles, fast=False, workers=1)
    assert len(plain.failures) == len(smiles) - len(plain.graphs)
    assert [i for i, _ in plain.failures][-2:] == [len(smiles) - 2, len(smiles) - 1]
    assert_same(plain, run(smiles, fast=False, workers=2))
    if cuik.available():
        assert_same(plain, run(smiles, fast=True, workers=1))
        assert_same(plain, run(smiles, fast=True, workers=2))
    assert_same(plain, run(smiles))


def test_kept_and_failures_cover_all_molecules() -> None:
    done = run(["C1CC", "C", "x", "CC", ""])
    assert done.kept.tolist() == [1, 3]
    assert [i for i, _ in done.failures] == [0, 2, 4]
    assert done.graphs.atom_ptr.tolist() == [0, 1, 3]


def test_empty_input_and_only_invalid_input() -> None:
    assert len(run([]).graphs) == 0
    assert len(run(["x"]).graphs) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_standardized_positions(workers: int) -> None:
    smiles = ["CC(=O)[O-].[Na+]", "x", "CCN.Cl", ""] * 200
    done = run(smiles, standardize=True, workers=workers)
    expected, _ = molecule.pack(["CC(=O)O", "CCN"] * 200)
    assert np.array_equal(done.graphs.x, expected.x)
    assert done.kept.tolist() == list(range(0, 800, 2))
    assert [i for i, _ in done.failures] == list(range(1, 800, 2))


def test_fast_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    cuik._engine.cache_clear()
    monkeypatch.setitem(sys.modules, "cuik_molmaker", None)
    try:
        with pytest.raises(ValueError, match="fast=True needs cuik-molmaker"):
            run(["C"], fast=True)
        assert len(run(["C"] * 600).graphs) == 600
    finally:
        cuik._engine.cache_clear()


def test_progress() -> None:
    seen: list[tuple[int, int, str]] = []
    run(["C"] * 600, progress=lambda *a: seen.append(a))
    assert seen == [(512, 600, "featurising"), (600, 600, "featurising")]


@pytest.mark.parametrize("fast", [False, pytest.param(True, marks=pytest.mark.skipif(not cuik.available(), reason=""))])
def test_canonical_order_gives_the_graph_of_the_canonical_text(fast: bool) -> None:
    smiles = ["N[C@@H](C)C(=O)O", "x", "OCC", "[OH:2][CH3:1]", "", "C[C@@H](F)[2H] |$a$|", "CCN"]
    done = run(smiles, atom_order="canonical", fast=fast)
    texts = ["C[C@H](N)C(=O)O", "OCC", "CO", "CCF", "CCN"]
    assert done.texts == texts
    assert_same(done, Featurized(molecule.pack(texts)[0], np.array([0, 2, 3, 5, 6]), texts, run(smiles).failures))


def test_a_molecule_whose_canonical_text_cannot_be_read_keeps_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(text: str) -> str:
        return "c1cc1" if "@" in text else text

    monkeypatch.setattr(standardize, "canonical_smiles", unreadable)
    smiles = ["CO", "N[C@@H](C)C(=O)O", "x", "CN"]
    done = run(smiles, atom_order="canonical", workers=1)
    assert done.texts == ["CO", "N[C@@H](C)C(=O)O", "CN"]
    assert_same(done, run(smiles))
