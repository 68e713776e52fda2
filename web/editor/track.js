// A track under a number: drags it over the part of its range where it usually lies. The value is the number's own.

import { on } from './letgo.js'
import { addPanelUnder, widen } from './panel.js'
import { follow, mark } from './svg.js'
import { chain, isLinked, rememberStep, setValue, watch, widgetOf } from './widgets.js'
import { wordsOf } from './words.js'

const HEIGHT = 10
const MIDDLE = HEIGHT / 2
const STEP = 0.05
const FINE = 0.01
const PAGE = 0.25

const WORDS = {
  en: { hint: (label) => `${label}: drag, Shift for fine steps; double-click for the default. The number itself can go beyond.` },
  zh: { hint: (label) => `${label}：拖动设定，按住 Shift 微调，双击恢复默认值。数字框可输入更大范围的值。` }
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high)
const percent = (share) => `${100 * clamp(share, 0, 1)}%`

export class Track {
  constructor(node, widget, [low, high], normal) {
    Object.assign(this, { node, name: widget.name, low, high, normal })
    const { name, label, options } = widget
    const title = wordsOf(WORDS).hint(label ?? name)
    this.fill = mark('rect', { class: 'likeness-fill', y: MIDDLE - 1.5, height: 3, rx: 1.5 })
    this.knob = mark('circle', { class: 'likeness-knob', cy: MIDDLE, r: 5 })
    this.svg = mark(
      'svg',
      {
        class: 'likeness-track',
        role: 'slider',
        'aria-label': label ?? name,
        'aria-valuemin': options.min,
        'aria-valuemax': options.max,
        'data-focus': `track ${name}`
      },
      mark('title', {}, title),
      mark('rect', { class: 'likeness-rail', y: MIDDLE - 1.5, width: '100%', height: 3, rx: 1.5 }),
      this.fill,
      mark('rect', { class: 'likeness-default', x: percent(this.share(normal)), y: 0, width: 1.5, height: HEIGHT }),
      this.knob
    )
    addPanelUnder(node, widget, `${name} track`, HEIGHT).append(this.svg)
    widen(node, 0)
    on(this.svg, 'pointerdown', (event) => this.grab(event))
    on(this.svg, 'dblclick', () => this.change(normal))
    on(this.svg, 'keydown', (event) => this.key(event))
    watch(node, [name], () => this.draw())
    chain(node, 'onGreyed', () => this.draw())
    this.draw()
  }

  // A subgraph makes its widgets anew.
  get widget() {
    return widgetOf(this.node, this.name)
  }

  get isFixed() {
    return isLinked(this.node, this.name) || Boolean(this.widget?.disabled)
  }

  share(value) {
    return (value - this.low) / (this.high - this.low)
  }

  // A value outside the track is shown at its end; the number says what it is.
  draw() {
    const { svg, fill, knob, widget, isFixed } = this
    if (!Number.isFinite(widget?.value)) return // of a subgraph that no longer shows it, or has no value yet
    const [from, to] = [this.share(clamp(0, this.low, this.high)), this.share(widget.value)].map((at) => clamp(at, 0, 1))
    fill.setAttribute('x', percent(Math.min(from, to)))
    fill.setAttribute('width', percent(Math.abs(to - from)))
    knob.setAttribute('cx', percent(to))
    knob.classList.toggle('likeness-beyond', widget.value < this.low || widget.value > this.high)
    svg.setAttribute('aria-valuenow', widget.value)
    svg.setAttribute('aria-disabled', isFixed)
    svg.setAttribute('tabindex', isFixed ? -1 : 0)
  }

  set(value, step = FINE) {
    const { min, max } = this.widget.options
    setValue(this.node, this.name, clamp(Number((Math.round(value / step) * step).toFixed(4)), min, max))
    this.draw()
  }

  change(value) {
    if (this.isFixed) return
    this.set(value)
    rememberStep()
  }

  grab(event) {
    if (event.button !== 0 || this.isFixed) return
    this.svg.focus({ preventScroll: true })
    const moved = (move) => {
      const { left, width } = this.svg.getBoundingClientRect()
      const share = clamp((move.clientX - left) / width, 0, 1)
      this.set(this.low + share * (this.high - this.low), move.shiftKey ? FINE : STEP)
    }
    moved(event)
    follow(this.svg, event, moved, rememberStep)
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.isFixed) return
    const step = event.shiftKey ? FINE : STEP
    const { value } = this.widget
    const to = {
      ArrowRight: value + step,
      ArrowUp: value + step,
      ArrowLeft: value - step,
      ArrowDown: value - step,
      PageUp: value + PAGE,
      PageDown: value - PAGE,
      Home: this.low,
      End: this.high,
      Delete: this.normal,
      Backspace: this.normal
    }[event.key]
    if (to === undefined) return
    event.preventDefault()
    event.stopPropagation() // Delete is the host's key for the whole node
    this.change(to)
  }
}
