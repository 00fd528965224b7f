#!/usr/bin/env node
// Writes contracts/artifacts/: for each contract of src/ that can be deployed its ABI and bytecode, and nothing that
// depends on the machine. .NET embeds these files. artifacts/replay/ holds the same of test/replay/, which the simulator
// deploys beside the real contracts. --check builds again and fails when a committed file differs.
//
// The same build gives snapshots/storage.json, where each contract keeps what. Ends with snapshots.mjs and bindings.mjs,
// whose files follow from the artifacts.
//
//   node contracts/tools/artifacts.mjs [--check]
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { contracts, forge } from './forge.mjs';

const target = path.join(contracts, 'artifacts');
const unknown = process.argv.slice(2).filter(argument => argument !== '--check');
if (unknown.length > 0) {
  console.error(`unknown argument ${unknown[0]}; usage: artifacts.mjs [--check]`);
  process.exit(64);
}
const check = process.argv.includes('--check');

function filesBelow(folder, extension) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith(extension))
    .map(entry => path.join(entry.parentPath ?? entry.path, entry.name));
}

/**
 * SHA-256 over everything the bytecode comes from. A unit test compares it in milliseconds, so a stale artifact is found
 * without a compiler; --check proves the rest.
 */
function sourceDigest() {
  const hash = createHash('sha256');
  const sources = [...filesBelow(path.join(contracts, 'src'), '.sol'), ...filesBelow(path.join(contracts, 'test', 'replay'), '.sol')]
    .map(file => path.relative(contracts, file).split(path.sep).join('/'));
  for (const name of [...sources, 'foundry.toml'].sort()) {
    const content = createHash('sha256').update(readFileSync(path.join(contracts, name))).digest('hex');
    hash.update(`${content}  ${name}\n`);
  }
  // Of the lock file, the packages that bytecode comes from.
  const { packages } = JSON.parse(readFileSync(path.join(contracts, 'package-lock.json'), 'utf8'));
  for (const name of ['@openzeppelin/contracts', 'solc']) hash.update(`${packages[`node_modules/${name}`].integrity}  ${name}\n`);
  return hash.digest('hex');
}

/** Builds and returns the artifacts, file name -> text, and the text of the storage snapshot. */
function build() {
  const scratch = mkdtempSync(path.join(tmpdir(), 'optimistic-artifacts-'));
  try {
    const files = new Map(), storage = {};
    collect(['--skip', 'test', '--extra-output', 'storageLayout'], 'src/', '', storage);
    collect(['test/replay'], 'test/replay/', 'replay/', {});

    /** Builds what the arguments name and takes the contracts whose sources are below a folder. */
    function collect(what, below, prefix, storage) {
      const out = path.join(scratch, below, 'out');
      // A fresh build of everything at once: what the optimizer emits may depend on which files share a compiler run.
      const code = forge(['build', '--force', '--quiet', ...what, '--out', out, '--cache-path', path.join(scratch, below, 'cache')]);
      if (code !== 0) process.exit(code);
      for (const file of filesBelow(out, '.json').sort()) {
        const artifact = JSON.parse(readFileSync(file, 'utf8'));
        const source = Object.keys(artifact.metadata?.settings?.compilationTarget ?? {})[0];
        const callable = artifact.abi?.some(item => item.type !== 'error' && item.type !== 'event');
        if (!source?.startsWith(below) || !callable || (artifact.bytecode?.object ?? '0x') === '0x') continue;
        const name = prefix + path.basename(file);
        if (artifact.bytecode.object.includes('__$')) throw new Error(`${name} needs linking: make its libraries internal`);
        if (files.has(name)) throw new Error(`two contracts are called ${name}`);
        files.set(name, JSON.stringify({
          abi: artifact.abi,
          bytecode: artifact.bytecode.object,
          deployedBytecode: artifact.deployedBytecode.object,
          // Where the constructor writes immutables into the code: [offset, length] in bytes.
          immutables: Object.values(artifact.deployedBytecode.immutableReferences ?? {}).flat()
            .map(({ start, length }) => [start, length]).sort((a, b) => a[0] - b[0]),
        }, null, 1) + '\n');
        const { storage: variables = [], types } = artifact.storageLayout ?? {};
        storage[path.basename(name, '.json')] = variables.map(variable => {
          const type = types[variable.type];
          return `slot ${variable.slot} byte ${variable.offset} length ${type.numberOfBytes}: ${type.label} ${variable.label}`;
        });
      }
    }

    files.set('sources.sha256', sourceDigest() + '\n');
    return { files, storage: JSON.stringify(storage, null, 2) + '\n' };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const { files: built, storage } = build();
const storageFile = path.join(contracts, 'snapshots', 'storage.json');
const present = filesBelow(target, '').map(file => path.relative(target, file).split(path.sep).join('/'));
const wrong = [
  ...[...built.keys()].filter(name => !present.includes(name)).map(name => `${name} is missing`),
  ...[...built].filter(([name, text]) => present.includes(name) && readFileSync(path.join(target, name), 'utf8') !== text)
    .map(([name]) => `${name} is not what the sources give`),
  ...present.filter(name => !built.has(name)).map(name => `${name} has no contract in the sources`),
  ...!existsSync(storageFile) || readFileSync(storageFile, 'utf8') !== storage ? ['../snapshots/storage.json is not what the sources give'] : [],
];
if (check) {
  if (wrong.length > 0) {
    for (const line of wrong) console.error(`artifacts/${line}`);
    console.error('run node contracts/tools/artifacts.mjs and commit the result');
    process.exit(1);
  }
  console.log(`artifacts/: ${built.size} files match the sources`);
} else {
  mkdirSync(path.join(target, 'replay'), { recursive: true });
  for (const name of present.filter(name => !built.has(name))) rmSync(path.join(target, name));
  for (const [name, text] of built) writeFileSync(path.join(target, name), text);
  mkdirSync(path.dirname(storageFile), { recursive: true });
  writeFileSync(storageFile, storage);
  console.log(wrong.length === 0 ? 'artifacts/: nothing changed' : wrong.map(line => `artifacts/${line}: written`).join('\n'));
}

for (const tool of ['snapshots.mjs', 'bindings.mjs']) {
  const { status } = spawnSync(process.execPath, [path.join(contracts, 'tools', tool), ...check ? ['--check'] : []], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
