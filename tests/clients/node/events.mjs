// Waiting for what a server says, in Node and in a browser; and the tool that it is given.

const DEADLINE_MS = 20_000;

export const weather = {
  name: 'get_weather',
  description: 'Get the weather of a city',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
};
export const sunny = JSON.stringify({ temperature: 21, sky: 'sunny' });

/** Server events in their order; `expect` gives the next of a type, after the one expected last. */
export class Events {
  all = [];
  #expected = 0;
  #wake = () => {};

  add(event) {
    this.all.push(event);
    this.#wake();
  }

  of(type) {
    return this.all.filter((event) => event.type === type);
  }

  /** An `error` on the way fails, unless it is what is expected. */
  async expect(type, when = () => true) {
    const end = Date.now() + DEADLINE_MS;
    for (;;) {
      while (this.#expected < this.all.length) {
        const event = this.all[this.#expected++];
        if (event.type === type && when(event)) return event;
        if (event.type === 'error') throw new Error(JSON.stringify(event));
      }
      await this.#changed(end, type);
    }
  }

  #changed(end, type) {
    return new Promise((resolve, reject) => {
      const lateness = setTimeout(
        () => reject(new Error(`no ${type} after ${this.all.slice(-30).map((event) => event.type)}`)),
        end - Date.now(),
      );
      this.#wake = () => {
        clearTimeout(lateness);
        resolve();
      };
    });
  }
}
