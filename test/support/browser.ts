/** Headless Chromium as it is installed here; where there is none, the reason why. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/snap/bin'];

const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const noBrowserReason = 'no Chromium is installed (on Debian: apt-get install chromium)';

/** Path of the browser, if there is one. `CHROMIUM` names it where it is somewhere else. */
export function findBrowser(): string | undefined {
  const candidates = directories.flatMap((directory) => names.map((name) => join(directory, name)));
  return [process.env.CHROMIUM ?? '', ...candidates].find(isExecutable);
}

export function launchBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: quiet });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return path !== '';
  } catch {
    return false;
  }
}
