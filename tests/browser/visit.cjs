// Open an address, press buttons, take a picture; what is then to be seen goes to stdout as JSON.
// node visit.cjs CHROMIUM PICTURE ADDRESS [BUTTON…]
const { onPage } = require("./page.cjs");

const [executablePath, picture, address, ...buttons] = process.argv.slice(2);

onPage(executablePath, { width: 420, height: 760 }, async (page) => {
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
  };
});
