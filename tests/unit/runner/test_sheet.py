"""The contact sheet is tidy, legible, and tells the truth about the pictures."""

import itertools

import pytest

Image = pytest.importorskip("PIL.Image")

from runner.demo import report, sheet  # noqa: E402
from runner.demo.cells import CELLS, IDENTITY_CELLS  # noqa: E402
from runner.demo.identity_prompts import FOUND, POINTS  # noqa: E402
from runner.demo.job import RANDOM_CAPTION  # noqa: E402

TILES = [sheet.Tile(Image.new("RGB", (64, 64), "red"), f"title {n}", "note") for n in range(6)]
GRID = [[sheet.Section("left", TILES[:2]), sheet.Section("right", TILES[2:4])], [sheet.Section("below", TILES[4:])]]


def pictures(changed=None):
    """A grey picture for each cell, but for those in `changed`, which maps names to colours."""
    drawn = {cell.name: Image.new("RGB", (8, 8), (100, 100, 100)) for cell in CELLS}
    return drawn | {name: Image.new("RGB", (8, 8), colour) for name, colour in (changed or {}).items()}


def test_tiles_lie_inside_the_sheet_and_apart():
    header = sheet.Header("title", ["a", "b"], "caption")
    width, height = sheet.size(GRID, header, footer_lines=2)
    corners = [corner for _, group in sheet.places(GRID, sheet.MARGIN + header.height) for corner in group]
    assert len(corners) == 6
    for corner in corners:
        assert sheet.MARGIN <= corner.x <= width - sheet.MARGIN - sheet.PICTURE
        assert corner.y + sheet.PICTURE + sheet.LABEL < height - sheet.MARGIN - 2 * 26
    for one, other in itertools.combinations(corners, 2):
        apart = abs(one.x - other.x) >= sheet.PICTURE, abs(one.y - other.y) >= sheet.PICTURE + sheet.LABEL
        assert any(apart)


def test_every_picture_is_pasted_where_its_place_is():
    header = sheet.Header("title", [], "")
    drawn = sheet.contact_sheet(header, GRID, ["footer"])
    for _, group in sheet.places(GRID, sheet.MARGIN + header.height):
        for corner in group:
            assert drawn.getpixel((corner.x + 150, corner.y + 150)) == (255, 0, 0)


def test_a_wide_picture_takes_the_room_of_two():
    blue, green = Image.new("RGB", (128, 64), "blue"), Image.new("RGB", (128, 64), "green")
    row = [sheet.Section("wide", [sheet.Tile(blue, "t", "", inset=green), TILES[0]])]
    header = sheet.Header("title", [], "")
    drawn = sheet.contact_sheet(header, [row], [])
    ((_, (wide, beside)),) = sheet.places([row], sheet.MARGIN + header.height)
    assert beside.x - wide.x == 2 * (sheet.PICTURE + sheet.GAP) and drawn.width - sheet.MARGIN == beside.x + 300
    assert drawn.getpixel((wide.x + 350, wide.y + 150)) == (0, 0, 255)
    assert drawn.getpixel((wide.x + 500, wide.y + 250)) == (0, 128, 0), "its inset is as wide"
    assert drawn.getpixel((beside.x + 150, beside.y + 150)) == (255, 0, 0)


def test_the_caption_takes_a_strip_only_when_there_is_one():
    with_caption = sheet.contact_sheet(sheet.Header("t", ["x"], RANDOM_CAPTION), GRID, [])
    without = sheet.contact_sheet(sheet.Header("t", ["x"], ""), GRID, [])
    notice = tuple(int(sheet.NOTICE_PAPER[n : n + 2], 16) for n in (1, 3, 5))
    colours = [{colour for _, colour in each.getcolors(1 << 24)} for each in (with_caption, without)]
    assert notice in colours[0] and notice not in colours[1]
    assert with_caption.height == without.height + 64


def test_a_long_label_stays_within_its_tile():
    long = [sheet.Section("heading " * 9, [sheet.Tile(Image.new("RGB", (9, 9)), "word " * 20, "note " * 20)])]
    drawn = sheet.contact_sheet(sheet.Header("t", [], ""), [long, GRID[0]], [])
    beside = drawn.crop((sheet.MARGIN + sheet.PICTURE + 2, 140, sheet.MARGIN + sheet.PICTURE + 20, 500))
    assert len(beside.getcolors()) == 1


def test_identical_pictures_are_said_to_be_so():
    drawn = pictures({"weight-1.0": "white"})
    zero = next(cell for cell in CELLS if cell.must_equal)
    assert report.note_for(zero, drawn) == ("bit-identical to the plain model", "good")
    assert report.unequal(drawn) == []


def test_one_grey_level_in_one_pixel_is_a_difference():
    drawn = pictures()
    drawn["weight-0"].putpixel((3, 3), (100, 101, 100))
    zero = next(cell for cell in CELLS if cell.must_equal)
    note, tone = report.note_for(zero, drawn)
    assert "DIFFERS" in note and tone == "bad"
    assert report.unequal(drawn) == [zero.title]


def test_an_adapter_that_does_nothing_at_weight_1_is_marked():
    full = next(cell for cell in CELLS if cell.name == "weight-1.0")
    assert report.note_for(full, pictures()) == ("bit-identical to the plain model", "bad")


def test_how_far_it_moved_is_in_grey_levels():
    drawn = pictures({"weight-1.0": (110, 100, 96)})
    full = next(cell for cell in CELLS if cell.name == "weight-1.0")
    assert report.note_for(full, drawn)[0] == "moved 4.7 of 255 from the plain model"


def test_the_second_reference_is_compared_with_the_first_too():
    drawn = pictures({"second-reference": "white", "weight-1.0": (205, 205, 205)})
    second = next(cell for cell in CELLS if cell.name == "second-reference")
    assert report.note_for(second, drawn)[0] == "moved 155.0 of 255; 50.0 from A at weight 1"


def test_an_inset_stands_in_the_corner_of_its_picture():
    tile = sheet.Tile(Image.new("RGB", (9, 9), "red"), "title", "note", inset=Image.new("RGB", (9, 9), "blue"))
    header = sheet.Header("t", [], "")
    drawn = sheet.contact_sheet(header, [[sheet.Section("one", [tile])]], [])
    ((_, (corner,)),) = sheet.places([[sheet.Section("one", [tile])]], sheet.MARGIN + header.height)
    assert drawn.getpixel((corner.x + 270, corner.y + 270)) == (0, 0, 255)
    assert drawn.getpixel((corner.x + 30, corner.y + 30)) == (255, 0, 0)


def faces_drawn():
    grey = {cell.name: Image.new("RGB", (8, 8), (100, 100, 100)) for cell in (*CELLS, *IDENTITY_CELLS)}
    grey |= {f"faces/{FOUND}": Image.new("RGB", (8, 8)), f"pose-tilted/{POINTS}": Image.new("RGB", (8, 8), "blue")}
    return report.Drawn(grey, {f"faces/{FOUND}": "picture 1 of 1: 12 faces (at 640)"})


def test_the_sheet_says_how_many_faces_were_found_and_shows_the_points_of_a_pose():
    photos = {"a": Image.new("RGB", (8, 8)), "b": Image.new("RGB", (8, 8))}
    tiles = {
        tile.title: tile for row in report.rows(faces_drawn(), photos) for section in row for tile in section.tiles
    }
    assert tiles["The photograph"].note == "12 faces found"
    assert tiles["A, tilted and closer"].inset.getpixel((0, 0)) == (0, 0, 255)
    assert tiles["Their points"].inset is None
    assert tiles["InstantID of A at 0"].note == "bit-identical to the plain SDXL model"
    assert tiles["A, upright"].tone == "bad", "a face that changes nothing is marked"


def test_rows_that_were_not_drawn_are_left_out():
    photos = {"a": Image.new("RGB", (8, 8)), "b": Image.new("RGB", (8, 8))}
    with_faces, without = report.rows(faces_drawn(), photos), report.rows(report.Drawn(pictures(), {}), photos)
    assert len(with_faces) == len(report.ROWS) and len(without) == len(report.ROWS) - 2
    assert not any("InstantID" in section.heading for row in without for section in row)
    assert not any("sdxl" in line for line in report.summary(pictures()))
