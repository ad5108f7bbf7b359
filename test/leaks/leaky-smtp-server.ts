/** An SMTP server that can reject mails with replies that quote their content. */
import type { Canaries } from '../support/canaries.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';

export type Mood = 'kind' | 'temporary' | 'permanent' | 'forgetful';

export interface TactlessMailServer extends MailServer {
  /** The first mode, `forgetful`, rejects every password. */
  mood: Mood;
}

export async function startTactlessMailServer(
  password: string,
  canaries: Canaries,
): Promise<TactlessMailServer> {
  const server = await startMailServer({
    authOptional: false,
    allowInsecureAuth: true,
    authMethods: ['PLAIN'],
    onAuth(auth, _session, done) {
      if (it.mood !== 'forgetful' && auth.password === password) {
        return done(null, { user: 'mailer' });
      }
      const sent = Buffer.from(`\0${auth.username}\0${auth.password}`).toString('base64');
      done(smtpError(535, `not ${auth.username} with ${auth.password}, that is ${sent}`));
    },
    judge(text) {
      if (it.mood === 'kind') return undefined;
      const code = /^Code: (\S+)$/m.exec(text)?.[1];
      if (code !== undefined) canaries.watch('a code in a rejected mail', code);
      return it.mood === 'temporary'
        ? smtpError(451, `not now: ${text}`)
        : smtpError(550, `never: ${text}`);
    },
  });
  const it: TactlessMailServer = { ...server, mood: 'forgetful' };
  return it;
}

function smtpError(responseCode: number, text: string): Error {
  return Object.assign(new Error(text.replace(/\s+/g, ' ')), { responseCode });
}
