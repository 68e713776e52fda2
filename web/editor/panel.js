// A place on a node where an editor draws, in both renderers: outside the workflow's and the prompt's values.

import { api } from '../../../scripts/api.js'
import { app } from '../../../scripts/app.js'
import { takeWidgets } from './blueprint.js'
import { isLetGo, letGoWith, on } from './letgo.js'
import { chain, redo, steps, undo, widgetOf } from './widgets.js'
import './style.js'

const UNDO = 'undo'
const REDO = 'redo'
const PATIENCE = 10000 // ms in which the host makes the nodes anew after an undo

// The part of an editor from which a person pressed undo: it gets the focus back when the host has made the node anew,
// unless that person went elsewhere.
let left = null
addEventListener('pointerdown', () => (left = null), true)

export function addPanel(node, name, height) {
  takeWidgets(node)
  const element = document.createElement('div')
  element.className = 'likeness-editor'
  element.style.minHeight = `${height}px`
  const widget = node.addDOMWidget(name, 'likeness_editor', element, {
    serialize: false,
    hideInPanel: true,
    getMinHeight: () => height + 20, // the host keeps a margin around it
    getValue: () => '',
    setValue: () => {}
  })
  widget.serialize = false
  passToCanvas(element)
  keepFocus(node, element)
  letGoWith(node, element)
  for (const event of ['onAdded', 'onConfigure'])
    chain(node, event, () => takePlace(node, name, element))
  if (node.subgraph) chain(node, 'onConfigure', () => widen(node, 0)) // it is saved as it is without editors
  return element
}

// A flat panel right under an ordinary widget, folded away with it. The host saves values by their place among the
// widgets: this one leaves no gap there.
export function addPanelUnder(node, widget, name, height) {
  const element = addPanel(node, name, height)
  const panel = widgetOf(node, name)
  panel.computeLayoutSize = undefined // else it shares the room of a node that is drawn larger
  panel.computeSize = () => [0, height]
  Object.assign(panel.options, { margin: 0, advanced: widget.options.advanced })
  const others = node.widgets.filter((one) => one !== panel)
  others.splice(others.indexOf(widget) + 1, 0, panel)
  node.widgets = others
  chain(node, 'onSerialize', (saved) => {
    saved.widgets_values = saved.widgets_values?.filter(() => true) // which skips places that were never filled
  })
  return element
}

// Nodes 2.0 may go on showing the element of a node that was: after an undo, and where a node went into a subgraph, in
// which it keeps its number. The new node's element takes its place.
const shown = new Map() // node and panel, in its graph and in any -> the element, weakly

function takePlace(node, name, element) {
  if (!node.graph || node.subgraph) return // a copy from which the host makes another; a blueprint has its own way
  const anywhere = `${node.id} ${name}`
  const places = [
    [`${node.graph?.id} ${anywhere}`, () => true],
    [anywhere, isLetGo],
  ]
  for (const [place, isGone] of places) {
    const former = shown.get(place)?.deref()
    shown.set(place, new WeakRef(element))
    if (former && former !== element) replaceWhenKept(former, element, isGone, performance.now() + PATIENCE)
  }
}

function replaceWhenKept(former, element, isGone, until) {
  if (element.isConnected || isLetGo(element) || performance.now() > until) return
  if (former.isConnected && former.closest('.lg-node') && isGone(former)) former.replaceWith(element)
  else requestAnimationFrame(() => replaceWhenKept(former, element, isGone, until))
}

// As on the host's own text boxes: the wheel zooms and the middle button pans. Nodes 2.0 does it itself for the wheel.
function passToCanvas(element) {
  const isClassic = () => !element.closest('.lg-node')
  on(element, 'wheel', (event) => {
    if (!isClassic()) return
    event.preventDefault()
    app.canvas.processMouseWheel(event)
  })
  const pass = { pointerdown: 'processMouseDown', pointermove: 'processMouseMove', pointerup: 'processMouseUp' }
  for (const [type, handler] of Object.entries(pass))
    on(element, type, (event) => {
      if (event.button === 1 || event.buttons & 4) app.canvas[handler](event)
    })
}

function keepFocus(node, element) {
  const leave = (target) => (left = { id: String(node.id), key: target.dataset?.focus, time: performance.now() })
  on(element, 'keydown', (event) => {
    const key = event.key.toLowerCase()
    if ((event.ctrlKey || event.metaKey) && (key === 'z' || key === 'y')) leave(event.target)
  })
  on(
    element,
    'click',
    (event) => {
      const button = event.target.closest(`[data-focus="${UNDO}"], [data-focus="${REDO}"]`)
      if (button) leave(button)
    },
    { capture: true }
  )
  chain(node, 'onConfigure', () => {
    if (left?.id !== String(node.id) || performance.now() - left.time > PATIENCE) return
    focusWhenShown(element, left)
  })
}

function focusWhenShown(element, place) {
  const isElsewhere = left !== place || isLetGo(element) || (document.activeElement && document.activeElement !== document.body)
  if (isElsewhere || performance.now() - place.time > PATIENCE) return
  const target = element.isConnected && element.querySelector(`[data-focus="${place.key}"]`)
  if (!target) requestAnimationFrame(() => focusWhenShown(element, place))
  else {
    left = null
    target.focus({ preventScroll: true })
  }
}

// What fills a panel and scrolls within it, by the wheel and by the keys.
export function addScrolled(element, className, role, label) {
  const list = document.createElement('div')
  list.className = className
  list.tabIndex = 0 // or the keys would not scroll it
  list.setAttribute('role', role)
  list.setAttribute('aria-label', label)
  on(list, 'wheel', (event) => {
    if (list.scrollHeight > list.clientHeight) event.stopPropagation()
  })
  element.append(list)
  return list
}

// A row of controls above the drawing.
export function addBar(element) {
  const bar = document.createElement('div')
  bar.className = 'likeness-bar'
  bar.setAttribute('role', 'toolbar')
  element.append(bar)
  return bar
}

// A button with one of the host's icons by its name, or with a digit.
export function addButton(bar, icon, label, clicked) {
  const button = document.createElement('button')
  button.type = 'button'
  button.dataset.focus = icon
  if (/^\d$/.test(icon)) button.append(icon)
  else button.append(Object.assign(document.createElement('i'), { className: `pi pi-${icon}` }))
  relabel(button, label)
  on(button, 'click', clicked)
  bar.append(button)
  return button
}

export function relabel(control, label) {
  control.title = label
  control.setAttribute('aria-label', label)
}

export function addSelect(bar, label, options, chosen) {
  const select = document.createElement('select')
  select.dataset.focus = 'select'
  select.setAttribute('aria-label', label)
  select.append(new Option(label, ''), ...Object.entries(options).map(([value, text]) => new Option(text, value)))
  select.title = label
  on(select, 'change', () => {
    const { value } = select
    select.value = ''
    if (value) chosen(value)
  })
  bar.append(select)
  return select
}

const greyings = new Map() // node -> greys its buttons when there is nothing to undo, or to redo

export function addUndo(node, bar, words) {
  const buttons = [addButton(bar, UNDO, words.undo, undo), addButton(bar, REDO, words.redo, redo)]
  buttons[1].firstChild.className = 'pi pi-undo likeness-flipped'
  const grey = () => {
    const [toUndo, toRedo] = steps()
    buttons[0].setAttribute('aria-disabled', toUndo === 0) // and not 'disabled', which would lose the focus of the keys
    buttons[1].setAttribute('aria-disabled', toRedo === 0)
  }
  grey()
  on(bar, 'pointerenter', grey) // the host tells of every step, but not of another tab
  greyings.set(node, grey)
  chain(node, 'onRemoved', () => greyings.delete(node))
}

api.addEventListener('graphChanged', () => greyings.forEach((grey) => grey()))

// A line of text under the drawing; what it says is read aloud too.
export function addStatus(element) {
  const status = document.createElement('div')
  status.className = 'likeness-status'
  status.setAttribute('role', 'status')
  element.append(status)
  return (text, isWrong = false) => {
    if (status.textContent !== text) status.textContent = text
    status.title = text
    status.classList.toggle('likeness-wrong', isWrong)
  }
}

// The host would show the same again under the node: its pictures stay in the history, and off the node while isShown().
export function hideHostPreview(node, isShown = () => true) {
  Object.defineProperty(node, 'hideOutputImages', { get: isShown })
  const former = node.onDrawBackground // draws the pictures in the classic renderer
  node.onDrawBackground = function (...args) {
    if (!isShown()) former?.apply(this, args)
    else if (this.imgs) forgetPictures(this)
  }
}

// The classic renderer keeps the pictures of an earlier run in a widget of its own.
function forgetPictures(node) {
  node.imgs = node.images = undefined // read anew from the last run when they are shown again
  const preview = widgetOf(node, '$$canvas-image-preview')
  if (preview) node.removeWidget(preview)
}

// At least so large, and as high as what is on it: a node that grows when it is drawn makes one more step of undo.
export function widen(node, width, height = 0) {
  node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], height, node.computeSize()[1])])
}
