/** The lines of a notice that name its cause: time, address and device, or the role that caused it. */
import type { SupportedLocale } from '../../i18n/locale.ts';
import type { Translate } from '../../i18n/translate.ts';
import type { Cause } from '../cause.ts';
import type { Device } from '../device.ts';
import { minuteOf } from './content.ts';

/** Empty without a cause, as in a mail that an older release queued. */
export function causeFacts(
  translate: Translate,
  locale: SupportedLocale,
  cause: Cause | undefined,
): Readonly<Record<string, string>> {
  if (!cause) return {};
  const { at, by, ipAddress, device = {} } = cause;
  const text = 'mails.cause';
  const time = { [translate(`${text}.time`)]: minuteOf(new Date(at), locale) };
  if (by !== 'client') return { ...time, [translate(`${text}.by`)]: translate(`${text}.${by}`) };
  return {
    ...time,
    ...(ipAddress === undefined ? {} : { [translate(`${text}.ipAddress`)]: ipAddress }),
    [translate(`${text}.device`)]: deviceName(translate, device),
  };
}

function deviceName(translate: Translate, { program, system }: Device): string {
  if (program !== undefined && system !== undefined) {
    return translate('mails.cause.programOnSystem', { program, system });
  }
  return program ?? system ?? translate('mails.cause.unknownDevice');
}
