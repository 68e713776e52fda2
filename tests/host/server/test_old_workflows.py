"""The workflow files that people shared for the old packs, as API prompts, run on the miniature."""

import json
import sys

import pytest
from pack.nodes.legacy.table import ROWS
from serving.old_workflows import FILES, NO_FILES, api_form, on_the_miniature, without_third_packs

RAN = {}


@pytest.mark.skipif(not FILES, reason=NO_FILES)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_runs_over_the_api(path, api, old_files):
    workflow, replaced = without_third_packs(json.loads(path.read_text(encoding="utf-8")))
    types = {name: one["input"] for name, one in api.json("/object_info").items()}
    prompt = on_the_miniature(api_form(workflow, types))
    old = sum(node["class_type"] in ROWS for node in prompt.values())
    entry = api.run(prompt)
    assert entry.succeeded, entry.messages.get("execution_error")
    savers = [name for name, node in prompt.items() if node["class_type"] in ("SaveImage", "PreviewImage")]
    pictures = [entry.entry["outputs"][saver]["images"] for saver in savers]
    assert savers and all(pictures)
    RAN[path.stem] = (old, sum(map(len, pictures)), replaced)


@pytest.mark.skipif(not FILES, reason=NO_FILES)
def test_how_many_ran(capsys):
    lines = [
        "",
        "| file over the API | old nodes | pictures | nodes of third packs replaced |",
        "| --- | --- | --- | --- |",
    ]
    for name, (old, pictures, replaced) in RAN.items():
        lines.append(f"| {name} | {old} | {pictures} | {'; '.join(replaced) or 'none'} |")
    with capsys.disabled():
        sys.stdout.write("\n".join(lines) + "\n")
    if len(RAN) < len(FILES):
        pytest.skip(f"{len(RAN)} of {len(FILES)} files ran in this process")
