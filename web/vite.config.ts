import { readFileSync } from "node:fs";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Vite lists the licences of bundled scripts; the fonts' have to be passed on too. */
const fontLicences: Plugin = {
  name: "font-licences",
  apply: "build",
  generateBundle() {
    const texts = ["instrument-sans", "newsreader"].map((font) =>
      readFileSync(new URL(`node_modules/@fontsource-variable/${font}/LICENSE`, import.meta.url), "utf8"),
    );
    this.emitFile({ type: "asset", fileName: "font-licences.txt", source: texts.join("\n\n") });
  },
};

export default defineConfig({
  plugins: [react(), tailwindcss(), fontLicences],
  build: {
    outDir: "../src/sottovoce/web/dist",
    emptyOutDir: true,
    target: "es2023",
    // `light-dark()` and oklch stay as written: every browser with a modern AudioWorklet has them.
    cssTarget: ["chrome123", "firefox121", "safari17.5"],
    // A data: URL would break the content security policy, so nothing is inlined.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600, // kB; scripts/check-size.mjs holds each script to its budget as it is sent
    license: { fileName: "script-licences.md" },
  },
  worker: { format: "es" },
  // `npm run dev` beside a running gateway; Vite passes its own Host and Origin on unchanged, so they are rewritten.
  server: {
    proxy: Object.fromEntries(
      ["/v1", "/api"].map((path) => [
        path,
        {
          target: "http://127.0.0.1:8080",
          ws: true,
          changeOrigin: true,
          headers: { Origin: "http://127.0.0.1:8080" },
        },
      ]),
    ),
  },
  test: { environment: "happy-dom", setupFiles: ["src/test/setup.ts"], restoreMocks: true },
});
