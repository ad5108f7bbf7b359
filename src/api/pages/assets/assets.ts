/** Static files: style sheet and icon of the pages, and the files of Swagger UI and the GraphQL IDE. */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { brandColorVariables, serveBrandLogo } from './brand-assets.ts';
import { passwordScript, passwordScriptPath } from './password-script.ts';

export const styleSheetPath = '/assets/gatehouse.css';
export const iconPath = '/assets/gatehouse.svg';

/** The contrast is at least 4.5:1 for text and 3:1 for the borders of fields (WCAG 2.2). */
export const colorVariables = `
:root { color-scheme: light dark;
  --page: #f3f4f8; --card: #fff; --text: #161a22; --quiet: #4a5264; --line: #d9dde6; --edge: #828b9d;
  --field: #fff; --accent: #1f4fd8; --accent-hover: #173db0; --on-accent: #fff; --tint: #eef2fe;
  --good: #14713b; --good-tint: #e3f5ea; --bad: #a4161a; --bad-tint: #fdeaea; --shadow: 0 1px 2px #1018280d, 0 8px 24px #10182814; }
@media (prefers-color-scheme: dark) { :root {
  --page: #0e1117; --card: #171b24; --text: #eef1f7; --quiet: #b4bccb; --line: #2b313d; --edge: #77819a;
  --field: #0e1117; --accent: #a9c0ff; --accent-hover: #c6d5ff; --on-accent: #0b1530; --tint: #1d2536;
  --good: #7fdca2; --good-tint: #14301f; --bad: #ffb0ac; --bad-tint: #3a1a1c; --shadow: none; } }
`;

const styleSheet = `${colorVariables}*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; min-height: 100vh; background: var(--page); color: var(--text);
  font: 1.0625rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header, main, footer { max-width: 33rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 2rem; padding-bottom: 1rem; }
main { padding-bottom: 1.5rem; }
footer { padding-bottom: 2.5rem; color: var(--quiet); font-size: .9375rem; }
footer a { color: inherit; }
.wide header, .wide main, .wide footer { max-width: 64rem; }
.brand { display: flex; align-items: center; gap: .6rem; margin: 0; color: var(--quiet); font-weight: 600; }
.brand a { display: flex; align-items: center; gap: .6rem; color: inherit; text-decoration: none; }
.brand a:hover { text-decoration: underline; }
.brand svg { width: 1.6rem; height: 1.6rem; color: var(--accent); flex: none; }
.brand img { height: 2rem; max-width: 10rem; object-fit: contain; flex: none; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 1.5rem; box-shadow: var(--shadow); }
h1 { font-size: 1.6rem; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 .75rem; text-wrap: balance; }
h2 { font-size: 1.15rem; margin: 2rem 0 .75rem; }
p { margin: 0 0 1rem; text-wrap: pretty; overflow-wrap: anywhere; }
.card > :last-child, form > :last-child { margin-bottom: 0; }
a { color: var(--accent); text-underline-offset: .15em; }
.mark { display: grid; place-items: center; width: 3rem; height: 3rem; border-radius: 50%; margin: 0 0 1rem; }
.mark svg { width: 1.5rem; height: 1.5rem; }
.mark.done { background: var(--good-tint); color: var(--good); }
.mark.failed { background: var(--bad-tint); color: var(--bad); }
.quiet { color: var(--quiet); }
.account { margin: 0 0 1.5rem; padding: .7rem 1rem; border-radius: .7rem; background: var(--tint); }
.account dt { font-size: .875rem; color: var(--quiet); }
.account dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
.field { margin: 0 0 1.25rem; }
label { display: block; font-weight: 600; margin: 0 0 .3rem; }
.hint { margin: 0 0 .45rem; font-size: .9375rem; line-height: 1.45; color: var(--quiet); }
.error { margin: 0 0 .45rem; font-size: .9375rem; line-height: 1.45; font-weight: 600; color: var(--bad); }
input { display: block; width: 100%; font: inherit; color: inherit; background: var(--field);
  padding: .7rem .85rem; border: 1px solid var(--edge); border-radius: .6rem; }
input[aria-invalid="true"] { border: 2px solid var(--bad); padding: calc(.7rem - 1px) calc(.85rem - 1px); }
[hidden] { display: none !important; }
button, a.button { display: block; width: 100%; min-height: 3rem; font: inherit; font-weight: 600; line-height: 1.3;
  padding: .7rem 1.25rem; border: 1px solid transparent; border-radius: .6rem; cursor: pointer; text-align: center;
  background: var(--accent); color: var(--on-accent); text-decoration: none; }
button:hover, a.button:hover { background: var(--accent-hover); }
.password { display: flex; gap: .5rem; }
.password input { flex: 1; min-width: 0; }
.narrow button.reveal { flex: none; width: auto; min-width: 5.5rem; padding: .7rem .75rem; }
.note { margin: 0 0 1.25rem; padding: .7rem 1rem; border-radius: .7rem; background: var(--tint); }
.faults { margin: 0 0 1.25rem; padding: .7rem 1rem; border-radius: .7rem; background: var(--bad-tint); color: var(--bad); }
.faults h2 { font-size: 1rem; margin: 0 0 .3rem; }
.faults p { margin: 0; }
.faults ul { margin: 0; padding-left: 1.2rem; }
.faults a { color: inherit; }
.names { display: grid; gap: 0 1rem; align-items: end; }
.below { margin: 1.25rem 0 0; }
.ways + form, form.again { margin-top: 1rem; }
.ways { list-style: none; margin: 1.5rem 0 0; padding: 0; display: grid; gap: .75rem; }
.ways a:not(.button) { display: inline-block; padding: .3rem 0; }
button.secondary { background: transparent; color: var(--text); border-color: var(--edge); }
button.secondary:hover { background: var(--tint); }
.aside { margin: 1.75rem 0 .5rem; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
code { font: .9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { font: .9rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; margin: 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; vertical-align: top; }
th { font-size: .875rem; color: var(--quiet); }
time { white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
iframe { display: block; width: 100%; height: 32rem; border: 1px solid var(--line); border-radius: .6rem; background: #fff; color-scheme: light; }
@media (max-width: 36rem) {
  thead { position: absolute; clip-path: inset(50%); }
  tr { display: block; padding: .6rem 0; border-bottom: 1px solid var(--line); }
  td { display: block; padding: .1rem 0; border: 0; }
}
@media (min-width: 36rem) {
  header { padding-top: 12vh; }
  .wide header { padding-top: 2rem; }
  .card { padding: 2.25rem; }
  .narrow button, a.button { width: fit-content; min-width: 12rem; }
  .names { grid-template-columns: 1fr 1fr; }
}
`;

/** The logo, in the colour of the surrounding text. */
export const logoPath =
  '<path d="M3 21V11a9 9 0 0 1 18 0v10h-3V11a6 6 0 0 0-12 0v10ZM8 21V11a4 4 0 0 1 3.25-3.93V21ZM12.75 21V7.07A4 4 0 0 1 16 11v10Z" fill="currentColor"/>';

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" color="#4f78ee">${logoPath}</svg>`;

export function serveAssets(app: FastifyInstance): void {
  const { brand } = app.presentation;
  serveBrandLogo(app, brand.logo);
  const files = [
    [
      styleSheetPath,
      'text/css; charset=utf-8',
      `${styleSheet}${brandColorVariables(brand.colors)}`,
    ],
    [iconPath, 'image/svg+xml; charset=utf-8', icon],
    [passwordScriptPath, 'text/javascript; charset=utf-8', passwordScript],
  ] as const;
  for (const [path, type, content] of files) {
    app.get(path, (_request, reply) =>
      reply.type(type).header('cache-control', 'public, max-age=3600').send(content),
    );
  }
}

export interface MemoryFile {
  readonly type: string;
  readonly content: Buffer;
  readonly etag: string;
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
};

export function memoryFile(content: string | Buffer, type: string): MemoryFile {
  const etag = `"${createHash('sha256').update(content).digest('base64url')}"`;
  return { type, content: Buffer.from(content), etag };
}

/** Sends the file, or 304 to a client that has it (RFC 9110 §13.1.2). */
export function sendFile(request: FastifyRequest, reply: FastifyReply, file: MemoryFile) {
  const known = (request.headers['if-none-match'] ?? '').split(',').map((each) => each.trim());
  reply.header('etag', file.etag);
  if (known.includes(file.etag) || known.includes('*')) return reply.code(304).send();
  return reply.type(file.type).send(file.content);
}

/**
 * Serves every file below `directory` under `prefix`, which ends with a slash.
 *
 * @param headers of each response
 */
export function serveFiles(
  app: FastifyInstance,
  { prefix, directory, headers = {} }: FileFolder,
): void {
  const names = new Set(
    readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
      Object.hasOwn(types, extname(name)),
    ),
  );
  const files = new Map<string, MemoryFile>();
  const load = (name: string): MemoryFile => {
    const file =
      files.get(name) ??
      memoryFile(readFileSync(join(directory, name)), types[extname(name)] ?? '');
    files.set(name, file);
    return file;
  };
  app.get<{ Params: { '*': string } }>(`${prefix}*`, (request, reply) => {
    const name = request.params['*'];
    if (!names.has(name)) return reply.callNotFound();
    reply.headers({ 'cache-control': 'public, max-age=0', ...headers });
    return sendFile(request, reply, load(name));
  });
}

interface FileFolder {
  readonly prefix: string;
  readonly directory: string;
  readonly headers?: Readonly<Record<string, string>>;
}
