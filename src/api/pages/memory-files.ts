/**
 * Files of packages, served from memory: each is read once, when somebody first asks for it. A caller
 * that does not read its answer holds neither an open file nor a copy of it.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

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

/** Sends the file, or 304 to a caller that has it already (RFC 9110 §13.1.2). */
export function sendFile(request: FastifyRequest, reply: FastifyReply, file: MemoryFile) {
  const known = (request.headers['if-none-match'] ?? '').split(',').map((each) => each.trim());
  reply.header('etag', file.etag);
  if (known.includes(file.etag) || known.includes('*')) return reply.code(304).send();
  return reply.type(file.type).send(file.content);
}

/**
 * Serves every file below `directory` under `prefix`, which ends with a slash.
 *
 * @param headers of each answer
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
  const fileOf = (name: string): MemoryFile => {
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
    return sendFile(request, reply, fileOf(name));
  });
}

interface FileFolder {
  readonly prefix: string;
  readonly directory: string;
  readonly headers?: Readonly<Record<string, string>>;
}
