"""A server starts on a free port, tells its log when it dies, and is always stopped."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from runner import server
from runner.comfyui import Host
from runner.problems import Problem

ANSWERS = """
import json, sys, http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == '/system_stats' else 404); self.end_headers()
        self.wfile.write(json.dumps({'system': {'argv': sys.argv}}).encode())
    def log_message(self, *_): pass
port = int(sys.argv[sys.argv.index('--port') + 1])
print('arguments', sys.argv[1:], flush=True)
http.server.HTTPServer(('127.0.0.1', port), Handler).serve_forever()
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "has_gpu", lambda python: False)

    def make(main):
        (tmp_path / "main.py").write_text(main)
        host = Host(tmp_path, Path(sys.executable), is_private=True)
        return server.Server(host, tmp_path / "base", tmp_path / "server.log", ["--extra-option"])

    return make


def test_a_free_port_can_be_bound():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", server.free_port()))


def test_it_answers_inside_the_block_and_is_gone_after(start):
    with start(ANSWERS) as running:
        assert server.command_line_at(running.url)
        assert "'--extra-option', '--cpu'" in running.tail()
    assert not running.is_running()
    assert not server.command_line_at(running.url)


def test_it_is_stopped_on_ctrl_c_too(start):
    with pytest.raises(KeyboardInterrupt), start(ANSWERS) as running:
        raise KeyboardInterrupt
    assert not server.command_line_at(running.url)


def test_a_port_that_another_server_took_meanwhile_is_left_to_it(start, tmp_path, monkeypatch):
    """Two runs that begin side by side can be told the same free port."""
    with start(ANSWERS) as first:
        ports = iter([first.port, first.port, server.free_port()])
        monkeypatch.setattr(server, "free_port", lambda: next(ports))
        host = Host(tmp_path, Path(sys.executable), is_private=True)
        monkeypatch.setattr(server, "has_gpu", None)  # who knows is not asked
        with server.Server(host, tmp_path / "other", tmp_path / "other.log", on_cpu=True) as second:
            assert second.port != first.port
            assert str(tmp_path / "other") in server.command_line_at(second.url)
            assert str(tmp_path / "base") in server.command_line_at(first.url)


def test_a_server_that_finds_every_port_taken_says_so(start):
    taken = "raise SystemExit('OSError: [Errno 98] error while attempting to bind: address already in use')"
    with pytest.raises(Problem, match="port taken 5 times"):
        start(taken).__enter__()


def test_one_that_dies_shows_its_log(start):
    with pytest.raises(Problem, match="no such weights"):
        start("raise SystemExit('no such weights')").__enter__()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_one_that_does_not_listen_is_ended_by_force(start, monkeypatch):
    monkeypatch.setattr(server, "STOP_SECONDS", 0.5)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + ANSWERS
    with start(deaf) as running:
        process = running._process
    assert process.returncode == -signal.SIGKILL


def test_the_command_line():
    host = Host(Path("tree"), Path("python"), is_private=True)
    command = server.start_command(host, Path("base"), 1234, on_cpu=False)
    assert command[:2] == ["python", str(Path("tree") / "main.py")]
    assert command[2:] == [
        "--listen",
        "127.0.0.1",
        "--port",
        "1234",
        "--disable-api-nodes",
        "--disable-auto-launch",
    ] + [
        "--base-directory",
        "base",
        "--database-url",
        "sqlite:///base/user/comfyui.db",
    ]
    assert server.start_command(host, Path("base"), 1234, on_cpu=True)[-1] == "--cpu"


def test_windows_gets_a_process_group_and_ctrl_break(monkeypatch):
    assert server.own_group("nt") == {"creationflags": 0x200}
    assert server.own_group("posix") == {"start_new_session": True}

    class Process:
        pid, sent, returncode = 42, [], None

        def poll(self):
            return None

        def send_signal(self, number):
            self.sent.append(number)

        def wait(self, timeout=None):
            if timeout is not None:
                raise server.subprocess.TimeoutExpired("main.py", timeout)

    killed = []
    monkeypatch.setattr(server.subprocess, "run", lambda command, **_: killed.append(command))
    server.stop_group(Process(), "nt")
    assert Process.sent == [getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM)]
    assert killed == [["taskkill", "/F", "/T", "/PID", "42"]]
