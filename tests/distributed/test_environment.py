import pytest

from xgraph.distributed.environment import first_host, meeting_point, place

TORCHRUN = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
SRUN = {
    "SLURM_STEP_NUM_TASKS": "6",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "2",
    "SLURM_STEP_TASKS_PER_NODE": "3(x2)",
    "SLURM_STEP_NODELIST": "gpu[07-08]",
    "SLURM_JOB_ID": "1234567",
}


def test_variables_of_torchrun_and_srun_give_the_place():
    assert place(TORCHRUN) == (3, 4, 1, 2, "torchrun")
    assert place(SRUN) == (5, 6, 2, 3, "srun")


def test_processes_of_srun_meet_on_the_first_node():
    assert meeting_point(SRUN) == {
        "RANK": "5",
        "WORLD_SIZE": "6",
        "LOCAL_RANK": "2",
        "LOCAL_WORLD_SIZE": "3",
        "MASTER_ADDR": "gpu07",
        "MASTER_PORT": "19567",
    }
    assert meeting_point({**SRUN, "MASTER_ADDR": "head", "MASTER_PORT": "99"})["MASTER_ADDR"] == "head"
    assert meeting_point(TORCHRUN) == {}


def test_a_single_process_has_no_place():
    assert place({}) is None
    assert place({"RANK": "0", "WORLD_SIZE": "1"}) is None
    assert (
        place({"SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}) is None
    )  # a batch script without srun


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("a1", "a1"), ("a1,b2", "a1"), ("gpu[07-09,12],b", "gpu07"), ("n[3,5]-ib", "n3-ib"), ("10.0.0.1", "10.0.0.1")],
)
def test_first_host(nodes, first):
    assert first_host(nodes) == first
