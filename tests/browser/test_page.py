"""The page with the pack in it."""

import json

import pytest
from serving.substitutes import on_the_miniature

from .frontend import TEMPLATES


def test_the_page_opens_without_a_complaint(frontend):
    frontend.open()
    assert frontend.page.title()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_loads(path, frontend, example_photo):
    workflow = json.loads(path.read_text(encoding="utf-8"))
    frontend.load(workflow)
    assert not [node for node in frontend.nodes().values() if not node["known"]]
    entry = frontend.queue(rewritten=on_the_miniature)
    assert entry.succeeded, entry.messages.get("execution_error")
    frontend.show()
    frontend.picture(f"template {path.stem}")
