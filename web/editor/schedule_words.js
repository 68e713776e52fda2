// The words of the schedule editor.

export const WORDS = {
  en: {
    plot: 'Weight over the steps',
    hint: 'Drag a point; click adds one. Keys: arrows, Shift for fine steps, Insert, Delete.',
    ends: 'Drag an end; click the curve to make it your own points.',
    reset: 'Back to the preset',
    edit: 'Make the preset your own points',
    undo: 'Undo (Ctrl+Z)',
    redo: 'Redo (Ctrl+Y)',
    preset: (name) => `preset: ${name}`,
    own: 'own points',
    steps: (count) => `${count} steps`,
    from: (count) =>
      `Dots: the factor at each of ${count} steps, evenly spaced as with the simple and normal schedulers`,
    curve: "From the connected curve, times 'first'.",
    linked: 'Set by a connected node; the curve is that of the last run.',
    unknown: 'Set by a connected node; run once to see the curve.',
    failed: (why) => `The pack's tables did not load: ${why}`,
    point: (percent, factor) => `At ${percent} % of sampling: factor ${factor}`,
    first: (factor) => `first: ${factor}`,
    last: (factor) => `last: ${factor}`
  },
  zh: {
    plot: '各步的权重',
    hint: '拖动点；单击添加点。按键：方向键，Shift 微调，Insert，Delete。',
    ends: '拖动端点；单击曲线可转为自定义点。',
    reset: '恢复为预设',
    edit: '将预设转为自定义点',
    undo: '撤销（Ctrl+Z）',
    redo: '重做（Ctrl+Y）',
    preset: (name) => `预设：${name}`,
    own: '自定义点',
    steps: (count) => `${count} 步`,
    from: (count) => `圆点：${count} 步中每一步的系数，均匀分布（simple 与 normal 调度器）`,
    curve: '来自已连接的曲线，乘以“first”。',
    linked: '由已连接的节点设定；曲线为上次运行的结果。',
    unknown: '由已连接的节点设定；运行一次后可查看曲线。',
    failed: (why) => `未能加载插件的数据表：${why}`,
    point: (percent, factor) => `采样进度 ${percent} %：系数 ${factor}`,
    first: (factor) => `起始：${factor}`,
    last: (factor) => `结束：${factor}`
  }
}
