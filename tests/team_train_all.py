"""train_all.py with quality measured on few samples, in the team that started this process; see test_team."""

import sys

import train_all
from fm_core.maths.quality import measure
from fm_core.models import points

if __name__ == "__main__":
    points.measure = lambda flow: measure(flow, samples=64)
    sys.exit(train_all.main(sys.argv[1:]))
