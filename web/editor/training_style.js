// The look of the row that shows how a training goes, beside what all editors have.

import { addStyle } from './style.js'

addStyle(`
.likeness-editor .likeness-training { display: flex; flex-direction: column; gap: 6px; background: var(--likeness-ground); }
.likeness-training [hidden] { display: none !important; }
.likeness-training .likeness-figures { margin-right: 22px; font-variant-numeric: tabular-nums; font-weight: 600; }
.likeness-training .likeness-figures:empty { min-height: 14px; }
.likeness-training .likeness-progress { height: 6px; border-radius: 3px; background: var(--likeness-line); overflow: hidden; }
.likeness-training .likeness-progress > div { height: 100%; background: var(--likeness-focus); }
.likeness-training[data-phase='finished'] .likeness-progress > div { background: #2f9e6b; }
.likeness-training[data-phase='failed'] .likeness-progress > div { background: #d64545; }
.likeness-training[data-phase='preparing'] .likeness-progress > div { background: var(--likeness-faint); }
.likeness-editor svg.likeness-curve { flex: none; height: 44px; background: var(--likeness-line); border-radius: 4px; }
.likeness-curve .likeness-loss { fill: none; stroke: var(--likeness-up); stroke-width: 1.5px; vector-effect: non-scaling-stroke; }
.likeness-training .likeness-looks { display: flex; gap: 4px; overflow-x: auto; padding: 2px; }
.likeness-looks a { flex: none; color: var(--likeness-text); text-decoration: none; text-align: center; font-size: 11px; border-radius: 4px; }
.likeness-looks a:focus-visible { outline: 2px solid var(--likeness-focus); }
.likeness-looks img { display: block; height: 64px; min-width: 32px; border-radius: 4px; background: var(--likeness-line); }
.likeness-training .likeness-foot { display: flex; gap: 8px; align-items: start; }
.likeness-foot button { flex: none; background: var(--likeness-line) !important; font-weight: 600; }
.likeness-foot p { margin: 0; flex: 1; min-width: 0; color: var(--likeness-faint); overflow-wrap: anywhere; user-select: text; cursor: text; }
.likeness-training .likeness-close { position: absolute; top: 2px; right: 2px; padding: 0; background: none; font-size: 16px; }
`)
