"""The server, as a stranger on the public internet meets it."""

import asyncio
import gc
import json
import logging
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import tracemalloc
from argparse import Namespace
from pathlib import Path

import gradio as gr
import httpx
import pytest
from gradio.server_messages import ProcessCompletedMessage
from gradio_client import Client
from playwright.sync_api import expect

import app
from fm_core import visitors_files
from fm_core.refusals import Refusal
from fm_core.settings import Settings, Side
from fm_core.ui import guard, memory, static
from fm_core.ui.form import DIGITS, POINTS

ROOT = Path(__file__).parent.parent
JUNK = {"data": [], "session_hash": "someone", "fn_index": 0}


@pytest.fixture(scope="module")
def http(address):
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client


def sentence(answer: httpx.Response) -> str:
    """What an answer in JSON says, which is one sentence and no traceback."""
    said = answer.json()["detail"]
    assert re.fullmatch(r"[A-Z][^\n]*\.", said)
    assert "Traceback" not in said
    return said


@pytest.fixture(scope="module")
def call(http) -> dict:
    """The page's own call for a run of a hundred particles, which is answered in 0.2 MB."""
    (endpoint,) = (entry for entry in http.get("/config").json()["dependencies"] if entry["api_name"] == "trajectory")
    settings = POINTS.flatten(Settings(particles=100, sides=(Side(steps=200),)))
    return {"data": list(settings.values()), "fn_index": endpoint["id"]}


def visit_server(http: httpx.Client, call: dict, session: str) -> None:
    http.post("/gradio_api/queue/join", json={**call, "session_hash": session})
    with http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as answer:
        assert any('"process_completed"' in line and '"success":true' in line for line in answer.iter_lines())


@pytest.mark.parametrize(
    "path",
    ["/monitoring", "/monitoring/summary", "/openapi.json", "/login", "/gradio_api/deep_link?session_hash=x",
     "/gradio_api/dev/reload", "/gradio_api/token", "/gradio_api/vibe-code", "/gradio_api/proxy=https://x.hf.space",
     "/gradio_api/file=https://example.org/", "/anything"],
)  # fmt: skip
def test_what_the_page_does_not_need_is_not_there(http, path):
    answer = http.get(path)
    assert answer.status_code == 404
    assert sentence(answer) == guard.NO_ADDRESS


@pytest.mark.parametrize(
    "path", ["call/run", "call/restore", "run/save", "call/v2/note", "call/nothing", "run/nothing"]
)
def test_the_pages_own_endpoints_have_no_names(http, path):
    answer = http.post(f"/gradio_api/{path}", json=JUNK)
    assert answer.status_code == 404
    assert sentence(answer) == guard.NO_ENDPOINT


def test_junk_gets_a_short_answer_and_leaves_a_few_lines_in_the_log(http, caplog, capfd):
    posted = [
        {**JUNK, "fn_index": 9999},
        {**JUNK, "session_hash": "x" * 1000},
        {**JUNK, "fn_index": "one"},
        {"data": "x"},
        [],
        *[JUNK] * 30,
    ]
    for body in posted:
        for path in ("queue/join", "run/predict"):
            answer = http.post(f"/gradio_api/{path}", json=body)
            assert "Traceback" not in answer.text
            assert len(answer.content) < 2000 + len(json.dumps(body))
    with http.stream("GET", "/gradio_api/queue/data", params={"session_hash": "someone"}) as answer:
        assert "Traceback" not in answer.read().decode()
    assert "session_not_found" in http.get("/gradio_api/queue/data", params={"session_hash": "forged"}).text
    assert sum(record.levelno >= logging.ERROR for record in caplog.records) <= memory.ERRORS[0]
    assert "Traceback" not in "".join(capfd.readouterr())  # what is shown goes through the log


def test_the_longest_absent_visitor_is_forgotten_and_begins_anew():
    with gr.Blocks(analytics_enabled=False) as page:
        newest = gr.State([0])
    page.state_session_capacity = 2
    sessions = memory.Sessions()
    sessions.set_blocks(page)
    sessions["a"][newest._id].append(7)
    sessions["b"][newest._id].append(8)
    assert sessions["c"][newest._id] == [0]
    assert ("a" in sessions, sessions["b"][newest._id], sessions["a"][newest._id]) == (False, [0, 8], [0])


@pytest.mark.parametrize("path", ["queue/join", "call/trajectory", "run/predict"])
def test_a_body_larger_than_any_honest_one_is_refused(http, path):
    announced = http.post(f"/gradio_api/{path}", content=bytes(guard.MAX_JSON + 1))
    streamed = http.post(f"/gradio_api/{path}", content=(bytes(2**18) for _ in range(5)))
    for answer in (announced, streamed):
        assert answer.status_code == 413
        assert sentence(answer) == "The request is larger than the 1 MB that are accepted here."


def test_uploads_are_bounded_together(http, monkeypatch):
    monkeypatch.setitem(guard._UPLOADS, "/gradio_api/upload", 2**20)
    answer = http.post("/gradio_api/upload", files={"files": ("a.bin", bytes(2**20))})
    assert (answer.status_code, answer.text) == (413, "The request is larger than the 1 MB that are accepted here.")


def test_no_public_answer_tells_about_the_machine(http):
    told = [http.get(path).text for path in ("/", "/config", "/gradio_api/info", "/gradio_api/openapi.json")]
    secrets = [str(ROOT), sys.prefix, str(Path.home()) + "/", platform.python_version(), str(visitors_files.folder())]
    for text in told:
        assert [secret for secret in secrets if secret in text] == []
        assert re.findall(r"file=/[^\"]*", text) == []


def test_every_answer_has_the_security_headers(http):
    for path in ("/", "/config", f"/{static.address('points.js')}", "/nothing"):
        headers = http.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
        assert rules["default-src"] == rules["base-uri"] == "'self'"
        assert rules["object-src"] == "'none'"
        assert {"'self'", "https://huggingface.co", "https://*.hf.space"} <= set(rules["frame-ancestors"].split())


def test_the_pages_files_are_kept_by_the_browser_until_they_change(http):
    path = f"/{static.address('player.js')}"
    first = http.get(path)
    assert first.headers["content-type"].startswith(("text/javascript", "application/javascript"))
    assert "immutable" in first.headers["cache-control"]
    assert http.get(path, headers={"if-none-match": first.headers["etag"]}).status_code == 304
    older = http.get(path.replace(static.VERSION, "older"))
    assert (older.text, older.headers["cache-control"]) == (first.text, "no-cache")
    assert http.get(path.replace("player.js", "__init__.py")).status_code == 404


def test_the_server_fetches_nothing_from_an_address(address):
    file = {"path": "http://127.0.0.1:1/x.png", "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(Exception, match="fetche"):
        Client(address, verbose=False).predict(target=file, api_name="/trajectory")


def test_visitors_in_turn_leave_nothing_that_grows(http, call):
    """Each leaves about 32 kB, up to a number of them; with Gradio's own sessions and the answers it would be 0.5 MB.

    An answer that is still on its way when the memory is read adds some 0.3 MB once.
    """
    for k in range(5):
        visit_server(http, call, f"warm-{k}")
    gc.collect()
    tracemalloc.start()
    for k in range(25):
        visit_server(http, call, f"visitor-{k}")
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 25 * 100_000


def test_answers_that_nobody_fetches_are_bounded():
    async def flood() -> memory.Mailboxes:
        boxes = memory.Mailboxes(100, 1000)
        for k in range(20):
            boxes[f"session-{k}"] = asyncio.Queue()
            message = ProcessCompletedMessage(output={"data": [{"data": "x" * 300}]}, success=True)
            boxes[f"session-{k}"].put_nowait(message)
        assert boxes["session-19"].get_nowait().output == {"data": [{"data": "x" * 300}]}
        return boxes

    boxes = asyncio.run(flood())
    assert list(boxes) == ["session-17", "session-18", "session-19"]
    assert [box.weight for box in boxes.values()] == [300, 300, 0]


def put(folder: Path, name: str, size: int, age: float = 0) -> str:
    path = folder / name / "file.bin"
    path.parent.mkdir()
    path.write_bytes(bytes(size))
    then = path.stat().st_mtime - age
    os.utime(path, (then, then))
    return str(path)


def test_the_oldest_files_make_room_for_new_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(visitors_files, "MAX_TOTAL", 1000)
    oldest, old = (put(tmp_path, name, 400, age) for name, age in [("oldest", 9000), ("old", 900)])
    assert visitors_files.make_room(tmp_path, 200) == set()
    assert visitors_files.make_room(tmp_path, 500) == {oldest}
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    put(tmp_path, "young", 500)
    with pytest.raises(Refusal, match="no room"):
        visitors_files.make_room(tmp_path, 501)
    assert not Path(old).exists()


def test_an_upload_for_which_there_is_no_room_gets_a_sentence(http, monkeypatch):
    monkeypatch.setattr(visitors_files, "MAX_TOTAL", 0)
    answer = http.post("/gradio_api/upload", files={"files": ("a.bin", bytes(10))})
    expected = "The server has no room for more files at present; try again in a minute."
    assert (answer.status_code, answer.text) == (503, expected)


def test_the_folder_for_files_is_ones_own(tmp_path, monkeypatch):
    monkeypatch.setattr(visitors_files, "own_folder", lambda: tmp_path / "own")
    visitors_files.prepare(tmp_path / "own")
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700
    (tmp_path / "own").rename(tmp_path / "elsewhere")
    (tmp_path / "own").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refusal, match=r"belongs to another user; set GRADIO_TEMP_DIR to a folder"):
        visitors_files.prepare(tmp_path / "own")
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match=r"^Nothing can be written to .*; set GRADIO_TEMP_DIR to a folder"):
        visitors_files.prepare(tmp_path / "file" / "folder")


def test_a_busy_port_gets_a_sentence():
    options = {"host": None, "root_path": None, "share": False, "mcp": False}
    with socket.socket() as taken, gr.Blocks(analytics_enabled=False) as page:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Refusal, match=f"^Port {port} is in use"):
            app.serve(page, Namespace(port=port, **options))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGTERM")
def test_the_program_ends_in_the_middle_of_a_run(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(ROOT / "app.py"), "--port", str(port)]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(tmp_path / "files"), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, **how) as program:
        assert program.stdout
        line = next(line for line in program.stdout if "Running on" in line)
        http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
        assert str(port) in line
        long = {"images": 64, "compare": True, "steps": 100, "steps_b": 100}
        minutes = list((DIGITS.defaults | long).values())
        event = http.post("/gradio_api/call/digits", json={"data": minutes}).json()["event_id"]
        with http.stream("GET", f"/gradio_api/call/digits/{event}"):
            program.send_signal(signal.SIGTERM)
            try:
                assert program.wait(timeout=20) == 0
            finally:
                program.kill()  # else the block waits for it
        assert "Traceback" not in program.stdout.read()


def test_what_a_visitor_sends_is_shown_as_text(image_address, visit, tmp_path):
    link = "<a href=//example.org>Sign in</a>"
    page = visit(
        image_address,
        f"?tab=translate&seed={link}&solver={link}",
        player="#translate-player .fm-player",
        expected="status of 4|status of 5",
    )
    expect(page.locator("#translate-player .fm-refusal")).to_contain_text(link)
    name = "<img src=x> & <b>bold<b>.png"
    (tmp_path / name).write_text("no picture")
    page.click("#translate-upload > button")
    page.set_input_files("#translate-files input[type=file]", tmp_path / name)
    expect(page.locator(".toast-body")).to_contain_text("picture")
    assert page.locator("a[href*='example.org'], .toast-body img, .toast-body b").count() == 0
