// A button that runs the node by itself, on nodes without an editor that has one.

import { app } from '../../scripts/app.js'
import { addBar, addPanel, addStatus } from './editor/panel.js'
import { addRun } from './editor/run_alone.js'
import { chain } from './editor/widgets.js'
import { wordsOf } from './editor/words.js'

const NODES = ['LikenessFaceMasks']
const HEIGHT = 28

const WORDS = {
  en: {
    run: 'Make the masks now: runs only what this node needs',
    running: 'Making the masks ...',
    failed: (why) => `That did not work: ${why}`
  },
  zh: {
    run: '立即生成遮罩：只运行此节点所需的部分',
    running: '正在生成遮罩……',
    failed: (why) => `未能完成：${why}`
  }
}

app.registerExtension({
  name: 'likeness.runAlone',

  nodeCreated(node) {
    if (!NODES.includes(node.comfyClass)) return
    const element = addPanel(node, 'run alone', HEIGHT)
    const bar = addBar(element)
    let status = () => {}
    addRun(bar, node, wordsOf(WORDS), (...said) => status(...said))
    status = addStatus(bar)
    chain(node, 'onExecuted', () => status(''))
  }
})
