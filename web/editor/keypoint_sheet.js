// The value of the keypoint editor: the faces as the node will draw them, to and from its widgets.

import { fitted, posed, unposed } from './face_shape.js'
import { isLinked, outputOf, setValue, valueOf } from './widgets.js'

const POSE = ['scale', 'rotation', 'shift_x', 'shift_y', 'mirror']
export const WIDGETS = ['keypoints', 'width', 'height', 'fit', ...POSE]
const EMPTY = { width: 1024, height: 1024, faces: [] }

const rounded = (number) => Math.round(number * 10) / 10
const isPoint = (point) => Array.isArray(point) && point.length === 2 && point.every(Number.isFinite)
const isFace = (face) => Array.isArray(face) && face.length === 5 && face.every(isPoint)
const isSide = (side) => Number.isInteger(side) && side > 0

function parsed(text) {
  try {
    const sheet = JSON.parse(text)
    return isSide(sheet.width) && isSide(sheet.height) && sheet.faces.every(isFace) ? sheet : null
  } catch {
    return null
  }
}

export class KeypointSheet {
  constructor(node, order) {
    this.node = node
    this.order = order // which point ends up where after mirroring
  }

  get run() {
    return outputOf(this.node)?.likeness_keypoints?.[0]
  }

  get text() {
    return (valueOf(this.node, 'keypoints') ?? '').trim()
  }

  // Another node gives the points or moves them: here they can only be looked at.
  get isFixed() {
    return ['keypoints', 'fit', ...POSE].some((name) => isLinked(this.node, name))
  }

  get isEdited() {
    return Boolean(this.text)
  }

  get isWrong() {
    return !this.isFixed && this.isEdited && !parsed(this.text)
  }

  get pose() {
    return Object.fromEntries(POSE.map((name) => [name, valueOf(this.node, name)]))
  }

  get source() {
    if (this.isFixed) return this.run?.drawn ?? EMPTY
    return (this.isEdited ? parsed(this.text) : this.run?.detected) ?? EMPTY
  }

  // [width, height] of the picture that the node will draw.
  get size() {
    if (this.isFixed && this.run) return [this.run.drawn.width, this.run.drawn.height]
    return ['width', 'height'].map((name) =>
      isLinked(this.node, name) || isLinked(this.node, 'latent')
        ? (this.run?.drawn[name] ?? EMPTY[name])
        : valueOf(this.node, name) || this.source[name]
    )
  }

  // The faces on that picture.
  get faces() {
    const { source, size, pose } = this
    if (this.isFixed) return source.faces
    const fit = valueOf(this.node, 'fit')
    return source.faces.map((face) =>
      posed(fitted(face, [source.width, source.height], size, fit), pose, size[0], this.order)
    )
  }

  // The number of each one's person, the same on every node.
  get people() {
    const { faces, people } = this.source
    return people?.length === faces.length ? people : faces.map((_, i) => i + 1)
  }

  write(faces, people) {
    const [width, height] = this.size
    const stored = faces.map((face) => unposed(face, this.pose, width, this.order).map((point) => point.map(rounded)))
    this.writeText(this.textOf(width, height, stored, people))
  }

  // Numbers that are the places are not written.
  textOf(width, height, faces, people) {
    const others = people.some((number, i) => number !== i + 1) ? { people } : {}
    return JSON.stringify({ width, height, faces, ...others })
  }

  // '' gives the detected ones back.
  writeText(text) {
    setValue(this.node, 'keypoints', text)
  }
}
