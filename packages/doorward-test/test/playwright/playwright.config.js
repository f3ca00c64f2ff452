import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: '.',
  reporter: 'line',
  workers: 2,
  timeout: 60_000,
  outputDir: process.env.PLAYWRIGHT_OUTPUT ?? '../../node_modules/.playwright',
  // The system's browser: nothing is downloaded.
  use: { launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] } },
});
