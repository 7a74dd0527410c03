import type { KnoxRequest } from './knox-request.ts';

/**
 * The value of a header, or all values if the client sent several. Of some headers, Node's `headers` keeps only the
 * first, while a proxy in front may have checked another one; the raw list has all. If there is one or none,
 * `headers` counts, because middleware and serverless adapters may set it.
 *
 * @param name in lower case
 */
export function headerValues(request: KnoxRequest, name: string): string[] {
  const sent = rawValues(request.rawHeaders ?? request.raw?.rawHeaders ?? [], name);
  if (sent.length > 1) return sent;
  const value = request.headers[name];
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function rawValues(raw: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const sent = raw[i] as string;
    if (sent.length === name.length && sent.toLowerCase() === name) {
      values.push(raw[i + 1] as string);
    }
  }
  return values;
}
