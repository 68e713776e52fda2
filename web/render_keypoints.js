// Render Keypoints: faces as five points to drag on the canvas that is drawn; the value is the JSON in 'keypoints'.

import { app } from '../../scripts/app.js'
import { addClipboard } from './editor/clipboard.js'
import { headOf, middleOf, mirrored, moved, turned, withPose } from './editor/face_shape.js'
import { framed, smallHead } from './editor/framing.js'
import { KeypointDrawing, MARGIN } from './editor/keypoint_drawing.js'
import { KeypointPicture } from './editor/keypoint_picture.js'
import { KeypointSheet, WIDGETS } from './editor/keypoint_sheet.js'
import { WORDS } from './editor/keypoint_words.js'
import { isLetGo, on, onResize } from './editor/letgo.js'
import {
  addBar,
  addButton,
  addPanel,
  addSelect,
  addStatus,
  addUndo,
  hideHostPreview,
  relabel,
  widen
} from './editor/panel.js'
import { addRun } from './editor/run_alone.js'
import { follow, mark, pointAt } from './editor/svg.js'
import { read, tables } from './editor/tables.js'
import { chain, rememberStep, watch } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'
import { Zoom } from './editor/zoom.js'

const NODE = 'LikenessRenderKeypoints'
const HEIGHT = 400
const NEW_FACE = 0.14 // of the canvas' shorter side, between the eyes
const PLACES = [0.5, 0.25, 0.75, 0.12, 0.88, 0.38, 0.62] // of the canvas' width, where new people stand
const STEPS = 128 // of an arrow key across the canvas
const GROWTH = 1.05
const TURN = 5 // degrees
const SNAP = 15

class KeypointEditor {
  constructor(node) {
    this.node = node
    this.words = wordsOf(WORDS)
    this.chosen = 0
    this.point = null // of the chosen face, for the keys
    this.faces = []
    this.people = [] // whose they are, by number
    this.element = addPanel(node, 'keypoint editor', HEIGHT)
    this.svg = mark('svg', { class: 'likeness-canvas', role: 'group', 'aria-label': this.words.canvas })
    tables().then(
      (known) => isLetGo(this.element) || this.start(known),
      (error) => addStatus(this.element)(this.words.failed(error.message), true)
    )
  }

  start(known) {
    this.heads = known.heads
    this.sheet = new KeypointSheet(this.node, known.heads.mirrored)
    this.picture = new KeypointPicture(this.node, this.element, this.sheet, (isLoaded) => {
      this.draw()
      if (!isLoaded) rememberStep()
    })
    this.drawing = new KeypointDrawing(this.svg, known.drawing, known.heads.fit)
    this.zoom = new Zoom(this.svg, () => this.whole, () => this.draw())
    this.buildBar()
    this.buildFrames()
    this.element.append(this.svg)
    this.status = addStatus(this.element)
    on(this.svg, 'pointerdown', (event) => this.grab(event))
    on(this.svg, 'keydown', (event) => this.key(event))
    on(this.svg, 'focusin', (event) => this.entered(event.target.closest('[data-face]')))
    onResize(this.svg, () => this.draw(true)) // handles keep their size
    this.refresh()
  }

  buildBar() {
    const { words } = this
    const bar = addBar(this.element)
    addButton(bar, 'user-plus', words.add, () => this.change(() => this.add()))
    this.buttons = [
      addButton(bar, 'trash', words.remove, () => this.change(() => this.remove())),
      addSelect(bar, words.pose, words.poses, (name) => this.change(() => this.pose(name))),
      addButton(bar, 'arrows-h', words.mirror, () => this.change(() => this.mirror()))
    ]
    this.photo = addButton(bar, 'image', words.photo, () => this.choosePhoto())
    this.eye = addButton(bar, 'eye', words.eye, () => this.picture.toggle())
    this.reset = addButton(bar, 'eraser', words.reset, () => this.change(() => this.sheet.writeText('')))
    addClipboard(
      bar,
      this.svg,
      () => this.sheet.text || this.asText(),
      (text) => this.change(() => this.sheet.writeText(text.trim()))
    )
    bar.append(Object.assign(document.createElement('span'), { className: 'likeness-gap' }))
    addUndo(this.node, bar, words)
  }

  // How large heads are, at one press; and what is wrong with it.
  buildFrames() {
    const bar = addBar(this.element)
    addRun(bar, this.node, this.words, (...said) => this.status(...said))
    this.frames = Object.entries(this.words.frames).map(([name, label]) => {
      const button = addButton(bar, 'frame', label, () => this.change(() => this.frame(this.heads.frames[name])))
      button.dataset.focus = name
      button.replaceChildren(label)
      return button
    })
    this.warning = Object.assign(document.createElement('span'), { className: 'likeness-warning' })
    bar.append(this.warning)
  }

  frame(wanted) {
    this.put(framed(this.faces, this.sheet.size, wanted, this.heads.fit))
  }

  asText() {
    const [width, height] = this.sheet.size
    return this.sheet.textOf(width, height, this.faces, this.people)
  }

  choosePhoto() {
    if (this.picture.isOwn) this.picture.remove()
    else this.picture.choose((error) => this.status(this.words.failed(error.message), true))
  }

  async refresh() {
    if (!this.sheet) return
    this.faces = this.sheet.faces
    this.people = this.sheet.people
    this.problem = ''
    this.draw()
    if (this.sheet.isWrong)
      read('keypoints', this.sheet.text).catch((error) => {
        this.problem = error.message
        this.tell()
      })
  }

  // One thing that a person did: it is one step of undo.
  change(act) {
    if (!this.sheet || this.sheet.isFixed) return
    act()
    this.refresh()
    rememberStep()
  }

  // A wrong text is not overwritten unasked: 'reset' is the way out of it.
  put(faces, people = this.people) {
    if (this.sheet.isWrong) return
    this.sheet.write(faces, people)
    this.faces = faces
    this.people = people
    this.draw()
  }

  replace(face) {
    this.put(this.faces.map((other, i) => (i === this.chosen ? face : other)))
  }

  get face() {
    return this.faces[this.chosen]
  }

  // All of the canvas with a margin, [left, top, width, height].
  get whole() {
    const [width, height] = this.sheet.size
    const margin = MARGIN * Math.max(width, height)
    return [-margin, -margin, width + 2 * margin, height + 2 * margin]
  }

  // Quietly: what was said last stays.
  draw(isQuiet = false) {
    if (!this.sheet) return
    const { faces, people, sheet, picture, words } = this
    this.chosen = Math.min(this.chosen, Math.max(faces.length - 1, 0))
    const { size, isFixed } = sheet
    const view = this.zoom.follow()
    const focused = this.svg.contains(document.activeElement)
    const { chosen, point, zoom } = this
    this.isDrawing = true // the focus comes back to where it is
    this.drawing.draw({
      faces,
      people,
      size,
      view,
      chosen,
      point,
      picture: picture.placedOn(size),
      unit: zoom.unit,
      isFixed,
      words
    })
    if (focused) this.svg.querySelector(`[data-face="${chosen}"]`)?.focus({ preventScroll: true })
    this.isDrawing = false
    for (const control of [...this.buttons, ...this.frames]) control.disabled = !this.face || isFixed
    this.reset.disabled = !sheet.isEdited || isFixed
    this.eye.disabled = !picture.file
    this.eye.setAttribute('aria-pressed', !picture.isHidden && Boolean(picture.file))
    relabel(this.photo, picture.isOwn ? words.noPhoto : words.photo)
    if (!isQuiet) this.tell()
  }

  tell() {
    const { words, sheet } = this
    const what = words.summary(this.faces.length, ...sheet.size)
    const small = smallHead(this.faces, sheet.size[1], this.heads.fit)
    this.warning.textContent = small === undefined ? '' : words.small(small, sheet.size[1])
    if (this.problem) this.status(this.problem, true)
    else if (sheet.isFixed) this.status(`${what}. ${words.linked}`)
    else if (!this.faces.length) this.status(`${what}. ${words.nobody}`)
    else if (small !== undefined) this.status(words.enlarge)
    else this.status(`${what}, ${sheet.isEdited ? words.edited : words.detected}. ${words.hint}`)
  }

  entered(group) {
    if (!group || this.isDrawing || this.chosen === Number(group.dataset.face)) return
    this.chosen = Number(group.dataset.face)
    this.point = null
    this.draw()
  }

  grab(event) {
    if (event.button !== 0 || !this.sheet) return
    const group = event.target.closest('[data-face]')
    if (!group) return this.zoom.pan(event)
    this.chosen = Number(group.dataset.face)
    this.point = null
    this.draw()
    this.svg.querySelector(`[data-face="${this.chosen}"]`).focus({ preventScroll: true })
    if (this.sheet.isFixed) return
    const [part, number] = event.target.dataset.part.split(' ')
    const move = this.mover(part, Number(number), pointAt(this.svg, event))
    let isMoved = false
    follow(
      this.svg,
      event,
      (next) => {
        isMoved = true
        this.replace(move(pointAt(this.svg, next), next.shiftKey))
      },
      () => isMoved && this.change(() => {})
    )
  }

  // What dragging a part of the chosen face makes of it: (where the pointer is, whether Shift is held) -> points.
  mover(part, number, start) {
    const { face } = this
    const middle = middleOf(face)
    const reach = ([x, y]) => Math.max(Math.hypot(x - middle[0], y - middle[1]), 1)
    const angle = ([x, y]) => (Math.atan2(y - middle[1], x - middle[0]) * 180) / Math.PI
    const snap = (degrees, isSnapped) => (isSnapped ? Math.round(degrees / SNAP) * SNAP : degrees)
    return {
      body: ([x, y]) => moved(face, x - start[0], y - start[1]),
      point: ([x, y]) => face.map((at, i) => (i === number ? [at[0] + x - start[0], at[1] + y - start[1]] : at)),
      scale: (at) => turned(face, reach(at) / reach(start), 0),
      turn: (at, isSnapped) => turned(face, 1, snap(angle(at) - angle(start), isSnapped))
    }[part]
  }

  // Beside the people who are there, as large as they are.
  add() {
    const [width, height] = this.sheet.size
    const scales = this.faces.map((face) => headOf(face, this.heads.fit).scale)
    const scale = scales.length ? scales.reduce((a, b) => a + b) / scales.length : NEW_FACE * Math.min(width, height)
    const middles = this.faces.map(middleOf)
    const y = middles.length ? middles.reduce((sum, at) => sum + at[1], 0) / middles.length : 0.4 * height
    const room = (share) => Math.min(...middles.map((at) => Math.hypot(at[0] - share * width, at[1] - y)), width)
    const share =
      PLACES.find((place) => room(place) > 2.2 * scale) ?? PLACES.reduce((a, b) => (room(b) > room(a) ? b : a))
    const face = moved(turned(this.heads.poses.frontal, scale, 0, [0, 0]), share * width, y)
    this.put([...this.faces, face], [...this.people, Math.max(0, ...this.people) + 1])
    this.chosen = this.faces.length - 1
    this.point = null
  }

  remove() {
    const others = (_, i) => i !== this.chosen
    this.put(this.faces.filter(others), this.people.filter(others))
    this.point = null
  }

  pose(name) {
    if (this.face) this.replace(withPose(this.face, this.heads.poses[name], this.heads.fit))
  }

  mirror() {
    if (this.face) this.replace(mirrored(this.face, this.heads.mirrored))
  }

  shift(dx, dy) {
    const shifted = moved(this.face, dx, dy)
    this.replace(this.point === null ? shifted : this.face.map((at, i) => (i === this.point ? shifted[i] : at)))
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.sheet) return
    const act = this.face && !this.sheet.isFixed && this.action(event)
    if (!act && event.key !== 'Insert') return
    event.preventDefault()
    event.stopPropagation() // Delete is the host's key for the whole node
    this.change(act || (() => this.add()))
  }

  action(event) {
    const [width, height] = this.sheet.size
    const step = event.shiftKey ? 1 : Math.max(width, height) / STEPS
    const degrees = event.shiftKey ? 1 : TURN
    const number = '12345'.indexOf(event.key)
    if (number >= 0) return () => (this.point = number)
    return {
      arrowleft: () => this.shift(-step, 0),
      arrowright: () => this.shift(step, 0),
      arrowup: () => this.shift(0, -step),
      arrowdown: () => this.shift(0, step),
      '+': () => this.replace(turned(this.face, GROWTH, 0)),
      '=': () => this.replace(turned(this.face, GROWTH, 0)),
      '-': () => this.replace(turned(this.face, 1 / GROWTH, 0)),
      q: () => this.replace(turned(this.face, 1, -degrees)),
      e: () => this.replace(turned(this.face, 1, degrees)),
      m: () => this.mirror(),
      delete: () => this.remove(),
      backspace: () => this.remove(),
      escape: this.point === null ? null : () => (this.point = null)
    }[event.key.toLowerCase()]
  }
}

app.registerExtension({
  name: 'likeness.renderKeypoints',

  nodeCreated(node) {
    if (node.comfyClass !== NODE) return
    const editor = new KeypointEditor(node)
    // The editor shows one picture; a batch is shown by the host.
    hideHostPreview(node, () => (editor.sheet?.run?.count ?? 1) === 1)
    widen(node, 440)
    watch(node, WIDGETS, () => editor.refresh())
    chain(node, 'onExecuted', () => editor.refresh())
  }
})
