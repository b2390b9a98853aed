"""train_all.py with quality measured on few samples, in the team that started this process; see test_parallel."""

import sys

import train_all
from fm_core import quality

if __name__ == "__main__":
    measure = quality.measure
    quality.measure = lambda flow, *_: measure(flow, samples=64)
    sys.exit(train_all.main(sys.argv[1:]))
