// The help page of a node, opened at one of its headings.

import { app } from '../../../scripts/app.js'

const PATIENCE = 120 // frames in which the page is fetched and drawn

const panelOf = () => app.extensionManager._p?._s.get('rightSidePanel')

export const canOpenHelp = () => Boolean(panelOf()?.openPanel)

export function openHelp(node, heading) {
  app.canvas.deselectAll()
  app.canvas.selectItems([node])
  panelOf().openPanel('info')
  find(heading, PATIENCE)
}

function find(heading, left) {
  const found = [...document.querySelectorAll('h2')].find(({ textContent }) => textContent.trim() === heading)
  if (found) found.scrollIntoView({ block: 'start' })
  else if (left) requestAnimationFrame(() => find(heading, left - 1))
}
