type ProgressProps = {
  label: string;
  /** From 0 to 1; null where nobody can tell. */
  value: number | null;
  /** What is said of it, instead of per cent. */
  words?: string;
};

export function Progress({ label, value, words }: ProgressProps) {
  const percent = value === null ? null : Math.floor(value * 100);
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      {...(percent === null ? {} : { "aria-valuenow": percent })}
      {...(words ? { "aria-valuetext": words } : {})}
      className="h-2 overflow-hidden rounded-full bg-sunken ring-1 ring-edge ring-inset"
    >
      <div
        className={`h-full rounded-full bg-listening transition-[width] duration-300 ${percent === null ? "w-1/3 animate-pulse" : ""}`}
        style={percent === null ? undefined : { width: `${percent}%` }}
      />
    </div>
  );
}
