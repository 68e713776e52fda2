// A strip with a text and buttons on a node.

import { Attached } from './attached.js'
import { on } from './letgo.js'
import { wordsOf } from './words.js'

const PANEL = 'message'

const WORDS = { en: { close: 'Close' }, zh: { close: '关闭' } }

export class Strip extends Attached {
  // remedies: [{ label, act, file? }, ...], `file` the one that it downloads.
  constructor(node, text, remedies, closed) {
    const box = document.createElement('div')
    super(node, PANEL, box)
    this.element.classList.add('likeness-message')
    box.setAttribute('role', 'alert')
    this.buttons = remedies.map(({ label, act, file }) => Object.assign(button(label, act), { file, label }))
    box.append(closing(closed), Object.assign(document.createElement('p'), { textContent: text }), ...this.buttons)
  }

  waitsFor = (file) => this.buttons.some((one) => one.file === file)

  // How much of a file has arrived, on the button that gets it.
  tell({ file, state, received, total }) {
    for (const one of this.buttons.filter((each) => each.file === file)) {
      one.disabled = state === 'running'
      const share = total ? `${Math.floor((100 * received) / total)} %` : `${Math.round(received / 1e6)} MB`
      one.textContent = state === 'running' ? `${one.label}: ${share}` : one.label
    }
  }
}

// A button that takes a box away.
export function closing(closed) {
  const close = button('×', closed)
  close.className = 'likeness-close'
  close.setAttribute('aria-label', wordsOf(WORDS).close)
  return close
}

export function button(textContent, clicked) {
  const made = Object.assign(document.createElement('button'), { type: 'button', textContent })
  on(made, 'click', clicked)
  return made
}
