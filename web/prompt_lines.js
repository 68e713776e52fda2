// Region Prompts: under the text, whose prompt each line is, in the number and colour that the person has on every node.

import { app } from '../../scripts/app.js'
import { addPanelUnder, widen } from './editor/panel.js'
import { colourOf } from './editor/people.js'
import { tables } from './editor/tables.js'
import { isLinked, valueOf, watch, widgetOf } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const NODE = 'LikenessRegionPrompts'
const INPUT = 'prompts'
const HEIGHT = 56

const WORDS = {
  en: {
    lines: "Whose prompt each line is: line 1 is for mask 1, of person 1",
    none: 'as the whole picture',
    linked: 'Set by a connected node.'
  },
  zh: { lines: '每一行是谁的提示词：第 1 行给遮罩 1，即第 1 个人', none: '与整张画面相同', linked: '由已连接的节点设定。' }
}

function lineOf(text, place, words) {
  const row = document.createElement('div')
  row.setAttribute('role', 'listitem')
  const number = Object.assign(document.createElement('span'), { className: 'likeness-person', textContent: place + 1 })
  number.style.background = colourOf(place)
  const said = Object.assign(document.createElement('span'), { className: 'likeness-line', textContent: text || words.none })
  said.classList.toggle('likeness-empty', !text)
  row.append(number, said)
  row.title = `${place + 1}: ${text || words.none}`
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
      list.replaceChildren(
        ...(isLinked(node, INPUT) ? [words.linked] : lines.map((text, place) => lineOf(text.trim(), place, words)))
      )
    }
    addPanelUnder(node, widgetOf(node, INPUT), 'people of the prompts', HEIGHT).append(list)
    widen(node, 0)
    watch(node, [INPUT], draw)
    tables().then(draw, draw) // colours come with them
    draw()
  }
})
