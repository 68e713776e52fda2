// A new node beside another, where no third one is.

const GAP = 60
const PICTURE = 300 // room for what a node shows under it after a run

// `side` is 'left' or 'below'; another one that is there moves it further down.
export function putBeside(node, kind, side) {
  const made = LiteGraph.createNode(kind)
  const { graph } = node
  const title = LiteGraph.NODE_TITLE_HEIGHT
  const [x, y] = node.pos
  made.pos = side === 'left' ? [x - made.size[0] - GAP, y] : [x, y + node.size[1] + title + PICTURE]
  const covers = (other) =>
    [0, 1].every((axis) => {
      const margin = axis ? title : 0
      return (
        made.pos[axis] - margin < other.pos[axis] + other.size[axis] &&
        other.pos[axis] - margin < made.pos[axis] + made.size[axis]
      )
    })
  let other
  while ((other = graph._nodes.find(covers))) made.pos = [made.pos[0], other.pos[1] + other.size[1] + title + GAP / 2]
  graph.add(made)
  return made
}
