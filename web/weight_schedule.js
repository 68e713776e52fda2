// Weight Schedule: the course of the factor over the steps, to drag; the value is in 'points' or the preset's inputs.

import { app } from '../../scripts/app.js'
import { addBar, addButton, addPanel, addStatus, addUndo, hideHostPreview, widen } from './editor/panel.js'
import { addClipboard } from './editor/clipboard.js'
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
import { LIMIT, PLOT, drawSchedule, newPlot } from './editor/schedule_drawing.js'
import { WORDS } from './editor/schedule_words.js'
import { follow, numberOf, pointAt } from './editor/svg.js'
import { read, tables } from './editor/tables.js'
import { chain, isLinked, outputOf, rememberStep, setValue, valueOf, watch } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const NODE = 'LikenessWeightSchedule'
const STEP = 0.05
const FINE = 0.01

class ScheduleEditor {
  constructor(node) {
    this.node = node
    this.words = wordsOf(WORDS)
    this.points = null
    this.current = 0
    this.element = addPanel(node, 'schedule curve', 250)
    this.buildBar()
    this.status = addStatus(this.element)
    this.svg.addEventListener('pointerdown', (event) => this.grab(event))
    this.svg.addEventListener('keydown', (event) => this.key(event))
    this.svg.addEventListener('focusin', (event) => (this.current = numberOf(event) ?? this.current))
    this.element.addEventListener('pointerenter', () => !this.dragged && this.refresh()) // the sampler may have changed
    tables().then(
      (known) => {
        this.known = known
        this.refresh()
      },
      (error) => this.status(this.words.failed(error.message), true)
    )
  }

  buildBar() {
    const { words } = this
    const bar = addBar(this.element)
    this.reset = addButton(bar, 'replay', words.reset, () => this.write(''))
    this.edit = addButton(bar, 'pencil', words.edit, () => this.write(asText(this.editable())))
    this.svg = newPlot(words.plot)
    addClipboard(
      bar,
      this.svg,
      () => asText(this.points ?? []),
      (text) => this.write(text.trim())
    )
    this.steps = document.createElement('span')
    const gap = Object.assign(document.createElement('span'), { className: 'likeness-gap' })
    bar.append(gap, this.steps)
    addUndo(bar, words)
    this.element.append(this.svg)
  }

  get isFixed() {
    return ['curve', 'curve_preset', 'first', 'last', 'points'].some((name) => isLinked(this.node, name))
  }

  get isOwn() {
    return Boolean((valueOf(this.node, 'points') ?? '').trim())
  }

  get curve() {
    return this.known.curves[valueOf(this.node, 'curve_preset')]
  }

  async refresh() {
    if (!this.known) return
    const { node } = this
    const text = valueOf(node, 'points')
    this.problem = ''
    if (this.isFixed) this.points = outputOf(node)?.likeness_schedule?.[0].points ?? null
    else if (this.isOwn) this.points = ownPoints(text) ?? (await this.ask(text))
    else this.points = this.curve ? presetPoints(this.curve, valueOf(node, 'first'), valueOf(node, 'last')) : null
    if (text === valueOf(node, 'points')) this.draw() // it may have changed while the server answered
  }

  async ask(text) {
    try {
      return (await read('points', text)).points
    } catch (error) {
      this.problem = error.message
      return null
    }
  }

  // A person's choice of a preset replaces the points; loading a workflow does not.
  chosen(name) {
    if (name === 'curve_preset' && valueOf(this.node, 'points')) setValue(this.node, 'points', '')
    this.refresh()
  }

  write(text) {
    if (this.isFixed) return
    setValue(this.node, 'points', text)
    this.refresh()
    rememberStep()
  }

  editable() {
    return this.isOwn ? this.points : grippable(this.points)
  }

  // What can be dragged: own points, or the inputs that shape the preset.
  get handles() {
    if (this.isFixed || !this.points) return []
    if (this.isOwn) return this.points.map(([percent, factor], index) => ({ percent, factor, index }))
    return handlesOf(this.curve).map((handle) => ({ ...handle, factor: factorAt(this.points, handle.percent) }))
  }

  get span() {
    const factors = this.points?.map(([, factor]) => factor) ?? []
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
    const { words, handles, points, axis, count } = this
    this.current = clamp(this.current, 0, Math.max(handles.length - 1, 0))
    const focused = this.svg.contains(document.activeElement)
    drawSchedule(this.svg, { points, axis, count, handles, current: this.current, words })
    if (focused) this.svg.querySelector(`[data-focus="point ${this.current}"]`)?.focus({ preventScroll: true })
    this.steps.textContent = words.steps(this.count)
    this.steps.title = words.from(this.count)
    this.reset.disabled = !this.isOwn || this.isFixed
    this.edit.disabled = this.isOwn || this.isFixed || !this.points
    this.tell()
  }

  tell() {
    const { words } = this
    if (this.problem) this.status(this.problem, true)
    else if (isLinked(this.node, 'curve') && this.points) this.status(words.curve)
    else if (this.isFixed) this.status(this.points ? words.linked : words.unknown)
    else if (this.isOwn) this.status(`${words.own}. ${words.hint}`)
    else this.status(`${words.preset(valueOf(this.node, 'curve_preset'))}. ${words.ends}`)
  }

  grab(event) {
    if (event.button !== 0 || this.isFixed || !this.points) return
    const held = numberOf(event)
    if (held !== undefined) this.current = held
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
    setValue(this.node, 'points', asText(points))
    this.points = points
    this.draw()
  }

  focus() {
    this.draw()
    this.svg.querySelector(`[data-focus="point ${this.current}"]`)?.focus({ preventScroll: true })
  }

  remove() {
    if (!this.isOwn || this.points.length < 2) return
    this.put(this.points.filter((_, i) => i !== this.current))
  }

  insert() {
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
      ...(handle?.name ? {} : { ArrowLeft: by(-across, 0), ArrowRight: by(across, 0) }),
      Delete: () => this.remove(),
      Backspace: () => this.remove(),
      Insert: () => this.insert()
    }[event.key]
  }

  // Tab goes from point to point and then on.
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.isFixed || !this.points) return
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

app.registerExtension({
  name: 'likeness.weightSchedule',

  nodeCreated(node) {
    if (node.comfyClass !== NODE) return
    const editor = new ScheduleEditor(node)
    // The editor shows no factors of pictures.
    hideHostPreview(node, () => !valueOf(node, 'frames')?.trim() && !isLinked(node, 'frames'))
    widen(node, 460, 520)
    watch(node, ['curve_preset', 'first', 'last', 'points'], (name) => (name ? editor.chosen(name) : editor.refresh()))
    chain(node, 'onExecuted', () => editor.refresh())
  }
})
