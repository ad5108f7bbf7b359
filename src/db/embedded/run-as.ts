/** Whom PostgreSQL runs as. PostgreSQL refuses root, so root hands it to `nobody`; anyone else runs it as themselves. */
import { readFile, stat } from 'node:fs/promises';

/** A user other than the caller; `undefined` stands for the caller. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

const FALLBACK: RunAs = { uid: 65_534, gid: 65_534 };

/**
 * Says whom PostgreSQL runs as: for root the owner of an existing cluster, else `nobody`; for others `undefined`.
 *
 * An existing cluster keeps its owner, so that one `sudo` does not take it from its user.
 */
export async function chooseRunAs(cluster: string): Promise<RunAs | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(cluster).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return nobody();
}

async function nobody(): Promise<RunAs> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? [];
  return uid === undefined || gid === undefined ? FALLBACK : { uid: Number(uid), gid: Number(gid) };
}
