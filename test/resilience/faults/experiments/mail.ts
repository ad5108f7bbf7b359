/** Faults of the mail server: requests are not affected, and no mail is lost. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCommand } from '../../../support/command.ts';
import { startMailServer } from '../../../support/mail-server.ts';
import { until } from '../../../support/until.ts';
import { type Experiment, expectThat } from '../support/experiment.ts';
import { type GateMode, openMailGate } from '../support/mail-gate.ts';
import { ask } from '../support/rest-request.ts';
import { openScenario, type Scenario } from '../support/scenario.ts';

/** All users may wait for a mail; the service notices an available mail server within a minute. */
const recoveryMilliseconds = 90_000;

/** Sets the gate to a mode for some time under load, and opens it again. */
function gated(name: string, mode: GateMode, milliseconds: number, rounds = 1): Experiment {
  return {
    name,
    rounds,
    async run(times) {
      const mail = await startMailServer();
      await using gate = await openMailGate(mail.port);
      const environment = { EMAIL_PORT: String(gate.port) };
      await using scenario = await openScenario({ mail, environment });
      for (let round = 0; round < times; round += 1) {
        await scenario.progress();
        await gate.set(mode);
        await sleep(milliseconds);
        await gate.set('open');
        await scenario.progress(20, recoveryMilliseconds);
      }
      return await scenario.finish();
    },
  };
}

export const mailRefusing = gated('mail-refusing', 'refusing', 10_000);
export const mailBlackHole = gated('mail-black-hole', 'silent', 25_000);
export const mailSlow = gated('mail-slow', 'slow', 30_000);
export const mailBroken = gated('mail-broken-after-data', 'breaking', 5_000, 3);
export const mailAway = gated('mail-away-for-long', 'refusing', 90_000);

/** Reply 421: the server closes the connection. Reply 451: a temporary failure of the recipient. */
function busy(code: 421 | 451): Experiment {
  return {
    name: `mail-${code}`,
    rounds: 1,
    async run() {
      let isBusy = false;
      const reply = (done: (error?: Error) => void) =>
        done(isBusy ? Object.assign(new Error('busy'), { responseCode: code }) : undefined);
      const mail = await startMailServer({
        onConnect: (_session, done) => (code === 421 ? reply(done) : done()),
        onRcptTo: (_address, _session, done) => (code === 451 ? reply(done) : done()),
      });
      await using scenario = await openScenario({ mail });
      await scenario.progress();
      isBusy = true;
      await sleep(8_000);
      isBusy = false;
      await scenario.progress();
      return await scenario.finish();
    },
  };
}

export const mail421 = busy(421);
export const mail451 = busy(451);

const badRecipients = 30;
const maxDelayMilliseconds = 10_000;

/** Refused recipients delay no other mail. Their dead mails are listed and can be resent. */
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
    await using scenario = await openScenario({ mail, people: 2 });
    await scenario.progress();
    const bad = Array.from({ length: badRecipients }, () => `bad-${nonce()}@example.com`);
    await Promise.all(bad.map((email) => register(scenario, email)));
    const good = `good-${nonce()}@example.com`;
    await register(scenario, good);
    const waited = await until(() => mail.mails.some(({ to }) => to === good), 30_000);
    scenario.breaches.push(
      ...expectThat(
        waited < maxDelayMilliseconds,
        'refused recipients delay no other mail',
        `${waited} ms`,
      ),
    );
    await scenario.progress();
    await until(async () => (await deadMails(scenario)).length === badRecipients, 30_000);
    isRefusing = false;
    await command(scenario, 'mail', 'resend', '--all-dead');
    const areReceived = () => bad.every((email) => mail.mails.some(({ to }) => to === email));
    await until(areReceived, 30_000);
    return await scenario.finish();
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

async function deadMails(scenario: Scenario): Promise<unknown[]> {
  return JSON.parse(await command(scenario, 'mail', 'list', '--dead', '--json', '--limit', '100'));
}
