// Layer Weights: a bar for each block, with what the block is, to drag; the value is the text in 'weights'.

import { LIMIT, PLOT, blockAt, drawLayers, newPlot } from './editor/layer_drawing.js'
import { asText, ownWeights, presetWeights } from './editor/layer_text.js'
import { WORDS } from './editor/layer_words.js'
import { addButton } from './editor/panel.js'
import { PlotEditor, registerPlotEditor } from './editor/plot_editor.js'
import { follow, pointAt } from './editor/svg.js'
import { outputOf, rememberStep, setValue, valueOf, widgetOf } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const STEP = 0.05
const FINE = 0.01

const withSet = (found) => found && { factors: found.factors, swapped: new Set(found.swapped) }

class LayerEditor extends PlotEditor {
  static settings = {
    panel: 'layer bars',
    height: 284,
    text: 'weights',
    kind: 'layers',
    presets: ['family', 'preset', 'boost'],
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
    return asText(this.weights)
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
    options.values = Object.keys(presets).filter((name) => presets[name][family])
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
    else if (!this.weights) this.status(words.meaningless(valueOf(this.node, 'preset')), true)
    else this.status(`${this.isOwn ? words.own : words.preset(valueOf(this.node, 'preset'))}. ${words.hint}`)
  }

  grab(event) {
    if (event.button !== 0 || this.isFixed || !this.weights) return
    const number = blockAt(pointAt(this.svg, event)[0], this.blocks.length)
    if (number < 0 || number >= this.blocks.length) return
    this.select(number)
    const [low, high] = this.axis
    const moved = (move) => {
      const share = (PLOT.bottom - pointAt(this.svg, move)[1]) / (PLOT.bottom - PLOT.top)
      this.set(number, Math.min(Math.max(low + share * (high - low), low), high), move.shiftKey ? FINE : STEP)
    }
    this.dragged = true
    moved(event)
    follow(this.svg, event, moved, () => {
      this.dragged = false
      this.refresh()
      rememberStep()
    })
  }

  select(number) {
    this.current = number
    for (const bar of this.svg.querySelectorAll('.likeness-slider'))
      bar.setAttribute('tabindex', bar.dataset.focus === `bar ${number}` ? 0 : -1)
    this.svg.querySelector(`[data-focus="bar ${number}"]`).focus({ preventScroll: true })
  }

  set(number, factor, step = FINE, away = this.weights.swapped.has(number)) {
    const factors = [...this.weights.factors]
    factors[number] = Math.min(Math.max(Math.round(factor / step) * step, -LIMIT), LIMIT)
    const swapped = new Set(this.weights.swapped)
    if (away) swapped.add(number)
    else swapped.delete(number)
    setValue(this.node, 'weights', asText({ factors, swapped }))
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
