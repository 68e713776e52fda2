// The words of the face pickers.

export const WORDS = {
  en: {
    previous: 'Previous picture',
    next: 'Next picture',
    pictures: 'Faces found; choose one',
    page: (number, count) => `${number} / ${count}`,
    face: (number, score) => `Face ${number}, score ${score}`,
    run: 'Find the faces now: runs only what this node needs',
    running: 'Looking for faces ...',
    failed: (why) => `That did not work: ${why}`,
    empty: 'Press the button above to see the faces here.',
    nobody: 'No face found in this picture.',
    click: (count) => `${count === 1 ? '1 face' : `${count} faces`}. Click the one to use.`,
    absent: (numbers, count) =>
      `${numbers.join(', ')} ${numbers.length === 1 ? 'is' : 'are'} asked for, and here ${count === 1 ? 'is 1 face' : `are ${count} faces`}. Click the one to use.`,
    adds: 'Click a face to choose it: this adds a Choose Face.',
    chosen: (numbers) =>
      numbers.length === 1
        ? `Face ${numbers[0]} is chosen. Ctrl+click adds another.`
        : `Faces ${numbers.join(', ')} are chosen, in this order.`,
    byRule: (rule) => `Chosen by the rule '${rule}'. Click a face to choose by number.`,
    linked: "'rule', 'index' or 'several' is set by a connected node.",
    number: 'number',
    numberHint: "Which one in the order of 'rule': 1 is the first. With 'as numbered' it is the face's number in the picture.",
    numberLinked: "Set by a connected node, through 'index', which counts from 0."
  },
  zh: {
    previous: '上一张图片',
    next: '下一张图片',
    pictures: '找到的人脸；请选择一个',
    page: (number, count) => `${number} / ${count}`,
    face: (number, score) => `人脸 ${number}，得分 ${score}`,
    run: '立即查找人脸：只运行此节点所需的部分',
    running: '正在查找人脸……',
    failed: (why) => `未能完成：${why}`,
    empty: '按上方按钮即可在此查看人脸。',
    nobody: '此图片中没有找到人脸。',
    click: (count) => `${count} 张人脸。点击要使用的人脸。`,
    absent: (numbers, count) => `要的是 ${numbers.join('、')}，而这里有 ${count} 张人脸。点击要使用的人脸。`,
    adds: '点击人脸即可选择：会添加一个“选择人脸”节点。',
    chosen: (numbers) =>
      numbers.length === 1
        ? `已选择人脸 ${numbers[0]}。按住 Ctrl 点击可再选一张。`
        : `已按此顺序选择人脸 ${numbers.join('、')}。`,
    byRule: (rule) => `按规则“${rule}”选择。点击人脸可按编号选择。`,
    linked: '“规则”、“序号”或“多张”由已连接的节点设定。',
    number: '第几个',
    numberHint: '按“规则”的顺序取第几个：1 是第一个。规则为 as numbered 时就是图中的人脸编号。',
    numberLinked: '由已连接的节点通过“序号”设定，“序号”从 0 数起。'
  }
}
