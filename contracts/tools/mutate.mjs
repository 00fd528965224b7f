#!/usr/bin/env node
// Shows that the tests of the contracts can fail: node tools/mutate.mjs [--only <number>…]
//
// Each row of mutants.mjs breaks one line. All of them are compiled at once, each behind a question that is true in its
// own run alone: `block.prevrandao == number`, which nothing here asks otherwise and forge sets. Then the invariants run for
// each, and the other tests for those that no invariant catches; a mutant that nothing catches is an error. The result
// is written to test/mutants.md, with --only beside what is known of the others. Not part of CI.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { binary, contracts } from './forge.mjs';
import { mutants } from './mutants.mjs';

const only = process.argv.includes('--only') ? process.argv.slice(process.argv.indexOf('--only') + 1).map(Number) : [];
// Kept, so that what did not change is not compiled again.
const folder = path.join(contracts, 'cache', 'mutants');
mkdirSync(folder, { recursive: true });
for (const name of ['src', 'test', 'tools']) {
  rmSync(path.join(folder, name), { recursive: true, force: true });
  cpSync(path.join(contracts, name), path.join(folder, name), { recursive: true });
}
for (const file of readdirSync(folder, { recursive: true }).filter((name) => /^(src|test).*\.sol$/.test(name))) {
  writeFileSync(path.join(folder, file), mutate(path.relative('src', file), readFileSync(path.join(contracts, file), 'utf8')));
}
if (!existsSync(path.join(folder, 'node_modules'))) symlinkSync(path.join(contracts, 'node_modules'), path.join(folder, 'node_modules'));
// forge asks the compiler the same before each run: it is answered once.
renameSync(path.join(folder, 'tools', 'solc'), path.join(folder, 'tools', 'npm-solc'));
writeFileSync(path.join(folder, 'tools', 'solc'), `#!/bin/sh
cd "$(dirname "$0")/.." && mkdir -p cache/solc && cat > cache/solc/asked
answer=cache/solc/$( (echo "$@"; cat cache/solc/asked) | sha256sum | cut -c 1-64)
[ -f $answer ] || { tools/npm-solc "$@" < cache/solc/asked > cache/solc/new && mv cache/solc/new $answer; }
cat $answer
`, { mode: 0o755 });
writeFileSync(path.join(folder, 'foundry.toml'), quick(readFileSync(path.join(contracts, 'foundry.toml'), 'utf8')));

// The tests that see a contract, by its folder, and the invariants.
const suites = {
  'dispute/': ['test/dispute/*', '^(Tournament|Rollup)Invariants$'],
  'rollup/': ['test/rollup/{Rollup,Stakes}*', '^RollupInvariants$'],
  'rollup/Outbox.sol': ['test/rollup/Outbox*', '^OutboxInvariants$'],
};
// What caught a mutant in the last run is tried first.
const results = path.join(folder, 'results.json');
const caught = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : {};
for (const [number, mutant] of [undefined, ...mutants].entries()) {
  if (number !== 0 && only.length !== 0 && !only.includes(number)) continue;
  const [tests, invariants] = mutant === undefined
    ? ['test/{dispute,rollup}/[!I]*', 'Invariants$']
    : suites[mutant.file] ?? suites[`${path.dirname(mutant.file)}/`];
  const key = JSON.stringify(mutant);
  const [contract, name] = (caught[key] ?? '').split('.');
  const test = (name ? run(number, '--match-contract', `^${contract}$`, '--match-test', `^${name}\\(`) : undefined)
    ?? run(number, '--match-contract', invariants)
    ?? run(number, '--match-path', tests, '--no-match-contract', 'Invariants$');
  if (number === 0) {
    if (test !== undefined) throw new Error(`Without a mutant ${test} fails.`);
    continue;
  }
  caught[key] = test;
  writeFileSync(results, JSON.stringify(caught));
  console.log(`${number} ${mutant.file}: ${mutant.what}: ${test ?? 'nothing'}`);
}
const rows = mutants.map((mutant, i) => ({ number: i + 1, ...mutant, test: caught[JSON.stringify(mutant)] }));
const missed = rows.filter(({ test }) => test === undefined);
const summary = `${rows.length} mutants: ${rows.filter(({ test }) => /Invariants\./.test(test)).length} caught by an invariant, ${missed.length} by nothing.`;
writeFileSync(path.join(contracts, 'test', 'mutants.md'), table(rows, summary));
console.log(summary);
process.exit(missed.length === 0 ? 0 : 1);

/** The project's settings with little optimization, and with contracts that are not compiled into each test. */
function quick(toml) {
  return toml
    .replace(/^(# StepVerifier|additional_compiler_profiles|compilation_restrictions).*\n/gm, '')
    .replace('fuzz = { runs = 256', 'fuzz = { runs = 8')
    .replace(/^optimizer_runs = .*$/m, 'dynamic_test_linking = true\noptimizer_runs = 1\noptimizer_details = { peephole = true, '
      + 'inliner = true, jumpdestRemover = true, orderLiterals = false, deduplicate = false, cse = false, constantOptimizer = false, '
      + 'yul = true, yulDetails = { stackAllocation = true, optimizerSteps = "dhfoDgvulfnTUtnIf:fDnTOcmu" } }');
}

function mutate(file, source) {
  for (const [i, { file: own, from, to, at }] of mutants.entries()) {
    if (own !== file) continue;
    const places = source.split(from).length - 1;
    if (at === undefined ? places !== 1 : places <= at) throw new Error(`${file} has ${places} times: ${from}`);
    const asked = `block.prevrandao == ${i + 1}`;
    // A statement ends in ; or }, anything else is an expression.
    const both = /[;}]$/.test(from) ? `if (${asked}) { ${to} } else { ${from} }` : `(${asked} ? ${to} : ${from})`;
    let place = -1;
    for (let n = 0; n <= (at ?? 0); n++) place = source.indexOf(from, place + 1);
    source = source.slice(0, place) + both + source.slice(place + from.length);
  }
  return source
    // A question about the block makes functions of types views.
    .replace(/\bpure\b/g, 'view')
    // A few runs have to do, and what fails need not be short.
    .replace(/(invariant\.runs =) \d+/g, '$1 5').replace(/(fuzz\.runs =) \d+/g, '$1 8').replace(/(shrink-run-limit =) \d+/g, '$1 0');
}

/** The name of the first test that fails, or undefined. */
function run(number, ...filter) {
  // Or what failed before would be played first.
  rmSync(path.join(folder, 'cache', 'invariant'), { recursive: true, force: true });
  const { stdout, stderr, status, error } = spawnSync(
    binary('forge'),
    ['test', ...filter, '--block-prevrandao', `0x${number.toString(16).padStart(64, '0')}`, '--fail-fast', '--json'],
    { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  if (error) throw error;
  if (status === 0) return undefined;
  const start = stdout.indexOf('{');
  if (start < 0) throw new Error(`${stdout}\n${stderr}`);
  for (const [contract, suite] of Object.entries(JSON.parse(stdout.slice(start)))) {
    for (const [name, { status: result }] of Object.entries(suite.test_results)) {
      if (result === 'Failure') return `${contract.replace(/.*:/, '')}.${name.replace(/\(.*/, '')}`;
    }
  }
  throw new Error(`${stdout}\n${stderr}`);
}

function table(rows, summary) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [
    '# Mutants of the contracts',
    '',
    'Written by `node tools/mutate.mjs` (tools/README.md). One line of a contract is broken, and something has to fail: an',
    `invariant under random play, or, where none does, another test. ${summary}`,
    '',
    line(['', 'contract', 'broken', 'caught by']),
    line(['---', '---', '---', '---']),
    ...rows.map((row) => line([row.number, path.basename(row.file, '.sol'), row.what, row.test ?? 'nothing'])),
    '',
  ].join('\n');
}
