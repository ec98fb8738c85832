/** The hero's picture: nodes that pass it on. Decoration only. */
const NODES = [
  [60, 150, 13],
  [150, 62, 9],
  [205, 190, 16],
  [318, 96, 11],
  [398, 184, 13],
  [470, 74, 9],
] as const;
const LINES = [
  [0, 1],
  [0, 2],
  [1, 2],
  [1, 3],
  [2, 3],
  [2, 4],
  [3, 4],
  [3, 5],
  [4, 5],
] as const;

export function Ripples() {
  return (
    <svg class="ripples" viewBox="0 0 530 250" aria-hidden="true" focusable="false">
      {LINES.map(([a, b]) => (
        <line key={`${a} ${b}`} x1={NODES[a][0]} y1={NODES[a][1]} x2={NODES[b][0]} y2={NODES[b][1]} />
      ))}
      {NODES.map(([x, y, r], index) => (
        <g key={x} class={`ripple ripple-${index}`}>
          <circle class="ring" cx={x} cy={y} r={r + 10} />
          <circle class="dot" cx={x} cy={y} r={r} />
        </g>
      ))}
    </svg>
  );
}
