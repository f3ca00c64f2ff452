import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { globalSetup: './global-setup.js', testTimeout: 60_000, hookTimeout: 90_000, fileParallelism: true },
});
