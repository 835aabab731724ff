import { defineConfig } from "vite";

export default defineConfig({
  esbuild: { jsx: "automatic" },
  // Grafana's icons.
  publicDir: "node_modules/@grafana/ui/dist/public",
  build: {
    minify: false,
    chunkSizeWarningLimit: 100_000,
    // Some dependencies say "use client", which is not for Vite.
    rollupOptions: { onwarn: (warning, warn) => warning.code === "MODULE_LEVEL_DIRECTIVE" || warn(warning) },
  },
  logLevel: "warn",
});
