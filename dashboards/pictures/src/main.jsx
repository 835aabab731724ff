// A board as Grafana lays it out.
import "@fontsource/inter/400.css";
import "@fontsource/inter/500.css";

import { ThemeContext, createTheme, dateTime, dateTimeFormat } from "@grafana/data";
import { GlobalStyles, PanelChrome } from "@grafana/ui";
import { createRoot } from "react-dom/client";

import { prepared } from "./frames.js";
import { Content } from "./panels.jsx";

const COLUMNS = 24;
const CELL = 30;
const GAP = 8;
const MARGIN = 16;
const HEADER = 56;
const WIDTH = document.documentElement.clientWidth - 2 * MARGIN;
const TIME_ZONE = "utc";

const theme = createTheme({ colors: { mode: "light" } });

document.body.style.margin = "0";

function place({ x, y, w, h }) {
  const column = (WIDTH - GAP * (COLUMNS - 1)) / COLUMNS;
  return {
    left: MARGIN + x * (column + GAP),
    top: HEADER + y * (CELL + GAP),
    width: w * (column + GAP) - GAP,
    height: h * (CELL + GAP) - GAP,
  };
}

function Header({ board, timeRange }) {
  const [from, to] = [timeRange.from, timeRange.to].map((time) =>
    dateTimeFormat(time, { timeZone: TIME_ZONE, format: "YYYY-MM-DD HH:mm" }),
  );
  const style = { display: "flex", justifyContent: "space-between", alignItems: "center", height: HEADER };
  return (
    <div style={{ ...style, padding: `0 ${MARGIN}px` }}>
      <span style={theme.typography.h4}>{board.title}</span>
      <span style={{ color: theme.colors.text.secondary }}>
        {from} to {to}
      </span>
    </div>
  );
}

function Row({ panel }) {
  return (
    <div style={{ position: "absolute", ...place(panel.gridPos), ...theme.typography.h5, lineHeight: `${CELL}px` }}>
      {panel.title}
    </div>
  );
}

function Panel({ panel, ...context }) {
  const { width, height, ...position } = place(panel.gridPos);
  return (
    <div style={{ position: "absolute", ...position, width, height }}>
      <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
        {(width, height) => <Content panel={panel} {...context} width={width} height={height} />}
      </PanelChrome>
    </div>
  );
}

function Board({ board, frames, timeRange, annotations }) {
  const height = HEADER + Math.max(...board.panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * (CELL + GAP) + GAP;
  const context = { timeRange, timeZone: TIME_ZONE, annotations, theme };
  return (
    <div style={{ position: "relative", height, background: theme.colors.background.canvas }}>
      <Header board={board} timeRange={timeRange} />
      {board.panels.map((panel) =>
        panel.type === "row" ? (
          <Row key={panel.id} panel={panel} />
        ) : (
          <Panel key={panel.id} panel={panel} frames={frames[panel.id]} {...context} />
        ),
      )}
    </div>
  );
}

async function draw() {
  const { board, frames, annotations, ...range } = await (await fetch("/board.json")).json();
  const [from, to] = [dateTime(range.from), dateTime(range.to)];
  const drawn = {};
  for (const panel of board.panels.filter(({ type }) => type !== "row")) {
    drawn[panel.id] = await prepared(panel, frames[panel.id], theme, TIME_ZONE);
  }
  await Promise.all(["400", "500"].map((weight) => document.fonts.load(`${weight} 12px Inter`)));
  createRoot(document.getElementById("board")).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Board board={board} frames={drawn} timeRange={{ from, to, raw: { from, to } }} annotations={annotations} />
    </ThemeContext.Provider>,
  );
}

draw();
