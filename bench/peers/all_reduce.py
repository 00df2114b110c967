"""What PyTorch's gloo takes to sum one gradient over processes of this machine, without anything else.

    python3 bench/peers/all_reduce.py PROCESSES NUMBERS SECONDS

prints `ms_per_round VALUE`, the mean after a warm-up.
"""

import multiprocessing
import os
import socket
import sys
import time
from datetime import timedelta

WARM_UP_ROUNDS = 50
# A process that could not start ends the others after this time.
PATIENCE = timedelta(minutes=2)


def take_part(rank, processes, numbers, seconds, port):
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    import torch
    import torch.distributed as group

    torch.set_num_threads(1)
    meeting = f"tcp://127.0.0.1:{port}"
    group.init_process_group("gloo", init_method=meeting, rank=rank, world_size=processes, timeout=PATIENCE)
    gradient = torch.zeros(numbers)

    def rounds(count):
        group.barrier()
        began = time.perf_counter()
        for _ in range(count):
            group.all_reduce(gradient)
        return time.perf_counter() - began

    rounds(WARM_UP_ROUNDS)
    # All must agree how many rounds fill the time.
    count = torch.tensor([max(1, int(seconds * WARM_UP_ROUNDS / rounds(WARM_UP_ROUNDS)))])
    group.broadcast(count, 0)
    taken = rounds(count.item())
    if rank == 0:
        print(f"ms_per_round {1e3 * taken / count.item():.4f}", flush=True)
    group.destroy_process_group()


def main():
    processes, numbers, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    arguments = [(rank, processes, numbers, seconds, port) for rank in range(processes)]
    members = [context.Process(target=take_part, args=each) for each in arguments]
    for member in members:
        member.start()
    for member in members:
        member.join()
    sys.exit(max(abs(member.exitcode) for member in members))


if __name__ == "__main__":
    main()
