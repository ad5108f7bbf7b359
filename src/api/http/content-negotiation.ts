/** Reads the headers Accept (RFC 9110 §12.5.1), which says what types of a response a client accepts, and Content-Type. */

/**
 * The type that the client prefers. The most specific range decides on each type; then the weight, the more
 * specific range, the order of the client and the order of `types` decide. Without the header it is the first.
 */
function preferredType<Type extends string>(
  accept: string | undefined,
  types: readonly [Type, ...Type[]],
): Type | undefined {
  if (accept === undefined || accept.trim() === '') return types[0];
  const ranges = accept.split(',').map(parseRange);
  let best: { readonly type: Type; readonly match: Match } | undefined;
  for (const type of types) {
    const match = matchOf(type, ranges);
    if (match && match.weight > 0 && (!best || isBetter(match, best.match))) best = { type, match };
  }
  return best?.type;
}

/** In the order of Apollo. */
const graphqlTypes = ['application/json', 'application/graphql-response+json'] as const;

/** The content type of every GraphQL response to a client; undefined when the client accepts none. */
export function graphqlContentType(accept: string | undefined): string | undefined {
  const type = preferredType(accept, graphqlTypes);
  return type && `${type}; charset=utf-8`;
}

export function acceptsJson(accept: string | undefined): boolean {
  return preferredType(accept, ['application/json']) !== undefined;
}

/** Whether the header names `application/json` and no other type. */
export function acceptsOnlyJson(accept = ''): boolean {
  return accept.split(',').every((range) => parseRange(range).type === 'application/json');
}

/** The media type of a Content-Type header, without its parameters. */
export function mediaTypeOf(contentType: string): string {
  return contentType.split(';', 1).join().trim().toLowerCase();
}

/** Whether the header names HTML, as the headers of browsers do. */
export function acceptsHtml(accept = ''): boolean {
  return accept.includes('text/html');
}

interface Range {
  readonly type: string;
  readonly weight: number;
}

interface Match {
  readonly weight: number;
  readonly specificity: number;
  readonly position: number;
}

function parseRange(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((each) => each.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  return { type, weight: q === undefined ? 1 : Number(q) || 0 };
}

/** The most specific range that covers the type. */
function matchOf(type: string, ranges: readonly Range[]): Match | undefined {
  const covering = ['*/*', `${type.split('/')[0]}/*`, type];
  let best: Match | undefined;
  for (const [position, range] of ranges.entries()) {
    const specificity = covering.indexOf(range.type);
    if (specificity < 0 || (best && best.specificity >= specificity)) continue;
    best = { weight: range.weight, specificity, position };
  }
  return best;
}

function isBetter(one: Match, other: Match): boolean {
  return (
    (one.weight - other.weight ||
      one.specificity - other.specificity ||
      other.position - one.position) > 0
  );
}
