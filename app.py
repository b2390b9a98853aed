"""Start the Flow Matching Playground: `python app.py`, then open the address it prints."""

import argparse
import contextlib
import importlib.util
import os
import signal
import sys
import tempfile
import threading
import time

with contextlib.suppress(ImportError):  # on a ZeroGPU Space, `spaces` must precede torch and needs one such function
    import spaces

    @spaces.GPU
    def unused() -> None:
        """Never called: these small networks are fastest on the CPU, which costs no quota."""


import gradio as gr
import torch
from gradio.tunneling import CURRENT_TUNNELS

from fm_core import visitors_files
from fm_core.library import Library
from fm_core.machine import share_freed_memory
from fm_core.refusals import Refusal
from fm_core.ui.page import build_page, launch_options


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=None, help="address to serve on (default 127.0.0.1; 0.0.0.0 for a Space)")
    parser.add_argument("--port", type=port, default=None, help="port (default: the first free one from 7860)")
    parser.add_argument("--root-path", default=None, help="path at which a proxy serves the page, such as /flow")
    parser.add_argument("--share", action="store_true", help="also on a public address, for a week, as on Colab")
    parser.add_argument("--mcp", action="store_true", help="also as tools of an MCP server")
    return parser.parse_args()


def port(text: str) -> int:
    """A port's number. Raises ValueError."""
    if not 0 < int(text) < 2**16:
        raise ValueError
    return int(text)


def build() -> gr.Blocks:
    """The page. Raises Refusal if the server has nowhere to put files."""
    place = visitors_files.folder()
    visitors_files.prepare(place)
    tempfile.tempdir = str(place)  # what is left of broken uploads is bounded with the rest
    share_freed_memory()
    torch.set_num_threads(1)  # runs are concurrent; threads within one would wait for each other
    library = Library.load()
    for problem in library.problems.values():
        print(problem)
    return build_page(library)


def serve(page: gr.Blocks, options: argparse.Namespace) -> None:
    """Serve the page, in threads. Raises Refusal if that is not possible."""
    if options.mcp and not importlib.util.find_spec("mcp"):
        raise Refusal('--mcp needs one package more: pip install "gradio[mcp]"')
    where = {"server_name": options.host, "server_port": options.port, "root_path": options.root_path}
    how = {"share": options.share or None, "mcp_server": options.mcp or None, "prevent_thread_lock": True}
    try:
        page.launch(**where, **how, **launch_options())
    except OSError:
        taken = f"Port {options.port}" if options.port else "Every port from 7860 on"
        raise Refusal(f"{taken} is in use or cannot be served on; name another by --port.") from None


def told_to_end() -> list[int]:
    """SIGINT and SIGTERM, as they come: an exception would be lost where Python or Gradio ignores it."""
    told: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: told.append(number))
    return told


def end(page: gr.Blocks) -> None:
    """End the program within two seconds: a run that is under way in a thread is not waited for."""
    closing = threading.Thread(target=page.close, daemon=True)
    closing.start()
    closing.join(0.5)
    for tunnel in CURRENT_TUNNELS:
        tunnel.kill()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    options = arguments()
    try:
        demo = build()  # `gradio app.py` looks for this name
        if gr.NO_RELOAD:  # which runs this file again after each change, and serves the page itself
            told = told_to_end()
            serve(demo, options)
            while not told:
                time.sleep(0.1)
            end(demo)
    except Refusal as refusal:
        sys.exit(str(refusal))
