// Makes the pages under test with solform and the embedded emulator, in a folder.

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const drive = 'acme/releases/fs/Instabase Drive';

// Names that look like markup, turn the direction of reading, or fit no line.
const hostile = [
  '<img src=x onerror=alert(1)>',
  `</code><script>alert(1)</script>`,
  '"quoted" & \'single\' `back`',
  '{{7*7}} ${x} %%{init}%%',
  'left\u202etfel\u2066',
  'טופס 106',
  '請求書テンプレート',
  'A'.repeat(180),
  'with many words '.repeat(9).trim(),
];

const quote = (text) => JSON.stringify(text);

function seed(number) {
  const owner = 'owner: admin, author: admin';
  const live = (name, version, state, visibility) =>
    `  - { name: ${quote(name)}, version: ${quote(version)}, ${owner}, state: ${state}, visibility: ${visibility} }`;
  const packed = (file, name, version) =>
    `  - { path: ${quote(`${drive}/${file}.ibsolution`)}, name: ${quote(name)}, version: ${quote(version)}, ` +
    'owner: admin, visibility: PRIVATE }';
  const lines = [
    'faults:',
    '  - { operation: deploy, request: "*Broken*", job: fail, pace: 700ms, text: "out of memory <b>&</b>" }',
    '  - { operation: deploy, request: "*Paystub*", pace: 1800ms }',
    '  - { operation: deploy, request: "*Form W-2*", pace: 1200ms }',
    'solutions:',
    live('Form W-2', '0.0.1', 'ACTIVE', 'PRIVATE'),
    live('Old Form', '0.9.0', 'ACTIVE', 'PUBLIC'),
    live('Kept', '1.0.0', 'ACTIVE', 'PRIVATE'),
    live('Guarded', '1.0.0', 'ACTIVE', 'PRIVATE'),
    live('Bank Statement', '3.1.0', 'ACTIVE', 'PUBLIC'),
    live('Down', '2.0.0', 'ACTIVE', 'PRIVATE'),
    live('Broken', '1.0.0', 'ACTIVE', 'PRIVATE'),
    live('Chain', '1.0.0', 'ACTIVE', 'PRIVATE'),
    live('Chain', '1.1.0', 'ACTIVE', 'PRIVATE'),
    ...hostile.map((name) => live(name, '1.0.0', 'ACTIVE', 'PRIVATE')),
    'packages:',
    packed('Form W-2-0.0.2', 'Form W-2', '0.0.2'),
    packed('Paystub-2.1.0', 'Paystub', '2.1.0'),
    packed('Bank Statement-3.2.0', 'Bank Statement', '3.2.0'),
    packed('Bank Statement-3.1.0', 'Bank Statement', '3.1.0'),
    packed('Down-1.0.0', 'Down', '1.0.0'),
    packed('Broken-2.0.0', 'Broken', '2.0.0'),
    packed('Chain-2.0.0', 'Chain', '2.0.0'),
    packed('Chain-2.1.0', 'Chain', '2.1.0'),
    ...hostile.map((name, index) => packed(`hostile-${index}`, name, '2.0.0-rc.1')),
    ...Array.from({ length: number }, (_, nth) => packed(`Many ${nth}-1`, `Many ${nth}`, '1')),
  ];
  return `${lines.join('\n')}\n`;
}

function manifest({ environments, solutions, number, guard, limits = '{}' }) {
  const environment = (name) =>
    `  ${name}: { url: "emulator:", emulator: { seed: seed.yaml }, user: admin, vars: { drive: "${drive}" }, protect: [${guard}], limits: ${limits} }`;
  const entry = (name, keys) => `  ${quote(name)}: { ${keys} }`;
  const at = (file) => `path: "\${drive}/${file}.ibsolution"`;
  const lines = [
    'solform: 1',
    'environments:',
    ...environments.map(environment),
    'defaults: { owner: admin }',
    'solutions:',
    ...solutions,
    ...hostile.map((name, index) => entry(name, `version: "2.0.0-rc.1", ${at(`hostile-${index}`)}`)),
    ...Array.from({ length: number }, (_, nth) => entry(`Many ${nth}`, `version: "1", ${at(`Many ${nth}-1`)}`)),
  ];
  return `${lines.join('\n')}\n`;
}

const at = 'path: "${drive}/${name}-${version}.ibsolution"';
const head = [
  `  Form W-2: { version: 0.0.2, visibility: PUBLIC, ${at} }`,
  `  Paystub: { version: 2.1.0, ${at} }`,
  `  Bank Statement: { version: 3.2.0, superseded: delete, ${at} }`,
  `  Down: { version: 1.0.0, ${at} }`,
  `  Broken: { version: 2.0.0, ${at} }`,
  `  Chain: { versions: { 2.0.0: {}, 2.1.0: {} }, ${at} }`,
  '  Old Form: { version: 0.9.0, state: ABSENT }',
  '  Kept: { version: 1.0.0 }',
];
const guarded = '  Guarded: { version: 1.0.0, state: ABSENT }';
const base = [
  `  Form W-2: { version: 0.0.1, ${at} }`,
  `  Bank Statement: { version: 3.1.0, ${at} }`,
  `  Down: { version: 2.0.0, ${at} }`,
  '  Old Form: { version: 0.9.0 }',
  '  Guarded: { version: 1.0.0 }',
  '  Kept: { version: 1.0.0 }',
];

// Returns the names of the pages, and the text of the flowchart.
export function makePages(program, folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const write = (name, text) => writeFileSync(path.join(folder, name), text);
  const solform = (statuses, ...args) => {
    const ours = /^(SOLFORM|NO_COLOR|CI$|GITHUB_|GITLAB_)/;
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
    const done = spawnSync(program, args, { cwd: folder, env, encoding: 'utf8', maxBuffer: 2 ** 28 });
    if (!statuses.includes(done.status)) {
      throw new Error(`solform ${args.join(' ')}: exit ${done.status}\n${done.stdout}\n${done.stderr}`);
    }
    return done.stdout;
  };
  const pages = [];
  const page = (name, statuses, ...args) => {
    write(`${name}.html`, solform(statuses, ...args, '--format', 'html'));
    pages.push(name);
  };

  const one = { environments: ['prod'], number: 0, guard: '"Guarded@*"' };
  write('seed.yaml', seed(260));
  write('solform.yaml', manifest({ ...one, solutions: [...head, guarded] }));
  page('plan', [0, 1], 'plan', '-e', 'prod');
  const flowchart = solform([0, 1], 'plan', '-e', 'prod', '--format', 'mermaid');

  write('base.yaml', manifest({ ...one, environments: ['uat', 'prod'], solutions: base, guard: '"Old*"' }));
  write('two.yaml', manifest({ ...one, environments: ['uat', 'prod'], solutions: head }));
  page('review', [0], 'review', '--file', 'two.yaml', '--base', 'base.yaml');
  page('plan-several', [0, 1], 'plan', '--file', 'two.yaml', '--all-environments');

  write('big.yaml', manifest({ ...one, solutions: head, number: 260 }));
  page('plan-big', [0, 1], 'plan', '--file', 'big.yaml', '-e', 'prod');

  write('solform.yaml', manifest({ ...one, solutions: head }));
  page('report-failed', [1], 'apply', '-e', 'prod', '--auto-approve', '--parallelism', '4');
  const applies = JSON.parse(solform([0], 'history', '-e', 'prod', '--json')).applies;
  page('history', [0], 'history', '-e', 'prod');
  page('history-show', [0], 'history', '-e', 'prod', 'show', applies.at(-1).id);
  page('report-several', [1], 'apply', '--file', 'two.yaml', '--all-environments', '--auto-approve');
  write('good.yaml', manifest({ ...one, solutions: head.filter((line) => !line.includes('Broken')), number: 120, limits: '{ max_destroy: 1000 }' }));
  page('report-big', [0], 'apply', '--file', 'good.yaml', '-e', 'prod', '--auto-approve', '--parallelism', '16');
  page('plan-nothing', [0], 'plan', '--file', 'good.yaml', '-e', 'prod');
  page('report-destroy', [0], 'destroy', '--file', 'good.yaml', '-e', 'prod', '--auto-approve', '--parallelism', '16');
  return { pages, flowchart };
}
