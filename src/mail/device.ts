/**
 * Recognizes browser and operating system in a User-Agent header. The result has names of these lists only: the header
 * is text of a stranger, and the names are shown in mails to the owner of an account.
 */

export interface Device {
  /** Browser or other program. */
  readonly program?: string;
  /** Operating system, or kind of device. */
  readonly system?: string;
}

/** The first match counts: Edge names Chrome too, and Chrome names Safari too. */
const programs: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\bEdg(e|A|iOS)?\//, 'Microsoft Edge'],
  [/\b(OPR|Opera)\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\bYaBrowser\//, 'Yandex Browser'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Headless)?(Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bVersion\/[\d.]+.*\bSafari\//, 'Safari'],
  [/^curl\//, 'curl'],
  [/^Wget\//, 'Wget'],
  [/^HTTPie\//, 'HTTPie'],
  [/^PostmanRuntime\//, 'Postman'],
  [/^insomnia\//, 'Insomnia'],
  [/^python-(requests|httpx|urllib3)\/|^Python\/.*\baiohttp\//, 'Python'],
  [/^okhttp\//, 'OkHttp'],
  [/^Dart\//, 'Dart'],
  [/^Go-http-client\//, 'Go'],
  [/^(node|undici)\b/, 'Node.js'],
  [/\bCFNetwork\//, 'Apple CFNetwork'],
];

const systems: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

/** The rest of a longer header is ignored, to bound the work. */
const maxLength = 500;

export function deviceOf(userAgent: string): Device {
  const text = userAgent.slice(0, maxLength);
  const program = nameIn(programs, text);
  const system = nameIn(systems, text);
  return { ...(program ? { program } : {}), ...(system ? { system } : {}) };
}

function nameIn(names: typeof programs, text: string): string | undefined {
  return names.find(([pattern]) => pattern.test(text))?.[1];
}
