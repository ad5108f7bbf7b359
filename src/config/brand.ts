/** Name, addresses, colour and logo of the product that pages and mails show. */
import { readFileSync } from 'node:fs';
import { type Color, contrastOf, mix, parseColor, withContrast } from './color.ts';

export interface Brand {
  readonly appName: string;
  /** Address of the application; pages and mails link to it. */
  readonly appUrl: string | undefined;
  readonly supportEmail: string | undefined;
  /** Undefined: the colours of Gatehouse. */
  readonly colors: BrandColors | undefined;
  /** Undefined: the logo of Gatehouse. */
  readonly logo: BrandLogo | undefined;
}

/** The colour for a light and for a dark background, each with its variant for a hovered button. */
export interface BrandColors {
  readonly light: { readonly accent: Color; readonly hover: Color };
  readonly dark: { readonly accent: Color; readonly hover: Color };
}

export interface BrandLogo {
  readonly type: 'image/svg+xml' | 'image/png';
  /** The content of the file. */
  readonly base64: string;
}

/** The backgrounds of pages, and the text on a button in the dark colours. The style sheet has the same colours. */
const backgrounds = {
  light: ['#ffffff', '#f3f4f8'] as Color[],
  dark: ['#171b24', '#0e1117', '#0b1530'] as Color[],
} as const;

const white = '#ffffff' as Color;
const black = '#000000' as Color;
/** For text of normal size (WCAG 2.2, 1.4.3). */
const textContrast = 4.5;
const maxLogoBytes = 256 * 1024;

/** The colours for `text`, or the fault of the text. */
export function readColor(text: string): { colors: BrandColors } | { fault: string } {
  const accent = parseColor(text);
  if (accent === undefined)
    return { fault: 'must be # with six hexadecimal digits, such as #1f4fd8' };
  const goal = { backgrounds: backgrounds.light, contrast: textContrast };
  const worst = Math.min(...goal.backgrounds.map((background) => contrastOf(accent, background)));
  if (worst < textContrast) {
    const better = withContrast(accent, { ...goal, target: black });
    const measured = (Math.floor(worst * 100) / 100).toFixed(2);
    return {
      fault: `has a contrast of ${measured}:1 with the light background of pages and mails, and text needs ${textContrast}:1; ${better} has it`,
    };
  }
  const dark = withContrast(accent, {
    target: white,
    backgrounds: backgrounds.dark,
    contrast: textContrast,
  });
  return {
    colors: {
      light: { accent, hover: mix(accent, black, 0.2) },
      dark: { accent: dark, hover: mix(dark, white, 0.35) },
    },
  };
}

/** The logo in the file `path`, or the fault of the file. */
export function readLogo(path: string): { logo: BrandLogo } | { fault: string } {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    return { fault: `cannot be read: ${error instanceof Error ? error.message : path}` };
  }
  if (content.length > maxLogoBytes) {
    return { fault: `must be at most ${maxLogoBytes / 1024} KiB, and ${path} is larger` };
  }
  const type = imageTypeOf(content);
  if (type === undefined) return { fault: `must be an SVG or PNG file, and ${path} is neither` };
  return { logo: { type, base64: content.toString('base64') } };
}

const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** By the content, because the name of a file can be wrong. */
function imageTypeOf(content: Buffer): BrandLogo['type'] | undefined {
  if (content.subarray(0, pngSignature.length).equals(pngSignature)) return 'image/png';
  const isSvg = /^\uFEFF?\s*(<\?xml[^>]*>\s*)?((<!--[\s\S]*?-->|<!DOCTYPE[^>]*>)\s*)*<svg[\s>]/i;
  const text = content.toString('utf8');
  return isSvg.test(text) && /<\/svg>\s*$|<svg[^>]*\/>\s*$/i.test(text)
    ? 'image/svg+xml'
    : undefined;
}
