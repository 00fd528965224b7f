#!/usr/bin/env node
// Runs the forge of this platform from contracts/, whatever the caller's folder: node tools/forge.mjs <arguments of forge>
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const contracts = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The binary itself: the npm shim in node_modules/.bin takes 20 times as long to start. */
export function binary(tool) {
  const cpu = { x64: 'amd64', arm64: 'arm64' }[process.arch] ?? process.arch;
  const file = path.join(contracts, 'node_modules', '@foundry-rs', `${tool}-${process.platform}-${cpu}`, 'bin',
    process.platform === 'win32' ? `${tool}.exe` : tool);
  if (!existsSync(file)) {
    console.error(`${tool} is not installed at ${path.relative(process.cwd(), file)}: run npm ci in contracts/`);
    process.exit(69);
  }
  return file;
}

/** Exit code of forge with these arguments; output goes to this process's unless options say otherwise. */
export function forge(args, options = {}) {
  const result = spawnSync(binary('forge'), args, { cwd: contracts, stdio: 'inherit', ...options });
  if (result.error) {
    console.error(`forge could not be started: ${result.error.message}`);
    process.exit(69);
  }
  return result.status ?? 1;
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exit(forge(process.argv.slice(2)));
}
