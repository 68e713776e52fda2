"""Without the engine, on a real ComfyUI of our own: rows that take it down or hang, and the rows beside them."""


def test_rows_that_take_the_host_down_or_hang_are_errors_and_the_others_are_drawn(batch):
    own = batch()
    table = [
        {"id": does or f"r{i}", "witness.name": does or f"r{i}", "witness.does": does, "witness.number": i}
        for i, does in enumerate(("", "kills", "", "hangs", ""))
    ]
    assert own.run(table, "--hosts", "0", "--attempts", "2", "--timeout", "5") == 3, own.said
    errors = {line["id"]: line["error"] for line in own.results()}
    assert [name for name, error in errors.items() if not error] == ["r0", "r2", "r4"]
    assert all(
        error.startswith("its host died 2 times") for name, error in errors.items() if name in ("kills", "hangs")
    )
    assert own.drawn == {"r0": 1, "kills": 2, "r2": 1, "hangs": 2, "r4": 1}
    assert "and its host was ended" in own.said or "was broken off" in own.said
