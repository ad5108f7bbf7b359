/** The mail server refuses, is silent, slow, busy or away: requests do not notice, and no mail is lost. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCommand } from '../../../support/command.ts';
import { startMailServer } from '../../../support/mail-server.ts';
import { until } from '../../../support/until.ts';
import { type Experiment, expectThat } from '../support/experiment.ts';
import { type GateMode, openMailGate } from '../support/mail-gate.ts';
import { ask } from '../support/rest-request.ts';
import { openScenario, type Scenario } from '../support/scenario.ts';

/** Everybody may wait for a mail by then: within a minute the service sees that they can be sent. */
const backMilliseconds = 90_000;

/** A gate that is in that mode for so long, under load, and open again. */
function gated(name: string, mode: GateMode, milliseconds: number, rounds = 1): Experiment {
  return {
    name,
    rounds,
    async run(times) {
      const mail = await startMailServer();
      await using gate = await openMailGate(mail.port);
      const environment = { EMAIL_PORT: String(gate.port) };
      await using stage = await openScenario({ mail, environment });
      for (let round = 0; round < times; round += 1) {
        await stage.progress();
        await gate.set(mode);
        await sleep(milliseconds);
        await gate.set('open');
        await stage.progress(20, backMilliseconds);
      }
      return await stage.finish();
    },
  };
}

export const mailRefusing = gated('mail-refusing', 'refusing', 10_000);
export const mailBlackHole = gated('mail-black-hole', 'silent', 25_000);
export const mailSlow = gated('mail-slow', 'slow', 30_000);
export const mailBroken = gated('mail-broken-after-data', 'breaking', 5_000, 3);
export const mailAway = gated('mail-away-for-long', 'refusing', 90_000);

/** 421 says that the server is going away, 451 that it cannot at the moment. */
function busy(code: 421 | 451): Experiment {
  return {
    name: `mail-${code}`,
    rounds: 1,
    async run() {
      let isBusy = false;
      const answer = (done: (error?: Error) => void) =>
        done(isBusy ? Object.assign(new Error('busy'), { responseCode: code }) : undefined);
      const mail = await startMailServer({
        onConnect: (_session, done) => (code === 421 ? answer(done) : done()),
        onRcptTo: (_address, _session, done) => (code === 451 ? answer(done) : done()),
      });
      await using stage = await openScenario({ mail });
      await stage.progress();
      isBusy = true;
      await sleep(8_000);
      isBusy = false;
      await stage.progress();
      return await stage.finish();
    },
  };
}

export const mail421 = busy(421);
export const mail451 = busy(451);

const badRecipients = 30;
const starvedMilliseconds = 10_000;

/** Nobody waits because of those whom the mail server refuses; what is dead is seen and sent again. */
export const mailRecipients: Experiment = {
  name: 'mail-bad-recipients',
  rounds: 1,
  async run() {
    let isRefusing = true;
    const mail = await startMailServer({
      onRcptTo: ({ address }, _session, done) => {
        const isBad = isRefusing && address.startsWith('bad-');
        done(isBad ? Object.assign(new Error('no such box'), { responseCode: 550 }) : undefined);
      },
    });
    await using stage = await openScenario({ mail, people: 2 });
    await stage.progress();
    const bad = Array.from({ length: badRecipients }, () => `bad-${nonce()}@example.com`);
    await Promise.all(bad.map((email) => register(stage, email)));
    const good = `good-${nonce()}@example.com`;
    await register(stage, good);
    const waited = await until(() => mail.mails.some(({ to }) => to === good), 30_000);
    stage.breaches.push(
      ...expectThat(waited < starvedMilliseconds, 'nobody is starved', `${waited} ms`),
    );
    await stage.progress();
    await until(async () => (await deadMails(stage)).length === badRecipients, 30_000);
    isRefusing = false;
    await command(stage, 'mail', 'resend', '--all-dead');
    const areThere = () => bad.every((email) => mail.mails.some(({ to }) => to === email));
    await until(areThere, 30_000);
    return await stage.finish();
  },
};

function nonce(): string {
  return randomBytes(6).toString('hex');
}

async function register({ replicas, recorder }: Scenario, email: string): Promise<void> {
  const password = 'a password for the time of trouble';
  const json = { email, first_name: 'Ada', last_name: 'Lovelace', password, password2: password };
  const replica = replicas[0]?.address ?? '';
  await recorder.attempt({ operation: 'register', person: email, replica, facts: { email } }, () =>
    ask(replica, { method: 'POST', path: '/register/', json }),
  );
}

async function command({ environment }: Scenario, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await (await startCommand(args, { environment, input: '' }))
    .ended;
  if (code !== 0) throw new Error(`gatehouse ${args.join(' ')}: ${code}\n${stderr}`);
  return stdout;
}

async function deadMails(stage: Scenario): Promise<unknown[]> {
  return JSON.parse(await command(stage, 'mail', 'list', '--dead', '--json', '--limit', '100'));
}
