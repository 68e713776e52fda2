// Inputs that nothing reads as things are look as linked ones do: grey, and not to be changed.

import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'
import { whenAdded } from './editor/blueprint.js'
import { placeOf, promotedOf, sourceOf } from './editor/upstream.js'
import { chain, choicesOf, isLinked, outputOf, valueOf, widgetOf } from './editor/widgets.js'

// In the settings of an input: the name of the one that is read instead where it is linked, or with which it may not be
// set; and with which choices it is read, or with which it is not: { input: [values] }.
const INSTEAD = 'likeness_instead'
const EITHER = 'likeness_either'
const ONLY_WITH = 'likeness_only_with'
const NOT_WITH = 'likeness_not_with'
const ALL = [INSTEAD, EITHER, ONLY_WITH, NOT_WITH]
const PASSED_BY = [2, 4] // modes of a node that is muted, and of one that is bypassed

const conditions = new Map() // node class -> [input, its settings] each
const greyings = new Map() // node -> greys its inputs
const outer = new Set() // blueprints that show inputs of nodes within

// The node that gives an input; undefined where none does, null where it lies outside of the subgraph.
function giverOf(node, name) {
  const input = node.inputs?.find((one) => one.name === name)
  if (input?.link == null) return undefined
  const giver = sourceOf(placeOf(node), input)?.node ?? null
  return PASSED_BY.includes(giver?.mode) ? undefined : giver
}

// What the last run did not read for what it was given on an input, as long as the same is given.
function unreadInRun(node) {
  const run = outputOf(node)
  return Object.entries(run?.likeness_unread?.[0] ?? {}).flatMap(([input, names]) => {
    const giver = giverOf(node, input)
    const given = giver && `${giver.id} ${choicesOf(giver)}`
    run.likeness_given ??= {}
    run.likeness_given[input] ??= given
    return run.likeness_given[input] === given ? names : []
  })
}

// Whether something else is read instead, or nothing is as chosen; a choice that another node makes is not known.
function isUnread(node, input, { [INSTEAD]: other, [EITHER]: rival, [ONLY_WITH]: choices, [NOT_WITH]: refusals }) {
  const isGiven = (name) => name && giverOf(node, name) !== undefined
  if (isGiven(other) || (isGiven(rival) && valueOf(node, input) === '')) return true
  const isKnown = ([name]) => !isLinked(node, name)
  const isChosen = ([name, values]) => values.includes(valueOf(node, name))
  const [wanted, refused] = [choices, refusals].map((some) => Object.entries(some ?? {}).filter(isKnown))
  return !wanted.every(isChosen) || refused.some(isChosen)
}

function grey(node) {
  const unread = new Set(unreadInRun(node))
  for (const [name, settings] of conditions.get(node.comfyClass)) if (isUnread(node, name, settings)) unread.add(name)
  if (setGrey(node, node.widgets ?? [], unread)) outer.forEach(greyOuter)
}

// What one outside sets is read as long as one of those within is that it is for.
function greyOuter(node) {
  const shown = promotedOf(node)
  const namesOf = (all) => new Set(all.map(({ name }) => name))
  const ours = namesOf(shown.filter(({ inner }) => conditions.has(inner.comfyClass)))
  const read = namesOf(shown.filter(({ inner, input }) => !widgetOf(inner, input)?.disabled))
  const unread = new Set([...ours].filter((name) => !read.has(name)))
  const widgets = node.widgets.filter(({ name }) => ours.has(name))
  setGrey(node, widgets, unread)
  for (const { name, options } of widgets) if (options) options.disabled = unread.has(name) // what Nodes 2.0 reads of a blueprint's
}

// Whether any was not so before.
function setGrey(node, widgets, unread) {
  const changed = widgets.filter((one) => Boolean(one.disabled) !== unread.has(one.name))
  for (const widget of changed) widget.disabled = unread.has(widget.name)
  if (!changed.length) return false
  node.onGreyed?.()
  node.graph?.setDirtyCanvas(true, true)
  return true
}

function watchOuter(node) {
  outer.add(node)
  chain(node, 'onRemoved', () => outer.delete(node))
  chain(node, 'onWidgetsMade', () => greyOuter(node))
  greyOuter(node)
}

app.registerExtension({
  name: 'likeness.unused',

  setup() {
    api.addEventListener('graphChanged', () => greyings.forEach((act) => act())) // one muted, another file chosen
  },

  beforeRegisterNodeDef(_, { name, input }) {
    const inputs = Object.entries({ ...input?.required, ...input?.optional })
    const found = inputs.filter(([, spec]) => ALL.some((key) => spec[1]?.[key]))
    if (found.length) conditions.set(name, found.map(([one, spec]) => [one, spec[1]]))
  },

  nodeCreated(node) {
    if (node.subgraph) return whenAdded(node, () => watchOuter(node))
    if (!conditions.has(node.comfyClass)) return
    greyings.set(node, () => grey(node))
    chain(node, 'onRemoved', () => greyings.delete(node))
    const namesIn = ([, settings]) => [ONLY_WITH, NOT_WITH].flatMap((key) => Object.keys(settings[key] ?? {}))
    const choices = conditions.get(node.comfyClass).flatMap(namesIn)
    for (const name of new Set(choices)) chain(widgetOf(node, name), 'callback', () => grey(node))
    grey(node)
    for (const event of ['onConfigure', 'onConnectionsChange', 'onExecuted']) chain(node, event, () => grey(node))
  },

  onNodeOutputsUpdated() {
    greyings.forEach((act) => act())
  }
})
