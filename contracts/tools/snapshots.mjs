#!/usr/bin/env node
// Writes contracts/snapshots/size.json: bytes of code on chain and of the transaction that deploys it, per contract.
// snapshots/storage.json comes from artifacts.mjs, snapshots/gas.json from the test GasSnapshotTests with
// OPTIMISTIC_UPDATE_SNAPSHOTS=1. --check fails when the sizes differ or a snapshot is missing.
//
//   node contracts/tools/snapshots.mjs [--check]
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { contracts } from './forge.mjs';

// EIP-170.
const maxCode = 24576;
const artifacts = path.join(contracts, 'artifacts'), snapshots = path.join(contracts, 'snapshots');
const sizes = {};
for (const file of readdirSync(artifacts).filter(file => file.endsWith('.json')).sort()) {
  const { bytecode, deployedBytecode } = JSON.parse(readFileSync(path.join(artifacts, file), 'utf8'));
  sizes[path.basename(file, '.json')] = { code: deployedBytecode.length / 2 - 1, initcode: bytecode.length / 2 - 1 };
}
const text = JSON.stringify(sizes, null, 2) + '\n', target = path.join(snapshots, 'size.json');
const wrong = Object.entries(sizes).filter(([, size]) => size.code > maxCode).map(([name]) => `${name} is larger than ${maxCode} bytes`);
if (process.argv.includes('--check')) {
  for (const name of ['gas.json', 'size.json', 'storage.json']) {
    if (!existsSync(path.join(snapshots, name))) wrong.push(`snapshots/${name} is missing`);
  }
  if (existsSync(target) && readFileSync(target, 'utf8') !== text) wrong.push('snapshots/size.json is not what the artifacts give');
} else {
  mkdirSync(snapshots, { recursive: true });
  writeFileSync(target, text);
}
for (const line of wrong) console.error(line);
if (wrong.length > 0) process.exit(1);
console.log(`snapshots/: sizes of ${Object.keys(sizes).length} contracts match the artifacts`);
