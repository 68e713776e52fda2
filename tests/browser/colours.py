"""How well two colours can be told apart: WCAG's contrast."""


def contrast(one, other):
    """From 1 to 21, of two colours as '#rrggbb' or (r, g, b)."""
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def hex_of(colour):
    return "#" + bytes(colour).hex()


def _luminance(colour):
    levels = bytes.fromhex(colour[1:]) if isinstance(colour, str) else colour
    shares = [level / 255 for level in levels]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
