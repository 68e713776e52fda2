// The look of all editors, in the host's own colours, so that they follow its themes.

// Within a <style> the linter of node packs reads it: every selector has to be ours.
const rules = `<style>
.likeness-editor {
  --likeness-ground: var(--component-node-widget-background, var(--comfy-input-bg, #222));
  --likeness-text: var(--base-foreground, var(--input-text, #ddd));
  --likeness-faint: color-mix(in srgb, var(--likeness-text) 75%, transparent); /* the host's is under 4.5:1 */
  --likeness-line: color-mix(in srgb, var(--likeness-text) 18%, transparent);
  --likeness-focus: var(--primary-background, #31b9f4);
  --likeness-up: #e8912d;
  --likeness-down: #4a90e2;
  --likeness-style: color-mix(in srgb, #c266ce 50%, var(--likeness-text)); /* as text too, on dark and on light */
  --likeness-composition: color-mix(in srgb, #3fa974 50%, var(--likeness-text));
  --likeness-alarm: color-mix(in srgb, #e5484d 60%, var(--likeness-text));
  display: flex; flex-direction: column; gap: 4px; box-sizing: border-box; width: 100%; height: 100%; min-width: 0;
  color: var(--likeness-text); font: 12px/1.3 system-ui, sans-serif; user-select: none; text-align: left;
}
.likeness-editor.likeness-badges { flex-direction: row; align-items: start; min-height: 0 !important; overflow: hidden; }
.likeness-editor.likeness-badges span {
  padding: 2px 8px; border-radius: 10px; background: #2f5d48; color: #e6f4ec; font-size: 11px; height: 15px;
  min-width: 24px; text-align: center; white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
}
.likeness-editor svg.likeness-track { flex: none; height: 10px; margin: 0 20px; width: auto; overflow: visible; cursor: ew-resize; border-radius: 2px; }
.lg-node .likeness-editor svg.likeness-track { margin: 0 8px; }
.likeness-track .likeness-rail { fill: var(--likeness-line); }
.likeness-track .likeness-fill, .likeness-track .likeness-knob { fill: var(--likeness-focus); }
.likeness-track .likeness-knob.likeness-beyond { fill: var(--likeness-up); }
.likeness-track .likeness-default { fill: var(--likeness-faint); }
.likeness-track[aria-disabled='true'] { opacity: 0.4; cursor: default; }
.likeness-editor .likeness-bar { display: flex; flex-wrap: wrap; align-items: center; gap: 3px; }
.likeness-editor .likeness-bar .likeness-gap { flex: 1; }
.likeness-editor button, .likeness-editor select, .likeness-editor input {
  height: 24px; min-width: 24px; padding: 0 6px; border: 0; border-radius: 6px; box-sizing: border-box;
  background: var(--likeness-ground); color: inherit; font: inherit; cursor: pointer;
}
.likeness-editor select { max-width: 130px; }
.likeness-editor option { background: var(--comfy-menu-bg, #222); color: var(--likeness-text); }
.likeness-editor button .pi { font-size: 12px; vertical-align: -1px; }
.likeness-editor button:hover:enabled:not([aria-disabled='true']), .likeness-editor select:hover {
  background: var(--component-node-widget-background-hovered, var(--likeness-line));
}
.likeness-editor button:disabled, .likeness-editor button[aria-disabled='true'] { opacity: 0.4; cursor: default; }
.likeness-editor button[aria-pressed='true'] { box-shadow: inset 0 0 0 1.5px var(--likeness-focus); }
.likeness-editor .likeness-flipped { transform: scaleX(-1); }
.likeness-editor svg { flex: 1; min-height: 0; width: 100%; display: block; border-radius: 6px; touch-action: none; }
.likeness-editor svg.likeness-plot { background: var(--likeness-ground); }
.likeness-editor svg text { fill: var(--likeness-text); font: 11px system-ui, sans-serif; pointer-events: none; }
.likeness-editor svg text.likeness-small { fill: var(--likeness-faint); font-size: 11px; }
.likeness-editor :focus { outline: none; }
.likeness-editor button:focus-visible, .likeness-editor select:focus-visible, .likeness-editor input:focus-visible,
.likeness-editor svg:focus-visible { outline: 2px solid var(--likeness-focus); outline-offset: -1px; }
.likeness-editor .likeness-ring { fill: transparent; stroke: none; }
.likeness-editor .likeness-slider:hover .likeness-ring { fill: var(--likeness-line); fill-opacity: 0.35; }
.likeness-editor :focus-visible > .likeness-ring, .likeness-editor .likeness-slider:focus > .likeness-ring {
  stroke: var(--likeness-focus); stroke-width: 2;
}
.likeness-editor .likeness-tile { cursor: grab; }
.likeness-editor .likeness-plus { cursor: pointer; }
.likeness-tile .likeness-edge { stroke: var(--likeness-line); stroke-width: 1; }
.likeness-plus .likeness-edge { stroke-dasharray: 4 4; }
.likeness-tile[aria-pressed='true'] .likeness-edge { stroke: var(--likeness-text); stroke-width: 2; }
.likeness-editor .likeness-tile:focus-visible .likeness-edge { stroke: var(--likeness-focus); stroke-width: 3; }
.likeness-editor .likeness-body { cursor: move; }
.likeness-editor .likeness-point { cursor: crosshair; }
.likeness-editor .likeness-point:hover { stroke-width: 3; }
.likeness-editor .likeness-face:focus-visible .likeness-body { stroke: #fff; }
.likeness-editor .likeness-box { cursor: pointer; }
.likeness-editor .likeness-pointed .likeness-frame { stroke-width: 4px; vector-effect: non-scaling-stroke; }
.likeness-editor .likeness-strip { display: flex; flex-wrap: wrap; flex: none; gap: 4px; max-height: 100px; overflow-y: auto; padding: 2px; }
.likeness-editor button.likeness-crop {
  position: relative; flex: none; width: 44px; height: 44px; padding: 0; border-radius: 4px; overflow: hidden; background: #000;
  outline: 2px solid transparent;
}
.likeness-editor button.likeness-crop:hover:enabled { background: #000; filter: brightness(1.2); }
.likeness-crop span { position: absolute; left: 0; padding: 0 3px; font-size: 11px; line-height: 13px; color: #000; }
.likeness-crop .likeness-number { bottom: 0; border-top-right-radius: 4px; }
.likeness-crop .likeness-place { top: 0; left: auto; right: 0; font-weight: 700; border-bottom-left-radius: 4px; }
.likeness-editor .likeness-matches { flex: 1; min-height: 0; overflow-y: auto; display: flex; flex-direction: column; gap: 4px; }
.likeness-matches:focus-visible { outline: 2px solid var(--likeness-focus); outline-offset: -1px; }
.likeness-editor .likeness-match { display: flex; align-items: center; gap: 8px; flex: none; }
.likeness-editor svg.likeness-judged { flex: none; width: 56px; height: 56px; border-radius: 4px; background: #000; }
.likeness-match .likeness-score { flex: 1; min-width: 0; display: flex; flex-direction: column; gap: 4px; }
.likeness-match .likeness-verdict { display: flex; gap: 6px; align-items: baseline; }
.likeness-match strong { font-size: 16px; font-variant-numeric: tabular-nums; }
.likeness-editor svg.likeness-meter { flex: none; height: 10px; border-radius: 5px; }
.likeness-meter .likeness-rail { fill: var(--likeness-line); }
.likeness-meter .likeness-bound { fill: var(--likeness-text); }
.likeness-match[data-verdict='same'] .likeness-reached { fill: #2f9e6b; }
.likeness-match[data-verdict='unsure'] .likeness-reached { fill: #e8912d; }
.likeness-match[data-verdict='other'] .likeness-reached { fill: #d64545; }
.likeness-editor .likeness-strengths { flex: 1; min-height: 0; overflow: auto; display: flex; flex-direction: column; gap: 10px; }
.likeness-strengths:focus-visible { outline: 2px solid var(--likeness-focus); outline-offset: -1px; }
.likeness-strengths .likeness-strength { display: flex; flex-direction: column; gap: 2px; flex: none; }
.likeness-strength span { color: var(--likeness-faint); }
.likeness-strength img { max-width: 80px; max-height: 80px; align-self: start; }
.likeness-editor .likeness-strength svg.likeness-map { flex: none; height: auto; }
.likeness-map .likeness-cell { fill: var(--likeness-line); }
.likeness-editor .likeness-count { display: flex; align-items: center; gap: 8px; margin: 0 20px; height: 24px; }
.lg-node .likeness-editor .likeness-count { margin: 0 8px; }
.likeness-count span { flex: 1; color: var(--likeness-faint); }
.likeness-editor .likeness-count input { width: 55%; text-align: right; cursor: text; user-select: text; }
.likeness-editor button.likeness-link { background: none; text-decoration: underline; align-self: start; flex: none; }
.likeness-editor button.likeness-link[hidden] { display: none; }
.likeness-editor .likeness-methods { flex: 1; min-height: 0; overflow: auto; }
.likeness-methods:focus-visible { outline: 2px solid var(--likeness-focus); outline-offset: -1px; }
.likeness-methods table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.likeness-methods th { font-weight: 400; text-align: left; padding: 2px 6px; }
.likeness-methods thead th, .likeness-methods thead td { color: var(--likeness-faint); position: sticky; top: 0; background: var(--likeness-ground); white-space: nowrap; }
.likeness-methods td { padding: 2px 6px; }
.likeness-editor .likeness-methods tr.likeness-match { display: table-row; border-top: 1px solid var(--likeness-line); }
.likeness-methods small { display: block; font-size: 11px; color: var(--likeness-faint); }
.likeness-methods svg.likeness-judged { width: 40px; height: 40px; }
.likeness-methods svg.likeness-meter { height: 6px; min-width: 60px; }
.likeness-methods strong { font-size: inherit; }
.likeness-editor .likeness-bar > .likeness-status { height: auto; flex: 1; -webkit-line-clamp: 1; }
.likeness-editor .likeness-box:focus-visible .likeness-frame { outline: 3px solid var(--likeness-focus); outline-offset: 2px; }
.likeness-editor .likeness-status {
  height: 32px; flex: none; color: var(--likeness-faint); overflow: hidden;
  display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical;
}
.likeness-editor .likeness-warning:not(:empty) { margin-left: auto; padding: 2px 8px; border-radius: 10px; background: #f59e0b; color: #1a1a1a; font-size: 11px; }
.likeness-editor .likeness-wrong { color: var(--likeness-alarm); }
.dom-widget > .likeness-said { max-height: none; padding: 0; }
.likeness-said .break-all { word-break: normal; overflow-wrap: anywhere; }
.likeness-editor.likeness-attached { position: relative; min-height: 0; overflow: visible; }
.likeness-attached > div {
  position: absolute; left: 0; right: 0; bottom: 0; padding: 8px 10px; box-sizing: border-box; border-radius: 6px; z-index: 1;
}
.likeness-message > [role='alert'] { border-left: 4px solid #ff6b6b; background: #7f1d1d; color: #fff; }
.likeness-editor .likeness-row { display: flex; flex-direction: column; gap: 4px; padding: 6px; background: var(--likeness-ground); }
.likeness-row .likeness-shots { display: flex; gap: 4px; overflow-x: auto; }
.likeness-row figure { flex: 1 0 56px; margin: 0; text-align: center; }
.likeness-row img { display: block; width: 100%; aspect-ratio: var(--likeness-shape, 1); object-fit: contain; background: var(--likeness-line); border-radius: 4px; }
.likeness-row .likeness-close { padding: 0; font-size: 16px; }
.likeness-editor input.likeness-weights { flex: 1 0 124px; min-width: 60px; cursor: text; user-select: text; }
.likeness-editor .likeness-references { display: flex; flex-direction: column; gap: 4px; flex: none; max-height: 156px; overflow-y: auto; padding: 2px; }
.likeness-editor .likeness-reference { display: flex; align-items: center; gap: 6px; border-radius: 6px; }
.likeness-reference[aria-current='true'] { background: var(--likeness-line); }
.likeness-reference label { display: flex; align-items: center; gap: 3px; color: var(--likeness-faint); }
.likeness-editor .likeness-reference select { flex: none; width: 74px; }
.likeness-editor .likeness-reference input { width: 46px; padding: 0 4px; cursor: text; color: var(--likeness-text); user-select: text; }
.likeness-reference img { width: 100%; height: 100%; object-fit: cover; display: block; }
.likeness-reference img[hidden] { display: none; }
.likeness-reference .likeness-where { color: var(--likeness-faint); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.likeness-editor .likeness-lines { display: flex; flex-direction: column; gap: 2px; overflow-y: auto; margin: 0 16px; height: 56px; }
.lg-node .likeness-editor .likeness-lines { margin: 0 8px; }
.likeness-lines > div { display: flex; gap: 6px; align-items: center; flex: none; }
.likeness-editor .likeness-person { min-width: 14px; padding: 0 3px; border-radius: 3px; color: #000; font-weight: 600; font-size: 11px; text-align: center; }
.likeness-lines .likeness-line { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.likeness-lines .likeness-empty { color: var(--likeness-faint); font-style: italic; }
.likeness-editor svg .likeness-canvas { cursor: crosshair; }
.likeness-message p { margin: 0 20px 0 0; white-space: pre-line; overflow-wrap: break-word; user-select: text; cursor: text; }
.likeness-editor.likeness-message button {
  height: auto; min-height: 24px; margin: 6px 6px 0 0; padding: 2px 8px; background: #fff; color: #7f1d1d; font-weight: 600;
  white-space: normal; overflow-wrap: anywhere; text-align: left;
}
.likeness-editor.likeness-message button:hover:enabled { background: #ffdcdc; }
.likeness-editor.likeness-message button.likeness-close {
  position: absolute; top: 2px; right: 2px; margin: 0; padding: 0; background: none; color: #fff; font-size: 16px; text-align: center;
}

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
</style>`

// One sheet, and not in the page's head, which belongs to all packs.
const sheet = new CSSStyleSheet()
sheet.replaceSync(rules.slice('<style>'.length, -'</style>'.length))
document.adoptedStyleSheets.push(sheet)
