import type { Model } from "../../models/model";

/** Only the web's own addresses: a user's entry may say anything. */
const isWebAddress = (url: string): boolean => /^https?:\/\//.test(url);

export function Licence({ model }: { model: Model }) {
  const name = model.license || "licence unknown";
  if (!model.license_url || !isWebAddress(model.license_url)) return <>{name}</>;
  return (
    <a
      href={model.license_url}
      target="_blank"
      rel="noreferrer"
      aria-label={`${name}, licence of ${model.title}, opens elsewhere`}
      className="underline underline-offset-2 hover:text-ink"
    >
      {name}
    </a>
  );
}
