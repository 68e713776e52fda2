// Layer Weights: a bar for each block, with what the block is, to drag; the value is the text in 'weights'.

import { app } from '../../scripts/app.js'
import { addBar, addButton, addPanel, addStatus, addUndo, hideHostPreview, widen } from './editor/panel.js'
import { addClipboard } from './editor/clipboard.js'
import { LIMIT, PLOT, blockAt, drawLayers, newPlot } from './editor/layer_drawing.js'
import { asText, ownWeights, presetWeights } from './editor/layer_text.js'
import { WORDS } from './editor/layer_words.js'
import { follow, numberOf, pointAt } from './editor/svg.js'
import { read, tables } from './editor/tables.js'
import { chain, isLinked, outputOf, rememberStep, setValue, valueOf, watch } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const NODE = 'LikenessLayerWeights'
const STEP = 0.05
const FINE = 0.01

class LayerEditor {
  constructor(node) {
    this.node = node
    this.words = wordsOf(WORDS)
    this.weights = null
    this.current = 0 // the bar that the keys act on
    this.element = addPanel(node, 'layer bars', 284)
    this.buildBar()
    this.status = addStatus(this.element)
    this.svg.addEventListener('pointerdown', (event) => this.grab(event))
    this.svg.addEventListener('keydown', (event) => this.key(event))
    this.svg.addEventListener('focusin', (event) => (this.current = numberOf(event) ?? this.current))
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
    addButton(bar, '1', words.all, () => this.fill(1))
    addButton(bar, '0', words.none, () => this.fill(0))
    this.svg = newPlot(words.bars)
    addClipboard(
      bar,
      this.svg,
      () => asText(this.weights),
      (text) => this.write(text.trim())
    )
    bar.append(Object.assign(document.createElement('span'), { className: 'likeness-gap' }))
    addUndo(bar, words)
    this.element.append(this.svg)
  }

  get blocks() {
    return this.known.families[valueOf(this.node, 'family')]?.blocks ?? []
  }

  get isFixed() {
    return ['family', 'preset', 'boost', 'weights'].some((name) => isLinked(this.node, name))
  }

  // What the widgets say; the server is asked for texts in other forms than the editor's.
  async refresh() {
    if (!this.known) return
    const { node } = this
    const [family, text] = [valueOf(node, 'family'), (valueOf(node, 'weights') ?? '').trim()]
    this.problem = ''
    if (this.isFixed) this.weights = this.lastRun()
    else if (!text) this.weights = presetWeights(this.known, valueOf(node, 'preset'), family, valueOf(node, 'boost'))
    else this.weights = ownWeights(text, this.blocks.length) ?? (await this.ask(text, family))
    if (text === (valueOf(node, 'weights') ?? '').trim()) this.draw() // it may have changed while the server answered
  }

  lastRun() {
    const found = outputOf(this.node)?.likeness_layers?.[0]
    return found && found.factors.length === this.blocks.length
      ? { factors: found.factors, swapped: new Set(found.swapped) }
      : null
  }

  async ask(text, family) {
    try {
      const { factors, swapped } = await read('layers', text, family)
      return { factors, swapped: new Set(swapped) }
    } catch (error) {
      this.problem = error.message
      return null
    }
  }

  // A person's choice of a preset or of another model replaces the numbers; loading a workflow does not.
  chosen(name) {
    if (name !== 'weights' && valueOf(this.node, 'weights')) setValue(this.node, 'weights', '')
    this.refresh()
  }

  write(text) {
    if (this.isFixed) return
    setValue(this.node, 'weights', text)
    this.refresh()
    rememberStep()
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
    const focused = this.svg.contains(document.activeElement)
    drawLayers(this.svg, { blocks, weights, axis, current, isFixed, words })
    if (focused) this.svg.querySelector(`[data-focus="bar ${this.current}"]`)?.focus({ preventScroll: true })
    const own = Boolean(valueOf(this.node, 'weights'))
    this.reset.disabled = !own || this.isFixed
    this.tell(own)
  }

  tell(own) {
    const { words } = this
    if (this.problem) this.status(this.problem, true)
    else if (this.isFixed) this.status(this.weights ? words.linked : words.unknown)
    else this.status(`${own ? words.own : words.preset(valueOf(this.node, 'preset'))}. ${words.hint}`)
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

app.registerExtension({
  name: 'likeness.layerWeights',

  nodeCreated(node) {
    if (node.comfyClass !== NODE) return
    const editor = new LayerEditor(node)
    hideHostPreview(node)
    widen(node, 460)
    watch(node, ['family', 'preset', 'boost', 'weights'], (name) => (name ? editor.chosen(name) : editor.refresh()))
    chain(node, 'onExecuted', () => editor.refresh())
  }
})
