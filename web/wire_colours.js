// Colours for the wires of our types, in both renderers; a palette that has one for such a type goes before.

import { app } from '../../scripts/app.js'

// On dark and on light ground: 3:1 or more against the canvas, and none that the host's types have.
const COLOURS = {
  LIKENESS_ADAPTER: ['#22d3ee', '#0e7490'],
  LIKENESS_EMBEDS: ['#d6a77a', '#6d4c41'],
  LIKENESS_FACE_MODELS: ['#8fa3ff', '#4553c4'],
  LIKENESS_FACES: ['#ff7ab6', '#c2186b'],
  LIKENESS_LAYERS: ['#bef264', '#4d7c0f'],
  LIKENESS_SCHEDULE: ['#f0b429', '#a65f00'],
  LIKENESS_FUSION: ['#b0bec5', '#546e7a'],
  LIKENESS_OLD_REGIONS: ['#5fd3a6', '#1b7a57'],
  LIKENESS_OLD_WEIGHTS_STRATEGY: ['#d4d46a', '#6b6b00']
}
const ours = new Set(Object.values(COLOURS).flat())
const isFree = (colour) => !colour || ours.has(colour)

// Older pages say it by a class, newer ones by the style.
const isDark = ({ classList, style }) => classList.contains('dark-theme') || style.colorScheme === 'dark'

function paint() {
  const { canvas } = app
  const page = document.documentElement
  const ground = isDark(page) ? 0 : 1
  const classic = [canvas.default_connection_color_byType, canvas.constructor.link_type_colors]
  for (const [type, { [ground]: colour }] of Object.entries(COLOURS)) {
    for (const colours of classic) if (isFree(colours[type])) colours[type] = colour
    const property = `--color-datatype-${type}` // what Nodes 2.0 colours a socket with
    const now = page.style.getPropertyValue(property)
    if (isFree(now) && now !== colour) page.style.setProperty(property, colour)
  }
  canvas.setDirty(true, true)
}

app.registerExtension({
  name: 'likeness.wireColours',

  setup() {
    paint()
    // A palette that is chosen takes every colour away that it has not, and writes its own to the page's element.
    new MutationObserver(paint).observe(document.documentElement, { attributeFilter: ['class', 'style'] })
  }
})
