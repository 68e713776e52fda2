// The faces of a picture alone, in a row that wraps and scrolls: under a large group nobody can be told apart.

import { crop } from './face_picture.js'
import { on } from './letgo.js'
import { mark } from './svg.js'

const SHOWN = 44 // pixels

export class FaceStrip {
  // picked(number, isFurther) on a click, pointed(number or undefined) while the pointer is on one.
  constructor(element, picked, pointed) {
    this.element = document.createElement('div')
    this.element.className = 'likeness-strip'
    element.append(this.element)
    const numberAt = (event) => {
      const button = event.target.closest('[data-crop]')
      return button ? Number(button.dataset.crop) : undefined
    }
    on(this.element, 'click', (event) => {
      const number = numberAt(event)
      if (number !== undefined) picked(number, event)
    })
    on(this.element, 'pointerover', (event) => pointed(numberAt(event)))
    on(this.element, 'pointerleave', () => pointed(undefined))
    on(this.element, 'wheel', (event) => {
      if (this.element.scrollHeight > this.element.clientHeight) event.stopPropagation()
    })
  }

  // faces as in face_picture.js, and { place? } among several that go on, from 1.
  draw(faces, sheet, address) {
    this.element.style.display = sheet ? '' : 'none'
    const top = this.element.scrollTop
    this.element.replaceChildren(...(sheet ? faces.map((face) => this.button(face, faces.length, sheet, address)) : []))
    this.element.scrollTop = top
    // Nodes 2.0 then leaves the wheel to a panel with the focus.
    if (this.element.scrollHeight > this.element.clientHeight) this.element.parentElement.dataset.captureWheel = 'true'
  }

  button({ number, person, label, colour, isPressed, place }, count, sheet, address) {
    const button = Object.assign(document.createElement('button'), { type: 'button', tabIndex: -1, title: label })
    button.setAttribute('aria-label', label)
    button.setAttribute('aria-pressed', isPressed)
    button.dataset.crop = number
    button.className = 'likeness-crop'
    button.style.outlineColor = colour ?? 'transparent'
    const drawn = mark('svg', { viewBox: `0 0 ${SHOWN} ${SHOWN}`, 'aria-hidden': true })
    drawn.append(crop(sheet, count, address, number, { x: 0, y: 0, width: SHOWN, height: SHOWN }))
    button.append(drawn, tag('likeness-number', person, colour))
    if (place) button.append(tag('likeness-place', `${place}.`, colour))
    return button
  }
}

function tag(className, textContent, colour) {
  const made = Object.assign(document.createElement('span'), { className, textContent })
  made.style.backgroundColor = colour ?? '#fff'
  return made
}
