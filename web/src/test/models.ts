import type { Model, ModelList } from "../models/model";

/** A model as the server tells of it; a voice that is not here, unless `change` says otherwise. */
export const modelOf = (id: string, change: Partial<Model> = {}): Model => ({
  id,
  kind: "tts",
  title: `The ${id}`,
  languages: ["en-us"],
  license: "MIT",
  license_url: "https://example.org/mit",
  quality: "",
  download_bytes: 2_000_000,
  memory_bytes: 0,
  size_bytes: 0,
  state: "absent",
  progress: null,
  reason: null,
  bytes: 0,
  total_bytes: 0,
  rate: 0,
  seconds_left: null,
  step: null,
  in_use: false,
  is_embedded: false,
  is_installed: false,
  has_source: true,
  fit: { verdict: "fits", reason: "", instead: null },
  ...change,
});

export const downloading = (id: string, change: Partial<Model> = {}): Model =>
  modelOf(id, {
    state: "downloading",
    step: "fetching",
    progress: 0.25,
    bytes: 500_000,
    total_bytes: 2_000_000,
    rate: 100_000,
    seconds_left: 15,
    ...change,
  });

export const inUse = (id: string, change: Partial<Model> = {}): Model =>
  modelOf(id, { state: "ready", in_use: true, is_installed: true, size_bytes: 2_000_000, ...change });

export const listOf = (...models: Model[]): ModelList => ({
  models,
  machine: { cores: 2, memory_bytes: 8 * 2 ** 30, cpu: "", gpu: null },
  is_offline: false,
  may_change: true,
});
