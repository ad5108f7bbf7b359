/** The DELETE route of an administrative resource. A flag of the query can select another operation. */
import { optionalQuery, path, type RestRoute } from './route.ts';
import { titleOf, wordsOf } from './type-names.ts';

interface Deletion {
  /** The operation, and the selection of its result. */
  readonly operation: string;
  readonly result: string;
}

export interface Removal extends Deletion {
  /** The default is `Delete a …`. */
  readonly summary?: string;
  readonly variant?: Deletion & { readonly flag: string; readonly description: string };
}

export function deleteRoute({
  plural,
  type,
  removal,
}: {
  readonly plural: string;
  readonly type: string;
  readonly removal: Removal;
}): RestRoute {
  const { variant, summary = `Delete a ${wordsOf(type)}` } = removal;
  return {
    method: 'DELETE',
    path: `/admin/${plural}/:id/`,
    summary,
    needsToken: true,
    params: { id: path('id'), ...(variant ? { [variant.flag]: flagParam(variant) } : {}) },
    document: documentOf(removal),
    ...(variant ? { variant: { flag: variant.flag, document: documentOf(variant) } } : {}),
    success: { status: 204, message: `${titleOf(type)} removed`, data: {} },
  };
}

function flagParam({ flag, description }: { readonly flag: string; readonly description: string }) {
  return { ...optionalQuery(flag, 'flag'), description };
}

function documentOf({ operation, result }: Deletion): string {
  return `mutation ($id: ID!) { result: ${operation}(id: $id) { ${result} } }`;
}
