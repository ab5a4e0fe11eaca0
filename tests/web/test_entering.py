"""Who is answered, and which headers keep a browser from doing what a stored text wants."""

import pytest
from starlette.testclient import TestClient
from support import only_sqlite
from web.conftest import BASE, TOKEN

from hermes_store.web.application import application

pytestmark = only_sqlite  # what differs between databases is tested with lists and searches


PAGES = ["/", "/search?q=x", "/s/s", "/s/s?whole=1", "/s/s?m=1&image=0", "/live/s", "/none"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer x"}, {"Authorization": TOKEN}, {"Cookie": "hermes_store=x"}],
)
def test_without_the_token_no_page_is_shown(stranger, stored, page, headers):
    stored({"role": "user", "content": "a secret"})
    answer = stranger.get(page, headers=headers)
    assert answer.status_code == 401
    assert "Open the link that hermes-store serve printed." in answer.text
    assert "secret" not in answer.text


def test_the_link_sets_a_cookie_that_no_script_reads_and_no_other_site_sends(stranger):
    answer = stranger.get(f"/?token={TOKEN}")
    cookie = answer.headers["set-cookie"].lower()
    assert "; httponly" in cookie
    assert "; samesite=strict" in cookie
    assert "domain" not in cookie
    assert TOKEN not in answer.headers["set-cookie"]
    assert stranger.get("/").status_code == 200


def test_the_link_leads_on_to_an_address_without_the_token(stranger):
    answer = stranger.get(f"/s/a%20b?m=7&token={TOKEN}")
    assert 'content="0;url=/s/a%20b?m=7"' in answer.text
    assert TOKEN not in answer.text


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "/%5Cevil.example/"])
def test_the_link_leads_to_no_other_host(repository, path):
    told = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        told.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path.replace("%5C", "\\"),
        "query_string": f"token={TOKEN}".encode(),
        "headers": [(b"host", b"localhost")],
    }
    TestClient(application(repository, TOKEN))  # makes the application as the server does
    import asyncio

    asyncio.run(application(repository, TOKEN)(scope, receive, send))
    target = told[1]["body"].decode().partition("0;url=")[2].partition('"')[0]
    assert target[0] == "/"
    assert target[1:2] not in {"/", "\\"}


def test_a_link_with_another_token_is_refused_with_what_to_do(stranger):
    answer = stranger.get("/?token=another")
    assert answer.status_code == 401
    assert "each run has a new token" in answer.text
    assert "set-cookie" not in answer.headers


def test_a_token_may_hold_any_character(repository):
    token = 'é "; \n 記憶'
    client = TestClient(application(repository, token), base_url=BASE)
    assert client.get("/", params={"token": token}).status_code == 200
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8766", "", "127.0.0.1.evil.example", "[::2]"]
)
def test_another_host_is_refused_so_that_no_name_can_be_rebound(client, host):
    answer = client.get("/", headers={"Host": host})
    assert answer.status_code == 400
    assert "<h1>Another host</h1>" in answer.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:9000", "localhost:1", "LOCALHOST", "[::1]:8766"]
)
def test_this_machine_is_answered_at_each_of_its_names_also_through_a_tunnel(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(("host", "status"), [("192.0.2.7:8766", 200), ("evil.example", 400)])
def test_at_every_address_a_number_is_answered_and_another_name_is_not(repository, host, status):
    client = TestClient(application(repository, TOKEN, "0.0.0.0"), base_url=BASE)
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": host}
    assert client.get("/", headers=headers).status_code == status


@pytest.mark.parametrize("page", [*PAGES, "/static/style.css", "/?token=x"])
def test_every_answer_forbids_what_pages_do_not_need(stranger, page):
    headers = stranger.get(page).headers
    policy = dict(
        each.strip().split(" ", 1) for each in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert {value for name, value in policy.items()} == {"'none'", "'self'"}
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_no_page_has_a_script_or_a_style_in_it(client, stored):
    stored({"role": "user", "content": "x"})
    for page in PAGES[:4]:
        text = client.get(page).text
        assert "<style" not in text
        assert " style=" not in text
        assert text.count("<script") == text.count(
            '<script src="/static/follow.js" defer></script>'
        )


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_pages_can_only_be_read(client, method):
    answer = client.request(method, "/")
    assert answer.status_code == 405
    assert "These pages can only be read." in answer.text
