// The words of the tiles of Pose Sheet.

import { WORDS as KEYPOINTS } from './keypoint_words.js'

const shared = ({ pose, poses, small, undo, redo, failed }) => ({ pose, poses, small, undo, redo, failed })

export const WORDS = {
  en: {
    ...shared(KEYPOINTS.en),
    tiles: 'One tile for each picture',
    tile: (number, count, pose) =>
      `Picture ${number} of ${count}: ${pose}. A and D turn, W and S nod, Q and E tilt, M mirrors, arrows go to another, Insert adds, Delete removes`,
    add: 'Add a picture (Insert)',
    remove: 'Remove the chosen picture (Delete)',
    mirror: 'Mirror the chosen head (M)',
    sets: 'Sets of poses',
    set: { turnaround: 'turnaround (5)', directions: 'all directions (7)', pairs: 'frontal and three-quarter (3)' },
    reset: 'Back to the turnaround',
    summary: (count, people) => `${count === 1 ? '1 picture' : `${count} pictures`}, ${people === 1 ? '1 person' : `${people} people`} in each`,
    hint: 'Drag a head to turn it, with Shift to tilt it; + adds a picture.',
    enlarge:
      "A head under a tenth of the height keeps little likeness. Set 'framing' to portrait or half length, or repaint the faces with Refine Faces.",
    batch: (count, batch) => `${count} pictures for a batch of ${batch}. Connect this node's latent to the sampler, which then draws ${count}.`,
    tooMany: (line, people) => `Picture ${line} has more poses than 'people' (${people}).`,
    linked: 'Set by a connected node; shown as last drawn.'
  },
  zh: {
    ...shared(KEYPOINTS.zh),
    tiles: '每张图片一个格子',
    tile: (number, count, pose) =>
      `第 ${number} / ${count} 张：${pose}。A、D 转头，W、S 抬头低头，Q、E 歪头，M 镜像，方向键切换，Insert 添加，Delete 删除`,
    add: '添加一张图片（Insert）',
    remove: '删除所选图片（Delete）',
    mirror: '镜像所选头部（M）',
    sets: '姿势组',
    set: { turnaround: '转身一周（5）', directions: '所有方向（7）', pairs: '正面与四分之三侧（3）' },
    reset: '恢复转身一周',
    summary: (count, people) => `${count} 张图片，每张 ${people} 人`,
    hint: '拖动头部转动，按住 Shift 歪头；“+”添加一张。',
    enlarge: '头部小于画面高度的十分之一时相似度会很低。请把“取景”设为肖像或半身，或用“精修人脸”重绘人脸。',
    batch: (count, batch) => `${count} 张图片对批次 ${batch}。请把本节点的 Latent 连接到采样器，即可画出 ${count} 张。`,
    tooMany: (line, people) => `第 ${line} 张的姿势多于“人数”（${people}）。`,
    linked: '由已连接的节点设定；显示上次绘制的结果。'
  }
}
