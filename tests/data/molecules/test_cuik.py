import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.molecules.test_molecule import HARD, nci
from xgraph.data.molecules import cuik, molecule
from xgraph.data.molecules.packed import PackedGraphs

if not cuik.available():
    pytest.skip("cuik-molmaker for this RDKit is not installed", allow_module_level=True)

BROKEN = [
    "",
    " ",
    "C1CC",
    "CN(C)(C)(C)C",
    "c1cccc1",
    "xxx",
    "C\0C",
    "é",
    "\ud800",
    "(" * 1000,
    "CC>>CC",
    "CC |wU:0|",
    "CC CO",
]


def assert_same(smiles: list[str]) -> None:
    ours, failed = cuik.pack(smiles)
    expected, expected_failed = molecule.pack(smiles)
    assert failed == expected_failed
    for name in PackedGraphs.__dataclass_fields__:
        one, other = getattr(ours, name), getattr(expected, name)
        assert one.dtype == other.dtype
        assert np.array_equal(one, other), name


def test_available() -> None:
    assert cuik.available()


def test_a_thousand_molecules_match_rdkit() -> None:
    assert_same(nci()[::5])


@pytest.mark.slow
def test_all_molecules_match_rdkit() -> None:
    assert_same(nci())


def test_unusual_and_invalid_molecules_match_rdkit() -> None:
    assert_same(HARD)
    for broken in BROKEN:
        assert_same([*HARD[:6], broken, *HARD[6:]])
    assert_same(BROKEN * 3)
    assert_same([])
    assert_same(["C" * (molecule.LONGEST + 1), *["CC"] * 10])


def test_many_broken_among_good() -> None:
    good = nci()[:300]
    mixed = [BROKEN[i % len(BROKEN)] if i % 7 == 0 else smiles for i, smiles in enumerate(good)]
    assert_same(mixed)


def test_silent(capfd: pytest.CaptureFixture[str]) -> None:
    cuik.pack([*BROKEN, *HARD])
    assert capfd.readouterr().err == ""


@given(st.lists(st.text(alphabet="CNOFclnos[]()=#@/\\+-H123%.*:$~", max_size=12), min_size=5, max_size=12))
@settings(max_examples=60, deadline=None)
def test_arbitrary_text_matches_rdkit(smiles: list[str]) -> None:
    assert_same(smiles)


def test_falls_back_to_rdkit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuik, "_engine", lambda: None)
    assert not cuik.available()
    assert_same(HARD)


@pytest.mark.parametrize(("release", "usable"), [("2026.03.6", True), ("2026.3.6", True), ("2026.09.1", False)])
def test_needs_the_pinned_rdkit_version(monkeypatch: pytest.MonkeyPatch, release: str, usable: bool) -> None:
    monkeypatch.setattr(cuik, "requires", lambda name: ["scipy", "rdkit==2026.03.6", 'flake8; extra == "dev"'])
    monkeypatch.setattr(cuik.rdBase, "rdkitVersion", release)
    assert cuik._for_this_rdkit() is usable


def test_works_without_a_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuik, "requires", lambda name: None)
    assert cuik._for_this_rdkit()
