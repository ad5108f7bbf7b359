/** The logo and the colours of the brand, for the pages. */
import type { FastifyInstance } from 'fastify';
import type { Brand, BrandColors } from '../../../config/brand.ts';

export const brandLogoPath = '/assets/brand-logo';

/** Serves the logo, if there is one. The policy of all responses keeps a script in an SVG from running. */
export function serveBrandLogo(app: FastifyInstance, logo: Brand['logo']): void {
  if (!logo) return;
  const content = Buffer.from(logo.base64, 'base64');
  app.get(brandLogoPath, (_request, reply) =>
    reply.type(logo.type).header('cache-control', 'public, max-age=3600').send(content),
  );
}

/** Style rules with the colours of the brand in place of the built-in ones. Empty without a brand colour. */
export function brandColorVariables(colors: BrandColors | undefined): string {
  if (!colors) return '';
  const { light, dark } = colors;
  return `:root { --accent: ${light.accent}; --accent-hover: ${light.hover}; --on-accent: #fff; }
@media (prefers-color-scheme: dark) { :root {
  --accent: ${dark.accent}; --accent-hover: ${dark.hover}; --on-accent: #0b1530; } }
`;
}
