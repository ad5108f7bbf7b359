/**
 * Before each file of the unit tier: prevents connections, listeners and child processes. A test that needs one of
 * these belongs to the other tier.
 */
import childProcess, { ChildProcess } from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { Server, Socket } from 'node:net';

function forbid(owner: object, method: string, action: string): void {
  Object.defineProperty(owner, method, {
    value: () => {
      throw new Error(`a unit test ${action}; remove .unit from the name of its file`);
    },
  });
}

forbid(Socket.prototype, 'connect', 'opens a connection');
forbid(Server.prototype, 'listen', 'listens on a port');
forbid(ChildProcess.prototype, 'spawn', 'starts a process');
forbid(childProcess, 'spawnSync', 'starts a process');
forbid(childProcess, 'execSync', 'starts a process');
forbid(childProcess, 'execFileSync', 'starts a process');
syncBuiltinESMExports();
