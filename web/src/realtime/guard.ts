/** A guard turns unknown JSON into a typed value, or says with `undefined` that it is something else. */
export type Guard<T> = (value: unknown) => value is T;
export type Guarded<G> = G extends Guard<infer T> ? T : never;

type Shape = Record<string, Guard<unknown>>;
type Optional<S extends Shape> = { [K in keyof S]: undefined extends Guarded<S[K]> ? K : never }[keyof S];
type Shaped<S extends Shape> = { [K in Exclude<keyof S, Optional<S>>]: Guarded<S[K]> } & {
  [K in Optional<S>]?: Guarded<S[K]>;
};

export const text: Guard<string> = (value): value is string => typeof value === "string";
export const number: Guard<number> = (value): value is number => Number.isFinite(value);
export const flag: Guard<boolean> = (value): value is boolean => typeof value === "boolean";

export const oneOf =
  <const T extends string>(...allowed: readonly T[]): Guard<T> =>
  (value): value is T =>
    allowed.some((candidate) => candidate === value);

export const orNull =
  <T>(inner: Guard<T>): Guard<T | null> =>
  (value): value is T | null =>
    value === null || inner(value);

/** Null and absent are one: servers differ in which of them they send. */
export const maybe =
  <T>(inner: Guard<T>): Guard<T | null | undefined> =>
  (value): value is T | null | undefined =>
    value === null || value === undefined || inner(value);

export const listOf =
  <T>(inner: Guard<T>): Guard<T[]> =>
  (value): value is T[] =>
    Array.isArray(value) && value.every(inner);

/** A table whose names are the server's. */
export const tableOf =
  <T>(inner: Guard<T>): Guard<Record<string, T>> =>
  (value): value is Record<string, T> =>
    isRecord(value) && Object.values(value).every(inner);

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Fields beyond the shape are allowed: servers add some over time. */
export const shape =
  <S extends Shape>(fields: S): Guard<Shaped<S>> =>
  (value): value is Shaped<S> =>
    isRecord(value) && Object.entries(fields).every(([name, guard]) => guard(value[name]));

export function parseJson(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return undefined; // no JSON is one more thing that no guard accepts
  }
}
