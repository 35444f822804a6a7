import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** A running Parley, for `vite` in development. */
const backend = process.env.PARLEY_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2024",
    // The content security policy allows no data: scripts and styles.
    assetsInlineLimit: 0,
  },
  server: { proxy: { "/v2": { target: backend, ws: true } } },
});
