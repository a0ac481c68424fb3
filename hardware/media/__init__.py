"""The media process: clock, matrix, tones, prompts and recordings, twenty milliseconds at a time."""

import os

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    # Read by numpy when it loads: a pool of BLAS threads makes small products slower and ticks late.
    os.environ.setdefault(_threads, "1")
