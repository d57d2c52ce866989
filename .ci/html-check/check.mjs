// Opens the pages in Chromium and fails with a list of all findings.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { makePages } from './world.mjs';

const folder = path.resolve(process.argv[2]);
const program = path.resolve(process.env.SOLFORM ?? 'target/debug/solform');
const require = createRequire(path.join(folder, 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const mermaid = path.join(folder, 'node_modules/mermaid/dist/mermaid.min.js');

const pictures = path.join(folder, 'pictures');
rmSync(pictures, { recursive: true, force: true });
mkdirSync(pictures);
const pagesFolder = path.join(folder, 'pages');
const { pages, flowchart } = makePages(program, pagesFolder);

const findings = [];
const command = `command -v "\${CHROMIUM:-chromium}"`;
const browser = await chromium.launch({
  executablePath: execFileSync('sh', ['-c', command], { encoding: 'utf8' }).trim(),
  // A container has neither a user namespace nor much shared memory.
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});

// What a page must not contain or do. This function is executed in the page.
function problems() {
  const problems = [];
  const root = document.scrollingElement;
  if (root.scrollWidth > innerWidth) {
    const wide = [...document.querySelectorAll('main *')].find((element) => {
      const inner = element.closest('.scroll');
      return !inner && element.getBoundingClientRect().right > innerWidth + 0.5;
    });
    problems.push(`it is ${root.scrollWidth} wide: ${wide?.outerHTML.slice(0, 200)}`);
  }
  const active = document.querySelectorAll('script, img, iframe, object, embed, link, base, form, [onerror], [onload]');
  if (active.length > 0) problems.push(`it contains ${active[0].outerHTML.slice(0, 200)}`);
  for (const node of document.querySelectorAll('g.node')) {
    const box = node.querySelector('rect').getBBox();
    for (const text of node.querySelectorAll('text')) {
      const { x, width } = text.getBBox();
      if (x < box.x || x + width > box.x + box.width) problems.push(`a box is too narrow for "${text.textContent}"`);
    }
  }
  return problems;
}

// Returns the parts of folded elements that the printed page lacks.
function hiddenInPrint() {
  const details = [...document.querySelectorAll('details:not([open])')];
  const isHidden = (element) => element.lastElementChild.getBoundingClientRect().height === 0;
  return details.filter(isHidden).map((element) => element.textContent.slice(0, 60));
}

for (const width of [390, 1400]) {
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    for (const name of pages) {
      const where = `${name} at ${width}, ${colorScheme}`;
      const url = pathToFileURL(path.join(pagesFolder, `${name}.html`)).href;
      const page = await context.newPage();
      page.on('request', (request) => {
        if (request.url() !== url) findings.push(`${where}: it requests ${request.url()}`);
      });
      page.on('console', (message) => findings.push(`${where}: ${message.text()}`));
      page.on('pageerror', (error) => findings.push(`${where}: ${error.message}`));
      page.on('dialog', async (dialog) => {
        findings.push(`${where}: it opens a dialog`);
        await dialog.dismiss();
      });
      await page.goto(url);
      findings.push(...(await page.evaluate(problems)).map((problem) => `${where}: ${problem}`));
      await page.screenshot({ path: path.join(pictures, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      // The page forbids scripts; this one is evaluated by the debugger.
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => axe.run({ resultTypes: ['violations'] }));
      for (const { id, impact, help, nodes } of violations) {
        const line = `${where}: axe ${impact} ${id}: ${help}: ${nodes[0].html.slice(0, 200)}`;
        if (impact === 'serious' || impact === 'critical') findings.push(line);
        else console.log(`note: ${line}`);
      }
      if (colorScheme === 'light' && width === 1400) {
        await page.emulateMedia({ media: 'print' });
        await page.setViewportSize({ width: 720, height: 1000 });
        findings.push(...(await page.evaluate(problems)).map((problem) => `${where}, printed: ${problem}`));
        findings.push(...(await page.evaluate(hiddenInPrint)).map((text) => `${where}, printed: hidden: ${text}`));
      }
      await page.close();
    }
    await context.close();
  }
}

// Mermaid reads the flowchart, and shows no more than its changes.
const page = await browser.newPage();
await page.addScriptTag({ path: mermaid });
const drawn = await page.evaluate(async (text) => {
  mermaid.initialize({ startOnLoad: false });
  try {
    const { svg } = await mermaid.render('order', text);
    document.body.innerHTML = svg;
    const labels = [...document.querySelectorAll('.node')].map((node) => node.textContent.trim());
    return { labels, images: document.body.querySelectorAll('img, script').length };
  } catch (error) {
    return { error: String(error) };
  }
}, flowchart);
const nodes = flowchart.split('\n').filter((line) => line.includes('"]:::')).length;
if (drawn.error) findings.push(`mermaid: ${drawn.error}`);
else if (drawn.labels.length !== nodes || drawn.images > 0) findings.push(`mermaid: ${JSON.stringify(drawn)}`);
else if (!drawn.labels.some((label) => label.includes('<img src=x onerror=alert(1)>@2.0.0-rc.1: create'))) {
  findings.push(`mermaid: a label is changed: ${JSON.stringify(drawn.labels)}`);
}
await page.setViewportSize({ width: 1400, height: 900 });
await page.screenshot({ path: path.join(pictures, 'mermaid.png'), fullPage: true });
await browser.close();

for (const finding of findings) console.error(finding);
if (findings.length > 0) process.exit(1);
console.log(`${pages.length} pages and a flowchart: no findings`);
