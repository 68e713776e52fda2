// The words of our lists in the page's language: the host's nodeDefs have none for them. What is saved and sent stays as it is.

import { app } from '../../scripts/app.js'
import { option } from './editor/sentences.js'

app.registerExtension({
  name: 'likeness.optionWords',

  nodeCreated(node) {
    if (!node.comfyClass?.startsWith('Likeness')) return
    for (const { type, options } of node.widgets ?? []) {
      const words = type === 'combo' && Array.isArray(options.values) ? options.values : []
      // A list that stays as it is keeps the host's own menu, in which one can search.
      if (words.some((word) => option(word) !== word)) options.getOptionLabel = (word) => option(word ?? '')
    }
  }
})
