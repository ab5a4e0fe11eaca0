"""Hostile conversations in a real browser: nothing runs, nothing is fetched, nothing turns."""

from playwright.sync_api import expect

RACE = "20260210_091204_3f9ac1"

HOSTILE = [
    "<script>window.canary = 1; alert(1)</script>",
    "<img src=x onerror='window.canary = 1'>",
    '"><svg onload=window.canary=1>',
    "<a href='javascript:window.canary=1'>click</a> [click](javascript:window.canary=1)",
    "<style>body { display: none }</style><meta http-equiv=refresh content='0;url=//evil.example'>",
    "<iframe src='//evil.example'></iframe><form action='//evil.example'><button>x</button></form>",
    "</p></article></main><base href='//evil.example'>",
    "price \u202e000,1\u202c and \u2066hidden\u2069",
    "![remote](https://evil.example/pixel.png)",
]


def test_hostile_texts_are_read_and_do_nothing(opened, store):
    image = {"type": "image_url", "image_url": {"url": "https://evil.example/pixel.png"}}
    store.create_session("h", HOSTILE[0], HOSTILE[1], user_id=HOSTILE[2])
    store.append_messages("h", [{"role": "user", "content": text} for text in HOSTILE])
    call = {"function": {"name": HOSTILE[1], "arguments": HOSTILE[0]}}
    last = store.append_message("h", "assistant", [image], tool_calls=[call], reasoning=HOSTILE[2])
    store.set_session_title("h", HOSTILE[0])
    page = opened()
    at = page.url
    for address in ("", "s/h", f"s/h?whole={last}", "search?q=canary"):
        page.goto(f"{at}{address}")
        expect(page.get_by_text("window.canary = 1; alert(1)").first).to_be_attached()
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert page.evaluate("window.canary") is None
        assert page.url == f"{at}{address}"
    page.goto(f"{at}s/h")
    shown = page.get_by_role("article").all_inner_texts()
    assert "price <U+202E>000,1<U+202C>" in "".join(shown)
    assert page.locator("main a[href^='javascript']").count() == 0


def test_a_hostile_text_that_arrives_live_does_nothing(opened, store):
    page = opened()
    page.get_by_role("link", name="Token refresh race", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("New messages are shown as they come.")
    ids = store.append_messages(RACE, [{"role": "user", "content": text} for text in HOSTILE])
    for number, text in zip(ids, HOSTILE, strict=True):
        expect(page.locator(f"#m{number} .text")).to_contain_text(text[:6])
    assert page.evaluate("window.canary") is None


def test_a_stored_script_does_not_run_where_escaping_fails(opened):
    """The second wall: what the browser is told to refuse."""
    page, failures = opened(refusals_are_meant=True), []
    page.on("requestfailed", lambda asked: failures.append((asked.url, asked.failure)))
    page.evaluate(
        """() => {
            window.refused = [];
            document.addEventListener("securitypolicyviolation", e => window.refused.push(e.effectiveDirective));
            document.body.insertAdjacentHTML("beforeend", "<img src='https://evil.example/x.png' onerror='window.canary = 1'>");
            const script = document.createElement("script");
            script.textContent = "window.canary = 1";
            document.body.append(script);
        }"""
    )
    page.wait_for_function("window.refused.length >= 2")
    assert page.evaluate("window.canary") is None
    assert failures == [("https://evil.example/x.png", "csp")]
