// How large heads are in the picture -> faces framed as a portrait, at half length or as a full figure; outlines of heads.

import { headOf, middleOf, moved, turned } from './face_shape.js'

const SMALL = 0.1 // share of the height under which likeness suffers

// In distances of the eyes, as the ellipse of face/masks.py: from hairline to chin, from cheek to cheek, and how far its
// middle is above that of the five points.
const HEIGHT = 116 / 35.24
const WIDTH = 88 / 35.24
const ABOVE = 0.338
const ROOM = 1.5 // of a head's width, for a person among several

// Of the least head, in pixels, where it is so small that likeness suffers; else nothing.
export function smallHead(faces, height, fit) {
  const least = Math.min(...faces.map((face) => heightOf(face, fit)))
  return least < SMALL * height ? Math.round(least) : undefined
}

const heightOf = (face, fit) => HEIGHT * headOf(face, fit).scale

export function outlineOf(face, fit) {
  const { scale, tilt } = headOf(face, fit)
  const [x, y] = middleOf(face)
  return { x, y: y - ABOVE * scale, about: [x, y], tilt, rx: (WIDTH / 2) * scale, ry: (HEIGHT / 2) * scale }
}

// The same heads, as large as the frame { head, middle } of the server's tables wants and side by side from left to right; smaller where there is no room.
export function framed(faces, [width, height], { head, middle }, fit) {
  const share = width / faces.length
  const wanted = Math.min((head * height) / HEIGHT, faces.length > 1 ? share / (ROOM * WIDTH) : width / WIDTH)
  const order = faces.map((face, i) => [middleOf(face)[0], i]).sort((a, b) => a[0] - b[0])
  const places = order.map(([, i]) => i)
  return faces.map((face, i) => {
    const { scale, tilt } = headOf(face, fit)
    const x = (places.indexOf(i) + 0.5) * share
    const angle = (tilt * Math.PI) / 180
    const down = [-Math.sin(angle), Math.cos(angle)].map((part) => part * ABOVE * wanted)
    const [cx, cy] = middleOf(face)
    return moved(turned(face, wanted / scale, 0), x + down[0] - cx, middle * height + down[1] - cy)
  })
}
