// Layer Weights: a bar for each block, with what the block is, to drag; the value is the text in 'weights'.

import { LIMIT, PLOT, blockAt, drawLayers, newPlot } from './editor/layer_drawing.js'
import { asText, ownWeights, presetWeights } from './editor/layer_text.js'
import { WORDS } from './editor/layer_words.js'
import { addButton } from './editor/panel.js'
import { PlotEditor, registerPlotEditor } from './editor/plot_editor.js'
import { option } from './editor/sentences.js'
import { follow, pointAt } from './editor/svg.js'
import { outputOf, rememberStep, valueOf, widgetOf } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const STEP = 0.05
const FINE = 0.01
const SWEEP = 8 // of the drawing's units across: less is a hand that is not quite still

const clamp = (value, low, high) => Math.min(Math.max(value, low), high)

const withSet = (found) => found && { factors: found.factors, swapped: new Set(found.swapped) }

class LayerEditor extends PlotEditor {
  static settings = {
    panel: 'layer bars',
    height: 284,
    text: 'weights',
    kind: 'layers',
    presets: ['family', 'preset', 'boost'],
    choice: 'preset',
    inputs: ['family', 'preset', 'boost', 'weights']
  }

  constructor(node) {
    super(node, wordsOf(WORDS))
    this.weights = null
  }

  newPlot() {
    return newPlot(this.words.bars)
  }

  addTools(bar) {
    addButton(bar, '1', this.words.all, () => this.fill(1))
    addButton(bar, '0', this.words.none, () => this.fill(0))
  }

  asText() {
    return this.weights ? asText(this.weights) : ''
  }

  get blocks() {
    return this.known.families[valueOf(this.node, 'family')]?.blocks ?? []
  }

  // What the widgets say.
  read(text) {
    const { node } = this
    const family = valueOf(node, 'family')
    this.offer(family)
    if (this.isFixed) this.weights = this.lastRun()
    else if (!text) this.weights = presetWeights(this.known, valueOf(node, 'preset'), family, valueOf(node, 'boost'))
    else {
      this.weights = ownWeights(text, this.blocks.length)
      if (!this.weights) return this.ask(text, family).then((found) => (this.weights = withSet(found)))
    }
  }

  // Only the presets that have a meaning for the model; one that was chosen for another stays until it is changed.
  offer(family) {
    const { options } = widgetOf(this.node, 'preset')
    const presets = this.known.layer_presets
    options.values = [...Object.keys(presets).filter((name) => presets[name][family]), 'own']
  }

  lastRun() {
    const found = outputOf(this.node)?.likeness_layers?.[0]
    return found?.factors.length === this.blocks.length ? withSet(found) : null
  }

  fill(factor) {
    if (this.known) this.write(asText({ factors: this.blocks.map(() => factor), swapped: new Set() }))
  }

  // The axis fits what is there, with room to drag above 1.
  get span() {
    const factors = this.weights?.factors ?? [1]
    return [Math.min(0, Math.floor(Math.min(...factors))), Math.max(1.5, Math.ceil(2 * Math.max(...factors)) / 2)]
  }

  draw() {
    this.axis = this.dragged ? this.axis : this.span
    const { blocks, weights, axis, current, isFixed, words } = this
    this.redraw('bar', () => drawLayers(this.svg, { blocks, weights, axis, current, isFixed, words }))
    this.tell()
  }

  tell() {
    const { words } = this
    if (this.problem) this.status(this.problem, true)
    else if (this.isFixed) this.status(this.weights ? words.linked : words.unknown)
    else if (!this.weights) this.status(words.meaningless(option(valueOf(this.node, 'preset'))), true)
    else this.status(`${this.isOwn ? words.own : words.preset(option(valueOf(this.node, 'preset')))}. ${words.hint}`)
  }

  grab(event) {
    if (event.button !== 0 || this.isFixed || !this.weights) return
    const number = blockAt(pointAt(this.svg, event)[0], this.blocks.length)
    if (number < 0 || number >= this.blocks.length) return
    this.select(number)
    const [low, high] = this.axis
    const placeOf = (move) => {
      const [x, y] = pointAt(this.svg, move)
      return [x, clamp(low + ((PLOT.bottom - y) / (PLOT.bottom - PLOT.top)) * (high - low), low, high)]
    }
    let last = placeOf(event)
    const [start] = last
    let sweeps = false
    const moved = (move) => {
      const next = placeOf(move)
      const step = move.shiftKey ? FINE : STEP
      sweeps ||= Math.abs(next[0] - start) > SWEEP
      if (sweeps) this.sweep(last, next, step)
      else this.set(number, next[1], step)
      last = next
    }
    this.dragged = true
    moved(event)
    follow(this.svg, event, moved, () => {
      this.dragged = false
      this.refresh()
      rememberStep()
    })
  }

  // Each bar between two places of the pointer gets the height that the line from one to the other has there.
  sweep([x, factor], [to, wanted], step) {
    const count = this.blocks.length
    const [first, last] = [x, to].map((one) => clamp(blockAt(one, count), 0, count - 1))
    const way = last - first
    const changes = [[last, wanted]]
    for (let i = 1; i < Math.abs(way); i++)
      changes.push([first + i * Math.sign(way), factor + ((wanted - factor) * i) / Math.abs(way)])
    this.current = last
    this.put(changes, step)
  }

  select(number) {
    this.current = number
    for (const bar of this.svg.querySelectorAll('.likeness-slider'))
      bar.setAttribute('tabindex', bar.dataset.focus === `bar ${number}` ? 0 : -1)
    this.svg.querySelector(`[data-focus="bar ${number}"]`).focus({ preventScroll: true })
  }

  set(number, factor, step = FINE, away = this.weights.swapped.has(number)) {
    const swapped = new Set(this.weights.swapped)
    if (away) swapped.add(number)
    else swapped.delete(number)
    this.put([[number, factor]], step, swapped)
  }

  // changes: [block, factor] each.
  put(changes, step, swapped = this.weights.swapped) {
    const factors = [...this.weights.factors]
    for (const [number, factor] of changes) factors[number] = clamp(Math.round(factor / step) * step, -LIMIT, LIMIT)
    this.keep(asText({ factors, swapped }))
    this.weights = { factors, swapped }
    this.draw()
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.weights) return
    const step = event.shiftKey ? FINE : STEP
    const { current } = this
    const factor = this.weights.factors[current]
    const last = this.blocks.length - 1
    const moves = {
      ArrowLeft: () => this.select(Math.max(current - 1, 0)),
      ArrowRight: () => this.select(Math.min(current + 1, last)),
      Home: () => this.select(0),
      End: () => this.select(last)
    }
    const changes = {
      ArrowUp: () => this.set(current, factor + step, step),
      ArrowDown: () => this.set(current, factor - step, step),
      PageUp: () => this.set(current, factor + 0.25),
      PageDown: () => this.set(current, factor - 0.25),
      Delete: () => this.set(current, 0),
      Backspace: () => this.set(current, 0),
      x: () => this.set(current, factor, FINE, !this.weights.swapped.has(current))
    }
    const digit = /^[0-9]$/.test(event.key) ? () => this.set(current, Number(event.key) / 10 || 0) : null
    const change = this.isFixed ? null : (changes[event.key] ?? changes[event.key.toLowerCase()] ?? digit)
    const act = moves[event.key] ?? change
    if (!act) return
    event.preventDefault()
    event.stopPropagation() // Delete is the host's key for the whole node
    act()
    if (change && !moves[event.key]) rememberStep()
  }
}

registerPlotEditor('likeness.layerWeights', 'LikenessLayerWeights', LayerEditor, 460)
