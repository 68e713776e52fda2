"""What the server says on a node: Chinese beside every English text of the code, and keys for what a button helps against."""

import json
import re

import old_nodes
import pytest
import torch
from messages import LITERAL, NOT_ON_A_NODE, is_prose, lines, texts
from pack.attention.adapter import checkpoint
from pack.attention.adapter.variants import VARIANTS
from pack.attention.models.families import FAMILIES
from pack.attention.training.log import TRACKERS
from pack.face.choose import choose
from pack.face.keypoint_picture import check_keypoint_picture
from pack.face.picture import pictures
from pack.face.value import PictureFaces
from schemas import ROOT, english, schemas

PLACE = re.compile(r"\{(\w+)\}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
NAMES = re.compile(
    r"(InstantX|XLabs|Kolors|IP-Adapter|FaceID|CLIP|SigLIP|SD3\.5|Wan|Segmind|ONNX)\b[\w .,/-]*"  # of models and adapters
    r"|likeness (embeds|faces)( 1)?"  # of formats
    r"|.* of (an Old Node|an Old Loader|Old Embeds)|(First|Second) half|eva clip"  # of nodes that an old node becomes
    r"|[\w.\"{}, -]*\b(pip|or buffalo_l.zip)\b.*"  # commands and files
)
NAMED = {"CoreML", "DirectML", "FaceID", "InfiniteYou", "InstantID", "InstantX"}
"""Words of lists that are the same in Chinese."""
NOT_TRANSLATED = {
    "{count} of {names}": "numbers and a name",
    "{first} or {last}": "a list: the page joins it",
    "{faceless} of {count}, {faceless2}": "numbers and names",
    "{without_face} of {judged}": "numbers",
    "{size} of {of} {unit}": "numbers and a unit",
    "{label} for {label2}": "names",
    "{name} for {name2}": "names",
    "{paths}: {label} for {label2}": "names",
    "{start} to {end}": "numbers",
    "{part} precise": "a key",
    "a cat": "an example in an input",
    "in shards": "in the log",
    "in training": "in the log",
    "joint single": "keys of layers",
    "magic number": "read in a file",
    "text {number}/": "read in a file",
    "allocate memory": "read in another's error",
    "bad allocation": "read in another's error",
    ".*estimate.* is deprecated": "read in another's warning",
    "Set Reference Latent": "a node of the host",
    "LIGHT - SD1.5 only (low strength)": "read in an old node",
    "full batch": "read in an old node",
    "shift batches": "read in an old node",
    "alternate batches": "read in an old node",
    "likeness/old nodes": "a category",
    "tile by tile": "a key",
}


def table(language, name):
    return json.loads((ROOT / "locales" / language / "main.json").read_text(encoding="utf-8"))[name]


@pytest.fixture(scope="module")
def said():
    """Every line of the code's texts, and where the first of it is."""
    found = {}
    for place, text in texts():
        for line in lines(text):
            found.setdefault(line, place)
    return found


@pytest.fixture(scope="module")
def of_forms():
    """What a node's form shows, which other tests look after: words, tooltips and lists."""
    words = {name for entry in english().values() for name in strings(entry)}
    return words | {option for _, field in lists() for option in field.options}


def strings(value):
    return [value] if isinstance(value, str) else [s for part in (value or {}).values() for s in strings(part)]


def lists():
    """Every list of words on a node that one finds."""
    for schema in schemas().values():
        for field in schema.inputs:
            if (
                field.get_io_type() == "COMBO"
                and field.id not in ("file", "pack")
                and not old_nodes.is_old(schema.node_id)
            ):
                yield schema.node_id, field


def test_every_text_of_the_code_has_its_chinese_and_none_is_left_over(said, of_forms):
    chinese = table("zh", "likenessMessages")
    forms = "\n".join(of_forms)
    mute = [
        (place, line)
        for line, place in said.items()
        if is_prose(line) and line not in chinese and line not in NOT_TRANSLATED
        if place not in NOT_ON_A_NODE and not NAMES.fullmatch(line)
        if not re.search(PLACE.sub(".*", re.escape(line).replace(r"\{", "{").replace(r"\}", "}")), forms)
    ]
    assert not mute, "write its Chinese into likenessMessages of locales/zh/main.json"
    assert not chinese.keys() - said.keys(), "the code does not say that any more"
    assert not NOT_TRANSLATED.keys() - said.keys()


def test_the_chinese_has_the_values_of_the_english():
    """Left out may be articles and plurals alone."""
    for english_text, chinese in table("zh", "likenessMessages").items():
        places, kept = PLACE.findall(english_text), PLACE.findall(chinese)
        assert len(places) == len(set(places)) and len(kept) == len(set(kept)), english_text
        grammar = re.findall(r"(?<=\w)\{(\w+)\}|Connect \{(\w+)\} ", LITERAL.sub(lambda f: f[0], english_text))
        assert set(kept) <= set(places) <= {*kept, *(name for pair in grammar for name in pair)}, english_text
        assert CHINESE.search(chinese), english_text


def test_every_word_of_a_list_has_its_chinese_and_none_is_left_over():
    """Beside it, where it is not a name: what is saved and sent stays the word itself."""
    from comfy.samplers import SAMPLER_NAMES, SCHEDULER_NAMES

    chinese = table("zh", "likenessOptions")
    words = {option for _, field in lists() for option in field.options}
    names = {*SAMPLER_NAMES, *SCHEDULER_NAMES, *FAMILIES, *(variant.name for variant in VARIANTS), *TRACKERS}
    mute = {word for word in words if re.search("[a-z]{3}", word)} - chinese.keys() - names - NAMED
    assert not mute, "write its Chinese into likenessOptions of locales/zh/main.json"
    assert not chinese.keys() - words
    assert all(CHINESE.search(word) for word in chinese.values())


def understood(sentence):
    """Key and values of a failure that a button helps against, read as web/editor/sentences.js does."""
    for key, template in table("en", "likenessRemedies").items():
        found = re.fullmatch(pattern(template), sentence, re.DOTALL)
        if found:
            return key, found.groupdict()
    return None, {}


def pattern(template):
    return PLACE.sub(lambda found: f"(?P<{found[1]}>.*?)", re.sub(r"[.*+?^$()|[\]\\]", r"\\\g<0>", template))


def test_what_a_button_helps_against_has_the_words_of_the_code(said):
    """A sentence that is changed there and not here would lose its button."""
    code = "\n".join(PLACE.sub("", line) for line in said)
    ends = re.compile(r"\{\w+\}|[.,:;()\n]")  # where the code puts sentences together
    parts = {part.strip() for text in table("en", "likenessRemedies").values() for part in ends.split(text)}
    assert not [part for part in parts if part not in code]
    module = (ROOT / "web" / "remedies.js").read_text(encoding="utf-8")
    acts = re.search(r"REMEDIES = \{\n(.*?)\n\}", module, re.DOTALL)[1]
    assert re.findall(r"^  (\w+):", acts, re.MULTILINE) == [*table("en", "likenessRemedies")]


def test_a_picture_without_the_face_that_is_asked_for():
    alone = PictureFaces(pictures(torch.zeros(1, 8, 8, 3))[0], ())
    several = [PictureFaces(picture, ()) for picture in pictures(torch.zeros(3, 8, 8, 3))]
    for batch, picture in (([alone], "picture 1 of 1"), (several[1:], "picture 2 of 3")):
        with pytest.raises(ValueError) as error:
            choose(tuple(batch))
        key, values = understood(str(error.value))
        assert (key, values["picture"]) == ("no_face", picture)
        assert type(error.value).__module__ == "likeness", "the page shows no path of the pack"


def has_its_chinese(sentence, start):
    """Whether one of the templates that begin so fits the whole sentence."""
    fitting = [text for text in table("zh", "likenessMessages") if text.startswith(start)]
    return any(re.fullmatch(pattern(text), sentence, re.DOTALL) for text in fitting)


def test_a_keypoint_picture_that_is_none():
    for shade in (0.0, 0.5):
        with pytest.raises(ValueError) as error:
            check_keypoint_picture(pictures(torch.full((1, 16, 16, 3), shade))[0])
        assert has_its_chinese(str(error.value), "The keypoint picture ({name}) ")


@pytest.mark.parametrize(
    ("content", "start"),
    [
        (b"", "is empty"),
        (b"<!doctype html><p>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\nsize 44642768\n", "is a Git LFS pointer"),
        (b"\x40" + bytes(7) + b"{", "breaks off"),
    ],
)
def test_a_file_that_is_no_adapter(content, start, tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError) as error:
        checkpoint.read(path)
    whole = re.fullmatch(
        r"'mine.safetensors' cannot be used as an IP-Adapter: it (.*)\. Download it .*", str(error.value)
    )
    assert has_its_chinese(whole[1], start)
