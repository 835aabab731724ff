// What Grafana does to the frames of a data source before a panel sees them.
import {
  FieldConfigOptionsRegistry,
  ThresholdsMode,
  applyFieldOverrides,
  locationUtil,
  standardTransformers,
  standardTransformersRegistry,
  toDataFrame,
  transformDataFrame,
} from "@grafana/data";
import { firstValueFrom } from "rxjs";

locationUtil.initialize({
  config: { appSubUrl: "" },
  getVariablesUrlParams: () => ({}),
  getTimeRangeForUrl: () => ({}),
});
// Some are there under two names.
const transformers = new Set(Object.values(standardTransformers));
standardTransformersRegistry.setInit(() =>
  [...transformers].map((transformation) => ({ id: transformation.id, transformation })),
);

const asItIs = (text) => text;
const NUMBERS = { nan: NaN, inf: Infinity, "-inf": -Infinity };
// What Grafana adds to a panel that does not say.
const DEFAULTS = {
  color: { mode: "thresholds" },
  thresholds: { mode: ThresholdsMode.Absolute, steps: [{ value: -Infinity, color: "green" }] },
};

/** The frames that a panel draws: transformed, and with its units, words, thresholds and colours. */
export async function prepared(panel, frames, theme, timeZone) {
  const series = frames.filter((frame) => frame.fields.length > 0).map((frame) => read(frame, panel.type));
  const transformed = await firstValueFrom(
    transformDataFrame(panel.transformations ?? [], series, { interpolate: asItIs }),
  );
  const defaults = { ...DEFAULTS, ...panel.fieldConfig.defaults };
  return applyFieldOverrides({
    data: transformed,
    fieldConfig: { defaults, overrides: panel.fieldConfig.overrides },
    fieldConfigRegistry: registry(defaults, panel.fieldConfig.overrides),
    replaceVariables: asItIs,
    theme,
    timeZone,
  });
}

function read(frame, type) {
  for (const field of frame.fields.filter((field) => field.type === "number")) {
    field.values = field.values.map((value) => (typeof value === "string" ? NUMBERS[value] : value));
    // Grafana's time series panel does the same.
    if (type === "timeseries") {
      field.values = field.values.map((value) => (Number.isFinite(value) ? value : null));
    }
  }
  return toDataFrame(frame);
}

// Each kind of panel has a list of the properties that it knows, in code that Grafana does not publish. Here each knows
// those that it has been given.
function registry(defaults, overrides) {
  const ids = new Set([
    ...Object.keys(defaults).filter((name) => name !== "custom"),
    ...Object.keys(defaults.custom ?? {}).map((name) => `custom.${name}`),
    ...overrides.flatMap((override) => override.properties.map((property) => property.id)),
  ]);
  return new FieldConfigOptionsRegistry(() =>
    [...ids].map((id) => ({
      id,
      path: id.replace(/^custom\./, ""),
      isCustom: id.startsWith("custom."),
      name: id,
      process: (value) => value,
      shouldApply: () => true,
    })),
  );
}
