"""Start the Flow Matching Playground: `python app.py`, then open the address it prints."""

import argparse
import contextlib

with contextlib.suppress(ImportError):  # on a ZeroGPU Space, `spaces` must precede torch and needs one such function
    import spaces

    @spaces.GPU
    def unused() -> None:
        """Never called: these small networks are fastest on the CPU, which costs no quota."""


import torch

from fm_core.playground import Library
from fm_core.ui.page import build_page, launch_options


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=None, help="address to serve on (default 127.0.0.1; 0.0.0.0 for a Space)")
    parser.add_argument("--port", type=int, default=None, help="port (default: the first free one from 7860)")
    options = parser.parse_args()
    torch.set_num_threads(1)  # runs are concurrent; threads within one would wait for each other
    library = Library.load()
    for problem in library.problems.values():
        print(problem)
    build_page(library).launch(server_name=options.host, server_port=options.port, **launch_options())


if __name__ == "__main__":
    main()
