"""A thousand visits in turn to a running page, and the memory of its server after each hundred.

    python app.py --port 7861 & python benchmarks/visits.py http://127.0.0.1:7861 $!

Each visit opens the page, makes a run of its own and reads the answer. Every tenth also asks for one, as other programs
do, and never reads it. Linux only.
"""

import sys
from pathlib import Path

import httpx

VISITS, EVERY = 1000, 100


def visit(http: httpx.Client, number: int) -> None:
    config = http.get("/config").json()
    http.get("/")
    (endpoint,) = (entry for entry in config["dependencies"] if entry["api_name"] == "trajectory")
    parameters = http.get("/gradio_api/info").json()["named_endpoints"]["/trajectory"]["parameters"]
    settings = {entry["parameter_name"]: entry["parameter_default"] for entry in parameters}
    data = list((settings | {"particles": 500, "seed": number}).values())
    session = f"visit-{number}"
    http.post("/gradio_api/queue/join", json={"data": data, "fn_index": endpoint["id"], "session_hash": session})
    with http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as answer:
        if not any('"success":true' in line for line in answer.iter_lines()):
            raise RuntimeError(f"Visit {number} was not answered.")
    if number % 10 == 0:
        http.post("/gradio_api/call/trajectory", json={"data": data}).raise_for_status()


def memory(process: str) -> int:
    """Resident MB of a process."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def main() -> None:
    address, process = sys.argv[1:3]
    with httpx.Client(base_url=address, timeout=120) as http:
        print(f"before: {memory(process)} MB")
        for number in range(1, VISITS + 1):
            visit(http, number)
            if number % EVERY == 0:
                print(f"{number} visits: {memory(process)} MB", flush=True)


if __name__ == "__main__":
    main()
