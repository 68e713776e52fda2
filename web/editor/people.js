// The colours by which people are told apart, the same as in the pictures that the server draws.

import { tables } from './tables.js'

let colours = ['#56b4e9']
tables().then(
  ({ people }) => (colours = people.map((colour) => `rgb(${colour})`)),
  () => {} // whoever needs the tables says so
)

// Of the person at this place, from 0.
export const colourOf = (place) => colours[place % colours.length]
