/** Records the requests of the real clients again, and compares them with the committed recording. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages } from '../../support/install-packages.ts';
import { differences } from '../clients/comparison.ts';
import { type Recording, recorded, recordingFile } from '../clients/requests.ts';
import { benchFile } from '../process.ts';
import type { PartResult } from '../report.ts';

export async function recordClients(): Promise<PartResult> {
  const directory = installPackages(benchFile('./clients'));
  const output = execFileSync(process.execPath, [join(directory, 'record.js')], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '' },
  });
  const different = differences(recorded, JSON.parse(output) as Recording); // written by record.js
  if (different.length > 0) {
    writeFileSync(recordingFile, `${output}\n`);
    console.log(
      `These requests differ; the new ones are in ${recordingFile.pathname}: ${different}`,
    );
  }
  return {
    measured: [],
    ratios: [
      { metric: 'requests that differ from the recording', value: different.length, atMost: 0 },
    ],
  };
}
