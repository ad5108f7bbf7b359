/** The text about an unfinished import of the same file with other options. */
import type { ImportOptions, OtherImport } from '../../../features/user-import/request.ts';
import type { PositionUnit } from '../../../features/user-import/source.ts';

export function formatOther({ position, options }: OtherImport, unit: PositionUnit): string {
  return [
    `Note: An import of this file with other options stopped after ${unit} ${position}.`,
    `  Its options: ${optionsText(options)}. The command with these options continues it.`,
    '  This command begins a new import at the first person.',
  ].join('\n');
}

function optionsText(options: ImportOptions): string {
  return [
    `--format ${options.format}`,
    `--on-conflict ${options.onConflict}`,
    `--inactive ${options.inactive.toLowerCase()}`,
    ...(options.isEmailVerified ? ['--emails-verified'] : []),
    ...(options.allowWeakHashes ? ['--allow-weak-hashes'] : []),
    ...(options.hashConfigDigest === null ? [] : ['--hash-config']),
    ...(options.userModel === null ? [] : [`--user-model ${options.userModel}`]),
  ].join(' ');
}
