/** Password resets for tests: the link of the newest mail, and its use over REST. */
import { factOf } from './mail-server.ts';
import { quiet, type TestService } from './service.ts';

export const chosenPassword = 'an entirely new passphrase';

export async function resetLink(
  service: TestService,
  email: string,
): Promise<{ uid: string; token: string }> {
  await service.rest('POST', '/password/request_change/', { json: { email } });
  await quiet(service);
  const mail = service.mail.mails.filter(({ to }) => to === email).at(-1);
  return { uid: factOf(mail, 'Uid'), token: factOf(mail, 'Token') };
}

export function resetByRest(service: TestService, uid: string, token: string, extra: object = {}) {
  const passwords = { password: chosenPassword, password2: chosenPassword };
  return service.rest('PUT', '/password/reset/', {
    json: { uidb64: uid, token, ...passwords, ...extra },
  });
}
