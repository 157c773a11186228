import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    outDir: "../src/sottovoce/web/dist",
    emptyOutDir: true,
    target: "es2023",
    // `light-dark()` and oklch stay as written: every browser with a modern AudioWorklet has them.
    cssTarget: ["chrome123", "firefox121", "safari17.5"],
    // A data: URL would break the content security policy, so nothing is inlined.
    assetsInlineLimit: 0,
    license: { fileName: "licenses.md" },
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
