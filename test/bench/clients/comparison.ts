/** Compares a new recording of the clients with the committed one. */
import type { ClientRequest } from './requests.ts';

type AnyRecording = Readonly<Record<string, Readonly<Record<string, ClientRequest>>>>;

/** The requests that differ, except for the version of curl, which is not pinned. */
export function differences(one: object, other: object): string[] {
  const [left, right] = [comparable(one as AnyRecording), comparable(other as AnyRecording)]; // written by record.js
  const names = new Set([...left.keys(), ...right.keys()]);
  return [...names].filter((name) => left.get(name) !== right.get(name));
}

function comparable(recording: AnyRecording): ReadonlyMap<string, string> {
  const entries = Object.entries(recording).flatMap(([client, requests]) =>
    Object.entries(requests).map(
      ([operation, request]) =>
        [
          `${operation} of ${client}`,
          JSON.stringify(request).replace(/"curl\/[\d.]+"/, '"curl"'),
        ] as const,
    ),
  );
  return new Map(entries);
}
