// The words of the editor of references.

export const WORDS = {
  en: {
    canvas: 'Where the chosen reference may act',
    hint: 'Draw around a part of the canvas where the chosen reference may act; with Shift a rectangle. Nothing drawn: everywhere.',
    reset: 'Back to two references of weight 1',
    undo: 'Undo (Ctrl+Z)',
    redo: 'Redo (Ctrl+Y)',
    add: 'Add a reference',
    remove: 'Remove the chosen row',
    region: 'Region',
    regions: { none: 'everywhere', left: 'left half', right: 'right half', top: 'upper half', bottom: 'lower half' },
    of: { latent: 'latent', redux: 'Redux' },
    kind: 'What it is: a reference latent, or a Redux picture',
    weight: 'Weight',
    start: 'from',
    end: 'to',
    named: (of, number) => `${of === 'redux' ? 'Redux picture' : 'Reference'} ${number}`,
    where: (count) => (count ? (count === 1 ? '1 region' : `${count} regions`) : 'everywhere'),
    course: 'scheduled',
    linked: 'Set by a connected node.',
    failed: (why) => `The pack's tables did not load: ${why}`
  },
  zh: {
    canvas: '所选参考图可以在哪里起作用',
    hint: '在画布上圈出所选参考图可以起作用的部分；按住 Shift 画矩形。不画则处处可以。',
    reset: '恢复为两张权重为 1 的参考图',
    undo: '撤销（Ctrl+Z）',
    redo: '重做（Ctrl+Y）',
    add: '添加一张参考图',
    remove: '删除所选行',
    region: '区域',
    regions: { none: '处处', left: '左半', right: '右半', top: '上半', bottom: '下半' },
    of: { latent: '潜空间', redux: 'Redux' },
    kind: '种类：参考潜空间，或 Redux 图片',
    weight: '权重',
    start: '从',
    end: '到',
    named: (of, number) => `${of === 'redux' ? 'Redux 图片' : '参考图'} ${number}`,
    where: (count) => (count ? `${count} 个区域` : '处处'),
    course: '有曲线',
    linked: '由已连接的节点设定。',
    failed: (why) => `未能加载插件的数据表：${why}`
  }
}
