/** The client ids of service accounts: `sa_` and the digits of the id of the account. */

export function clientIdOf(serviceAccountId: string): string {
  return `sa_${serviceAccountId.replaceAll('-', '')}`;
}

export function isServiceAccountClientId(text: string): boolean {
  return /^sa_[0-9a-f]{32}$/.test(text);
}
