/** Forms as bodies, in both encodings of browsers: fields with text, in UTF-8, each name once or a list. */
import { isUtf8 } from 'node:buffer';
import { parse as parseQuery } from 'node:querystring';
import { HttpRefusal } from './http-refusal.ts';

/** A percent sign that people left as it is. */
const loosePercent = /%(?![0-9a-f]{2})/gi;

/**
 * A repeated name has a list of values, which only inputs that are lists accept.
 *
 * @throws HttpRefusal 400 for what is not UTF-8: replaced characters would make passwords alike
 */
export function parseForm(bytes: Buffer): Record<string, unknown> {
  let isValid = isUtf8(bytes);
  const form = parseQuery(bytes.toString(), '&', '=', {
    maxKeys: 0,
    decodeURIComponent(part) {
      try {
        return decodeURIComponent(part.replace(loosePercent, '%25'));
      } catch {
        isValid = false;
        return '';
      }
    },
  });
  if (!isValid) throw new HttpRefusal(400, 'The form is not UTF-8.');
  return form;
}

/**
 * A form of `multipart/form-data`, as `FormData` and file uploads are sent; the same object as the other
 * encoding gives.
 *
 * @throws HttpRefusal 400 for what is not UTF-8 or not well-formed, 415 for a file
 */
export async function parseMultipart(
  bytes: Buffer,
  contentType: string,
): Promise<Record<string, unknown>> {
  if (!isUtf8(bytes)) throw new HttpRefusal(400, 'The form is not UTF-8.');
  const parsed = new Response(bytes, { headers: { 'content-type': contentType } }).formData();
  const fields = await parsed.catch(() => {
    throw new HttpRefusal(400, 'The form is not well-formed.');
  });
  const form = new Map<string, string | string[]>();
  for (const [name, value] of fields) {
    if (typeof value !== 'string') throw new HttpRefusal(415, 'Files are not taken here.');
    const before = form.get(name);
    form.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(form);
}
