// Open an address, press buttons, take a picture; what is then to be seen goes to stdout as JSON.
// node visit.cjs CHROMIUM PICTURE ADDRESS [BUTTON…]
const { chromium } = require("playwright-core");
const { QUIET } = require("./quiet.cjs");

const [executablePath, picture, address, ...buttons] = process.argv.slice(2);
const PATIENCE = 20_000;

async function visit() {
  const browser = await chromium.launch({
    executablePath,
    args: QUIET,
    chromiumSandbox: false, // which needs more rights than a container gives
    timeout: PATIENCE,
  });
  try {
    const page = await browser.newPage({ viewport: { width: 420, height: 760 } });
    page.setDefaultTimeout(PATIENCE);
    const complaints = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(address);
    for (const name of buttons) {
      const answered = page.waitForNavigation();
      await page.getByRole("button", { name, exact: true }).click();
      await answered;
    }
    await page.screenshot({ path: picture });
    return {
      address: page.url(),
      heading: await page.locator("h1").innerText(),
      text: await page.locator("body").innerText(),
      font: await page.locator("body").evaluate((body) => getComputedStyle(body).fontFamily),
      complaints: complaints.filter((text) => !text.includes("favicon")),
    };
  } finally {
    await browser.close();
  }
}

visit().then(
  (seen) => console.log(JSON.stringify(seen)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
