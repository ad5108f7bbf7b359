/**
 * The HTML part of mails. Outlook on Windows renders with Word: it needs tables, attributes in the place of some
 * styles, and a button in VML. Styles are inline, because some mail programs remove style sheets; the style sheet has
 * the colours of the dark mode only.
 */
import type { Brand } from '../../config/brand.ts';
import { escapeHtml } from '../../core/text.ts';
import type { SupportedLocale } from '../../i18n/locale.ts';
import type { Block } from './content.ts';

export interface HtmlMail {
  readonly locale: SupportedLocale;
  readonly subject: string;
  readonly preheader: string;
  readonly blocks: readonly Block[];
  readonly footer: readonly string[];
  /** The sentence before the address of a button. */
  readonly linkHint: string;
  readonly brand: Brand;
}

const defaultAccent = { light: '#1f4fd8', dark: '#8fb0ff' } as const;

const fonts = "'Segoe UI',-apple-system,BlinkMacSystemFont,Roboto,Helvetica,Arial,sans-serif";
const text = `font-family:${fonts};font-size:16px;line-height:1.5;color:#1a1f2b`;
const small = `font-family:${fonts};font-size:13px;line-height:1.5;color:#5a6372`;

const styles = {
  body: 'margin:0;padding:0;background-color:#f3f4f8;-webkit-text-size-adjust:100%',
  hidden:
    'display:none;overflow:hidden;max-height:0;max-width:0;opacity:0;font-size:1px;line-height:1px;color:#f3f4f8;mso-hide:all',
  card: 'width:100%;max-width:600px;background-color:#ffffff;border-radius:8px',
  brand: `font-family:${fonts};font-size:16px;line-height:1.4;font-weight:600;color:#1a1f2b;text-decoration:none`,
  subject: `margin:0 0 20px;font-family:${fonts};font-size:22px;line-height:1.3;font-weight:600;color:#1a1f2b`,
  paragraph: `margin:0 0 16px;${text};overflow-wrap:anywhere`,
  /** One click or double click selects the whole code. */
  code: `margin:0 0 16px;font-family:Menlo,Consolas,monospace;font-size:28px;line-height:1.4;font-weight:600;letter-spacing:3px;white-space:nowrap;color:#1a1f2b;-webkit-user-select:all;user-select:all`,
  facts: 'margin:0 0 16px;width:100%;border:1px solid #d5d9e2;border-radius:8px',
  fact: `${text};overflow-wrap:anywhere`,
  hint: `margin:0 0 20px;${small};overflow-wrap:anywhere;word-break:break-word`,
  footer: `margin:0 0 6px;${small};overflow-wrap:anywhere`,
} as const;

export function renderHtml(mail: HtmlMail): string {
  const { locale, subject, brand } = mail;
  const title = escapeHtml(subject);
  return `<!doctype html>
<html lang="${locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no,date=no,address=no">
<title>${title}</title>
${styleSheet(brand)}
</head>
<body class="page" style="${styles.body}">
<div style="${styles.hidden}">${escapeHtml(mail.preheader)}${preheaderPadding}</div>
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background-color:#f3f4f8">
<tr><td align="center" style="padding:24px 12px">
<table role="presentation" class="card" width="600" cellpadding="0" cellspacing="0" border="0" style="${styles.card}">
<tr><td align="left" style="padding:20px 24px 0">${productName(brand)}</td></tr>
<tr><td align="left" style="padding:20px 24px 12px">
<h1 class="text" style="${styles.subject}">${title}</h1>
${mail.blocks.map((block) => htmlOf(block, mail)).join('\n')}
</td></tr>
<tr><td class="line" align="left" style="padding:16px 24px 18px;border-top:1px solid #d5d9e2">
${mail.footer.map((line) => `<p class="small" style="${styles.footer}">${escapeHtml(line)}</p>`).join('\n')}
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`;
}

/** Invisible characters. Without them some mail programs show the first words of the body after the preheader. */
const preheaderPadding = '&#847;&zwnj;&nbsp;'.repeat(80);

/** Colours of the dark mode, for mail programs that read `prefers-color-scheme`. The others invert the light colours. */
function styleSheet({ colors }: Brand): string {
  const link = colors?.dark.accent ?? defaultAccent.dark;
  return `<style>
:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (prefers-color-scheme:dark){
.page{background-color:#0e1117!important}
.card{background-color:#171b24!important}
.text{color:#e8eaf0!important}
.small{color:#a3acbb!important}
.line,.facts{border-color:#343b4a!important}
.link{color:${link}!important}
}
</style>`;
}

function productName({ appName, appUrl }: Brand): string {
  const name = escapeHtml(appName);
  return appUrl === undefined
    ? `<span class="text" style="${styles.brand}">${name}</span>`
    : `<a class="text" href="${escapeHtml(appUrl)}" style="${styles.brand}">${name}</a>`;
}

function htmlOf(block: Block, { linkHint, brand }: HtmlMail): string {
  if (block.kind === 'paragraph') {
    return `<p class="text" style="${styles.paragraph}">${escapeHtml(block.text)}</p>`;
  }
  if (block.kind === 'button') return buttonOf(block, { linkHint, brand });
  if (block.kind === 'code') {
    return `<p class="text" style="${styles.code}">${escapeHtml(block.code)}</p>`;
  }
  const rows = Object.entries(block.facts).map(
    ([name, value]) =>
      `<div class="text" style="${styles.fact}"><strong>${escapeHtml(name)}:</strong> ${escapeHtml(value)}</div>`,
  );
  return `<table role="presentation" class="facts" width="100%" cellpadding="0" cellspacing="0" border="0" style="${styles.facts}"><tr><td style="padding:10px 16px">
${rows.join('\n')}
</td></tr></table>`;
}

/** A button in VML for Outlook on Windows, a link that looks like it for the others, and the address to copy. */
function buttonOf(
  { label, url }: { readonly label: string; readonly url: string },
  { linkHint, brand }: Pick<HtmlMail, 'linkHint' | 'brand'>,
): string {
  const accent = brand.colors?.light.accent ?? defaultAccent.light;
  const [href, words] = [escapeHtml(url), escapeHtml(label)];
  // VML needs a fixed width. 10 px a character is more than the font needs.
  const width = Math.min(540, label.length * 10 + 48);
  const link = `display:inline-block;padding:12px 24px;border-radius:8px;background-color:${accent};font-family:${fonts};font-size:16px;line-height:22px;font-weight:600;color:#ffffff;text-decoration:none`;
  return `<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr><td style="padding:4px 0 12px">
<!--[if mso]>
<v:roundrect xmlns:v="urn:schemas-microsoft-com:vml" xmlns:w="urn:schemas-microsoft-com:office:word" href="${href}" style="width:${width}px;height:46px;v-text-anchor:middle" arcsize="17%" stroke="f" fillcolor="${accent}"><w:anchorlock/><center style="font-family:Segoe UI,Arial,sans-serif;font-size:16px;font-weight:bold;color:#ffffff">${words}</center></v:roundrect>
<![endif]-->
<!--[if !mso]><!--><a href="${href}" style="${link}">${words}</a><!--<![endif]-->
</td></tr></table>
<p class="small" style="${styles.hint}">${escapeHtml(linkHint)}<br><a class="link" href="${href}" style="color:${accent}">${href}</a></p>`;
}
