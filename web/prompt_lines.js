// Region Prompts: under the text, whose prompt each line is, in the number and colour that the person has on every node.

import { app } from '../../scripts/app.js'
import { addPanelUnder, widen } from './editor/panel.js'
import { personTag } from './editor/people.js'
import { tables } from './editor/tables.js'
import { placeOf, sourceOf } from './editor/upstream.js'
import { chain, isLinked, outputOf, valueOf, watch, widgetOf } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const NODE = 'LikenessRegionPrompts'
const INPUT = 'prompts'
const MASKS = 'masks'
const HEIGHT = 56

const WORDS = {
  en: {
    lines: 'Whose prompt each line is: line 1 is for the first mask, in the number and colour of its person',
    none: 'as the whole picture',
    linked: 'Set by a connected node.'
  },
  zh: { lines: '每一行是谁的提示词：第 1 行给第一个遮罩，并显示其人物的编号和颜色', none: '与整张画面相同', linked: '由已连接的节点设定。' }
}

// The numbers of the people whose masks are connected, by the last run of the node that made them.
function peopleOf(node) {
  const masks = node.inputs.find(({ name }) => name === MASKS)
  const source = masks && sourceOf(placeOf(node), masks)
  return source ? (outputOf(source.node)?.likeness_people?.[0] ?? []) : []
}

function lineOf(text, person, words) {
  const row = document.createElement('div')
  row.setAttribute('role', 'listitem')
  const said = Object.assign(document.createElement('span'), { className: 'likeness-line', textContent: text || words.none })
  said.classList.toggle('likeness-empty', !text)
  row.append(personTag(person), said)
  row.title = `${person}: ${text || words.none}`
  return row
}

app.registerExtension({
  name: 'likeness.promptLines',

  nodeCreated(node) {
    if (node.comfyClass !== NODE) return
    const words = wordsOf(WORDS)
    const list = document.createElement('div')
    list.className = 'likeness-lines'
    list.setAttribute('role', 'list')
    list.setAttribute('aria-label', words.lines)
    list.title = words.lines
    const draw = () => {
      const lines = (valueOf(node, INPUT) ?? '').trimEnd().split('\n')
      const people = peopleOf(node)
      list.replaceChildren(
        ...(isLinked(node, INPUT) ? [words.linked] : lines.map((text, place) => lineOf(text.trim(), people[place] ?? place + 1, words)))
      )
    }
    addPanelUnder(node, widgetOf(node, INPUT), 'people of the prompts', HEIGHT).append(list)
    widen(node, 0)
    watch(node, [INPUT], draw)
    chain(node, 'onExecuted', draw)
    tables().then(draw, draw) // colours come with them
    draw()
  }
})
