/** Applications with published packages: the clients of docs/graphql.md, and projects of code generators. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { blocksOf } from '../docs/pages.ts';
import { goodPassword, somebody } from './people.ts';
import type { TestService } from './service.ts';

// biome-ignore lint/suspicious/noExplicitAny: modules of other packages, and of the documentation
export type Module = any;

export interface Recipe {
  /** The exports of the code block. */
  readonly module: Module;
  /** The exports of `auth.js`, in which the person has logged in. */
  readonly auth: Module;
  readonly email: string;
  readonly userId: string;
}

const blocks = blocksOf('docs/graphql.md');

/** Loads a package or a file as Node.js does, without the transformations of vitest. */
export function load(folder: string, name: string): Module {
  return createRequire(join(folder, 'package.json'))(name);
}

/**
 * Executes a code block for a new person.
 *
 * @param info the words after the fence, such as `js apollo`
 * @param folder the packages of the code block
 * @param authentication the process of the service that `auth.js` uses
 */
export async function runRecipe(
  info: string,
  folder: string,
  service: TestService,
  authentication = service,
): Promise<Recipe> {
  const directory = mkdtempSync(join(folder, 'recipe-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const loadBlock = (name: string, block: string, { address }: TestService): Module => {
    const text = blocks.find((each) => each.info === block)?.text;
    if (text === undefined) throw new Error(`docs/graphql.md has no block ${block}`);
    const path = join(directory, name);
    writeFileSync(path, text.replaceAll('http://localhost:4000', address));
    return load(directory, path);
  };
  const auth = loadBlock('auth.js', 'js browser', authentication);
  const module = loadBlock('client.js', info, service);
  const { email, userId } = await somebody(authentication);
  await auth.logIn(email, goodPassword);
  return { module, auth, email, userId };
}

export interface SentRequest {
  readonly method: string;
  /** The URL with its decoded parameters, and the body. */
  readonly text: string;
}

/** Records the requests of this process. */
export function watchRequests(): (pattern?: RegExp) => readonly SentRequest[] {
  const { calls } = vi.spyOn(globalThis, 'fetch').mock;
  return (pattern = /^/) =>
    calls
      .map(([input, init]) => ({
        method: init?.method ?? 'GET',
        text: `${decodeURIComponent(String(input).replaceAll('+', ' '))} ${String(init?.body ?? '')}`,
      }))
      .filter(({ text }) => pattern.test(text));
}

/** A directory with files of an application, below the packages that it uses. */
export function createApplication(folder: string, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(folder, 'application-'));
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return directory;
}
