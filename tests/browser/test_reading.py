"""What a person does with the pages: list, choose, search, open, follow."""

from playwright.sync_api import expect

RACE = "20260210_091204_3f9ac1"
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)


def test_a_list_leads_to_a_conversation(opened):
    page = opened()
    page.get_by_role("link", name="Token refresh race", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Token refresh race")
    assert page.get_by_role("article").count() == 19


def test_sessions_are_chosen_by_a_link_beside_the_list(opened):
    page = opened()
    page.get_by_role("link", name="telegram").click()
    expect(page.locator(".sessions li")).to_have_count(2)
    page.get_by_label("Words of the title").fill("whiteboard")
    page.get_by_role("button", name="Choose").click()
    expect(page.locator(".sessions li")).to_have_count(1)


def test_a_search_leads_to_the_message_in_its_conversation(opened):
    page = opened()
    page.get_by_role("searchbox").fill("barrier")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("mark").first).to_have_text("barrier")
    hit = page.get_by_role("article").first.get_by_role("link")
    number = hit.inner_text().removeprefix("#")
    hit.click()
    expect(page.locator(f"#m{number}")).to_be_in_viewport()


def test_what_is_folded_opens_without_a_script(opened):
    page = opened(java_script_enabled=False)
    page.get_by_role("link", name="Token refresh race", exact=True).click()
    folded = page.locator("details").first
    expect(folded.locator("p")).to_be_hidden()
    folded.locator("summary").click()
    expect(folded.locator("p")).to_be_visible()


def test_a_message_appears_as_it_is_stored(opened, store):
    page = opened()
    page.get_by_role("link", name="Token refresh race", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("New messages are shown as they come.")
    said = "now <b>live</b>"
    message = store.append_message(RACE, "user", said)
    expect(page.locator(f"#m{message} .text")).to_have_text(said)
    expect(page.get_by_role("article")).to_have_count(20)
    store.delete_session(RACE)
    expect(page.get_by_role("status")).to_have_text("The session was deleted.")


def test_an_image_that_is_stored_is_shown(opened, store):
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    message = store.append_message(RACE, "user", [{"type": "text", "text": "Look"}, image])
    page = opened()
    page.goto(f"{page.url}s/{RACE}?m={message}#m{message}")
    expect(page.get_by_role("img", name=f"Image 2 of message {message}")).to_be_visible()
    page.wait_for_function("document.querySelector('img').naturalWidth === 1")


def test_a_page_says_when_the_server_has_ended(opened, server):
    page = opened()
    page.get_by_role("link", name="Token refresh race", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("New messages are shown as they come.")
    server.terminate()
    expect(page.get_by_role("status")).to_contain_text("The server does not answer")


def test_every_page_is_used_by_the_keyboard_alone(opened):
    page = opened()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    first = page.locator(".sessions a").first
    for _ in range(40):
        page.keyboard.press("Tab")
        if first.evaluate("each => each === document.activeElement"):
            break
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cleaning up the build host")
    summary = page.locator("summary").first
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details").first).to_have_attribute("open", "")


def test_a_session_that_was_deleted_is_told_with_a_way_back(opened, store):
    page = opened()
    store.delete_session(RACE)
    page.get_by_role("link", name="Token refresh race", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("No such session")
    page.get_by_role("link", name="All sessions").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sessions")


def test_usage_is_drawn_without_a_script_and_comes_as_csv(opened, store):
    store.record_usage(RACE, model="large", input_tokens=900, actual_cost_usd=0.5)
    page = opened(java_script_enabled=False)
    page.get_by_role("link", name="Usage").click()
    page.get_by_label("Summed up by").select_option("model")
    page.get_by_label("Bars of").select_option("cost")
    page.get_by_role("button", name="Choose").click()
    expect(page.get_by_role("img", name="Cost by model")).to_be_visible()
    bar = page.locator("figure svg .bar rect").first
    expect(bar).to_have_css("fill", "rgb(230, 159, 0)")
    expect(page.get_by_role("row", name="large")).to_contain_text("$0.5000")
    with page.expect_download() as download:
        page.get_by_role("link", name="As CSV").click()
    assert download.value.suggested_filename == "usage.csv"
    assert "\nlarge,1,1,900," in download.value.path().read_text()
