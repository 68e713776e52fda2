"""A manifest says the same in each format, and everything that is wrong with it and its prompts is found at once."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from runner.batch import addresses
from runner.batch import manifest as manifests
from runner.batch.faults import MOST, Faulty
from runner.batch.jobs import blocks, choices_of, jobs_of, unknown_to
from runner.batch.substitute import converted, prompt_of, target_of
from runner.problems import Problem

API = Path(__file__).resolve().parents[4] / "example_workflows" / "api"
ROWS = (
    {"id": "1", "Reference": "a.png", "Prompt.text": 'a "red" cat, two\nlines', "9.seed": 5},
    {"id": "zwei", "Reference": None, "Prompt.text": "7", "9.seed": 6},
)
CSV = '\ufeffid,Reference,Prompt.text,9.seed\n1,a.png,"a ""red"" cat, two\nlines",5\n\nzwei,,7,6\n'


@pytest.fixture
def pyarrow(monkeypatch):
    """Stands for pyarrow, which has no place in ComfyUI's environment: a table is JSON to it."""

    def read_table(file):
        return SimpleNamespace(to_pylist=lambda: json.loads(file.read()))

    whole, part = ModuleType("pyarrow"), ModuleType("pyarrow.parquet")
    whole.parquet, part.read_table = part, read_table
    monkeypatch.setitem(sys.modules, "pyarrow", whole)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", part)


def test_three_formats_give_the_same_jobs(prompt, manifest, tmp_path, pyarrow):
    (tmp_path / "rows.csv").write_text(CSV, encoding="utf-8", newline="")
    (tmp_path / "rows.parquet").write_text(json.dumps(ROWS))
    jobs = sorted(jobs_of(manifest(*ROWS), prompt), key=lambda job: job.id)
    assert [job.id for job in jobs] == ["1", "zwei"]
    assert jobs[0].prompt["6"]["inputs"]["text"] == 'a "red" cat, two\nlines'
    assert jobs[1].prompt["6"]["inputs"]["text"] == "7", "text stays text"
    assert jobs[1].prompt["3"]["inputs"]["image"] == "example.png", "an empty cell leaves the prompt's own"
    assert (jobs[0].files[0].address, jobs[1].files) == (str(tmp_path / "a.png"), ())
    for name in ("rows.csv", "rows.parquet"):
        assert sorted(jobs_of(str(tmp_path / name), prompt), key=lambda job: job.id) == jobs, name


def test_a_row_becomes_what_the_examples_client_would_send(prompt, manifest, tmp_path, monkeypatch):
    """The same settings as its `--set` and `--image`, whose upload here gives the picture's path."""
    spec = importlib.util.spec_from_file_location("example_client", API / "client.py")
    client = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(client)
    sent = []
    monkeypatch.setattr(client, "upload", lambda server, file: str(file))
    monkeypatch.setattr(client, "run", lambda server, prompt: sent.append(prompt) or {})
    settings = {"Prompt.text": "a castle", "Apply IP-Adapter.weight": "0.5", "9.seed": "7", "5.layer_preset": "style"}
    arguments = [word for place, value in settings.items() for word in ("--set", f"{place}={value}")]
    image = ["--image", f"Reference={tmp_path / 'a.png'}", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["client.py", str(prompt), *arguments, *image])
    client.main()
    (job,) = jobs_of(manifest({"id": "x", "Reference": "a.png", **settings}), prompt)
    assert [job.prompt] == sent


def test_all_that_is_wrong_is_in_one_list(prompt, manifest, tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "workflow.json").write_text(json.dumps({"nodes": [], "links": []}))
    with (tmp_path / "rows.jsonl").open("w") as file:
        for row in (
            {"id": "a", "Photo": "a.png"},
            {"id": "a", "Prompt.txt": "x"},
            {"Prompt.text": "nameless"},
            {"id": "b", "9.seed": "many", "Reference": "gone.png"},
            {"id": "c", "9.seed": "many", "Reference": "empty.png"},
            {"id": "d", "Apply IP-Adapter.image": "x"},
            {"id": "e", "prompt": "workflow.json"},
            {"id": "f", "prompt": "nowhere.json"},
            {"id": "g", "Prompt": "a.png"},
            {"id": "h", "Apply IP-Adapter.weight": True},
            {"id": "i", "Apply IP-Adapter.any_recogniser": 1},
            {"id": "j", "Apply IP-Adapter.weight": "NaN"},
        ):
            file.write(json.dumps(row) + "\n")
        file.write("{\n[1]\n")
    with pytest.raises(Faulty) as found:
        jobs_of(str(tmp_path / "rows.jsonl"), prompt)
    said = str(found.value)
    for part in (
        "The id 'a' is there 2 times: line 1, line 2.",
        "which each row needs for its results: line 3.",
        "line 13: it is no JSON (",
        "line 14: it is no JSON object with a value for each column.",
        "workflow.json is a workflow of the editor; export its API form",
        "nowhere.json cannot be read (FileNotFoundError",
        "Column 'Photo': no node is called 'Photo'; there are Apply IP-Adapter,",
        "Column 'Prompt.txt': 'Prompt' has no 'txt' in the prompt; it has text (line 2).",
        "'seed' of node 9: 'many' is no number, true or false (line 4, line 5).",
        "gone.png is not there (line 4).",
        "empty.png is empty (line 5).",
        "'Apply IP-Adapter.image' is connected to another node",
        "'Prompt' loads no file; write the column as 'Prompt.input': text (line 9).",
        "'weight' of node 5: true is no number (line 10).",
        "'any_recogniser' of node 5: 1 is no true or false (line 11).",
        "'weight' of node 5: nan is no number that a prompt can hold (line 12).",
    ):
        assert part in said, part
    assert len(found.value.faults) == 16 and said.startswith("16 things are wrong with this batch, so nothing was")


def test_a_table_that_is_none_is_named(prompt, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Problem, match=r"'\.xlsx' is not one of \.csv, \.jsonl, \.parquet"):
        manifests.read("rows.xlsx")
    (tmp_path / "rows.parquet").touch()
    with pytest.raises(Problem, match="which this Python lacks"):
        manifests.read(str(tmp_path / "rows.parquet"))
    for content, said in (
        (b"id\n", "has no row"),
        (b"id,a,a\n1,2,3\n", "column 'a' more than once"),
        (b"id,a\n1,2,3\n", "line 2: 3 cells under 2 columns"),
        (b'id,a\n1,"2\n', "cannot be read"),
        (b"id\n\xff\n", "cannot be read"),
    ):
        (tmp_path / "rows.csv").write_bytes(content)
        with pytest.raises(Faulty, match=said):
            jobs_of(str(tmp_path / "rows.csv"), prompt)
    with pytest.raises(Faulty, match="One thing is wrong.*(\n.*)*gone.csv cannot be read"):
        jobs_of(str(tmp_path / "gone.csv"), prompt)


def test_a_long_list_is_cut():
    assert str(Faulty([f"fault {i}" for i in range(MOST + 3)])).count("fault ") == MOST
    assert "and 3 more." in str(Faulty(["fault"] * (MOST + 3)))


def test_rows_of_one_model_and_reference_come_together_in_the_order_of_the_manifest(prompt, manifest):
    """And no block mixes them, so that a host loads and encodes once what several rows need."""
    other = {"Load Checkpoint.ckpt_name": "other.safetensors"}
    rows = [
        {"id": f"{i}", "Reference": "ab"[i % 2] + ".png", "9.seed": i, **(other if i in (3, 4) else {})}
        for i in range(8)
    ]
    jobs = jobs_of(manifest(*rows), prompt)
    assert [[job.id for job in block] for block in blocks(jobs, 2)] == [
        ["4"],
        ["3"],
        ["0", "2"],
        ["6"],
        ["1", "5"],
        ["7"],
    ]


def test_a_row_may_bring_its_own_prompt(prompt, manifest, tmp_path):
    own = json.loads(prompt.read_text())
    own["6"]["inputs"]["text"] = "of its own"
    (tmp_path / "own.json").write_text(json.dumps(own))
    jobs = jobs_of(manifest({"id": "a", "prompt": "own.json", "9.seed": 3}, {"id": "b"}), prompt)
    said = {job.id: (job.prompt["6"]["inputs"]["text"], job.prompt["9"]["inputs"]["seed"]) for job in jobs}
    assert said["a"] == ("of its own", 3) and said["b"][0] != "of its own"


def test_titles_that_are_not_unique_need_a_number():
    node = {"class_type": "A", "inputs": {"n": 1}, "_meta": {"title": "Same"}}
    with pytest.raises(ValueError, match="2 nodes are called 'Same'; use the number of one: 1, 2"):
        target_of({"1": node, "2": node}, "Same.n")
    assert target_of({"1": node, "2": node}, "2.n").node == "2"
    with pytest.raises(ValueError, match="no API prompt"):
        prompt_of('{"1": {"class_type": "A"}}')


@pytest.mark.parametrize(
    ("value", "current", "wanted"),
    [("5", 1.5, 5), ("True", False, True), (2, "", "2"), ("[1]", None, [1]), ("0.5", 1, 0.5), ("", "x", "")],
)
def test_values_take_the_kind_of_the_input(value, current, wanted):
    found = converted(value, current)
    assert found == wanted and type(found) is type(wanted)


def test_a_host_is_asked_for_the_names_it_knows(prompt, manifest):
    nodes = {
        kind: {"input": {"required": {}}}
        for kind in {node["class_type"] for node in json.loads(prompt.read_text()).values()} - {"SaveImage"}
    }
    nodes["CheckpointLoaderSimple"] = {"input": {"required": {"ckpt_name": [["mine.safetensors"], {}]}}}
    nodes["KSampler"] = {"input": {"required": {"sampler_name": ["COMBO", {"options": ["euler"]}]}}}
    nodes["LoadImage"] = {"input": {"required": {"image": [[], {"image_upload": True}]}}}
    jobs = jobs_of(
        manifest(
            {"id": "a", "Load Checkpoint.ckpt_name": "mine.safetensors", "9.sampler_name": "euler", "3": "a.png"},
            {"id": "b", "9.sampler_name": "eular", "3.image": "x.png [output]"},
            {"id": "c", "Load Checkpoint.ckpt_name": "mine.safetensors", "9.sampler_name": "euler"},
        ),
        prompt,
    )
    assert sorted(unknown_to(nodes, jobs)) == [
        "CheckpointLoaderSimple: 'v1-5-pruned-emaonly-fp16.safetensors' is not among the host's choices for 'ckpt_name' (id b).",
        "KSampler: 'eular' is not among the host's choices for 'sampler_name' (id b).",
        "LoadImage: 'example.png' is not among the host's choices for 'image' (id c).",
        "The host has no node 'SaveImage' (id c, a, b).",
    ]
    assert choices_of({"input": {"optional": {"a": ["INT", {"min": 0}]}}}, "a") is None
    assert choices_of({"input": {"required": {"a": ["COMBO", {"remote": {}, "options": []}]}}}, "a") is None


def test_addresses_in_a_manifest_begin_at_its_folder(tmp_path):
    assert addresses.within("a/b.png", "s3://bucket/run") == "s3://bucket/run/a/b.png"
    assert addresses.within("b.png", str(tmp_path)) == str(tmp_path / "b.png")
    for whole in ("s3://other/b.png", str(tmp_path / "b.png")):
        assert addresses.within(whole, "s3://bucket/run") == whole
    assert addresses.folder_of("s3://bucket/run/rows.csv") == "s3://bucket/run"


def test_what_lies_in_a_store_is_read_by_fsspec(monkeypatch):
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://batch/rows.jsonl", "wb") as file:
        file.write(b'{"id": "a"}\n')
    (row,), faults = manifests.read("memory://batch/rows.jsonl")
    assert row.id == "a" and not faults
    with pytest.raises(addresses.Unreachable, match="nowhere"):
        addresses.content_of("memory://batch/nowhere")
    fsspec.filesystem("memory").rm("/batch", recursive=True)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(Problem, match="which this Python lacks"):
        addresses.content_of("memory://batch/rows.jsonl")
