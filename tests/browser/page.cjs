// Run a script on a page of a browser that sends nothing to anyone but this machine; what it returns goes to
// stdout as JSON, with the page's complaints.
const { chromium } = require("playwright-core");

const PATIENCE = 20_000;
const QUIET = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-dev-shm-usage",
  "--disable-sync",
  "--no-first-run",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

async function run(executablePath, viewport, act) {
  const browser = await chromium.launch({
    executablePath,
    args: QUIET,
    chromiumSandbox: false, // which needs more rights than a container gives
    timeout: PATIENCE,
  });
  try {
    const page = await browser.newPage({ viewport });
    page.setDefaultTimeout(PATIENCE);
    const complaints = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    const seen = await act(page);
    return { ...seen, complaints: complaints.filter((text) => !text.includes("favicon")) };
  } finally {
    await browser.close();
  }
}

exports.onPage = (executablePath, viewport, act) =>
  run(executablePath, viewport, act).then(
    (seen) => console.log(JSON.stringify(seen)),
    (error) => {
      console.error(error);
      process.exitCode = 1;
    },
  );
