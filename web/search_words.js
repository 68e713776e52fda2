// Adds the Chinese words that people search for to our nodes, whatever the language of the page; English ones are in the schemas.

import { app } from '../../scripts/app.js'
import { api } from '../../scripts/api.js'

let chinese = {}

app.registerExtension({
  name: 'likeness.searchWords',

  async init() {
    chinese = (await api.getCustomNodesI18n()).zh?.nodeDefs ?? {}
  },

  beforeRegisterVueAppNodeDefs(nodes) {
    for (const node of nodes) {
      const words = node.name.startsWith('Likeness') && chinese[node.name]?.search_aliases
      if (words) node.search_aliases = [...(node.search_aliases ?? []), ...words]
    }
  }
})
