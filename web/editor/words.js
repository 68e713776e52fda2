// A module's table of words by language -> those of the page's language, English where it has none.

import { app } from '../../../scripts/app.js'

export const wordsOf = (table) => table[app.extensionManager.setting.get('Comfy.Locale')] ?? table.en
