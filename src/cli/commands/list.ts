/** The command `list` of groups, permissions and registrations: opens the context, reads all pages, prints them. */
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../bootstrap/app-context.ts';
import type { RequestContext } from '../../core/request-context.ts';
import {
  type GlobalArguments,
  type ListArguments,
  listOptions,
  parseFormat,
} from '../arguments.ts';
import { withAppContext } from '../context.ts';
import { type Column, type Pages, printList } from '../output.ts';

interface List<Row> {
  readonly describe: string;
  readonly columns: readonly Column<Row>[];
  readonly pages: (app: AppContext, context: RequestContext) => Pages<Row>;
}

export function listCommand<Row>({
  describe,
  columns,
  pages,
}: List<Row>): CommandModule<GlobalArguments, ListArguments> {
  return {
    command: 'list',
    describe,
    builder: listOptions,
    handler: async (args) => {
      const format = parseFormat(args);
      const { stdout } = args.terminal;
      await withAppContext(
        args.terminal,
        (app, context) => printList(pages(app, context), columns, { format, stdout }),
        { purpose: 'read' },
      );
    },
  };
}
