/** Long texts of a file. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { openJsonl } from '../../../src/features/user-import/formats/jsonl.ts';
import { isFault } from '../../../src/features/user-import/source.ts';
import { parsePerson } from '../../../src/features/user-import/validation/person.ts';
import { defaultOptions, withFile } from './formats/files.ts';

test('long texts of many people need no memory after the validation', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const lines = ['firstName', 'username', 'email', 'externalId'].flatMap((field) =>
    Array.from({ length: 25 }, (_, index) =>
      JSON.stringify({ email: `p${index}@example.com`, [field]: '<x'.repeat(200_000) }),
    ),
  );
  const rules = { now: new Date(), allowWeakHashes: false, isPartialMetadata: false };
  await withFile(lines.join('\n'), async (path) => {
    const { people } = await openJsonl(path, defaultOptions);
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    const parsed = [];
    for await (const item of people) if (!isFault(item)) parsed.push(parsePerson(item, rules));
    collectGarbage();
    expect(parsed).toHaveLength(100);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(5 * 1024 * 1024);
  });
});
