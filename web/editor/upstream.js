// Where a link comes from, through subgraphs: a place is { node, outer }, outer being the place of the subgraph it is in.

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

// What a widget holds; the subgraph holds it where it shows the widget on itself.
export function valueIn({ node, outer }, name) {
  const input = node.inputs?.find((one) => one.widget?.name === name)
  const link = input && linkOf(node.graph, input.link)
  const shown = link && isGiven(link) && outer?.node.inputs[link.origin_slot]
  if (shown?.widget) return valueIn(outer, shown.widget.name)
  return node.widgets?.find((widget) => widget.name === name)?.value
}
