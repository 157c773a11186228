const examples = [
  "What time is it in Tokyo?",
  "Set a timer for five minutes",
  "What is twelve percent of eighty?",
  "How many miles are ten kilometres?",
  "Roll two dice",
  "Remember that my bike is blue",
];

export function Examples({ onChoose }: { onChoose(text: string): void }) {
  return (
    <section aria-labelledby="examples" className="mx-auto w-full max-w-2xl py-4 lg:my-auto">
      <h2 id="examples" className="font-serif text-2xl italic">
        Say something like
      </h2>
      <ul className="mt-3 divide-y divide-rule border-rule border-y">
        {examples.map((example) => (
          <li key={example}>
            <button
              type="button"
              onClick={() => onChoose(example)}
              className="min-h-12 w-full px-1 text-left font-serif text-lg transition-colors hover:text-speaking"
            >
              “{example}”
            </button>
          </li>
        ))}
      </ul>
      <p className="mt-3 text-quiet text-sm">
        Press one to ask it without speaking. You can interrupt at any time.
      </p>
    </section>
  );
}
