"""What a node says after it has run: on the page, under its own number, and in the log."""

import logging
from types import SimpleNamespace

from pack.nodes.page import notice


def test_what_comes_up_while_sampling_is_said_on_the_node_that_applied_it(monkeypatch, caplog):
    sent = []
    server = SimpleNamespace(send_progress_text=lambda text, node_id: sent.append((text, node_id)))
    monkeypatch.setattr(notice, "PromptServer", SimpleNamespace(instance=server))
    tell = notice.teller(SimpleNamespace(hidden=SimpleNamespace(unique_id="12")))
    with caplog.at_level(logging.WARNING):
        tell("the reference did nothing")
    assert sent == [("the reference did nothing", "12")]
    assert "likeness: the reference did nothing" in caplog.text


def test_without_a_server_the_log_alone_says_it(monkeypatch, caplog):
    monkeypatch.setattr(notice, "PromptServer", SimpleNamespace())
    with caplog.at_level(logging.WARNING):
        notice.teller(SimpleNamespace(hidden=None))("a sentence")
    assert "a sentence" in caplog.text
