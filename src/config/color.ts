/** Colours and their contrast (WCAG 2.2, relative luminance and contrast ratio). */

/** A colour as `#rrggbb`, in lower case. */
export type Color = string & { readonly brand: 'Color' };

/** The colour of `#rrggbb`; undefined for any other text. */
export function parseColor(text: string): Color | undefined {
  return /^#[0-9a-f]{6}$/i.test(text) ? (text.toLowerCase() as Color) : undefined;
}

/** The contrast of two colours, from 1 to 21. */
export function contrastOf(one: Color, other: Color): number {
  const [low = 0, high = 0] = [luminanceOf(one), luminanceOf(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** @param share of `other`, from 0 to 1 */
export function mix(color: Color, other: Color, share: number): Color {
  const others = channelsOf(other);
  const channels = channelsOf(color).map((channel, index) =>
    Math.round(channel + ((others[index] ?? 0) - channel) * share),
  );
  return `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}` as Color;
}

/** The nearest colour towards `target` that has the contrast with each of the backgrounds. */
export function withContrast(color: Color, { target, backgrounds, contrast }: ContrastGoal): Color {
  for (let percent = 0; percent < 100; percent += 1) {
    const mixed = mix(color, target, percent / 100);
    if (backgrounds.every((background) => contrastOf(mixed, background) >= contrast)) return mixed;
  }
  return target;
}

interface ContrastGoal {
  /** Black or white. */
  readonly target: Color;
  readonly backgrounds: readonly Color[];
  readonly contrast: number;
}

function channelsOf(color: Color): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
}

function luminanceOf(color: Color): number {
  const [red = 0, green = 0, blue = 0] = channelsOf(color).map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
