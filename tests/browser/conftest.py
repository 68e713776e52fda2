"""One browser and one page for all tests here; a test fails on every complaint of the page and every foreign request."""

import os
import shutil

import pytest

from .frontend import Frontend

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
)  # containers have neither; the canvas is ten times faster without a made-up GPU
WINDOW = {"width": 1440, "height": 900}


def lacking(reason):
    """End a test that cannot be made: an error in CI, a skip at a desk."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def playwright():
    """What drives the browser."""
    try:
        from playwright import sync_api
    except ImportError:
        lacking("no playwright: 'python run.py test' puts it into .likeness/env")
    return sync_api


def program():
    """The browser's program."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if not found:
        lacking(f"no browser: none of {', '.join(PROGRAMS)} is on the path ('apt install chromium')")
    return found


@pytest.fixture(scope="package")
def browser():
    # Its event loop runs until it is left, and nobody else's can beside it: so not for the whole session.
    with playwright().sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program(), args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture(scope="package")
def opened(browser, api, example_photo, example_folder, saved_embeds, saved_faces):
    """The page, ready for workflows; it lists the files that are there when it opens."""
    api.post("/settings/Comfy.Locale", "en")
    context = browser.new_context(
        viewport=WINDOW, reduced_motion="reduce", permissions=["clipboard-read", "clipboard-write"]
    )
    frontend = Frontend(context.new_page(), api)
    frontend.open()
    yield frontend
    context.close()


@pytest.fixture
def language():
    """The language of the page; a test that is parametrised by this name has another."""
    return "en"


@pytest.fixture
def frontend(opened, language):
    """The page with an empty canvas in the classic renderer, seen from where it begins, and no panel over it."""
    opened.locale(language)
    opened.renderer("canvas")
    opened.clear()
    opened.page.evaluate("() => app.canvas.ds.reset()")
    if opened.setting_of("Comfy.RightSidePanel.IsOpen"):
        opened.setting("Comfy.RightSidePanel.IsOpen", False)
    opened.complaints.clear()
    opened.strangers.clear()
    yield opened
    opened.settle()
    assert not opened.complaints
    assert not opened.strangers, "the pack works without the internet"
    opened.page.keyboard.press("Escape")


@pytest.fixture(scope="package")
def our_nodes(api):
    """What ComfyUI says of every node of the pack that can be found, by class."""
    ours = {name: node for name, node in api.json("/object_info").items() if name.startswith("Likeness")}
    return {name: node for name, node in ours.items() if not node["deprecated"]}


@pytest.fixture
def page(frontend):
    """Playwright's page of `frontend`."""
    return frontend.page
