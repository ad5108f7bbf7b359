/** Links from mails that public operations send. */
import { linkIn } from './page.ts';
import { goodPassword, newAddress, register, somebody } from './people.ts';
import type { TestService } from './service.ts';

export interface MailedLink {
  /** The address on the page. */
  readonly email: string;
  readonly link: string;
}

export async function verificationLink(service: TestService): Promise<MailedLink> {
  const { email } = await register(service);
  const [mail] = await service.mail.waitFor(email);
  return { email, link: linkIn(mail, '/verify-email') };
}

/** The newest mail to an address that has a line `Token: …` or links to `path`. */
export async function newestLink(
  service: TestService,
  email: string,
  path: string,
): Promise<string> {
  for (let count = 1; ; count += 1) {
    const mails = await service.mail.waitFor(email, count);
    const mail = mails.findLast(({ text }) => text.includes(`${path}?`));
    if (mail) return linkIn(mail, path);
  }
}

export async function resetLink(service: TestService): Promise<MailedLink> {
  const { email } = await somebody(service);
  await service.graphql(
    'mutation ($email: String!) { requestPasswordReset(email: $email) { __typename } }',
    { email },
  );
  return { email, link: await newestLink(service, email, '/reset-password') };
}

export interface ChangeLinks {
  readonly accessToken: string;
  readonly confirm: MailedLink;
  readonly cancel: MailedLink;
}

export async function changeLinks(service: TestService): Promise<ChangeLinks> {
  const { email, accessToken } = await somebody(service);
  const newEmail = newAddress();
  await service.graphql(
    'mutation ($input: ChangeEmailInput!) { changeEmail(input: $input) { __typename } }',
    { input: { newEmail, password: goodPassword } },
    accessToken,
  );
  const [confirm, cancel] = [
    await newestLink(service, newEmail, '/confirm-email-change'),
    await newestLink(service, email, '/cancel-email-change'),
  ];
  return {
    accessToken,
    confirm: { email: newEmail, link: confirm },
    cancel: { email, link: cancel },
  };
}
