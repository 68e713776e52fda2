// Where a link comes from, through subgraphs: a place is { node, outer }, outer being the place of the subgraph it is in.

import { setValue } from './widgets.js'

const GRAPH_INPUT = -10 // the host's number for what a subgraph is given

const isGiven = (link) => Number(link.origin_id) === GRAPH_INPUT
const linkOf = (graph, id) => graph?.getLink?.(id) ?? graph?.links?.[id]

export const placeOf = (node) => ({ node, outer: null })

// The place of the node whose output an input is linked to; null where there is none.
export function sourceOf({ node, outer }, input) {
  const link = linkOf(node.graph, input.link)
  if (!link) return null
  if (isGiven(link)) {
    const given = outer?.node.inputs[link.origin_slot]
    return given ? sourceOf(outer, given) : null
  }
  return inside({ node: node.graph.getNodeById(link.origin_id), outer }, link.origin_slot)
}

// Of a subgraph the node within that gives the output.
function inside(place, slot) {
  const { node } = place
  if (!node?.isSubgraphNode?.()) return node ? place : null
  const link = linkOf(node.subgraph, node.subgraph.outputs[slot]?.linkIds[0])
  return link ? inside({ node: node.subgraph.getNodeById(link.origin_id), outer: place }, link.origin_slot) : null
}

// Whether something of what `node` gets comes from `other`; in the places within and around subgraphs too.
export function isFedBy(node, other, seen = new Set()) {
  const found = (place) => {
    if (!place || seen.has(place.node)) return false
    seen.add(place.node)
    return place.node === other || place.outer?.node === other || (place.node.inputs ?? []).some((input) => found(sourceOf(place, input)))
  }
  return outersOf(node).some((outer) => found({ node, outer }))
}

// The places of all nodes of a class that something of what `node` gets comes from, within subgraphs too.
export function placesBefore(node, kind) {
  const seen = new Set()
  const all = []
  const visit = (place) => {
    if (!place || seen.has(place.node)) return
    seen.add(place.node)
    all.push(place)
    for (const input of place.node.inputs ?? []) visit(sourceOf(place, input))
  }
  outersOf(node).forEach((outer) => visit({ node, outer }))
  return all.filter((place) => place.node !== node && place.node.comfyClass === kind)
}

// Where a link to an input of this name is drawn: on the node, or on the subgraph that hands it in. [node, number]
export function socketOf({ node, outer }, name) {
  const number = node.inputs?.findIndex((one) => one.name === name) ?? -1
  const link = number < 0 ? null : linkOf(node.graph, node.inputs[number].link)
  if (!link || !isGiven(link)) return [node, number]
  return outer ? socketOf(outer, outer.node.inputs[link.origin_slot].name) : [node, -1]
}

// What a subgraph shows on itself of the nodes within: { name, inner, input }, the widget's name and whose input it is.
export function promotedOf(node) {
  const { subgraph } = node
  if (!subgraph) return []
  return subgraph.inputs.flatMap(({ name, linkIds }) =>
    linkIds.flatMap((id) => {
      const link = linkOf(subgraph, id)
      const inner = link && subgraph.getNodeById(link.target_id)
      const input = inner?.inputs[link.target_slot]
      return input?.widget ? [{ name, inner, input: input.widget.name }] : []
    })
  )
}

// The places of the subgraph nodes that a node may be within; [null] for the outermost graph.
function outersOf({ graph }) {
  const root = graph?.rootGraph ?? graph
  if (!graph || root === graph) return [null]
  const graphs = [root, ...(root.subgraphs?.values() ?? [])]
  const around = graphs.flatMap((one) => one._nodes).filter((one) => one.subgraph === graph)
  return around.flatMap((node) => outersOf(node).map((outer) => ({ node, outer })))
}

// Puts a value where `valueIn` finds it.
export function setValueIn({ node, outer }, name, value) {
  const input = node.inputs?.find((one) => one.widget?.name === name)
  const link = input && linkOf(node.graph, input.link)
  const shown = link && isGiven(link) && outer?.node.inputs[link.origin_slot]
  if (shown?.widget) setValueIn(outer, shown.widget.name, value)
  else setValue(node, name, value)
}

// What a widget holds; the subgraph holds it where it shows the widget on itself.
export function valueIn({ node, outer }, name) {
  const input = node.inputs?.find((one) => one.widget?.name === name)
  const link = input && linkOf(node.graph, input.link)
  const shown = link && isGiven(link) && outer?.node.inputs[link.origin_slot]
  if (shown?.widget) return valueIn(outer, shown.widget.name)
  return node.widgets?.find((widget) => widget.name === name)?.value
}
