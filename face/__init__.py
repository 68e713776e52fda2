"""A face library: pictures in, `Face` values out (find, choose, embed, draw, mask); knows no diffusion."""
