/** The brand and the texts of the pages. The server has them, so that every page finds them by its request. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Brand } from '../../config/brand.ts';
import type { Config } from '../../config/config.ts';
import { textsFor } from '../../config/presentation.ts';
import { preferredLocale, type SupportedLocale } from '../../i18n/locale.ts';
import type { Texts, Translate } from '../../i18n/translate.ts';

interface Presentation {
  readonly brand: Brand;
  readonly texts: Texts;
}

declare module 'fastify' {
  interface FastifyInstance {
    readonly presentation: Presentation;
  }
}

export function addPresentation(
  app: FastifyInstance,
  config: Pick<Config, 'brand' | 'customTexts'>,
): void {
  app.decorate('presentation', { brand: config.brand, texts: textsFor(config) });
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
