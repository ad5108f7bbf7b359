/** Certificates of a private authority, made by openssl for one test. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificates {
  /** PEM, and files with the same. */
  readonly ca: string;
  readonly caFile: string;
  readonly certificate: string;
  readonly certificateFile: string;
  readonly key: string;
  readonly keyFile: string;
  /** Certificate and key in one file. */
  readonly bundleFile: string;
}

/** For one server by the given names, which may be addresses. */
export function makeCertificates(directory: string, names: readonly string[]): Certificates {
  const file = (name: string) => join(directory, name);
  const openssl = (...words: string[]) =>
    execFileSync('openssl', words, { cwd: directory, stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const days = ['-days', '2'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    ...days,
    '-subj',
    '/CN=Test CA',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  );
  openssl('req', ...newKey, '-subj', `/CN=${names[0]}`, '-keyout', 'leaf.key', '-out', 'leaf.csr');
  const alternatives = names.map((name) => `${/^[\d.]+$/.test(name) ? 'IP' : 'DNS'}:${name}`);
  writeFileSync(file('leaf.ext'), `subjectAltName=${alternatives.join(',')}\n`);
  const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'leaf.ext'];
  openssl('x509', '-req', '-in', 'leaf.csr', ...signing, ...days, '-out', 'leaf.pem');
  const read = (name: string) => readFileSync(file(name), 'utf8');
  writeFileSync(file('bundle.pem'), read('leaf.pem') + read('leaf.key'));
  return {
    ca: read('ca.pem'),
    caFile: file('ca.pem'),
    certificate: read('leaf.pem'),
    certificateFile: file('leaf.pem'),
    key: read('leaf.key'),
    keyFile: file('leaf.key'),
    bundleFile: file('bundle.pem'),
  };
}
