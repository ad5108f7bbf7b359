/** The form for the short code of a verification mail, with the address that received it. */
import type { FastifyReply } from 'fastify';
import { returnToName, returnToOf } from './account/return-to.ts';
import { codeField, hiddenField, textField } from './fields.ts';
import { type Html, html, sendPage } from './page.ts';
import { textsOf } from './presentation.ts';
import { resendWay, signInWay } from './ways.ts';

export const verifyEmailPath = '/verify-email';

export interface TypedCode {
  readonly email?: string | undefined;
  readonly code?: string | undefined;
}

/** @param options.isWrong whether the code was sent and is not valid for the address */
export function sendCodeForm(
  reply: FastifyReply,
  typed: TypedCode,
  { isWrong }: { readonly isWrong: boolean },
): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  const title = translate('pages.verifyEmail.title');
  const { url } = returnToOf(reply.request);
  const address = textField({
    name: 'email',
    label: translate('pages.verifyEmail.email'),
    value: typed.email ?? '',
    type: 'email',
    autocomplete: 'email',
  });
  return sendPage(reply, {
    locale,
    status: isWrong ? 400 : 200,
    title,
    tabTitle: isWrong ? translate('pages.errorTitle', { title }) : title,
    body: html`<p>${translate('pages.verifyEmail.typeBody')}</p>
${renderCodeForm(reply, address, { code: typed.code, isWrong })}`,
    ways: [resendWay(reply, url), signInWay(reply, url)],
  });
}

/** @param address the field for the address, or a hidden one */
export function renderCodeForm(
  { request }: FastifyReply,
  address: Html,
  { code = '', isWrong }: { readonly code?: string | undefined; readonly isWrong: boolean },
): Html {
  const { translate } = textsOf(request);
  const field = codeField({
    name: 'code',
    label: translate('pages.verifyEmail.code'),
    hint: translate('pages.verifyEmail.codeHint'),
    value: code,
    fault: isWrong ? translate('pages.verifyEmail.wrongCode') : undefined,
    isFocused: isWrong,
  });
  return html`<form method="post" action="${verifyEmailPath}">
${hiddenField(returnToName, returnToOf(request).url)}${address}
${field}
<button type="submit">${translate('pages.verifyEmail.typeButton')}</button>
</form>`;
}
