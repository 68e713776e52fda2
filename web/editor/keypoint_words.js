// The words of the keypoint editor.

export const WORDS = {
  en: {
    canvas: 'Keypoints of the faces to draw',
    person: (number, place, count) =>
      `Person ${number}, ${place} of ${count}. Arrows move, plus and minus scale, Q and E turn, M mirrors, 1 to 5 choose a point, Delete removes`,
    add: 'Add a person (Insert)',
    remove: 'Remove the chosen person (Delete)',
    pose: 'Head pose',
    poses: {
      frontal: 'frontal',
      'three-quarter left': 'three-quarter left',
      'three-quarter right': 'three-quarter right',
      'profile left': 'profile left',
      'profile right': 'profile right',
      up: 'up',
      down: 'down'
    },
    frames: { portrait: 'Portrait', 'half length': 'Half length', 'full figure': 'Full figure' },
    small: (head, height) => `Head ${head} of ${height} px`,
    enlarge:
      'A head under a tenth of the height keeps little likeness. Press Portrait or Half length, or repaint the face with Refine Faces.',
    mirror: 'Mirror the chosen face (M)',
    run: 'Draw the keypoints now: runs only what this node needs',
    running: 'Drawing ...',
    photo: 'Choose a picture to show behind the points',
    noPhoto: 'Remove the chosen picture',
    eye: 'Show or hide the picture behind the points',
    reset: 'Back to the detected faces',
    undo: 'Undo (Ctrl+Z)',
    redo: 'Redo (Ctrl+Y)',
    summary: (count, width, height) => `${count === 1 ? '1 person' : `${count} people`}, ${width} x ${height}`,
    edited: 'edited',
    detected: 'as detected',
    nobody: 'Add a person, or connect faces and press the button that draws.',
    linked: 'Set by a connected node; shown as last drawn.',
    hint: 'Drag a point, a face, a corner to scale, the knob to turn (Shift: 15° steps).',
    failed: (why) => `That did not work: ${why}`
  },
  zh: {
    canvas: '要绘制的人脸关键点',
    person: (number, place, count) =>
      `第 ${number} 人，共 ${count} 人中的第 ${place} 个。方向键移动，加减号缩放，Q 和 E 旋转，M 镜像，1 到 5 选择点，Delete 删除`,
    add: '添加人物（Insert）',
    remove: '删除所选人物（Delete）',
    pose: '头部姿态',
    poses: {
      frontal: '正面',
      'three-quarter left': '四分之三侧面（向左）',
      'three-quarter right': '四分之三侧面（向右）',
      'profile left': '侧面（向左）',
      'profile right': '侧面（向右）',
      up: '抬头',
      down: '低头'
    },
    frames: { portrait: '肖像', 'half length': '半身', 'full figure': '全身' },
    small: (head, height) => `头部 ${head} / ${height} 像素`,
    enlarge: '头部小于画面高度的十分之一时相似度会很低。请按“肖像”或“半身”，或用“精修人脸”重绘人脸。',
    mirror: '镜像所选人脸（M）',
    run: '立即绘制关键点：只运行此节点所需的部分',
    running: '正在绘制……',
    photo: '选择显示在关键点后面的图片',
    noPhoto: '移除所选图片',
    eye: '显示或隐藏关键点后面的图片',
    reset: '恢复为检测到的人脸',
    undo: '撤销（Ctrl+Z）',
    redo: '重做（Ctrl+Y）',
    summary: (count, width, height) => `${count} 人，${width} x ${height}`,
    edited: '已编辑',
    detected: '与检测结果一致',
    nobody: '请添加人物，或连接人脸后按绘制按钮。',
    linked: '由已连接的节点设定；显示上次绘制的结果。',
    hint: '拖动点或人脸；拖动角点缩放，拖动圆钮旋转（按住 Shift 以 15° 为步长）。',
    failed: (why) => `未能完成：${why}`
  }
}
