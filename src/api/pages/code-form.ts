/** The form for the short code of a verification mail, with the address that received it. */
import type { FastifyReply } from 'fastify';
import type { Translate } from '../../i18n/translate.ts';
import { Html, html, sendPage } from './page.ts';
import { textsOf } from './presentation.ts';

export interface TypedCode {
  readonly email?: string | undefined;
  readonly code?: string | undefined;
}

/** @param options.isWrong whether the code was sent and is not valid for the address */
export function sendCodeForm(
  reply: FastifyReply,
  action: string,
  typed: TypedCode,
  { isWrong }: { readonly isWrong: boolean },
): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  const title = translate('pages.verifyEmail.title');
  return sendPage(reply, {
    locale,
    status: isWrong ? 400 : 200,
    title,
    tabTitle: isWrong ? translate('pages.errorTitle', { title }) : title,
    body: html`<p>${translate('pages.verifyEmail.typeBody')}</p>
${renderForm(translate, action, typed, isWrong)}`,
  });
}

function renderForm(
  translate: Translate,
  action: string,
  { email = '', code = '' }: TypedCode,
  isWrong: boolean,
): Html {
  const error = html`<p id="code-error" class="error">${translate('pages.verifyEmail.wrongCode')}</p>
`;
  return html`<form method="post" action="${action}">
<div class="field">
<label for="email">${translate('pages.verifyEmail.email')}</label>
<input id="email" name="email" type="email" value="${email}" autocomplete="email" autocapitalize="none" spellcheck="false" required>
</div>
<div class="field">
<label for="code">${translate('pages.verifyEmail.code')}</label>
<p id="code-hint" class="hint">${translate('pages.verifyEmail.codeHint')}</p>
${isWrong ? error : ''}<input id="code" name="code" type="text" value="${code}" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" required aria-describedby="code-hint${
    isWrong ? ' code-error' : ''
  }"${isWrong ? new Html(' aria-invalid="true" autofocus') : ''}>
</div>
<button type="submit">${translate('pages.verifyEmail.typeButton')}</button>
</form>`;
}
