// The words of the layer weights editor.

export const WORDS = {
  en: {
    bars: 'Layer weights',
    hint: 'Drag a bar, or across several. Keys: arrows, Shift for fine steps, 0 to 9, X pushes away, Delete sets 0.',
    reset: 'Back to the preset',
    undo: 'Undo (Ctrl+Z)',
    redo: 'Redo (Ctrl+Y)',
    all: 'All blocks to 1',
    none: 'All blocks to 0',
    preset: (name) => `preset: ${name}`,
    meaningless: (name) => `The preset ${name} has no meaning for this model. Choose linear or an ease.`,
    own: 'own weights',
    linked: 'Set by a connected node; the bars show its last run.',
    unknown: 'Set by a connected node; run once to see the bars.',
    failed: (why) => `The pack's tables did not load: ${why}`,
    away: 'pushes away',
    roles: { style: 'style', composition: 'composition' },
    place: { input: 'input', middle: 'middle', output: 'output', block: 'block' },
    block: (number, place, cell, role) =>
      `Block ${number}: ${place}, one cell is ${cell} px${role ? `, carries ${role}` : ''}`
  },
  zh: {
    bars: '分层权重',
    hint: '拖动柱形，横向划过可设定多个。按键：方向键，Shift 微调，0 到 9，X 反向推开，Delete 归零。',
    reset: '恢复为预设',
    undo: '撤销（Ctrl+Z）',
    redo: '重做（Ctrl+Y）',
    all: '所有块设为 1',
    none: '所有块设为 0',
    preset: (name) => `预设：${name}`,
    meaningless: (name) => `预设 ${name} 对此模型没有意义，请选 linear 或 ease 类。`,
    own: '自定义权重',
    linked: '由已连接的节点设定；柱形为上次运行的结果。',
    unknown: '由已连接的节点设定；运行一次后可查看柱形。',
    failed: (why) => `未能加载插件的数据表：${why}`,
    away: '反向推开',
    roles: { style: '风格', composition: '构图' },
    place: { input: '输入', middle: '中间', output: '输出', block: '块' },
    block: (number, place, cell, role) => `块 ${number}：${place}，每格 ${cell} 像素${role ? `，承载${role}` : ''}`
  }
}
