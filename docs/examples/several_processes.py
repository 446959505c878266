"""Train with SOAP in several processes: torchrun --nproc-per-node 2 several_processes.py."""

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from xgraph.data import load
from xgraph.distributed import gathered, rank, synchronized
from xgraph.losses import SOAPLoss
from xgraph.nn import GINE
from xgraph.sampling import DistributedBatches, DualSampler

dist.init_process_group("gloo")  # "nccl" on GPUs
data = load("nci-pains")
train = data.splits["train"][:1000]
sampler = DualSampler(data.y[train], batch_size=64, sampling_rate=0.25)
batches = DistributedBatches(sampler, split="rows")  # this process's part of each batch
loader = DataLoader(train.tolist(), batch_sampler=batches, collate_fn=data.batch)
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)  # the order of sums does not show in the losses
model = DistributedDataParallel(synchronized(GINE(num_tasks=1, hidden_channels=32, num_layers=2, dropout=0.0)))
objective = gathered(SOAPLoss(num_items=len(data), activation="sigmoid"))  # of the rows of all processes
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
for step, batch in enumerate(loader):
    loss = objective(model(batch), batch.y, batch.idx)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if rank() == 0:
        print(f"step={step} loss={loss.item():.7f}", flush=True)
dist.destroy_process_group()
