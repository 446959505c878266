import signal
import threading

import pytest
from rdkit import Chem

from xgraph.data.molecules.embedded import pains_labels
from xgraph.data.molecules.interrupts import interrupts_held
from xgraph.data.molecules.standardize import standardize_smiles


def press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)  # to this thread, at once; one to the process comes when any thread takes it


def test_interrupt_is_delayed_to_the_end_of_the_block() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        with interrupts_held():
            press_ctrl_c()
            done.append("block")
        done.append("after")
    assert done == ["block"]


def test_interrupt_in_another_thread_is_delayed_too() -> None:
    """Which one does is up to the system; here its handler is called as it would be."""
    done = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        with interrupts_held():
            handler = signal.getsignal(signal.SIGINT)
            assert callable(handler)
            handler(signal.SIGINT, None)
            done.append("block")
        done.append("after")
    assert done == ["block"]


def test_handlers_installed_by_c_code_are_removed() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        with interrupts_held():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        press_ctrl_c()
        assert seen == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    "work", [lambda: pains_labels(["O=C1C=CC(=O)C=C1"] * 20), lambda: standardize_smiles("C[O-].[Na+]")]
)
def test_ctrl_c_works_after_rdkit(work: object) -> None:
    assert callable(work)
    Chem.MolFromSmiles("C").HasSubstructMatch(Chem.MolFromSmarts("C"))
    work()
    with pytest.raises(KeyboardInterrupt):
        press_ctrl_c()


def test_other_threads_are_not_affected() -> None:
    seen = []

    def work() -> None:
        with interrupts_held():
            seen.append(pains_labels(["CCO"]).tolist())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [[0]]
