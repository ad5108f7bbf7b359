// A plugin of the bundler: writes the names, versions and licences of the packages whose code is in the bundle, and
// of those whose files are copied beside it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Packages without a file of this kind name their licence in package.json. */
const licenceFile = /^(licen[cs]e|copying|notice)/i;

/** The outermost directory of a package: the path up to its name after the last node_modules. */
const packageDirectory = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/;

export function thirdPartyNotices(path, copiedFiles) {
  return {
    name: 'third-party-notices',
    generateBundle(_options, chunks) {
      const modules = Object.values(chunks).flatMap(({ moduleIds = [] }) => moduleIds);
      const files = [...modules, ...copiedFiles.map((file) => join(process.cwd(), file))];
      const directories = files.flatMap((file) => packageDirectory.exec(file) ?? []);
      const notices = [...new Set(directories)].map(noticeOf).sort();
      const heading = 'The package contains code and files of these packages.\n';
      writeFileSync(path, [heading, ...new Set(notices)].join(`\n${'-'.repeat(80)}\n\n`));
    },
  };
}

function noticeOf(directory) {
  const { name, version, license } = JSON.parse(
    readFileSync(join(directory, 'package.json'), 'utf8'),
  );
  const texts = readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile() && licenceFile.test(entry.name))
    .map((entry) => readFileSync(join(directory, entry.name), 'utf8').trim());
  return `${[`${name} ${version} (${license ?? 'see its text'})`, ...texts].join('\n\n')}\n`;
}
