"""A run to be interrupted: ``python drive.py threads|processes RUN_FOLDER TRACE_FOLDER SECONDS_PER_TASK``."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext

from jobs import plain_job

from variogeo._engine.running._executors import Processes, Threads
from variogeo._engine.running._run import run


def main(kind, folder, trace, seconds):
    job = plain_job(trace=trace, seconds=float(seconds))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) if kind == "processes" else nullcontext() as pool:
        run(job, executor=Threads(2) if pool is None else Processes(pool), resume=folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
