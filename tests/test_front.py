"""The front page, which is made once for each address."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from fm_core.ui.front import ADDRESSES, Front

TEXT = "<p>The page</p>" * 1000


def asked(made: list[str], *requests: dict, status: int = 200, cookie: bool = False) -> list[httpx.Response]:
    """The answers of a page behind the middleware, which notes in `made` what it makes."""

    async def page(request: Request) -> Response:
        made.append(f"{request.method} {request.url}")
        await asyncio.sleep(0)
        answer = HTMLResponse(TEXT + str(request.url), status_code=status)
        if cookie:
            answer.set_cookie("name", "value")
        return answer

    app = Front(Starlette(routes=[Route("/{path:path}", page, methods=["GET", "POST"])]))  # pyright: ignore[reportArgumentType]

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:  # pyright: ignore[reportArgumentType]
            calls = [client.request(**{"method": "GET", "url": "http://a/", **request}) for request in requests]
            return await asyncio.gather(*calls)

    return asyncio.run(ask())


def test_it_is_made_once_for_all_who_ask_at_an_address():
    made: list[str] = []
    answers = asked(made, {}, {}, {"url": "http://a/?steps=3&tab=digits"}, {"url": "http://b/"}, {})
    assert made == ["GET http://a/", "GET http://b/"]
    assert [answer.text for answer in answers] == [TEXT + f"http://{host}/" for host in "aaaba"]


def test_it_is_compressed_for_those_who_can_read_that():
    plain, small = asked([], {"headers": {"accept-encoding": "identity"}}, {"headers": {"accept-encoding": "gzip, br"}})
    assert plain.text == small.text
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) < int(plain.headers["content-length"]) / 10
    assert plain.headers["vary"] == small.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ({"method": "POST"}, {}),
        ({"url": "http://a/config"}, {}),
        ({"url": "http://a/?deep_link=x"}, {}),
        ({}, {"status": 500}),
        ({}, {"cookie": True}),
    ],
)
def test_nothing_else_is_kept(request_, answer):
    made: list[str] = []
    asked(made, request_, request_, **answer)
    assert len(made) == 2


def test_invented_addresses_take_bounded_memory():
    made: list[str] = []
    hosts = [{"url": f"http://host-{k}/"} for k in range(ADDRESSES + 1)]
    asked(made, *hosts, hosts[0], hosts[-1])
    assert len(made) == ADDRESSES + 2
