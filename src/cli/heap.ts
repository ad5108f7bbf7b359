/** The young generation of the heap, which bin/gatehouse.js keeps small for commands that end soon. */
import { setFlagsFromString } from 'node:v8';

/** Lets the young generation grow, for a command that creates much garbage. */
export function allowHeapGrowth(): void {
  setFlagsFromString('--semi-space-growth-factor=2'); // the default of V8
}
