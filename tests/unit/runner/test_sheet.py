"""The contact sheet is tidy and legible."""

import itertools

import pytest

Image = pytest.importorskip("PIL.Image")

from runner.demo import sheet  # noqa: E402

TILES = [sheet.Tile(Image.new("RGB", (64, 64), "red"), f"title {n}", "note") for n in range(6)]
GRID = [[sheet.Section("left", TILES[:2]), sheet.Section("right", TILES[2:4])], [sheet.Section("below", TILES[4:])]]


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
    assert drawn.getpixel((wide.x + 624 - 2 * sheet.INSET + 5, wide.y + sheet.PICTURE + 40)) == (0, 128, 0), "as wide"
    assert drawn.getpixel((beside.x + 150, beside.y + 150)) == (255, 0, 0)


def test_the_caption_takes_a_strip_only_when_there_is_one():
    with_caption = sheet.contact_sheet(sheet.Header("t", ["x"], "a notice"), GRID, [])
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


def test_an_inset_stands_under_its_picture_and_beside_the_words():
    tile = sheet.Tile(Image.new("RGB", (9, 9), "red"), "word " * 20, "note", inset=Image.new("RGB", (9, 9), "blue"))
    header = sheet.Header("t", [], "")
    drawn = sheet.contact_sheet(header, [[sheet.Section("one", [tile])]], [])
    ((_, (corner,)),) = sheet.places([[sheet.Section("one", [tile])]], sheet.MARGIN + header.height)
    assert drawn.getpixel((corner.x + 290, corner.y + 290)) == (255, 0, 0), "nothing lies over the picture"
    left, top = corner.x + sheet.PICTURE - sheet.INSET, corner.y + sheet.PICTURE + 6
    assert drawn.crop((left, top, left + sheet.INSET, top + sheet.INSET)).getcolors() == [(sheet.INSET**2, (0, 0, 255))]
