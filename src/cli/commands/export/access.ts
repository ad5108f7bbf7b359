/** `export access`: writes permissions and groups as a manifest that `apply` reads. */
import type { CommandModule } from 'yargs';
import { countText } from '../../../core/text.ts';
import type { ExportedAccess } from '../../../features/access-manifest/export.ts';
import type { GlobalArguments } from '../../arguments.ts';
import { withAppContext } from '../../context.ts';
import { print, write } from '../../output.ts';
import { writePrivateFile } from '../../private-file.ts';
import { outputOption } from './output-option.ts';

interface AccessArguments extends GlobalArguments {
  readonly output: string | undefined;
}

export const exportAccess: CommandModule<GlobalArguments, AccessArguments> = {
  command: 'access',
  describe: 'Write permissions and groups as an access manifest, which apply reads',
  builder: (argv) => argv.option('output', outputOption),
  handler: async ({ output, ...args }) => {
    const { terminal } = args;
    const access = await withAppContext(
      terminal,
      ({ admin }, context) => admin.exportAccess(context),
      { purpose: 'read' },
    );
    const text = await manifestOf(access);
    if (output === undefined) {
      await write(text, terminal.stdout);
      return;
    }
    await writePrivateFile(output, (file) => file.write(text));
    const counts = { permissions: access.permissions.size, groups: access.groups.size };
    const summary = [
      countText(counts.permissions, 'permission', 'permissions'),
      countText(counts.groups, 'group', 'groups'),
    ].join(' and ');
    print({ text: `Wrote ${summary} to ${output}.`, json: { file: output, ...counts } }, args);
  },
};

async function manifestOf(access: ExportedAccess): Promise<string> {
  const { stringify } = await import('yaml');
  return stringify(access, { lineWidth: 0 });
}
