// The colours by which people are told apart, the same as in the pictures that the server draws.

import { tables } from './tables.js'

let colours = ['#56b4e9']
tables().then(
  ({ people }) => (colours = people.map((colour) => `rgb(${colour})`)),
  () => {} // whoever needs the tables says so
)

// The number on the colour.
export function personTag(number) {
  const tag = Object.assign(document.createElement('span'), { className: 'likeness-person', textContent: number })
  tag.style.background = colourOf(number)
  return tag
}

// Of the person with this number, from 1.
export const colourOf = (number) => colours[(number - 1) % colours.length]
