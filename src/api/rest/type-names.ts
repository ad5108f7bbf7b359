/** The names of GraphQL types in the sentences of REST. */

/** `service account` for `ServiceAccount`. */
export function wordsOf(type: string): string {
  return type.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
}

/** `Service account` for `ServiceAccount`. */
export function titleOf(type: string): string {
  const words = wordsOf(type);
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
