// Grafana does not publish its state timeline: this looks like it, and is not it.
import { dateTimeFormat, getFieldDisplayName } from "@grafana/data";

const AXIS = 24;
const TICKS = 6;
const MINUTE = 60_000;

/** A row for each series, coloured from its first to its last value. */
export function Timeline({ panel, frames, timeRange, timeZone, theme, width, height }) {
  const [from, to] = [timeRange.from.valueOf(), timeRange.to.valueOf()];
  const shown = frames.slice(0, panel.options.perPage);
  const names = 150;
  const x = (time) => names + ((time - from) / (to - from)) * (width - names - 10);
  const row = (height - AXIS) / shown.length;
  const bar = row * panel.options.rowHeight;
  const text = { fill: theme.colors.text.primary, fontSize: 12, dominantBaseline: "middle" };
  return (
    <svg width={width} height={height}>
      {shown.map((frame, index) => {
        const [time, value] = [frame.fields[0].values, frame.fields[1]];
        const [first, last] = [x(time[0]), x(time[time.length - 1] + MINUTE)];
        const y = index * row;
        return (
          <g key={index}>
            <text x={names - 8} y={y + row / 2} textAnchor="end" {...text}>
              {getFieldDisplayName(value, frame, frames)}
            </text>
            <rect
              x={first}
              y={y + (row - bar) / 2}
              width={Math.min(last, width - 10) - first}
              height={bar}
              fill={value.display(value.values[0]).color}
              fillOpacity={value.config.custom.fillOpacity / 100}
            />
          </g>
        );
      })}
      {Array.from({ length: TICKS }, (_, index) => from + ((index + 0.5) / TICKS) * (to - from)).map((time) => (
        <text key={time} x={x(time)} y={height - AXIS / 2} textAnchor="middle" {...text}>
          {dateTimeFormat(time, { timeZone, format: "HH:mm" })}
        </text>
      ))}
    </svg>
  );
}
