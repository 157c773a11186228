// Fails the build when a script has grown over its budget, or something names a foreign host.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET_BYTES = 130 * 1024; // a phone on a slow link should see the page within a second
/** LiveKit's client and what is around it: fetched when a conversation begins there, which should not wait for it. */
const LIVEKIT_BUDGET_BYTES = 150 * 1024;
const DIST = join(import.meta.dirname, "../../src/sottovoce/web/dist");

const html = readFileSync(join(DIST, "index.html"), "utf8");
const initial = [...html.matchAll(/(?:src|href)="\/?([^"]+\.js)"/g)].map((match) => match[1]);
if (initial.length === 0) throw new Error("index.html loads no script");

const assets = readdirSync(join(DIST, "assets"));
const livekit = assets.filter((file) => /^livekit-.*\.js$/.test(file)).map((file) => `assets/${file}`);
if (livekit.length === 0)
  throw new Error("LiveKit's client is no script of its own: every visit would load it");

const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
for (const [what, files, budget] of [
  ["initial script", initial, BUDGET_BYTES],
  ["LiveKit's script", livekit, LIVEKIT_BUDGET_BYTES],
]) {
  const size = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(DIST, file))).length, 0);
  if (size > budget) {
    process.stderr.write(`${what} is ${kib(size)} gzipped, over its budget of ${kib(budget)}\n`);
    process.exit(1);
  }
  process.stdout.write(`${what} ${kib(size)} gzipped, budget ${kib(budget)}\n`);
}

const styles = assets.filter((file) => file.endsWith(".css"));
for (const file of [join(DIST, "index.html"), ...styles.map((name) => join(DIST, "assets", name))]) {
  const foreign = readFileSync(file, "utf8").match(
    /(?:src|href)="(?:https?:)?\/\/[^"]+|url\(["']?(?:https?:)?\/\/[^)]+/,
  );
  if (foreign) {
    process.stderr.write(`${file} loads from a foreign host: ${foreign[0]}\n`);
    process.exit(1);
  }
}
