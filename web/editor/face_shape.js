// Five keypoints [[x, y], ...] -> moved, turned, mirrored, fitted or newly posed ones, as face/pose.py does it.

export const middleOf = (points) => [0, 1].map((axis) => points.reduce((sum, p) => sum + p[axis], 0) / points.length)

export const moved = (points, dx, dy) => points.map(([x, y]) => [x + dx, y + dy])

// Scaled and turned (degrees, clockwise as seen) about a place, by default the points' own middle.
export function turned(points, scale, degrees, about = middleOf(points)) {
  const angle = (degrees * Math.PI) / 180
  const [c, s] = [scale * Math.cos(angle), scale * Math.sin(angle)]
  return points.map(([x, y]) => {
    const [dx, dy] = [x - about[0], y - about[1]]
    return [about[0] + c * dx - s * dy, about[1] + s * dx + c * dy]
  })
}

// Mirrored about a vertical line: the left eye is again the one on the left of the picture.
export function mirrored(points, order, line = middleOf(points)[0]) {
  const flipped = points.map(([x, y]) => [2 * line - x, y])
  return order.map((from) => flipped[from])
}

// Where a picture of `source` [width, height] lies on a canvas of `target`: {x, y, sx, sy}.
export function placed(source, target, fit) {
  const ratios = [target[0] / source[0], target[1] / source[1]]
  const both = (scale) => [scale, scale]
  const [sx, sy] = { fit: both(Math.min(...ratios)), fill: both(Math.max(...ratios)) }[fit] ?? ratios
  return { x: (target[0] - sx * source[0]) / 2, y: (target[1] - sy * source[1]) / 2, sx, sy }
}

export function fitted(points, source, target, fit) {
  const { x, y, sx, sy } = placed(source, target, fit)
  return points.map((point) => [point[0] * sx + x, point[1] * sy + y])
}

// The node's settings {scale, rotation, shift_x, shift_y, mirror}, as it draws.
export function posed(points, pose, width, order) {
  const start = pose.mirror ? mirrored(points, order, (width - 1) / 2) : points
  return moved(turned(start, pose.scale, pose.rotation), pose.shift_x, pose.shift_y)
}

// What has to be stored so that the node draws these points.
export function unposed(points, pose, width, order) {
  const start = moved(turned(points, 1 / pose.scale, -pose.rotation), -pose.shift_x, -pose.shift_y)
  return pose.mirror ? mirrored(start, order, (width - 1) / 2) : start
}

// How a head is seen: its scale (the distance of its eyes from the front) and tilt (degrees), by the server's `fit`.
export function headOf(points, fit) {
  const [cx, cy] = middleOf(points)
  const seen = fit.map((row) =>
    [0, 1].map((axis) => row.reduce((sum, f, i) => sum + f * (points[i][axis] - [cx, cy][axis]), 0))
  )
  const dot = (a, b) => seen.reduce((sum, row) => sum + row[a] * row[b], 0)
  const area = Math.sqrt(Math.max(dot(0, 0) * dot(1, 1) - dot(0, 1) ** 2, 0))
  const scale = Math.sqrt(dot(0, 0) + dot(1, 1) + 2 * area) / 2
  return { scale, tilt: (Math.atan2(-seen[1][0], seen[1][1]) * 180) / Math.PI }
}

// Another pose of the same head: place, scale and tilt stay.
export function withPose(points, pose, fit) {
  const { scale, tilt } = headOf(points, fit)
  return moved(turned(pose, scale, tilt, [0, 0]), ...middleOf(points))
}

export function boxOf(points, margin = 0) {
  const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])]
  const [x, y] = [Math.min(...xs) - margin, Math.min(...ys) - margin]
  return { x, y, width: Math.max(...xs) + margin - x, height: Math.max(...ys) + margin - y }
}

// The five points of a head ([[right, down, near], ...] about its middle) that is turned, raised and tilted by degrees.
export function turnedHead(head, angles) {
  const [yaw, pitch, roll] = angles.map((angle) => (angle * Math.PI) / 180)
  return head.map(([right, down, near]) => {
    const x = right * Math.cos(yaw) + near * Math.sin(yaw)
    const nearer = near * Math.cos(yaw) - right * Math.sin(yaw)
    const y = down * Math.cos(pitch) - nearer * Math.sin(pitch)
    return [x * Math.cos(roll) - y * Math.sin(roll), x * Math.sin(roll) + y * Math.cos(roll)]
  })
}
