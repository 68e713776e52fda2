"""The figures in the documents are those of the committed run: none is typed."""

import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[3] / "bench"
sys.path.insert(0, str(BENCH))
import cards  # noqa: E402
import counted  # noqa: E402
import gpu_table  # noqa: E402
import on_a_card  # noqa: E402
import table  # noqa: E402
import world_table  # noqa: E402

ROWS = table.read(table.REFERENCE)


def test_every_table_of_all_scenarios_is_of_the_committed_run():
    text = (BENCH / "README.md").read_text(encoding="utf-8")
    assert table.with_full(text, ROWS) == text
    assert all(row["scenario"] in text for row in ROWS)


@pytest.mark.parametrize("document", table.SHORT_IN, ids=lambda path: path.name)
def test_short_tables_are_of_the_committed_run(document):
    text = document.read_text(encoding="utf-8")
    assert table.with_short(text, ROWS) == text


def test_the_world_s_tables_are_of_its_committed_run():
    text = (BENCH / "README.md").read_text(encoding="utf-8")
    rows = table.read(world_table.REFERENCE)
    assert world_table.with_tables(text, rows) == text
    for page in (each.read_text(encoding="utf-8") for each in world_table.SHORT_IN):
        assert world_table.with_short(page, rows) == page
    changed = [{**row, "colour": "0.987"} if row.get("colour") else row for row in rows]
    assert "| 99 % |" in world_table.tables(changed)


@pytest.mark.parametrize(("bench", "column"), [(counted, "tflops"), (cards, "reserved_mib")], ids=["counted", "cards"])
def test_the_other_tables_are_of_the_committed_figures(bench, column):
    text = bench.README.read_text(encoding="utf-8")
    rows = table.read(bench.FIGURES)
    assert bench.with_table(text, rows) == text
    assert bench.with_table(text, [{**row, column: "98765"} for row in rows]).count("| 98765") == len(rows)


def test_the_gpu_s_tables_are_of_its_committed_run():
    text = (BENCH / "README.md").read_text(encoding="utf-8")
    rows = gpu_table.read(gpu_table.REFERENCE)
    assert gpu_table.with_tables(text, rows) == text
    later = {**rows[-1], "device_ms": 987.6}
    assert "| 987.6 |" in gpu_table.tables([*rows[:-1], later])


def test_what_waits_for_a_card_is_what_its_command_runs():
    text = (BENCH / "README.md").read_text(encoding="utf-8")
    assert on_a_card.with_table(text) == text
    programs = {argument for part in on_a_card.PARTS for argument in part.arguments if argument.endswith(".py")}
    assert all((BENCH.parent / program).is_file() for program in programs)
    assert sum(part.seconds for part in on_a_card.PARTS) <= 14 * 60


def test_other_figures_would_be_noticed():
    text = table.SHORT_IN[0].read_text(encoding="utf-8")
    changed = [{**row, "ratio": "9.87"} for row in ROWS]
    assert table.with_short(text, changed).count("| 9.87 |") == len(table.SHORT)


def test_a_scenario_that_fails_to_be_timed_is_a_dash_and_an_empty_column_is_left_out():
    about = dict.fromkeys(
        ("commit", "date", "processor", "gpu", "torch", "comfyui", "python", "repeats", "widths"), "x"
    )
    rows = [{"scenario": "one photo: again", "family": "faces", "seconds_per_step": "0.0031", **about}]
    assert table.full(rows).endswith("| faces | ms |\n| --- | --- |\n| one photo: again | 3.1 |")
