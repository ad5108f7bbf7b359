/** The brand and the texts of the pages. The server has them, so that every page finds them by its request. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Brand } from '../../config/brand.ts';
import type { Config } from '../../config/config.ts';
import { preferredLocale, type SupportedLocale } from '../../i18n/locale.ts';
import type { Texts, Translate } from '../../i18n/translate.ts';
import { policyOfPage } from '../http/security-headers.ts';
import { type CheckReturnUrl, createReturnCheck } from './account/return-to.ts';

interface Presentation {
  readonly brand: Brand;
  readonly texts: Texts;
  readonly checkReturnUrl: CheckReturnUrl;
  /** The security policies of pages. The forms of a leaving page may lead to the application. */
  readonly policies: { readonly staying: string; readonly leaving: string };
}

declare module 'fastify' {
  interface FastifyInstance {
    readonly presentation: Presentation;
  }
}

export function addPresentation(
  app: FastifyInstance,
  config: Pick<Config, 'brand' | 'allowedReturnUrls'>,
  texts: Texts,
): void {
  const { brand, allowedReturnUrls } = config;
  const applications = [...allowedReturnUrls, brand.appUrl ?? []].flat();
  const origins = [...new Set(applications.map((url) => new URL(url).origin))];
  app.decorate('presentation', {
    brand,
    texts,
    checkReturnUrl: createReturnCheck(allowedReturnUrls),
    policies: { staying: policyOfPage(), leaving: policyOfPage(origins) },
  });
}

export function brandOf({ server }: FastifyRequest): Brand {
  return server.presentation.brand;
}

/** The texts in the language of the Accept-Language header. */
export function textsOf(request: FastifyRequest): {
  readonly locale: SupportedLocale;
  readonly translate: Translate;
} {
  const locale = preferredLocale(request.headers['accept-language']);
  return { locale, translate: request.server.presentation.texts(locale) };
}
