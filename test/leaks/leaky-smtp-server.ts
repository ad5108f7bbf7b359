/** A mail server that takes mails until it is told to refuse them, which it does in words that quote everything. */
import type { Canaries } from '../support/canaries.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';

export type Mood = 'kind' | 'temporary' | 'permanent' | 'forgetful';

export interface TactlessMailServer extends MailServer {
  /** `forgetful`, as it begins, knows no password. */
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
      done(refusal(535, `not ${auth.username} with ${auth.password}, that is ${sent}`));
    },
    judge(text) {
      if (it.mood === 'kind') return undefined;
      const code = /^Code: (\S+)$/m.exec(text)?.[1];
      if (code !== undefined) canaries.watch('a code in a refused mail', code);
      return it.mood === 'temporary'
        ? refusal(451, `not now: ${text}`)
        : refusal(550, `never: ${text}`);
    },
  });
  const it: TactlessMailServer = { ...server, mood: 'forgetful' };
  return it;
}

function refusal(responseCode: number, text: string): Error {
  return Object.assign(new Error(text.replace(/\s+/g, ' ')), { responseCode });
}
