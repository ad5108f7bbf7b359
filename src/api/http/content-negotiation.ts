/** Reads the Accept header (RFC 9110 §12.5.1): whether a client accepts JSON, JSON only, or HTML. */

/** The most specific range that covers JSON decides. Without the header every type is accepted. */
export function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === '') return true;
  const weights = new Map(accept.split(',').map(parseRange));
  const weight =
    weights.get('application/json') ?? weights.get('application/*') ?? weights.get('*/*') ?? 0;
  return weight > 0;
}

/** Whether the header names `application/json` and no other type. */
export function acceptsOnlyJson(accept = ''): boolean {
  return accept.split(',').every((range) => parseRange(range)[0] === 'application/json');
}

/** Whether the header names HTML, as the headers of browsers do. */
export function acceptsHtml(accept = ''): boolean {
  return accept.includes('text/html');
}

function parseRange(text: string): readonly [type: string, weight: number] {
  const [type = '', ...parameters] = text.split(';').map((each) => each.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  return [type, q === undefined ? 1 : Number(q) || 0];
}
