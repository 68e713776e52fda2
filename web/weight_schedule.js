// Weight Schedule: the course of the factor over the steps, to drag, or that of the pictures of a batch; the values are in
// 'points' or the preset's inputs, and in 'frames'.

import { on } from './editor/letgo.js'
import { addButton } from './editor/panel.js'
import { PlotEditor, registerPlotEditor } from './editor/plot_editor.js'
import { stepsOf } from './editor/sampler_steps.js'
import {
  clamp,
  asText,
  factorAt,
  grippable,
  handlesOf,
  ownPoints,
  presetPoints,
  snapped
} from './editor/schedule_points.js'
import { LIMIT, PLOT, drawPictures, drawSchedule, newPlot } from './editor/schedule_drawing.js'
import { INPUTS, Pictures } from './editor/schedule_pictures.js'
import { WORDS } from './editor/schedule_words.js'
import { option } from './editor/sentences.js'
import { follow, numberOf, pointAt } from './editor/svg.js'
import { isLinked, outputOf, rememberStep, setValue, valueOf, watch } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const STEP = 0.05
const FINE = 0.01

class ScheduleEditor extends PlotEditor {
  static settings = {
    panel: 'schedule curve',
    height: 250,
    text: 'points',
    kind: 'points',
    presets: ['curve_preset'],
    choice: 'curve_preset',
    inputs: ['curve', 'curve_preset', 'first', 'last', 'points']
  }

  constructor(node) {
    super(node, wordsOf(WORDS))
    this.points = null
    this.pictures = new Pictures(node)
    this.turned = null // to pictures or steps by a person; else by what is written
    watch(node, INPUTS, (changed) => {
      if (changed) this.turned = null
      this.refresh()
    })
    this.steps = document.createElement('span')
    this.gap.after(this.steps)
    on(this.element, 'pointerenter', () => !this.dragged && this.refresh()) // the sampler may have changed
  }

  newPlot() {
    return newPlot(this.words.plot)
  }

  addTools(bar) {
    this.edit = addButton(bar, 'pencil', this.words.edit, () => this.write(asText(this.editable())))
    this.turn = addButton(bar, 'images', this.words.turn, () => {
      this.turned = !this.showsPictures
      this.current = 0
      this.refresh()
    })
  }

  get showsPictures() {
    return this.turned ?? this.pictures.isWritten
  }

  asText() {
    return this.showsPictures ? this.pictures.text : asText(this.points ?? [])
  }

  drawn() {
    return this.points ? asText(this.editable()) : ''
  }

  get isOwn() {
    return this.showsPictures ? Boolean(this.pictures.text) : super.isOwn
  }

  get isFixed() {
    return this.showsPictures ? this.pictures.isFixed : super.isFixed
  }

  write(text) {
    if (!this.showsPictures) return super.write(text)
    if (this.isFixed) return
    if (text) setValue(this.node, 'frames', text)
    else this.pictures.clear()
    this.turned = true
    this.refresh()
    rememberStep()
  }

  get curve() {
    return this.known.curves[valueOf(this.node, 'curve_preset')]
  }

  read(text) {
    const { node } = this
    if (this.showsPictures) this.problem = this.pictures.read(this.words)
    else if (this.isFixed) this.points = outputOf(node)?.likeness_schedule?.[0].points ?? null
    else if (!this.isOwn)
      this.points = this.curve ? presetPoints(this.curve, valueOf(node, 'first'), valueOf(node, 'last')) : null
    else {
      this.points = ownPoints(text)
      if (!this.points) return this.ask(text).then((found) => (this.points = found?.points ?? null))
    }
  }

  editable() {
    return this.isOwn ? this.points : grippable(this.points)
  }

  // What can be dragged: own points, or the inputs that shape the preset.
  get handles() {
    if (this.showsPictures) return this.pictures.handles
    if (this.isFixed || !this.points) return []
    if (this.isOwn) return this.points.map(([percent, factor], index) => ({ percent, factor, index }))
    return handlesOf(this.curve).map((handle) => ({ ...handle, factor: factorAt(this.points, handle.percent) }))
  }

  get span() {
    const factors = this.showsPictures ? this.pictures.factors : (this.points?.map(([, factor]) => factor) ?? [])
    return [
      Math.min(0, Math.floor(Math.min(0, ...factors))),
      Math.max(1.25, Math.ceil(Math.max(0, ...factors) * 4) / 4)
    ]
  }

  valueAt(event) {
    const [x, y] = pointAt(this.svg, event)
    const [low, high] = this.axis
    return [
      clamp((x - PLOT.left) / (PLOT.right - PLOT.left), 0, 1),
      clamp(low + ((PLOT.bottom - y) / (PLOT.bottom - PLOT.top)) * (high - low), low, high)
    ]
  }

  draw() {
    this.axis = this.dragged ? this.axis : this.span
    this.count = stepsOf(this.node)
    const { words, handles, points, axis, count, showsPictures } = this
    this.current = clamp(this.current, 0, Math.max(handles.length - 1, 0))
    const { current } = this
    const { factors } = this.pictures
    this.redraw('point', () =>
      showsPictures
        ? drawPictures(this.svg, { factors, axis, handles, current, words })
        : drawSchedule(this.svg, { points, axis, count, handles, current, words })
    )
    this.steps.textContent = showsPictures ? words.pictures(factors.length) : words.steps(count)
    this.steps.title = showsPictures ? words.turn : words.from(count)
    this.turn.setAttribute('aria-pressed', showsPictures)
    this.edit.disabled = showsPictures || this.isOwn || this.isFixed || !this.points
    this.tell()
  }

  tell() {
    const { words } = this
    if (this.problem) this.status(this.problem, true)
    else if (this.showsPictures) this.status(...this.pictures.said(words))
    else if (isLinked(this.node, 'curve') && this.points) this.status(words.curve)
    else if (this.isFixed) this.status(this.points ? words.linked : words.unknown)
    else if (this.isOwn) this.status(`${words.own}. ${words.hint}`)
    else this.status(`${words.preset(option(valueOf(this.node, 'curve_preset')))}. ${words.ends}`)
  }

  grab(event) {
    if (event.button !== 0 || this.isFixed || !this.isDrawn) return
    const held = numberOf(event)
    if (held !== undefined) this.current = held
    else if (this.showsPictures) this.current = this.nearest(this.valueAt(event)[0])
    else this.add(this.valueAt(event))
    this.focus()
    this.dragged = true
    follow(
      this.svg,
      event,
      (move) => {
        const step = move.shiftKey ? FINE : STEP
        const [percent, factor] = this.valueAt(move)
        this.move(snapped(percent, move.shiftKey ? 0.001 : FINE), snapped(factor, step))
      },
      () => {
        this.dragged = false
        this.refresh()
        rememberStep()
      }
    )
  }

  // Whether there is something to take hold of.
  get isDrawn() {
    return this.showsPictures ? !this.problem : Boolean(this.points)
  }

  nearest(place) {
    const far = this.handles.map(({ share }) => Math.abs(share - place))
    return far.indexOf(Math.min(...far))
  }

  // A new point; a preset becomes points first.
  add([percent, factor]) {
    const points = this.editable()
    const place = [snapped(percent, FINE), snapped(factor, STEP)]
    const after = points.findIndex(([x]) => x > place[0])
    const index = after < 0 ? points.length : after
    this.put([...points.slice(0, index), place, ...points.slice(index)])
    this.current = index
    this.draw()
  }

  move(percent, factor) {
    const handle = this.handles[this.current]
    if (!handle) return
    if (this.showsPictures) {
      this.pictures.set(this.current, factor, LIMIT)
      this.refresh()
      return
    }
    if (handle.name) {
      setValue(this.node, handle.name, clamp(factor, -LIMIT, LIMIT))
      this.refresh()
      return
    }
    const points = [...this.points]
    const before = points[this.current - 1]?.[0] ?? 0
    const after = points[this.current + 1]?.[0] ?? 1
    points[this.current] = [clamp(percent, before, after), clamp(factor, -LIMIT, LIMIT)]
    this.put(points)
  }

  put(points) {
    this.keep(asText(points))
    this.points = points
    this.draw()
  }

  focus() {
    this.draw()
    this.svg.querySelector(`[data-focus="point ${this.current}"]`)?.focus({ preventScroll: true })
  }

  remove() {
    if (this.showsPictures) {
      this.pictures.remove(this.current)
      return this.refresh()
    }
    if (!this.isOwn || this.points.length < 2) return
    this.put(this.points.filter((_, i) => i !== this.current))
  }

  insert() {
    if (this.showsPictures) {
      this.pictures.insert(this.current)
      this.current += 1
      return this.refresh()
    }
    const points = this.editable()
    const [a, b] = [
      points[this.current] ?? points[0],
      points[this.current + 1] ?? points[this.current - 1] ?? points[0]
    ]
    this.add([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2])
  }

  step(event) {
    const handle = this.handles[this.current]
    const [across, up] = event.shiftKey ? [0.001, FINE] : [FINE, STEP]
    const by = (x, y) => () => this.move(handle.percent + x, handle.factor + y)
    return {
      ArrowUp: by(0, up),
      ArrowDown: by(0, -up),
      PageUp: by(0, 0.25),
      PageDown: by(0, -0.25),
      ...(handle?.name || this.showsPictures ? {} : { ArrowLeft: by(-across, 0), ArrowRight: by(across, 0) }),
      Delete: () => this.remove(),
      Backspace: () => this.remove(),
      Insert: () => this.insert()
    }[event.key]
  }

  // Tab goes from point to point and then on.
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.isFixed || !this.isDrawn) return
    if (event.key === 'Tab') {
      const next = this.current + (event.shiftKey ? -1 : 1)
      if (next < 0 || next >= this.handles.length) return
      event.preventDefault()
      this.current = next
      this.focus()
      return
    }
    const act = this.step(event)
    if (!act) return
    event.preventDefault()
    event.stopPropagation() // Delete is the host's key for the whole node
    act()
    rememberStep()
    this.focus()
  }
}

registerPlotEditor('likeness.weightSchedule', 'LikenessWeightSchedule', ScheduleEditor, 460, 520)
