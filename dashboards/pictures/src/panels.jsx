// The panels, by Grafana's own components where it publishes them.
import { getDisplayValueAlignmentFactors, getFieldDisplayValues } from "@grafana/data";
import { BarGauge, BigValue, Table, TimeSeries, VizRepeater } from "@grafana/ui";
import { useLayoutEffect } from "react";

import { Timeline } from "./timeline.jsx";

const PANELS = {
  stat: Stat,
  bargauge: Bars,
  timeseries: Lines,
  table: Rows,
  "state-timeline": Timeline,
};

/** The inside of a panel. */
export function Content(props) {
  const { panel, frames } = props;
  const Kind = PANELS[panel.type];
  if (Kind === undefined) {
    throw new Error(`${panel.title}: nobody has drawn a ${panel.type} yet`);
  }
  // A stat says itself that it has nothing.
  const empty = frames.every((frame) => frame.fields.length === 0 || frame.length === 0);
  return empty && panel.type !== "stat" ? <Nothing {...props} /> : <Kind {...props} />;
}

function Nothing({ panel, width, height }) {
  const style = { width, height, display: "flex", alignItems: "center", justifyContent: "center", textAlign: "center" };
  return <div style={style}>{panel.fieldConfig.defaults.noValue ?? "No data"}</div>;
}

function values({ panel, frames, theme, timeZone }) {
  return getFieldDisplayValues({
    fieldConfig: panel.fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: (text) => text,
    data: frames,
    theme,
    timeZone,
  });
}

function Stat(props) {
  const { panel, theme, width, height } = props;
  const { options } = panel;
  return (
    <VizRepeater
      getValues={() => values(props)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, alignmentFactors, width, height, count }) => (
        <BigValue
          value={value.display}
          count={count}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          disableWideLayout={!options.wideLayout}
          alignmentFactors={alignmentFactors}
          theme={theme}
          width={width}
          height={height}
        />
      )}
      source={props.frames}
      itemSpacing={3}
      autoGrid={true}
      orientation={options.orientation}
      renderCounter={0}
      width={width}
      height={height}
    />
  );
}

function Bars(props) {
  const { panel, theme, width, height } = props;
  const { options } = panel;
  return (
    <VizRepeater
      getValues={() => values(props)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, alignmentFactors, width, height, orientation }) => (
        <BarGauge
          value={value.display}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex)}
          displayMode={options.displayMode}
          valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement}
          showUnfilled={options.showUnfilled}
          text={options.text}
          alignmentFactors={alignmentFactors}
          orientation={orientation}
          itemSpacing={10}
          theme={theme}
          width={width}
          height={height}
        />
      )}
      source={props.frames}
      itemSpacing={10}
      minVizWidth={options.minVizWidth}
      minVizHeight={options.minVizHeight}
      maxVizHeight={options.maxVizHeight}
      orientation={options.orientation}
      renderCounter={0}
      width={width}
      height={height}
    />
  );
}

function Lines({ panel, frames, timeRange, timeZone, annotations, theme, width, height }) {
  return (
    <TimeSeries
      frames={frames}
      structureRev={1}
      timeRange={timeRange}
      timeZone={timeZone}
      legend={panel.options.legend}
      options={panel.options}
      width={width}
      height={height}
    >
      {(builder) => <Annotations builder={builder} annotations={annotations} theme={theme} />}
    </TimeSeries>
  );
}

/** Dashed lines, as Grafana draws them. */
function Annotations({ builder, annotations, theme }) {
  useLayoutEffect(() => {
    builder.addHook("draw", (plot) => {
      plot.ctx.save();
      plot.ctx.setLineDash([5, 5]);
      plot.ctx.lineWidth = 2;
      for (const { time, color } of annotations) {
        const x = plot.valToPos(time, "x", true);
        plot.ctx.strokeStyle = theme.visualization.getColorByName(color);
        plot.ctx.beginPath();
        plot.ctx.moveTo(x, plot.bbox.top);
        plot.ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
        plot.ctx.stroke();
      }
      plot.ctx.restore();
    });
  }, [builder, annotations, theme]);
  return null;
}

function Rows({ panel, frames, width, height }) {
  return (
    <Table
      data={frames[0]}
      noHeader={!panel.options.showHeader}
      cellHeight={panel.options.cellHeight}
      initialSortBy={panel.options.sortBy}
      fieldConfig={panel.fieldConfig}
      resizable={true}
      width={width}
      height={height}
    />
  );
}
