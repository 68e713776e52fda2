"""The drawing program of people: points where they are said to be, people who differ, and all of it again from a seed."""

from dataclasses import replace

import numpy as np
import pytest
from miniature.portraits.head import Pose, keypoints
from miniature.portraits.identity import NAMED, any_identity
from miniature.portraits.pictures import FINE, GROUNDS, SHIRTS, SIDE, any_scene, caption, draw, identities, portraits
from miniature.portraits.portrait import Head
from miniature.portraits.styles import STYLES

WHO = replace(any_identity(np.random.default_rng(0)), cut="short", beard="none", glasses="none", eye=1.0)


def parts(who, pose, expression="serious"):
    """Where each part is seen: name -> the pixels' places (n, 2), right and down."""
    drawing = Head(who, pose, expression, SIDE, FINE, GROUNDS["white"]).drawn(SHIRTS["red"])
    return {
        name: (np.argwhere(drawing.part == number)[:, ::-1] + 0.5) / FINE for number, name in enumerate(drawing.names)
    }


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0, 0, 0), (30, 0, 0), (-30, 10, 12), (15, -15, -20)])
def test_its_keypoints_are_where_eyes_and_mouth_are_drawn(yaw, pitch, roll):
    pose = Pose((50, 53), 20, yaw, pitch, roll)
    points, seen = keypoints(pose), parts(WHO, pose)
    pupils = seen["pupil"]
    for point in points[:2]:
        near = pupils[np.linalg.norm(pupils - point, axis=1) < 8]
        assert len(near) and np.linalg.norm(near.mean(axis=0) - point) < 1.5
    for corner in points[3:]:
        assert np.linalg.norm(seen["lips"] - corner, axis=1).min() < 2
    assert np.linalg.norm(seen["nostrils"] - points[2], axis=1).min() < 3


def test_what_a_person_turns_away_is_not_seen():
    pose = Pose((48, 53), 20, 75, 0, 0)
    assert len(parts(WHO, pose)["pupil"]) < 0.7 * len(parts(WHO, replace(pose, yaw=0))["pupil"])


@pytest.mark.parametrize("style", STYLES)
def test_every_attribute_and_every_style_can_be_seen(style):
    scene = replace(any_scene(np.random.default_rng(1), style), pose=Pose((48, 53), 20, 10, 0, 0), expression="smiling")
    picture = draw(WHO, scene).astype(float)
    for name, values in NAMED.items():
        others = [value for value in values if value != getattr(WHO, name)]
        for other in others:
            changed = np.abs(draw(replace(WHO, **{name: other}), scene) - picture).max(axis=2) > 12
            assert changed.mean() > (0.002 if name == "eyes" else 0.008), f"{name} {other} in {style}"
    for other in STYLES:
        assert other == style or np.abs(draw(WHO, replace(scene, style=other)) - picture).mean() > 10


def test_heads_fill_half_the_picture_and_faces_are_whole():
    random = np.random.default_rng(2)
    for who in identities(3, 12):
        scene = any_scene(random)
        seen = parts(who, scene.pose, scene.expression)
        head = np.concatenate([seen[name] for name in seen if name not in ("background", "neck", "shirt")])
        assert np.ptp(head[:, 1]) >= SIDE / 2
        points = keypoints(scene.pose)
        assert (points > 4).all() and (points < SIDE - 4).all()


def test_a_seed_draws_the_same_people_again_and_captions_do_not_tell_who_they_are():
    people = identities(7, 6)
    assert people == identities(7, 6) and len({each.named for each in people}) == 6
    first, again = portraits(8, 6, people), portraits(8, 6, people)
    assert all(
        (one.pixels == other.pixels).all() and one.caption == other.caption
        for one, other in zip(first, again, strict=True)
    )
    for each in first:
        assert each.caption.startswith(each.scene.style) and each.scene.expression in each.caption
        words = set(each.caption.replace(",", "").split()) - {each.scene.shirt, each.scene.ground}
        assert not words & {value for values in NAMED.values() for value in values}
    assert caption(first[0].scene).endswith(f"{first[0].scene.ground} background")


def test_the_judge_is_told_what_can_be_seen_and_nothing_else():
    from miniature.portraits.judge import ASKED, UNTOLD, places, truth

    scenes = [any_scene(np.random.default_rng(4), style) for style in STYLES]
    rows = [(replace(WHO, cut=cut), scene) for scene in scenes for cut in ("short", "bald")]
    told = truth(rows)
    assert {name: len(values) for name, values in told.items()} == dict.fromkeys((*NAMED, *ASKED), len(rows))
    for i, (who, scene) in enumerate(rows):
        hidden = {"hair"} if who.cut == "bald" else set()
        hidden |= {"ground"} if scene.style == "ink drawing" else set()
        assert {name for name, values in told.items() if values[i] == UNTOLD} == hidden
        assert NAMED["cut"][told["cut"][i]] == who.cut and ASKED["style"][told["style"][i]] == scene.style
    assert np.allclose(places(scenes)[1].view(5, 2) * SIDE, keypoints(scenes[1].pose))
