// Fails the build when the page's first script has grown over its budget, or something names a foreign host.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET_BYTES = 130 * 1024; // a phone on a slow link should see the page within a second
const DIST = join(import.meta.dirname, "../../src/sottovoce/web/dist");

const html = readFileSync(join(DIST, "index.html"), "utf8");
const initial = [...html.matchAll(/(?:src|href)="\/?([^"]+\.js)"/g)].map((match) => match[1]);
if (initial.length === 0) throw new Error("index.html loads no script");

const size = initial.reduce((sum, file) => sum + gzipSync(readFileSync(join(DIST, file))).length, 0);
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
if (size > BUDGET_BYTES) {
  process.stderr.write(`initial script is ${kib(size)} gzipped, over its budget of ${kib(BUDGET_BYTES)}\n`);
  process.exit(1);
}

const styles = readdirSync(join(DIST, "assets")).filter((file) => file.endsWith(".css"));
for (const file of [join(DIST, "index.html"), ...styles.map((name) => join(DIST, "assets", name))]) {
  const foreign = readFileSync(file, "utf8").match(
    /(?:src|href)="(?:https?:)?\/\/[^"]+|url\(["']?(?:https?:)?\/\/[^)]+/,
  );
  if (foreign) {
    process.stderr.write(`${file} loads from a foreign host: ${foreign[0]}\n`);
    process.exit(1);
  }
}
process.stdout.write(`initial script ${kib(size)} gzipped, budget ${kib(BUDGET_BYTES)}\n`);
