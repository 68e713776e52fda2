// An editor's value to and from the clipboard as text, by its buttons and by the keys everybody knows.

import { app } from '../../../scripts/app.js'
import { on } from './letgo.js'
import { addButton } from './panel.js'
import { wordsOf } from './words.js'

const WORDS = {
  en: {
    copy: 'Copy as text (Ctrl+C in the drawing)',
    paste: 'Paste text (Ctrl+V in the drawing)',
    copied: 'Copied',
    byKey: 'The browser does not let a button read the clipboard here. Click into the drawing and press Ctrl+V.'
  },
  zh: {
    copy: '复制为文本（在图中按 Ctrl+C）',
    paste: '粘贴文本（在图中按 Ctrl+V）',
    copied: '已复制',
    byKey: '浏览器在此处不允许按钮读取剪贴板。请点击图形区域，然后按 Ctrl+V。'
  }
}

const tell = (summary) => app.extensionManager.toast.add({ severity: 'info', summary, life: 4000 })

export function addClipboard(bar, drawing, text, pasted) {
  const words = wordsOf(WORDS)
  // The host would copy the node, and paste nodes.
  on(drawing, 'copy', (event) => {
    event.clipboardData.setData('text/plain', text())
    event.preventDefault()
    event.stopPropagation()
  })
  on(drawing, 'paste', (event) => {
    event.preventDefault()
    event.stopPropagation()
    pasted(event.clipboardData.getData('text/plain'))
  })
  addButton(bar, 'copy', words.copy, () => copy(text(), bar))
  addButton(bar, 'clipboard', words.paste, async () => {
    try {
      pasted(await navigator.clipboard.readText())
    } catch {
      tell(words.byKey) // not a secure page, or a person said no
    }
  })
}

async function copy(text, bar) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text)
  else copyByBox(text, bar)
  tell(wordsOf(WORDS).copied)
}

// Pages that come from another machine without encryption have no clipboard of their own.
function copyByBox(text, bar) {
  const box = Object.assign(document.createElement('textarea'), { value: text })
  bar.append(box)
  box.select()
  document.execCommand('copy')
  box.remove()
}
