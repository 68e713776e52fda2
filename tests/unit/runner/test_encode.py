"""Pictures of `run.py encode` come from folders, archives and tables, each once, in an order that stays."""

import io
import json
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from runner import cli
from runner.batch.hosts import Gone
from runner.batch.store import store_at
from runner.batch.talk import Lost
from runner.encode import host, stretches, worker
from runner.encode.options import check, words_for
from runner.encode.sources import Found, found_in, hash_of
from runner.encode.tries import Tries
from runner.problems import Problem
from runner.train.seats import Seat


def archive(path, **files):
    with tarfile.open(path, "w") as written:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "/").replace("_", "."))
            member.size = len(content)
            written.addfile(member, io.BytesIO(content))
    return path


def in_folder(place):
    return [Found(path.name, path.open, "", {}, 1) for path in sorted(place.glob("*.png"))]


def found(*places):
    return found_in([str(place) for place in places], in_folder)


def test_an_archive_is_read_as_webdataset_reads_it(tmp_path):
    """Files of one name are one example; the caption is a text or a field, and a picture is read where it lies."""
    told = json.dumps({"caption": "a hill", "subject": "hills"}).encode()
    place = archive(
        tmp_path / "0.tar",
        a__1_png=b"one",
        a__1_txt=b" a sea\n",
        a__2_json=told,
        a__2_jpg=b"two",
        a__3_txt=b"no picture",
    )
    one, two = found(place)
    assert [(each.name, each.caption, each.refers) for each in (one, two)] == [
        ("a/1", "a sea", {}), ("a/2", "a hill", {"subject": "hills"})
    ]  # fmt: skip
    assert [each.open().read() for each in (one, two)] == [b"one", b"two"]


def test_a_table_names_pictures_beside_it(tmp_path):
    (tmp_path / "1.png").write_bytes(b"one")
    (tmp_path / "t.csv").write_text("id,picture,caption,pair\nx,1.png,a sea,y\ny,2.png,,\n")
    one, two = found(tmp_path / "t.csv")
    assert (one.name, one.caption, one.refers, one.open().read()) == ("x", "a sea", {"pair": "y"}, b"one")
    assert (two.name, two.caption, two.refers) == ("y", "", {})
    with pytest.raises(FileNotFoundError):
        two.open()
    (tmp_path / "t.csv").write_text("id,file\nx,1.png\n")
    with pytest.raises(Problem, match="Without a 'picture', which is the path of the file: line 2"):
        found(tmp_path / "t.csv")


def test_several_places_are_one_list(tmp_path):
    """Archives by their numbers or their folder; names begin with the place, and a name that is there twice has two."""
    for number in (8, 9, 10):
        archive(tmp_path / f"{number:02}.tar", x_png=b"x", x_json=b'{"pair": "x"}')
    names = ["08.tar/x", "09.tar/x", "10.tar/x"]
    spelled = found(tmp_path / "{08..10}.tar")
    assert [each.name for each in spelled] == [each.name for each in found(tmp_path)] == names
    assert spelled[1].refers == {"pair": "09.tar/x"}
    twice = found(tmp_path / "08.tar", tmp_path / "08.tar")
    assert [(each.name, each.refers.get("file")) for each in twice] == [
        ("08.tar/x", None), ("08.tar/x#2", "08.tar/x")
    ]  # fmt: skip
    assert hash_of(spelled) == hash_of(found(tmp_path)) != hash_of(spelled[:2])


def test_a_place_without_pictures_is_named(tmp_path):
    (tmp_path / "cut.tar").write_bytes(archive(tmp_path / "whole.tar", x_png=b"x" * 5000).read_bytes()[:3000])
    (tmp_path / "a.zip").write_bytes(b"")
    empty = tmp_path / "empty"
    empty.mkdir()
    for place, message in (
        ("cut.tar", "cut.tar is no tar archive or is cut short"),
        ("a.zip", "a.zip is neither a folder nor a .tar, .csv, .jsonl, .parquet file"),
        ("gone", "gone is neither a folder nor"),
        ("empty", "There are no pictures in .*empty"),
    ):
        with pytest.raises(Problem, match=message):
            found(tmp_path / place)


def test_options_that_do_not_fit_are_refused(tmp_path):
    def options(*words):
        return cli.parse(["encode", "--pictures", "a", "b.tar", "--out", str(tmp_path), *words])

    assert options().pictures == ["a", "b.tar"] and options().out == Path(tmp_path)
    for words, message in (
        (("--base-model", "x"), "--base-model is given without --clip-vision"),
        (("--per-shard", "0"), "--per-shard is 0"),
        (("--variant", "instantid", "--clip-vision", "x"), "--clip-vision is given for instantid"),
        (("--attempts", "0"), "--attempts is 0"),
        (("--hosts", "3:2"), "the fewest are more than the most"),
        (("--address", "auto"), "--address auto is where the engine is; it can be at one place, with --hosts"),
        (("--address", "http://127.0.0.1:8188", "--hosts", "2"), "8188 is a ComfyUI; pictures are encoded by ours"),
        (("--hosts", "2", "--gpus", "2"), "both say how many processes there are"),
        (("--here",), "--hosts and --comfyui must be given"),
    ):
        with pytest.raises(Problem, match=message):
            check(options(*words), None)
    with pytest.raises(Problem, match="--hosts starts processes, but this is already one of several"):
        check(options("--hosts", "2"), Seat(0, 2, 0))


@pytest.mark.parametrize("name", ["--out", "--pictures"])
def test_an_address_is_refused_where_a_folder_is_meant(name, capsys):
    places = {"--out": "lesson", "--pictures": "a", name: "s3://b/lesson"}
    with pytest.raises(SystemExit):
        cli.parse(["encode", *(word for place in places.items() for word in place)])
    assert f"argument {name}: s3://b/lesson is an address, and a lesson is" in capsys.readouterr().err


def test_a_host_is_told_how_to_encode_and_nothing_of_who_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("--pictures", "a", "{0..3}.tar", "--out", "o", "--half", "--hosts", "1:4", "--address", "auto")
    options = cli.parse(["encode", *words, "--caption", "-a wall", "--face-models", "antelopev2", "--here"])
    told = words_for(options)
    again = cli.parse(["encode", *told])
    assert not {"--hosts", "--address", "--here"} & {word.partition("=")[0] for word in told}
    assert again.pictures == [str(tmp_path / "a"), str(tmp_path / "{0..3}.tar")] and again.out == tmp_path / "o"
    assert (again.half, again.caption, again.face_models) == (True, "-a wall", "antelopev2")
    assert (again.timeout, again.per_shard, again.base_model) == (600, 256, None)


def test_what_takes_hosts_down_is_given_up_by_name(tmp_path):
    """Only what a host was at when it died counts, and what an error of another kind broke off does not."""
    store = store_at(str(tmp_path))

    def tries():
        return Tries(store, 7, most=2, seconds=5)

    for _ in range(2):
        mine = tries()
        assert not mine.begins("a.png") and not mine.begins("b.png")
    mine = tries()
    assert mine.begins("a.png") == "" and mine.begins("b.png") == (
        "its host died 2 times while it was encoded, or it took longer than 5 s."
    )
    assert mine.begins("c.png") == "" == mine.given_up("")
    mine.forgive()
    assert tries().given_up("b.png") and not tries().given_up("c.png")
    mine.end()
    assert not [*(tmp_path / "attempts").iterdir()] and not tries().given_up("b.png")


FAKE = """
import json, os, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    does = asked["number"] if asked["ask"] == "stretch" else int(os.environ["BEHAVES"])
    print(json.dumps({"at": "x.png"}), flush=True)
    if does == 1:
        sys.exit("no such weights")
    if does == 2:
        time.sleep(60)
    problem = {"problem": ["There is no space left.", "make room."]}
    print(json.dumps(problem if does == 3 else {"done": {"number": asked["number"]}}), flush=True)
"""


@pytest.fixture
def encoder(tmp_path, monkeypatch):
    """(what it does when it begins) -> a host whose worker only answers."""
    (tmp_path / "runner" / "encode").mkdir(parents=True)
    (tmp_path / "runner" / "encode" / "worker.py").write_text(FAKE)
    monkeypatch.setattr(host, "ROOT", tmp_path)

    def made(behaves=0, seconds=60):
        monkeypatch.setenv(
            "BEHAVES", str(behaves)
        )  # written into the program, Python might run what it compiled of another
        return host.Encoder(tmp_path, Path(sys.executable), (), seconds)

    return made


def test_a_host_that_dies_or_falls_silent_is_lost_and_one_that_refuses_says_why(encoder):
    with encoder() as one:
        assert one.begin() == {"number": 0} and one.stretch(5) == {"number": 5} == one.end(5)
        with pytest.raises(Problem, match="no space left"):
            one.stretch(3)
        with pytest.raises(Lost, match="has ended"):
            one.stretch(1)
        with pytest.raises(Lost, match="has ended"):
            one.stretch(5)
        folder = one._folder
    assert not folder.exists()
    with encoder(seconds=0.2) as silent, pytest.raises(Lost, match="did not answer within 0.2 s"):
        silent.stretch(2)
    with encoder(behaves=1) as dead, pytest.raises(Gone, match="(?s)The end of its log:.*no such weights"):
        dead.begin()


class Failing:
    """An encoding of the pack that fails while it writes, if it is given an error."""

    def __init__(self, error):
        self.error = error

    def stretch(self, number, sources, course):
        assert course.begins("a.png") == ""
        if self.error is not None:
            raise self.error


@pytest.fixture
def failing(tmp_path, monkeypatch):
    """(error) -> a worker whose encoding fails with it, and what it says."""
    monkeypatch.setattr(stretches, "_of_pack", lambda: SimpleNamespace(has=lambda *_: False, Source=None))
    told = SimpleNamespace(out=tmp_path, attempts=3, timeout=5, per_shard=2, caption="x")

    def made(error):
        out = io.StringIO()
        one = worker.Worker(told, out)
        one._stretches = stretches.Stretches.__new__(stretches.Stretches)
        vars(one._stretches).update(_options=told, found=[], _encoding=Failing(error))
        return one, out

    return made


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("it cannot be written (I/O error: No space left on device)."), "There is no space left in "),
        (ValueError("it was made otherwise."), "it was made otherwise."),
    ],
)
def test_what_is_no_fault_of_a_picture_ends_the_run_and_is_no_try(error, said, failing, tmp_path):
    one, out = failing(error)
    answer = worker.answer(one, {"ask": "stretch", "number": 4})
    assert answer["problem"][0].startswith(said)
    assert json.loads(out.getvalue()) == {"at": "a.png"} and not [*(tmp_path / "attempts").iterdir()]


def test_whatever_else_ends_the_process_and_is_a_try(failing, tmp_path):
    one, _ = failing(RuntimeError("CUDA out of memory"))
    with pytest.raises(RuntimeError):
        worker.answer(one, {"ask": "stretch", "number": 4})
    assert json.loads((tmp_path / "attempts" / "000004.json").read_text()) == ["a.png"]


@pytest.mark.parametrize("does", ["get", "put", "remove"])
def test_a_file_of_tries_that_cannot_be_used_ends_the_run_by_its_name(does, failing, monkeypatch):
    """No host could note its try, and all would be started again for ever."""
    one, _ = failing(None)

    def broken(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(one._store, does, broken)
    what, cure = worker.answer(one, {"ask": "stretch", "number": 4})["problem"]
    assert "attempts/000004.json cannot be read or written ([Errno 13] Permission denied)" in what and "delete" in cure
