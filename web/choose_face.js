// Find Faces and Choose Face, and blueprints with a Choose Face within: a click on a face sets 'index' of Choose Face, one
// with Ctrl 'several'.

import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'
import { whenAdded } from './editor/blueprint.js'
import { FacePicker, absentFrom, asNumbers, numbersIn, peopleAt, placesOf } from './editor/face_picker.js'
import { WORDS } from './editor/face_words.js'
import { innerOutputOf, placeIn } from './editor/inner_runs.js'
import { addNumber } from './editor/number_row.js'
import { hideHostPreview, widen } from './editor/panel.js'
import { placeOf, promotedOf, sourceOf } from './editor/upstream.js'
import { chain, isLinked, outputOf, setValue, valueOf, watch } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const FINDS = 'LikenessFindFaces'
const CHOOSES = 'LikenessChooseFace'
const AS_NUMBERED = 'as numbered' // the rule under which 'index' is the number in the picture
const SETTINGS = ['rule', 'index', 'several'] // of Choose Face, by which a choice is made
const GAP = 60 // between Find Faces and a Choose Face that is added

// The nodes whose 'index' a click sets: the node itself, or every Choose Face that Find Faces is connected to.
function choosersOf(node) {
  if (node.comfyClass === CHOOSES) return [node]
  const links = node.outputs?.[0]?.links ?? []
  const targets = links.map((id) =>
    node.graph?.getNodeById((node.graph.getLink?.(id) ?? node.graph.links[id])?.target_id)
  )
  return targets.filter((target) => target?.comfyClass === CHOOSES)
}

// The Find Faces that a Choose Face chooses from; itself where there is none.
function finderOf(chooser) {
  const input = chooser.inputs?.find(({ name }) => name === 'faces')
  const found = input && sourceOf(placeOf(chooser), input)?.node
  return found?.comfyClass === FINDS ? found : chooser
}

function addChooser(node) {
  const chooser = LiteGraph.createNode(CHOOSES)
  chooser.pos = [node.pos[0] + node.size[0] + GAP, node.pos[1]]
  node.graph.add(chooser)
  node.connect(0, chooser, 0)
  return chooser
}

class NodePicker extends FacePicker {
  // Where the choice failed, Find Faces before it still says what there is to choose from. A picture without a face
  // would only take room from the message that says so.
  outputOf() {
    const own = outputOf(this.node)
    if (own) return own
    const found = outputOf(finderOf(this.node))
    return found?.likeness_faces?.flat().some(({ faces }) => faces.length) ? found : undefined
  }

  get isOpen() {
    return !choosersOf(this.node).length
  }

  get isFixed() {
    return choosersOf(this.node).some((chooser) => SETTINGS.some((name) => isLinked(chooser, name)))
  }

  get rule() {
    const [chooser] = choosersOf(this.node)
    if (!chooser) return ''
    const rule = valueOf(chooser, 'rule')
    return numbersIn(valueOf(chooser, 'several')).length || rule === AS_NUMBERED ? '' : rule
  }

  absent(picture) {
    const [chooser] = choosersOf(this.node)
    if (!chooser) return []
    const several = numbersIn(valueOf(chooser, 'several'))
    if (several.length) return absentFrom(picture, several)
    const index = valueOf(chooser, 'index')
    return index < picture.faces.length ? [] : [index + 1]
  }

  // By 'several' or 'index' at once, by another rule as in the last run.
  chosen(picture) {
    const [chooser] = choosersOf(this.node)
    if (!chooser) return []
    const several = numbersIn(valueOf(chooser, 'several'))
    if (several.length) return placesOf(picture, several)
    const index = valueOf(chooser, 'index')
    if (valueOf(chooser, 'rule') === AS_NUMBERED) return index < picture.faces.length ? [index] : []
    const run = (outputOf(chooser)?.likeness_faces ?? []).flat()[this.page]
    return run?.faces.length === picture.faces.length ? run.chosen : []
  }

  // 'index' is a place: a face of those that another Choose Face gave is called by its number, in 'several'.
  choose(wanted, picture) {
    const people = peopleAt(picture, wanted)
    const isSeveral = people.length > 1 || people[0] !== wanted[0] + 1
    const found = choosersOf(this.node)
    for (const chooser of found.length ? found : [addChooser(this.node)]) {
      setValue(chooser, 'rule', AS_NUMBERED)
      setValue(chooser, 'index', wanted[0])
      setValue(chooser, 'several', isSeveral ? asNumbers(people) : '')
    }
  }
}

// On a subgraph that shows 'several' of the Choose Face within as a widget of its own.
class BlueprintPicker extends FacePicker {
  constructor(node, changed, inner, name) {
    super(node, changed, inner)
    this.name = name
    this.draw()
  }

  isOpen = false

  // Find Faces within, which says what there is to choose from also where the choice fails.
  get finder() {
    return finderOf(this.inner)
  }

  outputOf() {
    return innerOutputOf(this.node, this.finder)
  }

  get text() {
    return this.name && valueOf(this.node, this.name)
  }

  get isFixed() {
    return isLinked(this.node, this.name)
  }

  get rule() {
    return numbersIn(this.text).length ? '' : valueOf(this.inner, 'rule')
  }

  absent(picture) {
    return absentFrom(picture, numbersIn(this.text))
  }

  chosen(picture) {
    const people = numbersIn(this.text)
    if (people.length) return placesOf(picture, people)
    const run = (innerOutputOf(this.node, this.inner)?.likeness_faces ?? []).flat()[this.page]
    return run?.faces.length === picture.faces.length ? run.chosen : []
  }

  choose(wanted, picture) {
    setValue(this.node, this.name, asNumbers(peopleAt(picture, wanted)))
  }
}

const pickers = new Map() // node -> its picker: a choice on one node is seen on the other
const drawAll = () => pickers.forEach((picker) => picker.draw())

function register(node, picker) {
  pickers.set(node, picker)
  chain(node, 'onRemoved', () => pickers.delete(node))
}

function addBlueprintPicker(node) {
  const within = innerChooser(node)
  if (!within) return
  register(node, new BlueprintPicker(node, drawAll, within.inner, within.name))
  widen(node, 360)
  watch(node, [within.name], drawAll)
}

// The widget of a blueprint through which a Choose Face within is told which faces, and that node.
const innerChooser = (node) =>
  promotedOf(node).find(({ inner, input }) => inner.comfyClass === CHOOSES && input === 'several')

app.registerExtension({
  name: 'likeness.chooseFace',

  setup() {
    api.addEventListener('executed', ({ detail }) => {
      const isOf = (node, inner) => String(detail.node).endsWith(placeIn(node, inner))
      for (const [node, picker] of pickers)
        if (picker.inner && (isOf(node, picker.inner) || isOf(node, picker.finder))) picker.draw()
    })
  },

  nodeCreated(node) {
    if (node.subgraph) whenAdded(node, () => addBlueprintPicker(node))
    if (node.comfyClass !== FINDS && node.comfyClass !== CHOOSES) return
    if (node.comfyClass === CHOOSES) addNumber(node, 'index', wordsOf(WORDS), drawAll)
    register(node, new NodePicker(node, drawAll))
    hideHostPreview(node)
    widen(node, 360, 430) // Nodes 2.0 has higher rows
    watch(node, SETTINGS, (changed) => {
      if (changed && changed !== 'several') setValue(node, 'several', '') // it would go before
      drawAll()
    })
    chain(node, 'onExecuted', drawAll)
  }
})
