// Straight lines through measured points.

/** Least squares; `error` is the standard error of the slope, `r2` the share of the variance that the line explains. */
export function fitLine(points) {
  const n = points.length;
  const mean = (pick) => points.reduce((sum, point) => sum + pick(point), 0) / n;
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)];
  const sum = (pick) => points.reduce((total, [x, y]) => total + pick(x - meanX, y - meanY), 0);
  const [xx, xy, yy] = [sum((x) => x * x), sum((x, y) => x * y), sum((_, y) => y * y)];
  const slope = xx === 0 ? Number.NaN : xy / xx;
  const left = Math.max(0, yy - slope * xy);
  const error = n > 2 ? Math.sqrt(left / (n - 2) / xx) : Number.NaN;
  return { slope, intercept: meanY - slope * meanX, error, r2: yy === 0 ? 1 : 1 - left / yy, mean: meanY };
}
