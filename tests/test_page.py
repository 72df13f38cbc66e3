"""The page of the server, as a person with a browser meets it."""

import json
import re
import shutil
from pathlib import Path

import pytest

import seq2seq

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = pytest.mark.neutral
expect = playwright.expect

PAGE = Path(seq2seq.__file__).parent / "serving" / "page"
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}

# --- Answers that no model gives -----------------------------------------------------------------

SOURCE = ["where", "is", "the", "nearest", "station", "?", "[EOS]"]
TOKENS = [
    ("最近", 0.62, [("离", 0.21), ("附近", 0.09)]),
    ("的", 0.97, [("地铁", 0.02), ("一", 0.004)]),
    ("车站", 0.71, [("站", 0.18), ("地铁站", 0.06)]),
    ("在", 0.88, [("到", 0.05), ("怎么", 0.03)]),
    ("哪里", 0.34, [("哪儿", 0.33), ("哪", 0.19)]),
    ("？", 0.99, [("。", 0.006), ("?", 0.001)]),
    ("[EOS]", 0.999, [("吗", 0.0004), ("的", 0.0001)]),
]
FOCUS = [3, 2, 4, 1, 0, 5, 6]  # the source token that each token looks at most


def named(token, probability, others):
    alternatives = [{"token": name, "probability": chance} for name, chance in others]
    return {
        "token": token,
        "probability": probability,
        "alternatives": [{"token": token, "probability": probability}, *alternatives],
    }


def result(text, tokens, score, source=SOURCE, attention=True, finish_reason="stop"):
    weights = [[0.76 if column == row else 0.04 for column in range(len(SOURCE))] for row in FOCUS]
    return {
        "text": text,
        "finish_reason": finish_reason,
        "score": score,
        "normalised_score": score / 1.8,
        "tokens": [named(*token) for token in tokens],
        "source_tokens": source,
        "attention": weights[: len(tokens)] if attention else None,
    }


def translation(text="最近的车站在哪里？", tokens=TOKENS, score=-1.97):
    return result(text, tokens, score)


# --- The browser ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, address):
    """Opens the page; afterwards nothing may have gone wrong unseen."""
    contexts, wrong = [], []

    def listen(message):
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            wrong.append(message.text)

    def open_page(viewport=DESKTOP, routes=(), path="", **options):
        context = browser.new_context(viewport=viewport, **{"locale": "en-GB", **options})
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", listen)
        for pattern, handler in dict(routes).items():
            page.route(f"**/{pattern}", handler)
        page.goto(f"{address}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(open_page, request):
    return open_page(request.param)


def send(page, text="where is the nearest station ?", model="translator", **settings):
    """Sends a text, as soon as there are models, and returns the place of its results."""
    page.get_by_label("Model").select_option(model)
    page.locator("textarea").fill(text)
    if settings and not page.get_by_label("Sampler").is_visible():
        page.get_by_text("Settings").click()
    for label, value in settings.items():
        control = page.get_by_label(label.replace("_", " "))
        if label == "Sampler":
            control.select_option(value)
        else:
            control.fill(value)
    page.get_by_role("button", name="Send").click()
    return page.locator("#results")


def wait(page):
    """Waits for the end of the answer."""
    expect(page.locator("#results[aria-busy=false]")).to_have_count(1)


def reply(body, status=200, kind="application/json"):
    """Returns a handler of requests that always replies this."""
    text = body if isinstance(body, str) else json.dumps(body)
    return lambda route: route.fulfill(status=status, content_type=kind, body=text)


def refusal(message, status=400):
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return reply({"error": error}, status)


def streamed(*sent, end="data: [DONE]\n\n"):
    text = "".join(f"data: {json.dumps(event)}\n\n" for event in sent)
    return reply(text + end, kind="text/event-stream")


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# --- Answers -------------------------------------------------------------------------------------


def test_text_streams_in(page, served_models):
    with page.expect_response("**/v1/generate") as response:
        results = send(page)
    wait(page)
    *_, last, done = response.value.text().split("\n\n")[:-1]
    assert done == "data: [DONE]"
    answer = json.loads(last.removeprefix("data: "))["result"]
    assert answer["text"] == served_models["translator"].generate("where is the nearest station ?")
    expect(results.locator(".tokens")).to_have_text(answer["text"])
    expect(results.locator(".token")).to_have_count(len(answer["tokens"]))
    shades = results.locator(".token").evaluate_all(
        "tokens => tokens.map(token => token.style.getPropertyValue('--weight'))"
    )
    assert [float(shade) for shade in shades] == pytest.approx(
        [token["probability"] for token in answer["tokens"]], abs=1e-5
    )
    asked = response.value.request.post_data_json
    assert asked["stream"] and asked["details"] and asked["sampler"] == "greedy"
    assert "width" not in asked and "seed" not in asked


def test_shades_tell_probabilities_apart(page):
    events = [{"text": token[0], **named(*token)} for token in TOKENS[:-1]]
    page.route("**/v1/generate", streamed(*events, {"result": translation()}))
    results = send(page)
    wait(page)
    colours = results.locator(".token").evaluate_all(
        "tokens => tokens.map(token => getComputedStyle(token).backgroundColor)"
    )
    assert len(set(colours)) > 4


def test_events_come_in_any_parts(open_page):
    page = open_page()
    answer = translation()
    sent = [{"text": "最近的车站", **answer["tokens"][0]}, {"text": "。", **answer["tokens"][5]}]
    text = "".join(f"data: {json.dumps(event, ensure_ascii=False)}\r\n\r\n" for event in sent)
    page.evaluate(
        """(text) => {
          const start = (stream) => {
            const bytes = new TextEncoder().encode(text);
            for (const byte of bytes) stream.enqueue(new Uint8Array([byte]));
            stream.close();
          };
          window.fetch = async () => new Response(new ReadableStream({ start }));
        }""",
        text + "data: [DONE]\r\n\r\n",
    )
    results = send(page)
    wait(page)
    expect(results.locator(".tokens")).to_have_text("最近的车站。")
    expect(page.get_by_role("alert")).to_have_text("")


def test_prompt_of_language_model(page):
    results = send(page, "One evening", "novelist", Maximum_tokens="12")
    wait(page)
    text = results.locator(".tokens").text_content()
    assert text.startswith("One evening")
    assert "One" not in results.locator(".token").first.text_content()
    expect(results).to_contain_text("Cut off")
    expect(results.locator("table")).to_have_count(0)


def test_sampling_sends_its_settings(page):
    with page.expect_request("**/v1/generate") as request:
        send(page, Sampler="sample", Temperature="0.7", Top_p="0.9", Seed="1")
    asked = request.value.post_data_json
    assert asked["temperature"] == 0.7 and asked["top_p"] == 0.9 and asked["seed"] == 1
    assert asked["top_k"] is None and asked["stream"] and "width" not in asked
    wait(page)


def test_beam_search_lists_the_best(page):
    results = send(page, Sampler="beam", Beam_width="4", Number_of_results="3")
    wait(page)
    texts = results.locator(".tokens").all_text_contents()
    assert len(texts) == len(set(texts)) == 3
    for item in results.locator(".texts > li").all():
        expect(item).to_contain_text(re.compile(r"Score.-\d+\.\d\d.*normalised.-\d+\.\d\d"))
        # Every visible token covers its own part of the text.
        covered = "".join(item.locator(".token").all_text_contents())
        assert covered == item.locator(".tokens").text_content().replace(" ", "")


def test_attention_is_a_table(page):
    results = send(page)
    table = results.get_by_role("table")
    expect(table).to_be_visible()
    columns = table.locator("thead th[scope=col]").all_text_contents()
    rows = table.locator("tbody th[scope=row]").all_text_contents()
    assert columns[-1] == rows[-1] == "[EOS]"
    cells = table.locator("tbody td")
    expect(cells).to_have_count(len(rows) * len(columns))
    title, text = cells.first.get_attribute("title"), cells.first.text_content()
    assert title == f"{rows[0]} ← {columns[0]}: {text}" and 0 <= float(text) <= 1
    frame = results.get_by_role("region", name="Attention")
    frame.focus()
    expect(frame).to_be_focused()  # so that the arrow keys scroll it


def test_bars_of_classifier(page):
    results = send(page, "what a lovely day", "sentiment")
    wait(page)
    rows = results.get_by_role("listitem")
    chances = [float(re.search(r"([\d.]+)%", text)[1]) for text in rows.all_text_contents()]
    assert chances == sorted(chances, reverse=True) and 99 < sum(chances) < 101
    widths = results.locator(".bar").evaluate_all(
        "bars => bars.map(bar => parseFloat(getComputedStyle(bar).backgroundSize))"
    )
    assert widths == pytest.approx(chances, abs=0.1)
    expect(rows.first).to_have_class("chosen")
    expect(page.get_by_text("Settings")).to_be_hidden()


# --- Alternatives --------------------------------------------------------------------------------


def test_alternatives_on_hover(page):
    results = send(page)
    wait(page)
    alternatives = page.get_by_role("tooltip")
    expect(alternatives).to_be_hidden()
    for token in (results.locator(".token").first, results.locator(".token").nth(-2)):
        token.hover()
        expect(alternatives).to_contain_text(token.text_content())
        assert alternatives.get_by_role("listitem").count() >= 3
        assert fits(page)
    alternatives.hover()
    expect(alternatives).to_be_visible()
    page.get_by_role("heading", name="Answer").hover()
    expect(alternatives).to_be_hidden()


def test_alternatives_by_keyboard(page):
    results = send(page)
    wait(page)
    tokens, alternatives = results.locator(".token"), page.get_by_role("tooltip")
    page.get_by_role("link", name="API").focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if tokens.first.evaluate("token => token === document.activeElement"):
            break
    expect(tokens.first).to_be_focused()
    expect(alternatives).to_be_visible()
    assert tokens.first.evaluate("token => getComputedStyle(token).outlineStyle") == "solid"
    expect(tokens.first).to_have_attribute("aria-describedby", "alternatives")
    for key, place in {"ArrowRight": 1, "End": -1, "ArrowLeft": -2, "Home": 0}.items():
        page.keyboard.press(key)
        token = tokens.nth(place)
        expect(token).to_be_focused()
        expect(alternatives).to_contain_text(token.text_content())
    page.keyboard.press("Escape")
    expect(alternatives).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(alternatives).to_be_visible()
    page.keyboard.press("Tab")  # leaves the tokens all at once
    expect(results.locator(".token:focus")).to_have_count(0)
    expect(alternatives).to_be_hidden()


def test_alternatives_stay_on_the_screen(open_page):
    page = open_page({"width": 390, "height": 600})
    results = send(page)
    wait(page)
    token = results.locator(".token").first
    token.evaluate("token => scrollBy(0, token.getBoundingClientRect().bottom - innerHeight)")
    token.hover()
    box, place = page.get_by_role("tooltip").bounding_box(), token.bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= place["y"] + 1


def test_tap_shows_alternatives(open_page):
    page = open_page(PHONE, has_touch=True)
    results = send(page)
    wait(page)
    results.locator(".token").nth(1).tap()
    expect(page.get_by_role("tooltip")).to_be_visible()


# --- Sending and stopping ------------------------------------------------------------------------


def test_control_enter_sends(page):
    text = page.get_by_label("Text")
    text.fill("hello")
    text.press("Enter")
    expect(page.locator("#answer")).to_be_hidden()
    text.press("Control+Enter")
    wait(page)
    expect(page.locator("#results .token").first).to_be_visible()


def test_stop_aborts(page):
    results = send(page, "One evening", "novelist", Maximum_tokens="50000")
    stop = page.get_by_role("button", name="Stop")
    expect(results.locator(".token").nth(3)).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    with page.expect_event("requestfailed"):
        stop.click()
    wait(page)
    expect(results).to_contain_text("Stopped")
    expect(stop).to_be_disabled()
    count = results.locator(".token").count()
    page.wait_for_timeout(200)
    assert 3 < count == results.locator(".token").count() < 50_000
    send(page)
    wait(page)
    expect(page.locator("#results table")).to_be_visible()


def test_invalid_setting_is_brought_to_sight(page):
    send(page, Maximum_tokens="0")
    page.get_by_text("Settings").click()
    expect(page.get_by_label("Maximum tokens")).to_be_hidden()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_label("Maximum tokens")).to_be_focused()
    expect(page.locator("#answer")).to_be_hidden()


# --- What goes wrong -----------------------------------------------------------------------------


def test_error_is_said_and_the_page_goes_on(page):
    page.route("**/v1/generate", refusal("Expected max_length of at most 500."))
    send(page)
    alert = page.get_by_role("alert")
    expect(alert).to_have_text("Expected max_length of at most 500.")
    wait(page)
    page.unroute("**/v1/generate")
    results = send(page)
    expect(alert).to_have_text("")
    expect(results.get_by_role("table")).to_be_visible()


@pytest.mark.parametrize(
    "handler, english, chinese",
    [
        (lambda route: route.abort(), "The server cannot be reached.", "无法连接服务器。"),
        (reply("<h1>Bad gateway</h1>", 502), "no answer that this page can read", "无法读取"),
        (streamed(end=""), "broke off", "中断"),
    ],
    ids=["unreached", "unreadable", "broken off"],
)
def test_own_errors_speak_both_languages(open_page, handler, english, chinese):
    page = open_page()
    page.route("**/v1/generate", handler)
    # A reply that cannot be read is also told to whoever reads the console.
    page.evaluate("console.error = console.warn")
    send(page)
    expect(page.get_by_role("alert")).to_contain_text(english)
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("alert")).to_contain_text(chinese)


def test_error_in_the_middle_keeps_the_text(page):
    token = {"text": "最近", **named(*TOKENS[0])}
    page.route("**/v1/generate", streamed(token, {"error": {"message": "Out of memory."}}))
    results = send(page)
    expect(page.get_by_role("alert")).to_have_text("Out of memory.")
    expect(results.locator(".tokens")).to_have_text("最近")
    wait(page)


def test_key_is_asked_for_and_sent(page):
    def handler(route):
        if route.request.headers.get("authorization") == "Bearer secret":
            route.fallback()
        else:
            refusal("No key.", 401)(route)

    page.route("**/v1/*", handler)
    key = page.get_by_label("API key")
    expect(key).to_be_hidden()
    send(page)
    expect(key).to_be_focused()
    expect(page.get_by_role("alert")).to_have_text("This server asks for an API key.")
    key.fill("secret")
    key.press("Enter")
    results = send(page)
    expect(results.get_by_role("table")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_text("")


def test_key_is_asked_for_before_there_are_models(open_page):
    def handler(route):
        if "authorization" in route.request.headers:
            route.fallback()
        else:
            refusal("No key.", 401)(route)

    page = open_page(routes={"v1/*": handler})
    page.get_by_label("API key").fill("secret")
    page.get_by_label("API key").press("Enter")
    expect(page.get_by_label("Model")).to_have_value("translator")
    expect(page.get_by_role("alert")).to_have_text("")


def test_sending_waits_for_the_models(open_page):
    page = open_page(routes={"v1/models": lambda route: route.abort()})
    expect(page.get_by_role("alert")).to_have_text("The server cannot be reached.")
    page.unroute("**/v1/models")
    page.get_by_label("Text").fill("where is the nearest station ?")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("table")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_text("")


def test_no_models(open_page):
    page = open_page(routes={"v1/models": reply({"object": "list", "data": []})})
    expect(page.get_by_role("alert")).to_have_text("This server has no model.")


def test_text_is_never_markup(page):
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    answer = result(attack, [(attack, 0.5, [("<b>", 0.1), ("</p>", 0.1)])], -1.0, [attack])
    answer["attention"] = [[1.0]]
    page.route(
        "**/v1/generate", streamed({"text": attack, **answer["tokens"][0]}, {"result": answer})
    )
    results = send(page, attack)
    wait(page)
    expect(results.locator(".tokens")).to_have_text(attack)
    results.locator(".token").hover()
    expect(page.get_by_role("tooltip")).to_contain_text("<b>")
    assert page.locator("#results :is(script, img), #alternatives :is(script, img, b)").count() == 0
    assert fits(page)


# --- Languages, sizes, colours -------------------------------------------------------------------


def test_language_is_switched_and_remembered(page):
    results = send(page)
    wait(page)
    html = page.locator("html")
    expect(html).to_have_attribute("lang", "en")
    page.get_by_role("button", name="中文").click()
    expect(html).to_have_attribute("lang", "zh-CN")
    expect(page.get_by_role("button", name="发送")).to_be_visible()
    expect(results).to_contain_text("得分")
    expect(page.get_by_role("group", name="语言")).to_be_visible()
    assert page.evaluate("localStorage.getItem('seq2seq-language')") == "zh-CN"
    page.reload()
    expect(page.get_by_role("button", name="中文")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("文本")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(html).to_have_attribute("lang", "en")
    expect(page.get_by_role("button", name="Send")).to_be_visible()


def test_language_of_the_browser(open_page):
    expect(open_page(locale="zh-TW").locator("html")).to_have_attribute("lang", "zh-CN")
    expect(open_page(locale="de").locator("html")).to_have_attribute("lang", "en")


def test_both_languages_say_everything(page):
    texts = page.evaluate("fetch('page/words.js').then(response => response.text())")
    names = [
        set(re.findall(r"^    (\w+):", part, re.M))
        for part in texts.split("let language")[0].split('"zh-CN": {')
    ]
    assert len(names) == 2 and names[0] == names[1]
    used = set(re.findall(r'data-(?:words|label)="(\w+)"', page.content()))
    assert used <= names[0]


def test_no_horizontal_scrolling(open_page):
    page = open_page(PHONE)
    assert fits(page)
    results = send(page, Sampler="beam")
    expect(results.get_by_role("table").first).to_be_visible()
    assert fits(page)
    send(page, "x" * 200, "novelist", Sampler="sample", Maximum_tokens="40")
    wait(page)
    assert fits(page)
    wide = result("多", [("多", 0.5, [])], -1.0, ["much"] * 40)
    wide["attention"] = [[0.025] * 40]
    page.route("**/v1/generate", streamed({"result": wide}))
    expect(send(page).get_by_role("table")).to_be_visible()
    assert fits(page)
    page.get_by_role("button", name="中文").click()
    assert fits(page)


# The contrast of each text with what lies behind it, half transparent shades included.
CONTRASTS = """() => {
  const read = (colour) => {
    const [red, green, blue, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
    return [red, green, blue, alpha];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((c, i) => c * a + below[i] * (1 - a));
  const behind = (element) => {
    const below = element.parentElement ? behind(element.parentElement) : [255, 255, 255];
    return over(read(getComputedStyle(element).backgroundColor), below);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((c) => c / 255).map((c) =>
      c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const { parentElement: element, data } = walker.currentNode;
    const seen = element.checkVisibility() && !element.matches(".unseen, :disabled");
    if (!seen || !data.trim()) continue;
    const ground = behind(element);
    const one = light(over(read(getComputedStyle(element).color), ground)), other = light(ground);
    found.push([(Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05), data.trim()]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(open_page, scheme):
    page = open_page(color_scheme=scheme)
    refuse = refusal("No key.", 401)
    page.route("**/v1/generate", refuse)
    send(page, Sampler="beam")
    expect(page.get_by_role("alert")).to_be_visible()
    low = [each for each in page.evaluate(CONTRASTS) if each[0] < 4.5]
    page.unroute("**/v1/generate")
    results = send(page)
    expect(results.get_by_role("table")).to_be_visible()
    results.locator(".token").first.focus()
    expect(page.get_by_role("tooltip")).to_be_visible()
    found = page.evaluate(CONTRASTS)
    token = results.locator(".token").first.text_content()
    assert {token, "Settings", "Send", "中文"} <= {text for _, text in found}
    assert not low + [each for each in found if each[0] < 4.5]


def test_everything_has_a_name(page):
    send(page, Sampler="sample")
    wait(page)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("input, select, textarea, button, a, summary")]
          .filter((control) => !(control.labels?.[0] ?? control).textContent.trim())
          .map((control) => control.outerHTML)"""
    )
    assert not nameless
    expect(page.get_by_role("heading", level=1)).to_have_text("seq2seq")
    expect(page.get_by_role("heading", level=2, name="Answer")).to_be_visible()
    assert page.title() == "seq2seq"
    for landmark in ("banner", "navigation", "main"):
        expect(page.get_by_role(landmark)).to_have_count(1)
    expect(page.locator("#results")).to_have_attribute("aria-live", "polite")
    expect(page.get_by_role("link", name="API")).to_have_attribute("href", "docs")


def test_focus_is_seen(page):
    page.locator("body").press("Tab")
    for _ in range(12):
        style = page.evaluate(
            "(({ outlineStyle, outlineWidth }) => [outlineStyle, outlineWidth])"
            "(getComputedStyle(document.activeElement))"
        )
        tag = page.evaluate("document.activeElement.tagName")
        if tag == "BODY":
            break
        assert style == ["solid", "2px"], tag
        page.keyboard.press("Tab")
    else:
        pytest.fail("Tab never came round")


def test_works_under_any_path(open_page, address):
    """A proxy may serve it below another address."""
    asked = []

    def forward(route):
        asked.append(route.request.url)
        route.continue_(url=route.request.url.replace("/below/", "/"))

    page = open_page(routes={"**": forward}, path="below/")
    expect(send(page).get_by_role("table")).to_be_visible()
    assert asked and all(url.startswith(f"{address}below/") for url in asked)
    assert (
        page.get_by_role("link", name="API").evaluate("link => link.href") == f"{address}below/docs"
    )


def test_the_documentation_is_drawn(open_page, address):
    page = open_page()
    page.goto(f"{address}docs")
    expect(page.get_by_text("/v1/chat/completions", exact=True)).to_be_visible()


def test_nothing_is_inline():
    for path in PAGE.iterdir():
        text = path.read_text(encoding="utf-8")
        assert "innerHTML" not in text, path
        if path.suffix == ".html":
            assert not re.search(r"\s(?:style|on\w+)=|<style|<script>", text), path
