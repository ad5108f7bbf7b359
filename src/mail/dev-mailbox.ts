/**
 * The development mailbox: without a mail server, mails are files in the data directory. The newest
 * 200 are stored, across restarts.
 */
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { makePrivateDirectory } from '../core/private-directory.ts';
import type { Mail } from './templates/layout.ts';

const maxMails = 200;
const filePattern = /^([0-9a-f-]{36})\.json$/;

export interface StoredMail extends Mail {
  /** A UUIDv7, so ids sort by time. */
  readonly id: string;
  readonly from: string;
  /** RFC 3339, UTC. */
  readonly sentAt: string;
}

export interface DevMailbox {
  store(mail: Mail & { readonly from: string }): Promise<void>;
  /** Newest first. */
  list(): Promise<readonly StoredMail[]>;
  find(id: string): Promise<StoredMail | undefined>;
}

export function createDevMailbox(directory: string): DevMailbox {
  const fileNames = async () => {
    const names = await readdir(directory).catch(() => []);
    return names.filter((name) => filePattern.test(name)).sort();
  };
  const read = async (name: string): Promise<StoredMail | undefined> => {
    const text = await readFile(join(directory, name), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : (JSON.parse(text) as StoredMail); // only `store` writes these files
  };

  return {
    async store(mail) {
      await makePrivateDirectory(directory);
      const id = uuidv7();
      const stored: StoredMail = { ...mail, id, sentAt: new Date().toISOString() };
      const partial = join(directory, `${id}.partial`);
      await writeFile(partial, JSON.stringify(stored, undefined, 2), { mode: 0o600, flush: true });
      await rename(partial, join(directory, `${id}.json`));
      const names = await fileNames();
      const surplus = names.slice(0, Math.max(0, names.length - maxMails));
      await Promise.all(surplus.map((name) => rm(join(directory, name), { force: true })));
    },
    async list() {
      const mails = await Promise.all((await fileNames()).reverse().map(read));
      return mails.filter((mail) => mail !== undefined);
    },
    async find(id) {
      return filePattern.test(`${id}.json`) ? read(`${id}.json`) : undefined;
    },
  };
}
