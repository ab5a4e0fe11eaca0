"""Images in messages: those that are stored are shown, and nothing is fetched from elsewhere."""

import base64

import pytest
from support import only_sqlite
from web.conftest import links, main_of

pytestmark = only_sqlite  # what differs between databases is tested with lists and searches

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)
URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
FORMS = {
    "chat completions": {"type": "image_url", "image_url": {"url": URL}},
    "responses": {"type": "input_image", "image_url": URL},
    "messages": {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": URL.partition(",")[2]},
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_an_image_is_shown_in_each_form_that_providers_send(client, stored, form):
    [message] = stored({"role": "user", "content": [{"type": "text", "text": "Look"}, FORMS[form]]})
    said = main_of(client.get("/s/s"))
    address = f"?m={message}&image=1"
    assert f'<img src="{address.replace("&", "&amp;")}" alt="Image 2 of message {message}"' in said
    answer = client.get(f"/s/s{address}")
    assert answer.content == PNG
    assert answer.headers["content-type"] == "image/png"


def test_an_image_of_another_server_is_a_link_and_not_fetched(client, stored):
    elsewhere = "https://images.example/a.png?x=1&y=2"
    stored({"role": "user", "content": [{"type": "image_url", "image_url": {"url": elsewhere}}]})
    answer = client.get("/s/s")
    assert elsewhere in links(answer)
    assert 'rel="noreferrer noopener nofollow"' in main_of(answer)
    assert "<img" not in answer.text


@pytest.mark.parametrize(
    "url",
    [
        "data:image/svg+xml;base64,PHN2Zz4=",
        "data:text/html;base64,PGI+",
        "javascript:alert(1)",
        "data:image/png;base64,!!!",
        "",
        "file:///etc/passwd",
        "//evil.example/a.png",
    ],
)
def test_what_is_no_image_is_text_or_refused_and_never_a_link(client, stored, url):
    [message] = stored(
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    )
    assert not [link for link in links(client.get("/s/s")) if url and link.startswith(url[:8])]
    assert client.get(f"/s/s?m={message}&image=0").status_code == 400


@pytest.mark.parametrize("place", ["1", "0", "x", "99999999999999999999"])
def test_a_part_that_is_no_image_is_refused(client, stored, place):
    [message] = stored({"role": "user", "content": "text"})
    assert client.get(f"/s/s?m={message}&image={place}").status_code == 400
